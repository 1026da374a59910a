//! `t.getDate([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getDate",
    summary: "the day of the month, from 1",
    signatures: &[
        "timestamp.getDate() -> int",
        "timestamp.getDate(string) -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getDate()", "13"),
        (
            "timestamp('2009-02-13T23:31:30Z').getDate('Australia/Sydney')",
            "14",
        ),
        (
            "timestamp('2009-02-13T23:31:30Z').getDate('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    field(call, arguments, |at| i64::from(at.day()))
}
