//! `list.unwrapOpt()`.

use super::unwrap;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "unwrapOpt",
    summary: "the values of those optionals in the list that have one",
    signatures: &["list(optional_type(A)).unwrapOpt() -> list(A)"],
    fails: Some("an item that is not an optional"),
    examples: &[
        ("[optional.of(1), optional.none()].unwrapOpt()", "[1]"),
        ("[dyn(1)].unwrapOpt()", "error"),
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
