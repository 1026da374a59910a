//! `query(s)`.

use super::fields;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "query",
    summary: "the parameters of a URL's query, without or with its `?`; `all(name)` gives each of a repeated name",
    signatures: &["query(string) -> map(string, string)"],
    fails: None,
    examples: &[
        ("query('?a=1&b=x+y&b=%C3%A9')", "{'a': '1', 'b': 'x y'}"),
        ("query('b=1&b=2').all('b')", "['1', '2']"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    fields(call, text.strip_prefix('?').unwrap_or(text))
}
