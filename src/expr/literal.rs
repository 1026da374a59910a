//! What a literal stands for: numbers, and text with its quotes and escapes.
//!
//! An error says which bytes of the literal it is about.

use std::ops::Range;

use super::ast::Literal;

type Read = Result<Literal, (Range<usize>, String)>;

/// `42`, `-7`, `0x2A`.
pub(super) fn int(text: &str) -> Read {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    magnitude(digits)
        .and_then(|magnitude| {
            let magnitude = i128::from(magnitude);
            i64::try_from(if negative { -magnitude } else { magnitude }).ok()
        })
        .map(Literal::Int)
        .ok_or_else(|| {
            let why = format!("`{text}` does not fit an int of 64 bits");
            (0..text.len(), why)
        })
}

/// `42u`.
pub(super) fn uint(text: &str) -> Read {
    let digits = text.trim_end_matches(['u', 'U']);
    magnitude(digits).map(Literal::UInt).ok_or_else(|| {
        let why = format!("`{text}` does not fit a uint of 64 bits");
        (0..text.len(), why)
    })
}

fn magnitude(digits: &str) -> Option<u64> {
    match digits.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// `1.5`, `.5`, `1e3`. Too large a number is an infinity, as in CEL.
pub(super) fn double(text: &str) -> Read {
    text.parse()
        .map(Literal::Double)
        .map_err(|_| (0..text.len(), format!("`{text}` is not a number")))
}

/// Text in any of CEL's quotes.
pub(super) fn string(text: &str) -> Read {
    let (body, start, raw) = unquote(text);
    if raw {
        return Ok(Literal::String(body.to_owned()));
    }
    let mut out = String::with_capacity(body.len());
    unescape(body, start, false, &mut |piece| match piece {
        Piece::Char(c) => out.push(c),
        Piece::Byte(_) => {}
    })?;
    Ok(Literal::String(out))
}

/// `b"…"`.
pub(super) fn bytes(text: &str) -> Read {
    let (body, start, raw) = unquote(text.get(1..).unwrap_or_default());
    if raw {
        return Ok(Literal::Bytes(body.as_bytes().to_vec()));
    }
    let mut out = Vec::with_capacity(body.len());
    unescape(body, start + 1, true, &mut |piece| match piece {
        Piece::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::Byte(byte) => out.push(byte),
    })?;
    Ok(Literal::Bytes(out))
}

/// What stands between the quotes, where it starts, and whether it is raw.
fn unquote(text: &str) -> (&str, usize, bool) {
    let unmarked = text.trim_start_matches(['r', 'R']);
    let raw = unmarked.len() < text.len();
    let quotes = if unmarked.starts_with("\"\"\"") || unmarked.starts_with("'''") {
        3
    } else {
        1
    };
    let body = unmarked
        .get(quotes..unmarked.len().saturating_sub(quotes))
        .unwrap_or_default();
    (body, text.len() - unmarked.len() + quotes, raw)
}

enum Piece {
    Char(char),
    Byte(u8),
}

/// Reads escapes. In bytes, `\x` and octal are bytes and `\u` is refused; in text they are code
/// points.
fn unescape(
    body: &str,
    start: usize,
    bytes: bool,
    emit: &mut dyn FnMut(Piece),
) -> Result<(), (Range<usize>, String)> {
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        let at = start + body.len() - rest.len();
        let bad = |length: usize, why: &str| Err((at..at + length, why.to_owned()));
        let mut after = rest.get(c.len_utf8()..).unwrap_or_default();
        if c != '\\' {
            // CEL takes a line end of any system as `\n`.
            if c == '\r' {
                after = after.strip_prefix('\n').unwrap_or(after);
                emit(Piece::Char('\n'));
            } else {
                emit(Piece::Char(c));
            }
            rest = after;
            continue;
        }
        let Some(mark) = after.chars().next() else {
            return bad(1, "this escape is not complete");
        };
        let tail = after.get(mark.len_utf8()..).unwrap_or_default();
        let (digits, radix, taken) = match mark {
            'x' | 'X' => (tail.get(..2), 16, 2),
            'u' if !bytes => (tail.get(..4), 16, 4),
            'U' if !bytes => (tail.get(..8), 16, 8),
            '0'..='3' => (after.get(..3), 8, 2),
            _ => {
                let plain = match mark {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    '\\' | '\'' | '"' | '`' | '?' => mark,
                    'u' | 'U' => return bad(2, "bytes have no `\\u` escapes, write `\\x`"),
                    _ => return bad(1 + mark.len_utf8(), "there is no such escape"),
                };
                emit(Piece::Char(plain));
                rest = tail;
                continue;
            }
        };
        let Some(number) = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
        else {
            return bad(2, "this escape wants more digits");
        };
        if bytes {
            match u8::try_from(number) {
                Ok(byte) => emit(Piece::Byte(byte)),
                Err(_) => return bad(2 + taken, "this escape is no byte"),
            }
        } else {
            match char::from_u32(number) {
                Some(c) => emit(Piece::Char(c)),
                None => return bad(2 + taken, "this escape is no Unicode character"),
            }
        }
        rest = tail.get(taken..).unwrap_or_default();
    }
    Ok(())
}
