//! The text of a key, and its hash.
//!
//! The text leaves a [`ZapiKey`] by [`expose`](ZapiKey::expose) alone, so that a search for that
//! word finds each place where a key is shown, sent or sealed. Debug output has no part of it;
//! memory that held it is wiped.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize as _, Zeroizing};

use super::random::{self, NoRandomness};

/// Zoho's first block of a key for functions.
const KIND: &str = "1003.";
/// `1003.` + 32 + `.` + 32
const LENGTH: usize = 70;
/// How much of a key may be shown to tell it from others: `1003.3f9c`.
const HINT_LENGTH: usize = 9;

/// A key as it is sent: `1003.<32 hex>.<32 hex>`. It cannot be printed by accident.
#[derive(Clone)]
pub struct ZapiKey(SecretString);

impl fmt::Debug for ZapiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ZapiKey(…)")
    }
}

impl ZapiKey {
    /// Makes a new key of 256 random bits.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        random::fill(bits.as_mut_slice())?;
        // Reserved whole: a text that grew would leave its first half behind in freed memory.
        let mut text = String::with_capacity(LENGTH);
        text.push_str(KIND);
        for (index, byte) in bits.iter().enumerate() {
            if index == 16 {
                text.push('.');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Ok(Self(text.into()))
    }

    /// Reads a key; `None` when the text does not have a key's form. The first block may be any
    /// four digits, because Zoho's keys are imported as they are.
    pub fn parse(text: &str) -> Option<Self> {
        Self::has_form(text).then(|| Self(text.to_owned().into()))
    }

    /// Whether a text can be a key.
    pub fn has_form(text: &str) -> bool {
        let mut parts = text.split('.');
        let (Some(kind), Some(first), Some(second)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let is_hex = |part: &str| {
            part.len() == 32
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        parts.next().is_none()
            && kind.len() == 4
            && kind.bytes().all(|byte| byte.is_ascii_digit())
            && is_hex(first)
            && is_hex(second)
    }

    /// The text. Only for sending it, sealing it, or showing it to somebody who asked for it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the key is looked up by.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.expose())
    }

    /// The first characters, to tell keys apart: `1003.3f9c`.
    pub fn hint(&self) -> String {
        self.expose().chars().take(HINT_LENGTH).collect()
    }
}

/// A text with what looks like a key cut down to `1003.…`. For texts that callers send, which may
/// hold a key where none belongs.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let mut found = None;
    let mut rest = text;
    while let Some((before, after)) = next_key(rest) {
        let shown = found.get_or_insert_with(|| String::with_capacity(text.len()));
        shown.push_str(before);
        shown.push('…');
        rest = after;
    }
    match found {
        None => Cow::Borrowed(text),
        Some(mut shown) => {
            shown.push_str(rest);
            Cow::Owned(shown)
        }
    }
}

/// What stands before the secret part of the first key, its kind included, and what stands after.
fn next_key(text: &str) -> Option<(&str, &str)> {
    let is_key = |window: &[u8]| {
        window.iter().enumerate().all(|(at, byte)| match at {
            4 | 37 => *byte == b'.',
            0..4 => byte.is_ascii_digit(),
            _ => byte.is_ascii_hexdigit(),
        })
    };
    // Most texts are too short to hold one, and have no windows.
    let at = text.as_bytes().windows(LENGTH).position(is_key)?;
    Some((text.get(..at + KIND.len())?, text.get(at + LENGTH..)?))
}

/// The token that opens the admin API: `hwa_<64 hex>`. As a [`ZapiKey`], it cannot be printed.
#[derive(Clone)]
pub struct AdminToken(SecretString);

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

impl AdminToken {
    /// Makes a new token of 256 random bits.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        random::fill(bits.as_mut_slice())?;
        let mut digits = hex::encode(bits.as_slice());
        let mut text = String::with_capacity(4 + digits.len());
        text.push_str("hwa_");
        text.push_str(&digits);
        digits.zeroize();
        Ok(Self(text.into()))
    }

