//! Values that may be missing: CEL's optionals. `or`, `orValue`, `optMap` and `optFlatMap` do not evaluate
//! all their arguments, so they are the evaluator's.

use super::Function;
use super::{Call, Items, Outcome};
use crate::value::Value;

mod has_value;
mod none;
mod of;
mod of_non_zero_value;
mod unwrap;
mod unwrap_opt;
mod value;

pub(super) const ALL: &[&Function] = &[
    &has_value::FUNCTION,
    &none::FUNCTION,
    &of::FUNCTION,
    &of_non_zero_value::FUNCTION,
    &unwrap::FUNCTION,
    &unwrap_opt::FUNCTION,
    &value::FUNCTION,
];

/// The values of those optionals that have one.
fn unwrap<'a>(call: &Call<'_, 'a>, items: &[Value<'a>]) -> Outcome<'a> {
    call.reads(items.len())?;
    let mut values = Items::new(call);
    for item in items {
        match item {
            Value::Optional(Some(value)) => values.push(**value)?,
            Value::Optional(None) => {}
            _ => return Err(call.no_overload()),
        }
    }
    Ok(values.finish())
}
