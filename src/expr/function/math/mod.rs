//! Numbers: CEL's `math` extension.

use super::Function;
use super::{Call, Outcome};
use crate::value::{Numeric, Value};

mod abs;
mod bit_and;
mod bit_not;
mod bit_or;
mod bit_shift_left;
mod bit_shift_right;
mod bit_xor;
mod ceil;
mod floor;
mod greatest;
mod is_finite;
mod is_inf;
mod is_nan;
mod least;
mod round;
mod sign;
mod sqrt;
mod trunc;

pub(super) const ALL: &[&Function] = &[
    &abs::FUNCTION,
    &bit_and::FUNCTION,
    &bit_not::FUNCTION,
    &bit_or::FUNCTION,
    &bit_shift_left::FUNCTION,
    &bit_shift_right::FUNCTION,
    &bit_xor::FUNCTION,
    &ceil::FUNCTION,
    &floor::FUNCTION,
    &greatest::FUNCTION,
    &is_finite::FUNCTION,
    &is_inf::FUNCTION,
    &is_nan::FUNCTION,
    &least::FUNCTION,
    &round::FUNCTION,
    &sign::FUNCTION,
    &sqrt::FUNCTION,
    &trunc::FUNCTION,
];

/// The first of the numbers that no other goes before; `None` where one is not a number.
fn extreme<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    before: std::cmp::Ordering,
) -> Outcome<'a> {
    let items = match *arguments {
        [Value::List(items)] => items,
        _ => arguments,
    };
    call.reads(items.len())?;
    let mut best: Option<(Value<'a>, Numeric)> = None;
    for item in items {
        let number = item.number().ok_or_else(|| call.no_overload())?;
        if best.is_none_or(|(_, known)| number.compare(known) == Some(before)) {
            best = Some((*item, number));
        }
    }
    best.map(|(value, _)| value)
        .ok_or_else(|| call.bad(format_args!("there are no numbers to choose from")))
}

/// A function from double to double.
fn of_double<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    change: fn(f64) -> f64,
) -> Outcome<'a> {
    match *arguments {
        [value @ (Value::Double(_) | Value::Number(_))] => value
            .as_double()
            .map(|double| Value::Double(change(double)))
            .ok_or_else(|| call.no_overload()),
        _ => Err(call.no_overload()),
    }
}

/// A question about a double.
fn ask_double<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    ask: fn(f64) -> bool,
) -> Outcome<'a> {
    match *arguments {
        [value @ (Value::Double(_) | Value::Number(_))] => value
            .as_double()
            .map(|double| Value::Bool(ask(double)))
            .ok_or_else(|| call.no_overload()),
        _ => Err(call.no_overload()),
    }
}

/// A function of the bits of two integers of one kind.
fn of_bits<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    int: fn(i64, i64) -> i64,
    uint: fn(u64, u64) -> u64,
) -> Outcome<'a> {
    match *arguments {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(int(a, b))),
        [Value::UInt(a), Value::UInt(b)] => Ok(Value::UInt(uint(a, b))),
        _ => Err(call.no_overload()),
    }
}

/// A shift of the bits of an integer; by 64 or more they are all gone.
fn shifted<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    shift: fn(u64, u32) -> Option<u64>,
) -> Outcome<'a> {
    let [_, Value::Int(by)] = *arguments else {
        return Err(call.no_overload());
    };
    if by < 0 {
        return Err(call.bad(format_args!("the shift is negative")));
    }
    let bits = |bits| {
        u32::try_from(by)
            .ok()
            .and_then(|by| shift(bits, by))
            .unwrap_or(0)
    };
    match *arguments {
        [Value::Int(int), _] => Ok(Value::Int(bits(int.cast_unsigned()).cast_signed())),
        [Value::UInt(uint), _] => Ok(Value::UInt(bits(uint))),
        _ => Err(call.no_overload()),
    }
}
