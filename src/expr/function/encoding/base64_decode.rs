//! `base64.decode(s)`.

use super::base64_buffer::{LENIENT, decode};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use base64::alphabet;
use base64::engine::GeneralPurpose;

pub(super) const FUNCTION: Function = Function {
    name: "base64.decode",
    summary: "the bytes of a base64 text, padded or not, in one line or several",
    signatures: &["base64.decode(string) -> bytes"],
    fails: Some("text that is not base64"),
    examples: &[
        ("base64.decode('aGVsbG8=')", "b'hello'"),
        ("base64.decode('aGVsbG8')", "b'hello'"),
        (r"base64.decode('aGVs\r\nbG8=\r\n')", "b'hello'"),
        ("base64.decode('a b')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    // Mail and PEM break the lines, and Go, whose reading CEL's is, passes over the breaks.
    let joined;
    let text = if text.contains(['\r', '\n']) {
        call.makes(text.len())?;
        joined = text.replace(['\r', '\n'], "");
        &joined
    } else {
        text
    };
    decode(call, text, &ENGINE, "base64")
}

/// Bits that no byte needs may be anything, as in Go.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    LENIENT.with_decode_allow_trailing_bits(true),
);
