//! `yaml(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, yaml};

pub(super) const FUNCTION: Function = Function {
    name: "yaml",
    summary: "the value of a YAML text: one document of YAML 1.2, where `yes` and `on` are text",
    signatures: &["yaml(string) -> dyn"],
    fails: Some(
        "text that is not YAML, or several documents; a tag that is not YAML's own, or a key that is a list, a map, null or a number with a fraction",
    ),
    examples: &[
        (
            "yaml('a: 1\\nb: [x, yes, ~]\\n')",
            "{'a': 1, 'b': ['x', 'yes', null]}",
        ),
        ("yaml('a: &x [1]\\nb: *x')", "{'a': [1], 'b': [1]}"),
        ("yaml('a: [1')", "error"),
        ("yaml('a: !secret b')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    // The scanner looks at each character several times.
    call.reads(text.len().saturating_mul(16))?;
    // Each value but the first stands behind one of these.
    let values = text
        .bytes()
        .filter(|byte| {
            matches!(
                byte,
                b'\n' | b'\r' | b',' | b':' | b'-' | b'?' | b'[' | b'{'
            )
        })
        .count()
        + 1;
    call.makes(text.len())?;
    call.makes_map(values)?;
    // The scanner and the parser behind it keep a token and an event for each.
    call.reads(values.saturating_mul(128))?;
    yaml::read(text, call.arena(), yaml::DEPTH)
        .map_err(|error| call.bad(format_args!("not YAML: {error}")))
}
