//! Numbers of all kinds, compared by value.
//!
//! Integers are compared exactly, also `int` with `uint`. An integer and a double are compared as
//! doubles, because CEL's suite asks for it: `9223372036854775807 < 9223372036854775808.0` is false.

use std::cmp::Ordering;

use super::Value;

/// The number that a numeric [`Value`] stands for; a lexeme is already its double.
#[derive(Debug, Clone, Copy)]
pub enum Numeric {
    /// Of `Value::Int`.
    Int(i64),
    /// Of `Value::UInt`.
    UInt(u64),
    /// Of `Value::Double` and `Value::Number`.
    Double(f64),
}

impl Numeric {
    /// The same number as `int`, if it is one: no fraction, in range.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::UInt(uint) => i64::try_from(uint).ok(),
            Self::Double(double) => integral(double).and_then(|int| i64::try_from(int).ok()),
        }
    }

    /// The same number as `uint`, if it is one: no fraction, not negative, in range.
    pub fn as_uint(self) -> Option<u64> {
        match self {
            Self::Int(int) => u64::try_from(int).ok(),
            Self::UInt(uint) => Some(uint),
            Self::Double(double) => integral(double).and_then(|int| u64::try_from(int).ok()),
        }
    }

    /// The nearest double.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest double is what is asked for"
    )]
    pub fn as_double(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::UInt(uint) => uint as f64,
            Self::Double(double) => double,
        }
    }

    /// The order by value; `None` where one is not a number (NaN).
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::UInt(a), Self::UInt(b)) => Some(a.cmp(&b)),
            (Self::Int(a), Self::UInt(b)) => Some(i128::from(a).cmp(&i128::from(b))),
            (Self::UInt(a), Self::Int(b)) => Some(i128::from(a).cmp(&i128::from(b))),
            (Self::Double(_), _) | (_, Self::Double(_)) => {
                self.as_double().partial_cmp(&other.as_double())
            }
        }
    }

    /// As a value.
    pub fn value(self) -> Value<'static> {
        match self {
            Self::Int(int) => Value::Int(int),
            Self::UInt(uint) => Value::UInt(uint),
            Self::Double(double) => Value::Double(double),
        }
    }
}

/// Far outside the 64-bit integers, and exact as a double.
const BEYOND: f64 = 1e30;

#[expect(
    clippy::cast_possible_truncation,
    reason = "no fraction, and within i128 by the test before it"
)]
fn integral(double: f64) -> Option<i128> {
    (double.abs() < BEYOND && double.fract() == 0.0).then_some(double as i128)
}
