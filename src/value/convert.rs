//! CEL's conversions: `int(x)`, `string(x)` and their like.
//!
//! A conversion keeps the value or fails; only the fraction of a double is cut off on the way to an
//! integer. Nothing here converts by itself: whoever wants a string of a number asks for it.

use std::fmt::Write;

use super::time::{self, Seconds};
use super::{Arena, Instant, Numeric, Value};

/// Why a value does not convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvertError {
    /// There is no conversion from this kind.
    NoOverload,
    /// This value has no counterpart; the words say which does.
    Range(&'static str),
}

/// `int(x)`: of numbers, decimal text, and an instant (its seconds since 1970).
pub fn int(value: Value<'_>) -> Result<i64, ConvertError> {
    const RANGE: ConvertError = ConvertError::Range("outside the range of int");
    match value {
        Value::String(text) => text
            .parse()
            .map_err(|_| ConvertError::Range("not a decimal number in the range of int")),
        Value::Timestamp(at) => Ok(at.unix()),
        _ => match value.number().ok_or(ConvertError::NoOverload)? {
            Numeric::Int(int) => Ok(int),
            Numeric::UInt(uint) => i64::try_from(uint).map_err(|_| RANGE),
            // CEL excludes both ends, where the double next to them is already outside.
            Numeric::Double(double) if double > -TWO_POW_63 && double < TWO_POW_63 => {
                Numeric::Double(double.trunc()).as_int().ok_or(RANGE)
            }
            Numeric::Double(_) => Err(RANGE),
        },
    }
}

const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;

/// `uint(x)`: of numbers and decimal text.
pub fn uint(value: Value<'_>) -> Result<u64, ConvertError> {
    const RANGE: ConvertError = ConvertError::Range("outside the range of uint");
    match value {
        Value::String(text) => text
            .parse()
            .map_err(|_| ConvertError::Range("not a decimal number in the range of uint")),
        _ => match value.number().ok_or(ConvertError::NoOverload)? {
            Numeric::Int(int) => u64::try_from(int).map_err(|_| RANGE),
            Numeric::UInt(uint) => Ok(uint),
            // As in CEL's implementations, what is below zero is outside, be it by a fraction.
            Numeric::Double(double) if double >= 0.0 => {
                Numeric::Double(double.trunc()).as_uint().ok_or(RANGE)
            }
            Numeric::Double(_) => Err(RANGE),
        },
    }
}

/// `double(x)`: of numbers (the nearest) and text.
pub fn double(value: Value<'_>) -> Result<f64, ConvertError> {
    match value {
        Value::String(text) => text
            .parse()
            .map_err(|_| ConvertError::Range("not a number")),
        _ => value.as_double().ok_or(ConvertError::NoOverload),
    }
}

/// `bool(x)`: of `true`, `t`, `1`, `false`, `f`, `0`, in lower, upper or title case.
pub fn bool(value: Value<'_>) -> Result<bool, ConvertError> {
    match value {
        Value::Bool(flag) => Ok(flag),
        Value::String("true" | "True" | "TRUE" | "t" | "T" | "1") => Ok(true),
        Value::String("false" | "False" | "FALSE" | "f" | "F" | "0") => Ok(false),
        Value::String(_) => Err(ConvertError::Range("neither true nor false")),
        _ => Err(ConvertError::NoOverload),
    }
}

/// `string(x)`: of numbers, Booleans, UTF-8 bytes, instants, durations, addresses and networks. A number that came in
/// as text is that text.
pub fn string<'a>(value: Value<'a>, arena: &'a Arena) -> Result<&'a str, ConvertError> {
    match value {
        Value::String(text) | Value::Number(text) => Ok(text),
        Value::Bool(true) => Ok("true"),
        Value::Bool(false) => Ok("false"),
        Value::Int(int) => Ok(arena.string(itoa::Buffer::new().format(int))),
        Value::UInt(uint) => Ok(arena.string(itoa::Buffer::new().format(uint))),
        Value::Bytes(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| ConvertError::Range("not UTF-8"))
        }
        Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Ip(_)
        | Value::Cidr(_) => {
            let mut text = arena.text_buffer(32);
            write_scalar(value, &mut text).map_err(|_| ConvertError::NoOverload)?;
            Ok(text.into_bump_str())
        }
        Value::Null | Value::List(_) | Value::Map(_) | Value::Optional(_) | Value::Type(_) => {
            Err(ConvertError::NoOverload)
        }
    }
}

/// `bytes(x)`: of text, as UTF-8.
pub fn bytes(value: Value<'_>) -> Result<&[u8], ConvertError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::String(text) => Ok(text.as_bytes()),
        _ => Err(ConvertError::NoOverload),
    }
}

