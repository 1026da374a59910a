//! Texts that mean something: expressions, sizes, periods, rates.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::typed::EXPRESSION;

/// The text of one CEL expression. A YAML number, boolean or null means the same in CEL and is
/// taken as its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expression(pub String);

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Expression;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Expression, E> {
                Ok(Expression(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Expression, E> {
                Ok(Expression(text))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                inner: D,
            ) -> Result<Expression, D::Error> {
                String::deserialize(inner).map(Expression)
            }
        }
        deserializer.deserialize_newtype_struct(EXPRESSION, Text)
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "expression",
            "description": "One CEL expression. What YAML would take for something else stands in quotes or in a block (`|`).",
            "type": ["string", "number", "boolean", "null"],
            "examples": ["body.ref == \"refs/heads/main\""]
        })
    }
}

/// A number of bytes with its unit: `512B`, `4KiB`, `10MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A span of time with its unit: `250ms`, `8s`, `5m`, `1h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// A number of times in a period: `5/s`, `60/min`, `1000/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub times: u32,
    /// In how long.
    pub period: Duration,
}

/// A kind of text that a field holds, for messages.
pub(super) trait Measure: Sized {
    /// The title in the schema, by which a failing field is recognised.
    const TITLE: &'static str;
    /// What it looks like.
    const FORM: &'static str;
    /// What the schema checks.
    const PATTERN: &'static str;
    /// What editors show.
    const DESCRIPTION: &'static str;
    /// Words for an example.
    const EXAMPLE: &'static str;

    /// Reads the text, or says what is wrong with it.
    fn parse(text: &str) -> Result<Self, String>;
}

impl Measure for Size {
    const TITLE: &'static str = "size";
    const FORM: &'static str = "a size with its unit: `B`, `KiB`, `MiB` or `GiB`";
    const PATTERN: &'static str = "^[0-9]+(B|KiB|MiB|GiB)$";
    const DESCRIPTION: &'static str =
        "A number of bytes with its unit: `512B`, `4KiB`, `10MiB`, `1GiB`.";
    const EXAMPLE: &'static str = "10MiB";

    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text)?;
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(unit_message(text, unit, &["B", "KiB", "MiB", "GiB"])),
        };
        number
            .checked_mul(1 << shift)
            .filter(|bytes| *bytes <= 1 << 50)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is too large"))
    }
}

impl Measure for Period {
    const TITLE: &'static str = "period";
    const FORM: &'static str = "a period with its unit: `ms`, `s`, `m`, `h` or `d`";
    const PATTERN: &'static str = "^[0-9]+(ms|s|m|h|d)$";
    const DESCRIPTION: &'static str =
        "A span of time with its unit: `250ms`, `8s`, `5m`, `1h`, `7d`.";
    const EXAMPLE: &'static str = "30s";

    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => return Err(unit_message(text, unit, &["ms", "s", "m", "h", "d"])),
        };
        number
            .checked_mul(milliseconds)
            .filter(|period| *period <= 3650 * 24 * 60 * 60 * 1000)
            .map(|period| Self(Duration::from_millis(period)))
            .ok_or_else(|| format!("`{text}` is too long"))
    }
}

impl Measure for Rate {
    const TITLE: &'static str = "rate";
    const FORM: &'static str = "a number of times in a period: `5/s`, `60/min` or `1000/h`";
    const PATTERN: &'static str = "^[1-9][0-9]*/(s|min|h)$";
    const DESCRIPTION: &'static str = "A number of times in a period: `5/s`, `60/min`, `1000/h`.";
    const EXAMPLE: &'static str = "60/min";

    fn parse(text: &str) -> Result<Self, String> {
        let Some((times, unit)) = text.split_once('/') else {
            return Err(format!("`{text}` is not {}", Self::FORM));
        };
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 60 * 60,
            _ => return Err(unit_message(text, unit, &["s", "min", "h"])),
        };
        let digits = !times.is_empty() && times.bytes().all(|byte| byte.is_ascii_digit());
        match times.parse::<u32>() {
            Ok(0) => Err("at least one time must be allowed".to_owned()),
            Ok(times) if digits => Ok(Self {
                times,
                period: Duration::from_secs(seconds),
            }),
            Err(_) if digits => Err(format!("`{text}` is too many")),
            _ => Err(format!("`{text}` is not {}", Self::FORM)),
        }
    }
}

/// A whole number and what follows it.
fn split(text: &str) -> Result<(u64, &str), String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    if number.is_empty() || unit.starts_with(['.', ',', '_']) {
        return Err(format!("`{text}` does not start with a whole number"));
    }
    let number = number
        .parse()
        .map_err(|_| format!("`{text}` is too large"))?;
    Ok((number, unit))
}

fn unit_message(text: &str, unit: &str, units: &[&str]) -> String {
    let list = units
        .iter()
        .map(|unit| format!("`{unit}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if unit.is_empty() {
        format!("`{text}` has no unit: one of {list}")
    } else {
        let unit = unit.trim();
        format!("`{unit}` is not a unit here: one of {list}")
    }
}

macro_rules! measure {
    ($($type:ty)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(<$type>::FORM)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        <$type>::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "title": <$type>::TITLE,
                    "description": <$type>::DESCRIPTION,
                    "type": "string",
                    "pattern": <$type>::PATTERN,
                    "examples": [<$type>::EXAMPLE]
                })
            }
        }
    )*};
}

measure!(Size Period Rate);

#[cfg(test)]
mod tests {
    use super::{Measure, Period, Rate, Size};
    use std::time::Duration;

    #[test]
    fn sizes_are_binary_and_have_a_unit() {
        for (text, bytes) in [
            ("0B", Some(0)),
            ("512B", Some(512)),
            ("4KiB", Some(4096)),
            ("10MiB", Some(10 << 20)),
            ("1GiB", Some(1 << 30)),
            ("10", None),
            ("10MB", None),
            ("10 MiB", None),
            ("-1B", None),
            ("1.5MiB", None),
            ("", None),
            ("MiB", None),
            ("99999999999999999999B", None),
            ("18446744073709551615GiB", None),
            ("1é", None),
        ] {
            assert_eq!(Size::parse(text).ok(), bytes.map(Size), "{text}");
        }
    }

    #[test]
    fn periods_and_rates_have_a_unit() {
        for (text, milliseconds) in [
            ("250ms", Some(250)),
            ("8s", Some(8000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("7d", Some(604_800_000)),
            ("8", None),
            ("8 s", None),
            ("1min", None),
            ("99999999999d", None),
        ] {
            let expected = milliseconds.map(|ms| Period(Duration::from_millis(ms)));
            assert_eq!(Period::parse(text).ok(), expected, "{text}");
        }
        for (text, rate) in [
            ("5/s", Some((5, 1))),
            ("60/min", Some((60, 60))),
            ("1000/h", Some((1000, 3600))),
            ("0/s", None),
            ("+5/s", None),
            ("5/m", None),
            ("5", None),
            ("/s", None),
            ("99999999999/s", None),
        ] {
            let expected = rate.map(|(times, seconds)| Rate {
                times,
                period: Duration::from_secs(seconds),
            });
            assert_eq!(Rate::parse(text).ok(), expected, "{text}");
        }
    }
}
