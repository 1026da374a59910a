//! `list.min()`.

use super::extreme;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTION: Function = Function {
    name: "min",
    summary: "the least of the items; the first of equal ones",
    signatures: &["list(A).min() -> A", "min(list(A)) -> A"],
    fails: Some("an empty list, or items without a common order"),
    examples: &[
        ("[2, 1, 3].min()", "1"),
        ("['b', 'a'].min()", "'a'"),
        ("[].min()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    extreme(call, items, Ordering::Less)
}
