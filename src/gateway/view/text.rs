//! Bytes to text, by the charset that was declared.
//!
//! Without a charset, text is UTF-8, and bytes that are not are an error with their place. A byte
//! order mark at the beginning is dropped: it belongs to the encoding, not to the text.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::ViewError;
use crate::value::Arena;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Text in a charset; UTF-8 when none is given. Borrows when nothing had to be decoded.
pub(super) fn decode<'a>(
    bytes: &'a [u8],
    charset: Option<&str>,
    arena: &'a Arena,
) -> Result<&'a str, ViewError<'a>> {
    let Some(encoding) = declared(charset, arena)? else {
        let text = without_mark(bytes);
        return std::str::from_utf8(text).map_err(|error| {
            let at = error.valid_up_to() + (bytes.len() - text.len());
            let message =
                format!("the body is not UTF-8: byte {at} does not belong to a character");
            ViewError::BadBody(arena.string(&message))
        });
    };
    match encoding.decode_with_bom_removal(bytes) {
        (_, true) => {
            let name = encoding.name().to_ascii_lowercase();
            let message = format!("the body is not {name}, as its content type says");
            Err(ViewError::BadBody(arena.string(&message)))
        }
        (Cow::Borrowed(text), false) => Ok(text),
        (Cow::Owned(text), false) => Ok(arena.string(&text)),
    }
}

/// The bytes without a byte order mark at their beginning.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// As [`decode`], with U+FFFD for what is not a character: how forms are read everywhere.
pub(super) fn decode_lossy<'a>(
    bytes: Cow<'a, [u8]>,
    charset: Option<&'static Encoding>,
    arena: &'a Arena,
) -> &'a str {
    match (charset, bytes) {
        (None, Cow::Borrowed(bytes)) => borrowed(String::from_utf8_lossy(bytes), arena),
        (None, Cow::Owned(bytes)) => arena.string(&String::from_utf8_lossy(&bytes)),
        (Some(encoding), Cow::Borrowed(bytes)) => {
            borrowed(encoding.decode_without_bom_handling(bytes).0, arena)
        }
        (Some(encoding), Cow::Owned(bytes)) => {
            arena.string(&encoding.decode_without_bom_handling(&bytes).0)
        }
    }
}

/// The encoding that a charset names; `None` for UTF-8, with which nothing needs decoding.
pub(super) fn declared<'a>(
    charset: Option<&str>,
    arena: &'a Arena,
) -> Result<Option<&'static Encoding>, ViewError<'a>> {
    let Some(charset) = charset else {
        return Ok(None);
    };
    match Encoding::for_label_no_replacement(charset.as_bytes()) {
        Some(encoding) if encoding == encoding_rs::UTF_8 => Ok(None),
        Some(encoding) => Ok(Some(encoding)),
        None => {
            let charset: String = charset.chars().take(40).collect();
            let message = format!("the charset `{charset}` is not known");
            Err(ViewError::UnsupportedMediaType(arena.string(&message)))
        }
    }
}

/// The encoding that an XML declaration names: `<?xml version="1.0" encoding="iso-8859-1"?>`.
pub(super) fn declared_in_xml(bytes: &[u8]) -> Option<&str> {
    let head = bytes.get(..bytes.len().min(200))?;
    let head = head.get(..head.windows(2).position(|pair| pair == b"?>")?)?;
    let head = std::str::from_utf8(head.strip_prefix(BOM).unwrap_or(head)).ok()?;
    let declaration = head.strip_prefix("<?xml")?;
    let value = declaration.split_once("encoding")?.1.trim_start();
    let value = value.strip_prefix('=')?.trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

fn borrowed<'a>(text: Cow<'a, str>, arena: &'a Arena) -> &'a str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => arena.string(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], charset: Option<&str>, expected: Result<&str, &str>) {
        let arena = Arena::new();
        let decoded = decode(bytes, charset, &arena);
        assert_eq!(
            decoded.map_err(ViewError::message),
            expected,
            "{bytes:?} {charset:?}"
        );
    }

    #[test]
    fn text_is_utf_8_unless_it_says_otherwise() {
        check(b"", None, Ok(""));
        check("é".as_bytes(), None, Ok("é"));
        check("é".as_bytes(), Some("UTF-8"), Ok("é"));
        check("\u{feff}é".as_bytes(), None, Ok("é"));
        check("\u{feff}é".as_bytes(), Some("utf8"), Ok("é"));
        check(b"caf\xe9", Some("ISO-8859-1"), Ok("café"));
        check(b"caf\xe9 \x80", Some("windows-1252"), Ok("café €"));
        check(b"cafe", Some("us-ascii"), Ok("cafe"));
        check(b"\xff\xfeh\0i\0", Some("utf-16"), Ok("hi"));
    }

    #[test]
    fn bytes_outside_the_charset_are_an_error_with_their_place() {
        let at_4 = "the body is not UTF-8: byte 3 does not belong to a character";
        check(b"caf\xe9", None, Err(at_4));
        let cut = "the body is not UTF-8: byte 4 does not belong to a character";
        check(b"\xef\xbb\xbfc\xc3", None, Err(cut));
        let not = "the body is not shift_jis, as its content type says";
        check(b"\x81", Some("shift_jis"), Err(not));
        check(
            b"x",
            Some("klingon"),
            Err("the charset `klingon` is not known"),
        );
    }

    #[test]
    fn an_xml_declaration_names_its_encoding() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(declared_in_xml(text.as_bytes()), expected, "{text}");
        };
        check(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>",
            Some("ISO-8859-1"),
        );
        check(
            "<?xml version='1.0' encoding = 'utf-8' ?><a/>",
            Some("utf-8"),
        );
        check(
            "\u{feff}<?xml version='1.0' encoding='utf-8'?><a/>",
            Some("utf-8"),
        );
        check("<?xml version='1.0'?><a encoding='x'/>", None);
        check("<a/>", None);
        check("", None);
    }
}
