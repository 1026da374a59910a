//! `optional.unwrap(list)`.

use super::unwrap;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "optional.unwrap",
    summary: "the values of those optionals in a list that have one",
    signatures: &["optional.unwrap(list(optional_type(A))) -> list(A)"],
    fails: Some("an item that is not an optional"),
    examples: &[
        ("optional.unwrap([optional.of(1), optional.none()])", "[1]"),
        ("optional.unwrap([dyn(1)])", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    unwrap(call, items)
}
