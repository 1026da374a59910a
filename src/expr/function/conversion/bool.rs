//! `bool(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "bool",
    summary: "the Boolean that a text such as `true`, `F` or `1` means",
    signatures: &["bool(bool) -> bool", "bool(string) -> bool"],
    fails: Some("any other text"),
    examples: &[
        ("bool('true')", "true"),
        ("bool('0')", "false"),
        ("bool('yes')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    convert::bool(value)
        .map(Value::Bool)
        .map_err(|error| call.unconverted(error))
}
