//! `t.getDayOfMonth([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getDayOfMonth",
    summary: "the day of the month, from 0",
    signatures: &[
        "timestamp.getDayOfMonth() -> int",
        "timestamp.getDayOfMonth(string) -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getDayOfMonth()", "12"),
        (
            "timestamp('2009-02-13T02:00:00Z').getDayOfMonth('-02:30')",
            "11",
        ),
        (
            "timestamp('2009-02-13T23:31:30Z').getDayOfMonth('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    field(call, arguments, |at| i64::from(at.day()) - 1)
}
