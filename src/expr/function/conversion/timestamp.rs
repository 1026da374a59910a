//! `timestamp(x)`.

use crate::expr::function::{Call, Function, Outcome, Prepared};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "timestamp",
    summary: "the instant that an RFC 3339 text means, or so many seconds after the start of 1970",
    signatures: &[
        "timestamp(timestamp) -> timestamp",
        "timestamp(string) -> timestamp",
        "timestamp(int) -> timestamp",
    ],
    fails: Some("text that is not RFC 3339, or a time outside the years 1 to 9999"),
    examples: &[
        (
            "string(timestamp('2026-11-23T10:05:00+01:00'))",
            "'2026-11-23T09:05:00Z'",
        ),
        ("timestamp(60)", "timestamp('1970-01-01T00:01:00Z')"),
        ("timestamp('2026-11-23')", "error"),
        ("timestamp('0000-01-01T00:00:00Z')", "error"),
    ],
    prepare: Some(prepare),
    run,
};

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    match arguments {
        [Some(literal @ (Value::String(_) | Value::Int(_)))] => {
            match convert::timestamp(*literal) {
                Err(convert::ConvertError::Range(why)) => Err((0, why.to_owned())),
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads_scalar(value)?;
    convert::timestamp(value)
        .map(Value::Timestamp)
        .map_err(|error| call.unconverted(error))
}
