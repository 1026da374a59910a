//! `base64.decode(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub(super) const FUNCTION: Function = Function {
    name: "base64.decode",
    summary: "the bytes of a base64 text, padded or not",
    signatures: &["base64.decode(string) -> bytes"],
    fails: Some("text that is not base64"),
    examples: &[
        ("base64.decode('aGVsbG8=')", "b'hello'"),
        ("base64.decode('aGVsbG8')", "b'hello'"),
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
    let bytes = LENIENT
        .decode(text)
        .map_err(|error| call.bad(format_args!("not base64: {error}")))?;
    Ok(Value::Bytes(call.arena().bytes(&bytes)))
}

/// Senders disagree about padding, so it may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
