//! `from_unix(n)`.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Instant;
use crate::value::Value;
use jiff::SignedDuration;

pub(super) const FUNCTION: Function = Function {
    name: "from_unix",
    summary: "the instant so many seconds after the start of 1970",
    signatures: &[
        "from_unix(int) -> timestamp",
        "from_unix(double) -> timestamp",
    ],
    fails: Some("a time outside the years 1 to 9999"),
    examples: &[
        ("from_unix(86400)", "timestamp('1970-01-02T00:00:00Z')"),
        ("from_unix(1.5)", "timestamp('1970-01-01T00:00:01.5Z')"),
        ("from_unix(253402300800)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let since = match *arguments {
        [Value::Int(seconds)] => Some(SignedDuration::from_secs(seconds)),
        [seconds @ (Value::Double(_) | Value::Number(_))] => {
            SignedDuration::try_from_secs_f64(seconds.as_double().unwrap_or(f64::NAN)).ok()
        }
        _ => return Err(call.no_overload()),
    };
    since
        .and_then(Instant::from_epoch)
        .map(Value::Timestamp)
        .ok_or_else(|| call.fault(FaultKind::Range, "a time outside the years 1 to 9999"))
}
