//! `s.lowerAscii()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "lowerAscii",
    summary: "the text with A to Z in lower case; all else stays",
    signatures: &["string.lowerAscii() -> string"],
    fails: None,
    examples: &[("'TacoCÆt'.lowerAscii()", "'tacocÆt'")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        call.reads(text.len())?;
        return Ok(Value::String(text));
    }
    call.makes(text.len())?;
    let mut lower = call.arena().text_buffer(text.len());
    lower.extend(text.chars().map(|c| c.to_ascii_lowercase()));
    Ok(Value::String(lower.into_bump_str()))
}
