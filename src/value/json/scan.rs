//! Looking over JSON text, sixteen bytes at a time.
//!
//! Only positions come out of here; whoever asks looks at the bytes there. Both searches end at
//! the end of the text at the latest.

use wide::u8x16;

/// Where a string's plain text ends: at a quote, a backslash or a control character, or where the
/// text does.
#[inline]
pub(super) fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let bytes = u8x16::from(*chunk);
        let quotes = bytes.simd_eq(u8x16::splat(b'"'));
        let backslashes = bytes.simd_eq(u8x16::splat(b'\\'));
        // The lesser of a byte and 0x1f is the byte itself.
        let controls = bytes.simd_eq(bytes.min(u8x16::splat(0x1f)));
        let found = (quotes | backslashes | controls).to_bitmask();
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += chunk.len();
    }
    let rest = text.get(at..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    rest.iter()
        .position(is_end)
        .map_or(text.len(), |end| at + end)
}

/// The first byte from there on that is no white space of JSON's.
pub(super) fn past_space(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let spaces = rest.iter().take_while(|byte| is_space(byte)).count();
    from + spaces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_the_first_odd_byte_wherever_it_stands() {
        let is_odd = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        for odd in 0..=u8::MAX {
            for length in 0..40 {
                for place in 0..=length {
                    let mut text = vec![b'a'; length];
                    if let Some(byte) = text.get_mut(place) {
                        *byte = odd;
                    }
                    let end = if is_odd(odd) { place } else { length };
                    assert_eq!(string_end(&text, 0), end, "{odd} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn a_search_begins_where_it_is_told_to() {
        assert_eq!(string_end(b"\"a\"", 1), 2);
        assert_eq!(string_end(b"abc", 3), 3);
        assert_eq!(string_end(b"abc", 4), 3);
        assert_eq!(past_space(b"  a", 0), 2);
        assert_eq!(past_space(b" \t\r\n", 1), 4);
        assert_eq!(past_space(b"\x0ba", 0), 0);
    }
}
