//! `s.is_blank()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "is_blank",
    summary: "whether the text is empty or only white space",
    signatures: &["string.is_blank() -> bool"],
    fails: None,
    examples: &[("' \\t'.is_blank()", "true"), ("'a'.is_blank()", "false")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    Ok(Value::Bool(text.trim().is_empty()))
}
