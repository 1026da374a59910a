//! `t.getMinutes([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getMinutes",
    summary: "the minute of the hour; of a duration, its whole minutes",
    signatures: &[
        "timestamp.getMinutes() -> int",
        "timestamp.getMinutes(string) -> int",
        "duration.getMinutes() -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getMinutes()", "31"),
        ("duration('3730s').getMinutes()", "62"),
        (
            "timestamp('2009-02-13T23:31:30Z').getMinutes('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    if let [Value::Duration(span)] = *arguments {
        return Ok(Value::Int(span.as_mins()));
    }
    field(call, arguments, |at| i64::from(at.minute()))
}
