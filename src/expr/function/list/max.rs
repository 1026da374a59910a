//! `list.max()`.

use super::extreme;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTION: Function = Function {
    name: "max",
    summary: "the greatest of the items; the first of equal ones",
    signatures: &["list(A).max() -> A", "max(list(A)) -> A"],
    fails: Some("an empty list, or items without a common order"),
    examples: &[
        ("[2, 1, 3].max()", "3"),
        ("['b', 'a'].max()", "'b'"),
        ("[].max()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    extreme(call, items, Ordering::Greater)
}
