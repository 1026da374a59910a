//! `from_unix_ms(n)`.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Instant;
use crate::value::Value;
use jiff::SignedDuration;

pub(super) const FUNCTION: Function = Function {
    name: "from_unix_ms",
    summary: "the instant so many milliseconds after the start of 1970",
    signatures: &["from_unix_ms(int) -> timestamp"],
    fails: Some("a time outside the years 1 to 9999"),
    examples: &[
        ("from_unix_ms(1500)", "timestamp('1970-01-01T00:00:01.5Z')"),
        ("from_unix_ms(9223372036854775807)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Int(milliseconds)] = *arguments else {
        return Err(call.no_overload());
    };
    Instant::from_epoch(SignedDuration::from_millis(milliseconds))
        .map(Value::Timestamp)
        .ok_or_else(|| call.fault(FaultKind::Range, "a time outside the years 1 to 9999"))
}
