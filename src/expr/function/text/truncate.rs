//! `s.truncate(n)`; and `t.truncate(duration)`: of instants.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Instant;
use crate::value::Value;
use jiff::SignedDuration;

pub(super) const FUNCTION: Function = Function {
    name: "truncate",
    summary: "the first n characters of a text; or an instant rounded down to a whole number of durations since 1970, UTC",
    signatures: &[
        "string.truncate(int) -> string",
        "timestamp.truncate(duration) -> timestamp",
    ],
    fails: Some("a negative n, or a duration that is not positive"),
    examples: &[
        ("'tacocat'.truncate(4)", "'taco'"),
        ("'é'.truncate(4)", "'é'"),
        (
            "timestamp('2026-11-23T09:05:59Z').truncate(duration('1h'))",
            "timestamp('2026-11-23T09:00:00Z')",
        ),
        ("'a'.truncate(-1)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::String(text), Value::Int(count)] => {
            let Ok(count) = usize::try_from(count) else {
                return Err(call.bad(format_args!("n is negative")));
            };
            call.reads(count.min(text.len()))?;
            let end = text
                .char_indices()
                .nth(count)
                .map_or(text.len(), |(at, _)| at);
            Ok(Value::String(text.get(..end).unwrap_or(text)))
        }
        [Value::Timestamp(at), Value::Duration(unit)] => {
            if unit <= SignedDuration::ZERO {
                return Err(call.bad(format_args!("the duration is not positive")));
            }
            let since = at.since_epoch().as_nanos();
            let whole = since - since.rem_euclid(unit.as_nanos());
            Instant::from_epoch(SignedDuration::from_nanos_i128(whole))
                .map(Value::Timestamp)
                .ok_or_else(|| call.fault(FaultKind::Range, "a time outside the years 1 to 9999"))
        }
        _ => Err(call.no_overload()),
    }
}