    /// Takes a text as a token, white space around it aside.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned().into())
    }

    /// The text. Only for writing the token's file and for sending it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is kept of the token in the store.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.expose())
    }
}

/// The SHA-256 of a key's text (256 random bits need no slow hash). Compared in constant time.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The hash of a text that somebody presented, whatever it is.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether `presented` is the text that this is the hash of, decided in constant time.
    pub fn is_of(&self, presented: &str) -> bool {
        *self == Self::of(presented)
    }
}

impl ConstantTimeEq for KeyHash {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, ..] = self.0;
        write!(f, "KeyHash({first:02x}{second:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZOHO: &str = "1003.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

    #[test]
    fn what_looks_like_a_key_is_cut_out_of_a_text() {
        let check = |text: &str, expected: &str| assert_eq!(without_keys(text), expected);
        check("/a", "/a");
        check(ZOHO, "1003.…");
        check(&format!("/é&zapikey={ZOHO}/é"), "/é&zapikey=1003.…/é");
        check(&format!("{ZOHO}{ZOHO}"), "1003.…1003.…");
        check(&ZOHO.to_uppercase(), "1003.…");
        let long = "é".repeat(100);
        check(&long, &long);
        let part = ZOHO.get(..LENGTH - 1).unwrap();
        check(part, part);
        assert!(matches!(without_keys(part), Cow::Borrowed(_)));
    }

    #[test]
    fn a_generated_key_has_zohos_form_and_is_never_twice_the_same() {
        let keys: Vec<ZapiKey> = (0..64).map(|_| ZapiKey::generate().unwrap()).collect();
        for key in &keys {
            assert_eq!(key.expose().len(), LENGTH);
            assert!(key.expose().starts_with(KIND));
            assert!(ZapiKey::parse(key.expose()).is_some());
        }
        let hashes: std::collections::BTreeSet<KeyHash> = keys.iter().map(ZapiKey::hash).collect();
        assert_eq!(hashes.len(), keys.len());
    }

    #[test]
    fn only_a_text_of_a_keys_form_is_a_key() {
        let upper = ZOHO.to_uppercase();
        let padded = format!("{ZOHO} ");
        let long = format!("{ZOHO}.{ZOHO}");
        let rows: &[(&str, bool)] = &[
            (ZOHO, true),
            (
                "1001.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210",
                true,
            ),
            ("", false),
            ("..", false),
            (&upper, false),
            (&padded, false),
            (&long, false),
            (
                "103.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210",
                false,
            ),
            (
                "1003.0123456789abcdef0123456789abcde.fedcba9876543210fedcba9876543210",
                false,
            ),
            (
                "1003.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba987654321g",
                false,
            ),
            (
                "1003.0123456789abcdef0123456789abcdé.fedcba9876543210fedcba9876543210",
                false,
            ),
        ];
        for (text, is_key) in rows {
            assert_eq!(ZapiKey::parse(text).is_some(), *is_key, "{text}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_of_the_whole_text() {
        // printf 'abc' | sha256sum
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(KeyHash::of("abc").0), expected);
        assert!(KeyHash::of("abc").is_of("abc"));
        assert!(!KeyHash::of("abc").is_of("abcd"));
    }

    #[test]
    fn hashes_that_differ_in_any_one_bit_are_not_equal() {
        let hash = KeyHash::of(ZOHO);
        assert_eq!(hash, KeyHash(hash.0));
        for bit in 0..256 {
            let mut other = hash;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash, other, "bit {bit}");
            assert!(!bool::from(hash.ct_eq(&other)), "bit {bit}");
        }
    }

    #[test]
    fn debug_output_has_no_part_of_a_secret() {
        let key = ZapiKey::parse(ZOHO).unwrap();
        assert_eq!(format!("{key:?}"), "ZapiKey(…)");
        let token = AdminToken::generate().unwrap();
        assert_eq!(format!("{token:?}"), "AdminToken(…)");
        assert_eq!(key.hint(), "1003.0123");
    }
}
