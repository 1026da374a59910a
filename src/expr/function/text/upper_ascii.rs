//! `s.upperAscii()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "upperAscii",
    summary: "the text with a to z in upper case; all else stays",
    signatures: &["string.upperAscii() -> string"],
    fails: None,
    examples: &[("'tacoCæt'.upperAscii()", "'TACOCæT'")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        call.reads(text.len())?;
        return Ok(Value::String(text));
    }
    call.makes(text.len())?;
    let mut upper = call.arena().text_buffer(text.len());
    upper.extend(text.chars().map(|c| c.to_ascii_uppercase()));
    Ok(Value::String(upper.into_bump_str()))
}
