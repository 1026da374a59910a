//! `type(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "type",
    summary: "the type of the value",
    signatures: &["type(A) -> type(A)"],
    fails: None,
    examples: &[
        ("type(1)", "int"),
        ("type([1]) == type(['a'])", "true"),
        ("type(type(1)) == type", "true"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(Value::Type(value.type_name()))
}
