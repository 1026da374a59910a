//! `t.getHours([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getHours",
    summary: "the hour of the day; of a duration, its whole hours",
    signatures: &[
        "timestamp.getHours() -> int",
        "timestamp.getHours(string) -> int",
        "duration.getHours() -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getHours()", "23"),
        ("duration('10000s').getHours()", "2"),
        (
            "timestamp('2009-02-13T23:31:30Z').getHours('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    if let [Value::Duration(span)] = *arguments {
        return Ok(Value::Int(span.as_hours()));
    }
    field(call, arguments, |at| i64::from(at.hour()))
}
