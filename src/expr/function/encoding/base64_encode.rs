//! `base64.encode(b)`.

use super::base64_buffer::encode;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
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
    encode(call, arguments, &STANDARD)
}
