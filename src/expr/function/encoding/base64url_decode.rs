//! `base64url.decode(s)`.

use super::base64_buffer::{LENIENT, decode};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use base64::alphabet;
use base64::engine::GeneralPurpose;

pub(super) const FUNCTION: Function = Function {
    name: "base64url.decode",
    summary: "the bytes of a base64 text with the alphabet for URLs, padded or not",
    signatures: &["base64url.decode(string) -> bytes"],
    fails: Some("text that is not base64url"),
    examples: &[
        ("base64url.decode('_-8')", "b'\\xff\\xef'"),
        ("base64url.decode('+/')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    decode(call, text, &ENGINE, "base64url")
}

const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
