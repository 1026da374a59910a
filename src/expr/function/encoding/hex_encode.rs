//! `hex.encode(b)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::convert;

pub(super) const FUNCTION: Function = Function {
    name: "hex.encode",
    summary: "the bytes as hexadecimal digits, in lower case",
    signatures: &[
        "hex.encode(bytes) -> string",
        "hex.encode(string) -> string",
    ],
    fails: None,
    examples: &[("hex.encode(b'hi')", "'6869'")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let bytes = convert::bytes(value).map_err(|error| call.unconverted(error))?;
    call.makes(bytes.len().saturating_mul(2))?;
    Ok(Value::String(call.arena().string(&hex::encode(bytes))))
}
