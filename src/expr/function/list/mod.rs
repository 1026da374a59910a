//! Lists: CEL's `lists` and `sets` extensions, and what webhooks need besides.

use std::cmp::Ordering;

use super::{Call, Outcome};
use crate::expr::FaultKind;
use crate::value::Value;
use crate::value::arithmetic::{self, ArithmeticError};

mod bag;

use super::Function;

mod avg;
mod chunk;
mod compact;
mod distinct;
mod first;
mod flatten;
mod last;
mod max;
mod min;
mod range;
mod sets_contains;
mod sets_equivalent;
mod sets_intersects;
mod slice;
mod sort;
mod sum;
mod zip;

pub(super) const ALL: &[&Function] = &[
    &avg::FUNCTION,
    &chunk::FUNCTION,
    &compact::FUNCTION,
    &distinct::FUNCTION,
    &first::FUNCTION,
    &flatten::FUNCTION,
    &last::FUNCTION,
    &max::FUNCTION,
    &min::FUNCTION,
    &range::FUNCTION,
    &sets_contains::FUNCTION,
    &sets_equivalent::FUNCTION,
    &sets_intersects::FUNCTION,
    &slice::FUNCTION,
    &sort::FUNCTION,
    &sum::FUNCTION,
    &zip::FUNCTION,
];

/// The sum of all items.
fn total<'a>(call: &Call<'_, 'a>, items: &[Value<'a>]) -> Outcome<'a> {
    let [first, rest @ ..] = items else {
        return Ok(Value::Int(0));
    };
    if !first.is_number() && !matches!(first, Value::Duration(_)) {
        return Err(call.no_overload());
    }
    rest.iter().try_fold(*first, |sum, item| {
        arithmetic::add(sum, *item).map_err(|error| match error {
            ArithmeticError::Overflow => call.fault(FaultKind::Overflow, call.name),
            ArithmeticError::NoOverload | ArithmeticError::DivideByZero => call.no_overload(),
        })
    })
}

/// The first of the items that no other goes before.
fn extreme<'a>(call: &Call<'_, 'a>, items: &[Value<'a>], before: Ordering) -> Outcome<'a> {
    let [first, rest @ ..] = items else {
        return Err(call.bad(format_args!("an empty list has no such item")));
    };
    let mut best = *first;
    for item in rest {
        call.reads_whole(*item)?;
        if !item.is_ordered_with(best) {
            return Err(call.bad(format_args!("these items have no common order")));
        }
        if item.compare(best) == Some(before) {
            best = *item;
        }
    }
    Ok(best)
}
