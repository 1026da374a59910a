//! `json(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::{convert, json};

pub(super) const FUNCTION: Function = Function {
    name: "json",
    summary: "the value of a JSON text",
    signatures: &["json(string) -> dyn", "json(bytes) -> dyn"],
    fails: Some("text that is not JSON"),
    examples: &[
        ("json('{\"a\": [1, 2.5, null]}').a[0]", "1"),
        ("json(b'\"x\"')", "'x'"),
        ("json('{a: 1}')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let text = convert::bytes(value).map_err(|error| call.unconverted(error))?;
    call.reads(text.len())?;
    // Each of these begins a value or an entry; strings are borrowed but for their escapes.
    let values = text
        .iter()
        .filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{'))
        .count()
        + 1;
    call.makes_map(values)?;
    let escapes = if text.contains(&b'\\') { text.len() } else { 0 };
    call.makes(escapes)?;
    json::read(text, call.arena(), json::DEPTH)
        .map_err(|error| call.bad(format_args!("not JSON: {error}")))
}
