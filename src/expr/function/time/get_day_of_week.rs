//! `t.getDayOfWeek([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getDayOfWeek",
    summary: "the day of the week, from 0 for Sunday",
    signatures: &[
        "timestamp.getDayOfWeek() -> int",
        "timestamp.getDayOfWeek(string) -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getDayOfWeek('UTC')", "5"),
        (
            "timestamp('2009-02-13T23:31:30Z').getDayOfWeek('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    field(call, arguments, |at| {
        i64::from(at.weekday().to_sunday_zero_offset())
    })
}
