//! `t.getSeconds([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getSeconds",
    summary: "the second of the minute; of a duration, its whole seconds",
    signatures: &[
        "timestamp.getSeconds() -> int",
        "timestamp.getSeconds(string) -> int",
        "duration.getSeconds() -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getSeconds()", "30"),
        ("duration('3730s').getSeconds()", "3730"),
        (
            "timestamp('2009-02-13T23:31:30Z').getSeconds('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    if let [Value::Duration(span)] = *arguments {
        return Ok(Value::Int(span.as_secs()));
    }
    field(call, arguments, |at| i64::from(at.second()))
}
