//! `list.distinct()`.

use super::bag::Bag;
use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "distinct",
    summary: "the items, each value once, in the order of their first places",
    signatures: &["list(A).distinct() -> list(A)"],
    fails: None,
    examples: &[
        ("[1, 2, 1.0, 'a', 2].distinct()", "[1, 2, 'a']"),
        ("[].distinct()", "[]"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut seen = Bag::new(call);
    let mut distinct = Items::new(call);
    for item in items {
        if seen.insert(*item)? {
            distinct.push(*item)?;
        }
    }
    Ok(distinct.finish())
}
