//! `optional.ofNonZeroValue(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "optional.ofNonZeroValue",
    summary: "an optional with this value, or without one where it is null, false, 0 or empty",
    signatures: &["optional.ofNonZeroValue(A) -> optional_type(A)"],
    fails: None,
    examples: &[
        ("optional.ofNonZeroValue('').hasValue()", "false"),
        ("optional.ofNonZeroValue(0.0).hasValue()", "false"),
        ("optional.ofNonZeroValue([0]).hasValue()", "true"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let is_zero = match value {
        Value::Null | Value::Bool(false) | Value::Optional(None) => true,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Timestamp(at) => at.since_epoch().is_zero(),
        Value::Duration(span) => span.is_zero(),
        Value::Int(_) | Value::UInt(_) | Value::Double(_) | Value::Number(_) => {
            value.as_double() == Some(0.0)
        }
        Value::Bool(true)
        | Value::Optional(Some(_))
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Type(_) => false,
    };
    if is_zero {
        return Ok(Value::Optional(None));
    }
    call.makes_list(1)?;
    Ok(call.arena().some(value))
}
