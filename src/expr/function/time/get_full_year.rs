//! `t.getFullYear([zone])`.

use super::{field, prepare_zone};
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "getFullYear",
    summary: "the year",
    signatures: &[
        "timestamp.getFullYear() -> int",
        "timestamp.getFullYear(string) -> int",
    ],
    fails: Some("a zone that does not exist"),
    examples: &[
        ("timestamp('2009-02-13T23:31:30Z').getFullYear()", "2009"),
        (
            "timestamp('2009-02-13T23:31:30Z').getFullYear('Mars/Olympus')",
            "error",
        ),
    ],
    prepare: Some(prepare_zone),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    field(call, arguments, |at| i64::from(at.year()))
}
