//! The time that a sender writes beside its signature.

use jiff::Timestamp;

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampFormat {
    /// Whole seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// RFC 3339, with a zone.
    Rfc3339,
}

impl StampFormat {
    /// The instant; `None` when the text is not exactly that.
    pub fn parse(self, text: &str) -> Option<Timestamp> {
        let number = || {
            let is_number =
                (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<i64>().ok())?
        };
        match self {
            Self::Unix => Timestamp::from_second(number()?).ok(),
            Self::UnixMs => Timestamp::from_millisecond(number()?).ok(),
            Self::Rfc3339 => text.parse().ok(),
        }
    }

    /// As the sender would write it.
    pub fn write(self, at: Timestamp) -> String {
        match self {
            Self::Unix => at.as_second().to_string(),
            Self::UnixMs => at.as_millisecond().to_string(),
            Self::Rfc3339 => at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        let at = Timestamp::from_second(1_760_007_222).unwrap();
        assert_eq!(StampFormat::Unix.parse("1760007222"), Some(at));
        assert_eq!(StampFormat::UnixMs.parse("1760007222000"), Some(at));
        assert_eq!(
            StampFormat::Rfc3339.parse("2025-10-09T10:53:42.000000000Z"),
            Some(at)
        );
        for bad in [
            "",
            "-1",
            "+1",
            " 1",
            "1.5",
            "1e9",
            "0x1",
            "9999999999999999999",
            "١",
        ] {
            assert_eq!(StampFormat::Unix.parse(bad), None, "{bad}");
            assert_eq!(StampFormat::UnixMs.parse(bad), None, "{bad}");
        }
        for bad in ["2025-10-09T10:53:42", "2025-10-09", "1760007222"] {
            assert_eq!(StampFormat::Rfc3339.parse(bad), None, "{bad}");
        }
        for format in [StampFormat::Unix, StampFormat::UnixMs, StampFormat::Rfc3339] {
            assert_eq!(format.parse(&format.write(at)), Some(at));
        }
    }
}
