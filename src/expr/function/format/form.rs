//! `form(s)`.

use super::fields;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "form",
    summary: "the fields of a form-encoded text; `all(name)` gives each of a repeated name",
    signatures: &["form(string) -> map(string, string)"],
    fails: None,
    examples: &[
        ("form('a=1&b=x+y&b=%C3%A9')", "{'a': '1', 'b': 'x y'}"),
        ("form('b=1&b=2').all('b')", "['1', '2']"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    fields(call, text)
}
