//! `hex.decode(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "hex.decode",
    summary: "the bytes of hexadecimal digits",
    signatures: &["hex.decode(string) -> bytes"],
    fails: Some("text that is not pairs of hexadecimal digits"),
    examples: &[
        ("hex.decode('6869')", "b'hi'"),
        ("hex.decode('6')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes(text.len() / 2)?;
    let bytes =
        hex::decode(text).map_err(|error| call.bad(format_args!("not hexadecimal: {error}")))?;
    Ok(Value::Bytes(call.arena().bytes(&bytes)))
}
