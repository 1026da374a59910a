//! `regex.captures(s, re)`.

use super::{prepare_second, with};
use crate::expr::function::Fields;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "regex.captures",
    summary: "what the named groups of the first match found, by name; an empty map without a match",
    signatures: &["regex.captures(string, string) -> map(string, string)"],
    fails: Some("a regular expression that does not compile"),
    examples: &[
        (
            "regex.captures('v1.22', r'v(?P<major>\\d+)\\.(?P<minor>\\d+)')",
            "{'major': '1', 'minor': '22'}",
        ),
        ("regex.captures('x', r'(?P<n>\\d)')", "{}"),
        ("regex.captures('x', '(')", "error"),
    ],
    prepare: Some(prepare_second),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(pattern)] = *arguments else {
        return Err(call.no_overload());
    };
    with(call, text, pattern, |regex| {
        let mut groups = Fields::new(call);
        if let Some(found) = regex.captures(text) {
            for name in regex.capture_names().flatten() {
                if let Some(group) = found.name(name).and_then(|group| text.get(group.range())) {
                    call.makes(name.len())?;
                    groups.set(call.arena().string(name), Value::String(group))?;
                }
            }
        }
        Ok(groups.finish())
    })
}
