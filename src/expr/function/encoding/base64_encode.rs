//! `base64.encode(b)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::convert;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) const FUNCTION: Function = Function {
    name: "base64.encode",
    summary: "the bytes as base64, padded",
    signatures: &[
        "base64.encode(bytes) -> string",
        "base64.encode(string) -> string",
    ],
    fails: None,
    examples: &[("base64.encode(b'hello')", "'aGVsbG8='")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let bytes = convert::bytes(value).map_err(|error| call.unconverted(error))?;
    call.makes(bytes.len() / 3 * 4 + 4)?;
    Ok(Value::String(call.arena().string(&STANDARD.encode(bytes))))
}
