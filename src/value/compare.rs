//! Equality and order, as CEL has them.
//!
//! Numbers are equal by value whatever their kinds; lists and maps are equal when their parts are;
//! values of different kinds are different, which is an answer and not an error. Only values of
//! one kind have an order, numbers again across their kinds.

use std::cmp::Ordering;

use super::{Map, Numeric, Value};

impl Value<'_> {
    /// CEL's `==`. NaN equals nothing.
    pub fn equals(self, other: Value<'_>) -> bool {
        match (self, other) {
            (Value::String(a), Value::String(b)) | (Value::Type(a), Value::Type(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(*b))
            }
            (Value::Map(a), Value::Map(b)) => maps_equal(a, b),
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Ip(a), Value::Ip(b)) => a == b,
            (Value::Cidr(a), Value::Cidr(b)) => a == b,
            (Value::Optional(a), Value::Optional(b)) => match (a, b) {
                (None, None) => true,
                (Some(a), Some(b)) => a.equals(*b),
                _ => false,
            },
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.compare(b) == Some(Ordering::Equal),
                _ => false,
            },
        }
    }

    /// CEL's order: `None` where there is none, because the kinds differ or have no order, or
    /// because one of two numbers is NaN ([`Value::is_ordered_with`] tells which).
    pub fn compare(self, other: Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(&b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(&b)),
            _ => self.number()?.compare(other.number()?),
        }
    }

    /// Whether `<` may be asked of the two at all: it is then false for NaN, not an error.
    pub fn is_ordered_with(self, other: Value<'_>) -> bool {
        match (self, other) {
            (Value::String(_), Value::String(_))
            | (Value::Bytes(_), Value::Bytes(_))
            | (Value::Bool(_), Value::Bool(_))
            | (Value::Timestamp(_), Value::Timestamp(_))
            | (Value::Duration(_), Value::Duration(_)) => true,
            _ => self.is_number() && other.is_number(),
        }
    }

    /// The number, if the value is one. A lexeme gives its double.
    pub fn number(self) -> Option<Numeric> {
        match self {
            Value::Int(int) => Some(Numeric::Int(int)),
            Value::UInt(uint) => Some(Numeric::UInt(uint)),
            Value::Double(double) => Some(Numeric::Double(double)),
            // What a reader let through as a number parses; an exponent too large gives infinity.
            Value::Number(lexeme) => Some(Numeric::Double(lexeme.parse().unwrap_or(f64::NAN))),
            _ => None,
        }
    }

    /// Whether the value is an int, a uint or a double.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Value::Int(_) | Value::UInt(_) | Value::Double(_) | Value::Number(_)
        )
    }

    /// The number as `int`, whatever its kind, if it has no fraction and fits.
    pub fn as_int(self) -> Option<i64> {
        self.number()?.as_int()
    }

    /// The number as `uint`, whatever its kind, if it has no fraction, no minus, and fits.
    pub fn as_uint(self) -> Option<u64> {
        self.number()?.as_uint()
    }

    /// The number as the nearest double, whatever its kind.
    pub fn as_double(self) -> Option<f64> {
        self.number().map(Numeric::as_double)
    }
}

fn maps_equal(a: &Map<'_>, b: &Map<'_>) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(key, value)| b.get(key).is_some_and(|other| value.equals(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Arena, Key};

    #[test]
    fn numbers_are_compared_by_value() {
        use Ordering::{Equal, Greater, Less};
        let check = |a: Value<'_>, b: Value<'_>, want: Option<Ordering>| {
            assert_eq!(a.compare(b), want, "{a:?} {b:?}");
            assert_eq!(b.compare(a), want.map(Ordering::reverse), "{b:?} {a:?}");
            assert_eq!(a.equals(b), want == Some(Equal), "{a:?} == {b:?}");
        };
        check(Value::Int(1), Value::UInt(1), Some(Equal));
        check(Value::Int(1), Value::Double(1.0), Some(Equal));
        check(Value::Int(-1), Value::UInt(u64::MAX), Some(Less));
        check(Value::Int(i64::MAX), Value::UInt(1 << 63), Some(Less));
        check(
            Value::Int(i64::MAX),
            Value::Double(9_223_372_036_854_775_808.0),
            Some(Equal),
        );
        check(
            Value::Int(i64::MAX),
            Value::Double(9_223_372_036_854_777_857.0),
            Some(Less),
        );
        check(
            Value::UInt(u64::MAX),
            Value::Double(18_446_744_073_709_590_000.0),
            Some(Less),
        );
        check(
            Value::Int(i64::MIN),
            Value::Double(-9_223_372_036_854_775_808.0),
            Some(Equal),
        );
        check(Value::Int(-1), Value::Double(-1.5), Some(Greater));
        check(Value::Int(-2), Value::Double(-1.5), Some(Less));
        check(Value::Int(0), Value::Double(f64::INFINITY), Some(Less));
        check(
            Value::Int(0),
            Value::Double(f64::NEG_INFINITY),
            Some(Greater),
        );
        check(Value::Int(0), Value::Double(f64::NAN), None);
        check(Value::Double(f64::NAN), Value::Double(f64::NAN), None);
        check(Value::Double(0.0), Value::Double(-0.0), Some(Equal));
        check(Value::Number("1.10"), Value::Double(1.1), Some(Equal));
        check(Value::Number("1e3"), Value::Int(1000), Some(Equal));
        check(Value::Int(1), Value::String("1"), None);
        check(Value::String("a"), Value::String("b"), Some(Less));
    }

    #[test]
    fn lists_and_maps_are_compared_deeply_and_without_order_of_keys() {
        let arena = Arena::new();
        let a = arena.object(&[
            ("a", Value::Int(1)),
            ("b", arena.list(&[Value::Int(2), Value::Null])),
        ]);
        let b = arena.object(&[
            ("b", arena.list(&[Value::UInt(2), Value::Null])),
            ("a", Value::Double(1.0)),
        ]);
        assert!(a.equals(b) && b.equals(a));
        let fewer = arena.object(&[("a", Value::Int(1))]);
        assert!(!a.equals(fewer) && !fewer.equals(a));
        let keyed = |key| arena.keyed(&[(key, Value::Null)]);
        assert!(keyed(Key::Int(1)).equals(keyed(Key::UInt(1))));
        assert!(!keyed(Key::Int(1)).equals(keyed(Key::Bool(true))));
        assert!(
            arena
                .keyed(&[(Key::String("a"), Value::Int(1))])
                .equals(fewer)
        );
    }

    #[test]
    fn a_value_converts_between_number_kinds_only_without_loss() {
        assert_eq!(Value::Double(3.0).as_int(), Some(3));
        assert_eq!(Value::Double(3.5).as_int(), None);
        assert_eq!(Value::Double(9_223_372_036_854_775_808.0).as_int(), None);
        assert_eq!(
            Value::Double(9_223_372_036_854_775_808.0).as_uint(),
            Some(1 << 63)
        );
        assert_eq!(Value::Int(-1).as_uint(), None);
        assert_eq!(Value::UInt(u64::MAX).as_int(), None);
        assert_eq!(Value::String("3").as_int(), None);
        assert_eq!(Value::Double(f64::NAN).as_int(), None);
    }
}
