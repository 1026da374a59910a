//! `name=value` pairs: queries, url-encoded forms, cookies.
//!
//! Read as browsers and servers everywhere read them: a broken percent sequence stands for
//! itself, and bytes that are no character become U+FFFD. A pair that needs no decoding borrows.

use std::borrow::Cow;

use encoding_rs::Encoding;
use memchr::memmem;
use percent_encoding::percent_decode;

use super::text::decode_lossy;
use crate::value::Arena;

/// A name and its value, decoded.
pub(super) type Pair<'a> = (&'a str, &'a str);

/// The name that carries a key, wherever it stands.
pub(super) const KEY: &str = "zapikey";

/// The pairs of a query or form, in their order, without those that carry a key.
pub(super) fn pairs<'a>(
    text: &'a [u8],
    charset: Option<&'static Encoding>,
    arena: &'a Arena,
) -> &'a [Pair<'a>] {
    let pairs: Vec<Pair<'a>> = raw_pairs(text)
        .map(|(name, value)| {
            let decode = |raw| decode_lossy(unescape(raw), charset, arena);
            (decode(name), decode(value))
        })
        .filter(|(name, _)| *name != KEY)
        .collect();
    arena.slice(&pairs)
}

/// The first value of each name, found in one pass; nothing else is decoded.
pub(super) fn first<'a, const N: usize>(
    text: &'a [u8],
    names: [&str; N],
) -> [Option<Cow<'a, str>>; N] {
    let mut found = [const { None }; N];
    for (name, value) in raw_pairs(text) {
        if found.iter().all(Option::is_some) {
            break;
        }
        for (known, place) in names.iter().zip(&mut found) {
            if place.is_none() && is_named(name, known) {
                *place = Some(value);
            }
        }
    }
    found.map(|value| value.map(text_of))
}

fn text_of(value: &[u8]) -> Cow<'_, str> {
    match unescape(value) {
        // To look for broken characters is many times dearer than to look whether there are any.
        Cow::Borrowed(value) => match std::str::from_utf8(value) {
            Ok(value) => Cow::Borrowed(value),
            Err(_) => String::from_utf8_lossy(value),
        },
        Cow::Owned(value) => Cow::Owned(String::from_utf8_lossy(&value).into_owned()),
    }
}

/// The text without the pairs that carry a key, or repeat `key` in escapes; `None` when there are
/// none.
pub(super) fn without_key(text: &[u8], key: Option<&str>) -> Option<Vec<u8>> {
    let repeats = |segment: &[u8]| {
        let key = key.filter(|key| segment.len() > key.len() && segment.contains(&b'%'));
        key.is_some_and(|key| memmem::find(&unescape(segment), key.as_bytes()).is_some())
    };
    let is_key = |segment: &[u8]| is_named(halves(segment).0, KEY) || repeats(segment);
    if !text.split(|byte| *byte == b'&').any(is_key) {
        return None;
    }
    let kept = text
        .split(|byte| *byte == b'&')
        .filter(|segment| !is_key(segment));
    Some(kept.collect::<Vec<_>>().join(&b'&'))
}

/// The cookies of one `Cookie` line. Values are as sent, without the quotes around them.
pub(super) fn cookies(line: &str) -> impl Iterator<Item = Pair<'_>> {
    line.split(';').filter_map(|cookie| {
        let (name, value) = cookie.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        (!name.is_empty()).then_some((name, quoted.unwrap_or(value)))
    })
}

fn raw_pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(text);
    let segments = std::iter::from_fn(move || {
        let (segment, behind) = cut(rest?, b'&');
        rest = behind;
        Some(segment)
    });
    segments.filter(|segment| !segment.is_empty()).map(halves)
}

fn halves(segment: &[u8]) -> (&[u8], &[u8]) {
    let (name, value) = cut(segment, b'=');
    (name, value.unwrap_or_default())
}

/// What stands before the first `border`, and what behind it, where there is one.
fn cut(text: &[u8], border: u8) -> (&[u8], Option<&[u8]>) {
    let Some((before, behind)) =
        memchr::memchr(border, text).and_then(|at| text.split_at_checked(at))
    else {
        return (text, None);
    };
    (before, behind.get(1..))
}

fn is_named(raw: &[u8], name: &str) -> bool {
    // An escape is longer than what it stands for, and a name that is asked for has no space.
    raw == name.as_bytes()
        || raw.len() > name.len() && raw.contains(&b'%') && *unescape(raw) == *name.as_bytes()
}

fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    if raw.contains(&b'+') {
        let spaced: Vec<u8> = raw
            .iter()
            .map(|&byte| if byte == b'+' { b' ' } else { byte })
            .collect();
        return Cow::Owned(percent_decode(&spaced).collect());
    }
    Cow::from(percent_decode(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Pair<'_>]) {
        let arena = Arena::new();
        assert_eq!(pairs(text.as_bytes(), None, &arena), expected, "{text}");
    }

    #[test]
    fn pairs_are_decoded_in_their_order_with_repeats() {
        check("", &[]);
        check("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]);
        check(
            "data%5Bemail%5D=jane%40example.com",
            &[("data[email]", "jane@example.com")],
        );
        check("q=a+b%2Bc", &[("q", "a b+c")]);
        check("a=1=2", &[("a", "1=2")]);
        check("flag&x=", &[("flag", ""), ("x", "")]);
        check("&&=v&", &[("", "v")]);
        check("é=%C3%A9", &[("é", "é")]);
    }

    #[test]
    fn broken_escapes_stand_for_themselves() {
        check(
            "a=100%&b=%zz&c=%E9",
            &[("a", "100%"), ("b", "%zz"), ("c", "\u{fffd}")],
        );
    }

    #[test]
    fn a_charset_is_decoded_after_the_escapes() {
        let arena = Arena::new();
        let pairs = pairs(b"n=caf%E9&m=\xe9", Some(encoding_rs::WINDOWS_1252), &arena);
        assert_eq!(pairs, [("n", "café"), ("m", "é")]);
    }

    #[test]
    fn a_key_is_found_and_cut_out_however_it_is_written() {
        let check = |text: &str, key: Option<&str>, rest: Option<&str>| {
            let [found] = first(text.as_bytes(), [KEY]);
            assert_eq!(found.as_deref(), key, "{text}");
            let cut = without_key(text.as_bytes(), Some("1.k"))
                .map(|cut| String::from_utf8(cut).unwrap());
            assert_eq!(cut.as_deref(), rest, "{text}");
            let arena = Arena::new();
            assert!(
                pairs(text.as_bytes(), None, &arena)
                    .iter()
                    .all(|pair| pair.0 != KEY)
            );
        };
        check("a=1&b=2", None, None);
        check("zapikey=k", Some("k"), Some(""));
        check("a=1&zapikey=k&b=%32", Some("k"), Some("a=1&b=%32"));
        check("zapi%6Bey=k%2E1&a=1", Some("k.1"), Some("a=1"));
        check("zapikey=1&a=2&zapikey=3", Some("1"), Some("a=2"));
        check("zapikey=1.k&b=%31.k&a=2", Some("1.k"), Some("a=2"));
        check("ZAPIKEY=k", None, None);
        check("xzapikey=k&zapikeyx=l", None, None);
    }

    #[test]
    fn cookies_are_read_as_sent() {
        let read = |line: &'static str| cookies(line).collect::<Vec<_>>();
        assert_eq!(
            read("a=1; b=\"x y\";c=%20"),
            [("a", "1"), ("b", "x y"), ("c", "%20")]
        );
        assert_eq!(read("; =x; flag; d="), [("d", "")]);
    }
}
