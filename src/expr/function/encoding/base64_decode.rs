//! `base64.decode(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

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
    call.makes(text.len() / 4 * 3 + 3)?;
    // Mail and PEM break the lines, and Go, whose reading CEL's is, passes over the breaks.
    let joined;
    let text = if text.contains(['\r', '\n']) {
        call.makes(text.len())?;
        joined = text.replace(['\r', '\n'], "");
        &joined
    } else {
        text
    };
    let bytes = LENIENT
        .decode(text)
        .map_err(|error| call.bad(format_args!("not base64: {error}")))?;
    Ok(Value::Bytes(call.arena().bytes(&bytes)))
}

/// Senders disagree about padding, so it may be missing; bits that no byte needs may be anything,
/// as in Go.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
