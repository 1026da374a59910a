//! `base64url.encode(b)`.

use super::base64_buffer::encode;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(super) const FUNCTION: Function = Function {
    name: "base64url.encode",
    summary: "the bytes as base64 with the alphabet for URLs, not padded",
    signatures: &[
        "base64url.encode(bytes) -> string",
        "base64url.encode(string) -> string",
    ],
    fails: None,
    examples: &[("base64url.encode(b'\\xff\\xef')", "'_-8'")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    encode(call, arguments, &URL_SAFE_NO_PAD)
}
