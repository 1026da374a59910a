//! `t.getDayOfYear([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getDayOfYear",
    summary: "the day of the year, from 0",
    signatures: &[
        "timestamp.getDayOfYear() -> int",
        "timestamp.getDayOfYear(string) -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        (
            "timestamp('2009-02-13T23:31:30Z').getDayOfYear('US/Central')",
            "43",
        ),
        (
            "timestamp('2009-02-13T23:31:30Z').getDayOfYear('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    field(call, arguments, |at| i64::from(at.day_of_year()) - 1)
}
