//! What `base64` and `base64url` share: all but the alphabet and the padding that is written.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::expr::function::{Call, Outcome};
use crate::value::{Value, convert};

/// Senders disagree about padding, so it may be missing.
pub(super) const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The bytes of a text. `name` is what a failure calls the encoding.
pub(super) fn decode<'a>(
    call: &Call<'_, 'a>,
    text: &str,
    engine: &GeneralPurpose,
    name: &str,
) -> Outcome<'a> {
    call.makes(text.len() / 4 * 3 + 3)?;
    let bytes = engine
        .decode(text)
        .map_err(|error| call.bad(format_args!("not {name}: {error}")))?;
    Ok(Value::Bytes(call.arena().bytes(&bytes)))
}

/// The text of bytes, or of the UTF-8 of a text.
pub(super) fn encode<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    engine: &GeneralPurpose,
) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let bytes = convert::bytes(value).map_err(|error| call.unconverted(error))?;
    call.makes(bytes.len() / 3 * 4 + 4)?;
    Ok(Value::String(call.arena().string(&engine.encode(bytes))))
}
