//! `t.getMilliseconds([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getMilliseconds",
    summary: "the milliseconds within the second, of an instant and of a duration",
    signatures: &[
        "timestamp.getMilliseconds() -> int",
        "timestamp.getMilliseconds(string) -> int",
        "duration.getMilliseconds() -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        (
            "timestamp('2009-02-13T23:31:20.123456789Z').getMilliseconds()",
            "123",
        ),
        ("duration('1.234s').getMilliseconds()", "234"),
        (
            "timestamp('2009-02-13T23:31:30Z').getMilliseconds('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    if let [Value::Duration(span)] = *arguments {
        return Ok(Value::Int(i64::from(span.subsec_millis())));
    }
    field(call, arguments, |at| i64::from(at.millisecond()))
}
