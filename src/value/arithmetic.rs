//! Sums, products and their like.
//!
//! Of two integers the result is an integer: of their own kind when the kinds agree, `int` when
//! they do not, and an error when it does not fit. With a double among them it is a double, which
//! never overflows. Times add and subtract as in CEL. Text and lists are joined by whoever has the
//! memory for it, not here.

use super::{Numeric, Value, time};

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArithmeticError {
    /// The operation does not exist for these kinds.
    NoOverload,
    /// The result does not fit its type.
    Overflow,
    /// Division or remainder by the integer zero.
    DivideByZero,
}

type Outcome = Result<Value<'static>, ArithmeticError>;

/// `a + b` for numbers, durations, and an instant with a duration.
pub fn add(a: Value<'_>, b: Value<'_>) -> Outcome {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a
            .checked_add(b)
            .map(Value::Int)
            .ok_or(ArithmeticError::Overflow),
        (Value::Timestamp(at), Value::Duration(by))
        | (Value::Duration(by), Value::Timestamp(at)) => at
            .plus(by)
            .map(Value::Timestamp)
            .ok_or(ArithmeticError::Overflow),
        (Value::Duration(a), Value::Duration(b)) => time::add_durations(a, b)
            .map(Value::Duration)
            .ok_or(ArithmeticError::Overflow),
        _ => numbers(a, b, i128::checked_add, |a, b| a + b),
    }
}

/// `a - b` for numbers, durations, instants, and an instant less a duration.
pub fn sub(a: Value<'_>, b: Value<'_>) -> Outcome {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a
            .checked_sub(b)
            .map(Value::Int)
            .ok_or(ArithmeticError::Overflow),
        (Value::Timestamp(a), Value::Timestamp(b)) => a
            .minus(b)
            .map(Value::Duration)
            .ok_or(ArithmeticError::Overflow),
        (Value::Timestamp(at), Value::Duration(by)) => {
            let by = by.checked_neg().ok_or(ArithmeticError::Overflow)?;
            at.plus(by)
                .map(Value::Timestamp)
                .ok_or(ArithmeticError::Overflow)
        }
        (Value::Duration(a), Value::Duration(b)) => time::subtract_durations(a, b)
            .map(Value::Duration)
            .ok_or(ArithmeticError::Overflow),
        _ => numbers(a, b, i128::checked_sub, |a, b| a - b),
    }
}

/// `a * b` for numbers.
pub fn mul(a: Value<'_>, b: Value<'_>) -> Outcome {
    numbers(a, b, i128::checked_mul, |a, b| a * b)
}

/// `a / b` for numbers; towards zero for integers, with infinities for doubles.
pub fn div(a: Value<'_>, b: Value<'_>) -> Outcome {
    if is_division_by_zero(a, b) {
        return Err(ArithmeticError::DivideByZero);
    }
    numbers(a, b, i128::checked_div, |a, b| a / b)
}

/// `a % b` for integers; the sign is that of `a`.
pub fn rem(a: Value<'_>, b: Value<'_>) -> Outcome {
    if is_division_by_zero(a, b) {
        return Err(ArithmeticError::DivideByZero);
    }
    match (a.number(), b.number()) {
        (Some(Numeric::Double(_)), _) | (_, Some(Numeric::Double(_))) => {
            Err(ArithmeticError::NoOverload)
        }
        // The only remainder that overflows.
        (Some(Numeric::Int(i64::MIN)), Some(Numeric::Int(-1))) => Err(ArithmeticError::Overflow),
        _ => numbers(a, b, i128::checked_rem, |a, _| a),
    }
}

/// `-a` for int and double.
pub fn neg(a: Value<'_>) -> Outcome {
    match a.number() {
        Some(Numeric::Int(int)) => int
            .checked_neg()
            .map(Value::Int)
            .ok_or(ArithmeticError::Overflow),
        Some(Numeric::Double(double)) => Ok(Value::Double(-double)),
        Some(Numeric::UInt(_)) | None => Err(ArithmeticError::NoOverload),
    }
}

fn is_division_by_zero(a: Value<'_>, b: Value<'_>) -> bool {
    matches!(a.number(), Some(Numeric::Int(_) | Numeric::UInt(_)))
        && matches!(b.number(), Some(Numeric::Int(0) | Numeric::UInt(0)))
}

