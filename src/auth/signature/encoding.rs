//! How the bytes of a signature or key are written as text. Decoding is strict: a text that two
//! readers could read differently is not one.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{alphabet, engine::DecodePaddingMode};

/// Base64url is written with its padding by some and without by others.
const URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Two digits a byte.
    Hex(Case),
    /// RFC 4648 section 4, with its padding.
    Base64,
    /// RFC 4648 section 5, with or without padding.
    Base64Url,
}

/// Which letters hexadecimal digits may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Both.
    Any,
    /// `a` to `f` only.
    Lower,
    /// `A` to `F` only.
    Upper,
}

impl Encoding {
    /// The bytes; `None` when the text is not exactly what the encoding would write.
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex(case) => {
                let wrong = |byte: u8| match case {
                    Case::Any => false,
                    Case::Lower => byte.is_ascii_uppercase(),
                    Case::Upper => byte.is_ascii_lowercase(),
                };
                if text.bytes().any(wrong) {
                    return None;
                }
                hex::decode(text).ok()
            }
            Self::Base64 => STANDARD.decode(text).ok(),
            Self::Base64Url => URL.decode(text).ok(),
        }
    }

    /// The text.
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex(Case::Upper) => hex::encode_upper(bytes),
            Self::Hex(_) => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    /// The name in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex(_) => "hex",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_so_is_not_read() {
        let hex = Encoding::Hex(Case::Any);
        assert_eq!(hex.decode("00ffAB"), Some(vec![0, 255, 0xab]));
        for bad in ["0", "0g", " 00", "00 ", "0x00"] {
            assert_eq!(hex.decode(bad), None, "{bad}");
        }
        assert_eq!(Encoding::Hex(Case::Lower).decode("AB"), None);
        assert_eq!(Encoding::Hex(Case::Upper).decode("ab"), None);
        assert_eq!(Encoding::Base64.decode("+/8="), Some(vec![0xfb, 0xff]));
        // Without padding, with bits that say nothing, of the other alphabet, with blanks.
        for bad in ["+/8", "+/9=", "-_8=", "+/8=\n", " +/8=", "+/8=="] {
            assert_eq!(Encoding::Base64.decode(bad), None, "{bad}");
        }
        assert_eq!(Encoding::Base64Url.decode("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(Encoding::Base64Url.decode("-_8="), Some(vec![0xfb, 0xff]));
        assert_eq!(Encoding::Base64Url.decode("+/8="), None);
    }
}
