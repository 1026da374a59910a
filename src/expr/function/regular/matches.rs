//! `s.matches(re)`.

use super::{prepare_second, with};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "matches",
    summary: "whether the regular expression is found in the text; `^…$` to ask of all of it",
    signatures: &[
        "string.matches(string) -> bool",
        "matches(string, string) -> bool",
    ],
    fails: Some("a regular expression that does not compile"),
    examples: &[
        ("'hubba'.matches('ubb')", "true"),
        ("'ord_12'.matches(r'^ord_\\d+$')", "true"),
        ("matches('a', 'b')", "false"),
        (r"'é'.matches(r'\w') || 'é'.matches(r'\pL')", "true"),
        ("'a'.matches('(')", "error"),
    ],
    prepare: Some(prepare_second),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(pattern)] = *arguments else {
        return Err(call.no_overload());
    };
    with(call, text, pattern, |regex| {
        Ok(Value::Bool(regex.is_match(text)))
    })
}