/// Both integer kinds fit `i128`, and so does what one operation makes of them, but for a product
/// of two large uints, which `checked_mul` refuses.
fn numbers(
    a: Value<'_>,
    b: Value<'_>,
    integers: fn(i128, i128) -> Option<i128>,
    doubles: fn(f64, f64) -> f64,
) -> Outcome {
    let (Some(a), Some(b)) = (a.number(), b.number()) else {
        return Err(ArithmeticError::NoOverload);
    };
    let as_int = |value: Option<i128>| {
        value
            .and_then(|value| i64::try_from(value).ok())
            .map(Value::Int)
    };
    let result = match (a, b) {
        (Numeric::Int(a), Numeric::Int(b)) => as_int(integers(a.into(), b.into())),
        (Numeric::Int(a), Numeric::UInt(b)) => as_int(integers(a.into(), b.into())),
        (Numeric::UInt(a), Numeric::Int(b)) => as_int(integers(a.into(), b.into())),
        (Numeric::UInt(a), Numeric::UInt(b)) => integers(a.into(), b.into())
            .and_then(|value| u64::try_from(value).ok())
            .map(Value::UInt),
        (Numeric::Double(_), _) | (_, Numeric::Double(_)) => {
            Some(Value::Double(doubles(a.as_double(), b.as_double())))
        }
    };
    result.ok_or(ArithmeticError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::ArithmeticError::{DivideByZero, NoOverload, Overflow};
    use super::*;

    fn check(name: &str, got: Outcome, want: Result<Value<'static>, ArithmeticError>) {
        let same = match (&got, &want) {
            (Ok(got), Ok(want)) => got.kind() == want.kind() && got.equals(*want),
            (Err(got), Err(want)) => got == want,
            _ => false,
        };
        assert!(same, "{name}: {got:?}, not {want:?}");
    }

    #[test]
    fn integers_stay_integers_and_never_wrap() {
        let (int, uint) = (Value::Int, Value::UInt);
        check("sum", add(int(40), int(2)), Ok(int(42)));
        check("sum over", add(int(i64::MAX), int(1)), Err(Overflow));
        check("difference over", sub(int(i64::MIN), int(1)), Err(Overflow));
        check("product over", mul(int(i64::MIN), int(-1)), Err(Overflow));
        check("quotient over", div(int(i64::MIN), int(-1)), Err(Overflow));
        check("remainder over", rem(int(i64::MIN), int(-1)), Err(Overflow));
        check("quotient", div(int(-7), int(2)), Ok(int(-3)));
        check("remainder", rem(int(-3), int(5)), Ok(int(-3)));
        check("by zero", div(int(1), int(0)), Err(DivideByZero));
        check("by unsigned zero", rem(int(1), uint(0)), Err(DivideByZero));
        check("uint", add(uint(42), uint(2)), Ok(uint(44)));
        check("uint over", add(uint(u64::MAX), uint(1)), Err(Overflow));
        check(
            "uint product over",
            mul(uint(u64::MAX), uint(u64::MAX)),
            Err(Overflow),
        );
        check("uint under", sub(uint(0), uint(1)), Err(Overflow));
        check("negation", neg(int(i64::MIN)), Err(Overflow));
        check("negation of uint", neg(uint(5)), Err(NoOverload));
    }

    #[test]
    fn kinds_of_numbers_mix() {
        let (int, uint, double) = (Value::Int, Value::UInt, Value::Double);
        check("int and uint", add(int(1), uint(2)), Ok(int(3)));
        check("uint and int", sub(uint(1), int(2)), Ok(int(-1)));
        check(
            "too large for int",
            add(uint(u64::MAX), int(1)),
            Err(Overflow),
        );
        check(
            "int and double",
            mul(int(10), double(1.5)),
            Ok(double(15.0)),
        );
        check(
            "double and uint",
            div(double(1.0), uint(4)),
            Ok(double(0.25)),
        );
        check(
            "by zero",
            div(double(1.0), int(0)),
            Ok(double(f64::INFINITY)),
        );
        check(
            "lexeme",
            add(Value::Number("1.10"), int(1)),
            Ok(double(2.1)),
        );
        check(
            "no remainder",
            rem(double(47.5), double(5.5)),
            Err(NoOverload),
        );
        check("text", add(int(1), Value::String("a")), Err(NoOverload));
        check(
            "over",
            mul(double(2.0), double(8.988_466e307)),
            Ok(double(f64::INFINITY)),
        );
    }

    #[test]
    fn times_add_and_subtract() {
        let at = |text| Value::Timestamp(time::Instant::parse(text).unwrap());
        let span = |text| Value::Duration(time::parse_duration(text).unwrap());
        let (early, late) = (at("2009-02-13T23:00:00Z"), at("2009-02-13T23:04:00Z"));
        check(
            "later",
            add(early, span("240s")),
            Ok(at("2009-02-13T23:04:00Z")),
        );
        check(
            "later, turned",
            add(span("240s"), early),
            Ok(at("2009-02-13T23:04:00Z")),
        );
        check(
            "earlier",
            sub(late, span("4m")),
            Ok(at("2009-02-13T23:00:00Z")),
        );
        check("between", sub(late, early), Ok(span("240s")));
        check("spans", sub(span("900s"), span("42s")), Ok(span("858s")));
        check("two instants", add(early, late), Err(NoOverload));
        check("span less instant", sub(span("1s"), early), Err(NoOverload));
        check(
            "over",
            add(at("9999-12-31T23:59:59.999999999Z"), span("1ns")),
            Err(Overflow),
        );
    }
}
