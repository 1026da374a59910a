//! `regex.extract(s, re)`.

use super::{only_group, prepare_second, with};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "regex.extract",
    summary: "the first match as an optional; with one group in the expression, what the group found",
    signatures: &["regex.extract(string, string) -> optional_type(string)"],
    fails: Some("a regular expression that does not compile or has several groups"),
    examples: &[
        ("regex.extract('item-A1', r'item-(\\w+)').value()", "'A1'"),
        ("regex.extract('abc', 'b').value()", "'b'"),
        ("regex.extract('abc', 'x').hasValue()", "false"),
        ("regex.extract('abc', '(a)(b)')", "error"),
    ],
    prepare: Some(prepare_second),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(pattern)] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes_list(1)?;
    with(call, text, pattern, |regex| {
        let group = only_group(call, regex)?;
        let found = regex.captures(text).and_then(|found| found.get(group));
        // The text outlives the match: both are cut from the same characters.
        let found = found.and_then(|found| text.get(found.range()));
        Ok(found.map_or(Value::Optional(None), |found| {
            call.arena().some(Value::String(found))
        }))
    })
}