/// `timestamp(x)`: of RFC 3339 text and of seconds since 1970.
pub fn timestamp(value: Value<'_>) -> Result<Instant, ConvertError> {
    match value {
        Value::Timestamp(at) => Ok(at),
        Value::String(text) => Instant::parse(text).map_err(ConvertError::Range),
        Value::Int(seconds) => Instant::from_epoch(jiff::SignedDuration::from_secs(seconds))
            .ok_or(ConvertError::Range("a time outside the years 1 to 9999")),
        _ => Err(ConvertError::NoOverload),
    }
}

/// `duration(x)`: of text such as `1h30m`.
pub fn duration(value: Value<'_>) -> Result<jiff::SignedDuration, ConvertError> {
    match value {
        Value::Duration(span) => Ok(span),
        Value::String(text) => time::parse_duration(text).map_err(ConvertError::Range),
        _ => Err(ConvertError::NoOverload),
    }
}

/// The text of a scalar, as `string(x)` gives it; nothing for the other kinds.
pub fn write_scalar(value: Value<'_>, out: &mut impl Write) -> std::fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Int(int) => write!(out, "{int}"),
        Value::UInt(uint) => write!(out, "{uint}"),
        Value::Double(double) => write_double(double, out),
        Value::Number(text) | Value::String(text) | Value::Type(text) => out.write_str(text),
        Value::Bytes(bytes) => out.write_str(&String::from_utf8_lossy(bytes)),
        Value::Timestamp(at) => write!(out, "{at}"),
        Value::Duration(span) => write!(out, "{}", Seconds(span)),
        Value::Ip(address) => write!(out, "{address}"),
        Value::Cidr(network) => write!(out, "{network}"),
        Value::List(_) | Value::Map(_) | Value::Optional(_) => Ok(()),
    }
}

/// The shortest text that reads as the same double, with an exponent only for the very large and
/// the very small: as browsers do.
fn write_double(double: f64, out: &mut impl Write) -> std::fmt::Result {
    if double.is_infinite() {
        return out.write_str(if double < 0.0 {
            "-Infinity"
        } else {
            "Infinity"
        });
    }
    let size = double.abs();
    if size.is_nan() || size == 0.0 || (1e-7..1e21).contains(&size) {
        return write!(out, "{double}");
    }
    let text = format!("{double:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => {
            write!(out, "{digits}e+{exponent}")
        }
        _ => out.write_str(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_cut_not_rounded_and_never_wrap() {
        let check = |value, want| assert_eq!(int(value).ok(), want, "{value:?}");
        check(Value::Double(1.9), Some(1));
        check(Value::Double(-123.456), Some(-123));
        check(Value::Double(9_223_372_036_854_775_808.0), None);
        check(Value::Double(-9_223_372_036_854_775_808.0), None);
        check(Value::Double(f64::NAN), None);
        check(Value::UInt(u64::MAX), None);
        check(Value::String("-987"), Some(-987));
        check(Value::String(" 1"), None);
        check(Value::String("1.0"), None);
        check(Value::Number("1e3"), Some(1000));
        check(Value::Null, None);
        assert_eq!(uint(Value::Double(-0.5)).ok(), None);
        assert_eq!(uint(Value::Double(-0.0)).ok(), Some(0));
        assert_eq!(
            uint(Value::Int(-1)),
            Err(ConvertError::Range("outside the range of uint"))
        );
        assert_eq!(uint(Value::Double(18_446_744_073_709_551_616.0)).ok(), None);
    }

    #[test]
    fn numbers_are_written_shortly() {
        let arena = Arena::new();
        let check = |double, want| assert_eq!(string(Value::Double(double), &arena), Ok(want));
        check(1.0, "1");
        check(-4.5e-3, "-0.0045");
        check(123.456, "123.456");
        check(1e20, "100000000000000000000");
        check(1e21, "1e+21");
        check(1.5e-9, "1.5e-9");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-Infinity");
        assert_eq!(string(Value::Number("1.10"), &arena), Ok("1.10"));
        assert_eq!(string(Value::Null, &arena), Err(ConvertError::NoOverload));
        assert_eq!(
            string(Value::Bytes(b"\0\xff"), &arena),
            Err(ConvertError::Range("not UTF-8"))
        );
    }

    #[test]
    fn text_is_a_boolean_in_three_cases() {
        assert_eq!(bool(Value::String("TRUE")), Ok(true));
        assert_eq!(bool(Value::String("f")), Ok(false));
        assert!(bool(Value::String("TrUe")).is_err() && bool(Value::Int(1)).is_err());
    }
}
