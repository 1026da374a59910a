//! `regex.extractAll(s, re)`.

use super::{STEPS_PER_MATCH, only_group, prepare_second, with};
use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "regex.extractAll",
    summary: "all matches; with one group in the expression, what the group found in each",
    signatures: &["regex.extractAll(string, string) -> list(string)"],
    fails: Some("a regular expression that does not compile or has several groups"),
    examples: &[
        ("regex.extractAll('id:1, id:2', r'id:(\\d)')", "['1', '2']"),
        ("regex.extractAll('abc', 'x')", "[]"),
        ("regex.extractAll('abc', '(a)(b)')", "error"),
    ],
    prepare: Some(prepare_second),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(pattern)] = *arguments else {
        return Err(call.no_overload());
    };
    with(call, text, pattern, |regex| {
        let group = only_group(call, regex)?;
        let mut found = Items::new(call);
        for part in regex.captures_iter(text).filter_map(|part| part.get(group)) {
            call.scope.charge_steps(STEPS_PER_MATCH)?;
            found.push(Value::String(text.get(part.range()).unwrap_or("")))?;
        }
        Ok(found.finish())
    })
}
