//! `list.sum()`.

use super::total;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "sum",
    summary: "the sum of the numbers, or of the durations; 0 of an empty list",
    signatures: &[
        "list(int).sum() -> int",
        "list(uint).sum() -> uint",
        "list(double).sum() -> double",
        "list(duration).sum() -> duration",
        "list(dyn).sum() -> dyn",
        "sum(list(int)) -> int",
        "sum(list(uint)) -> uint",
        "sum(list(double)) -> double",
        "sum(list(duration)) -> duration",
        "sum(list(dyn)) -> dyn",
    ],
    fails: Some("items that do not add up, or a sum out of range"),
    examples: &[
        ("[1, 2, 3].sum()", "6"),
        ("[1, 0.5].sum()", "1.5"),
        ("[].sum()", "0"),
        ("[duration('1m'), duration('30s')].sum()", "duration('90s')"),
        ("['a'].sum()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(items.len().saturating_mul(4))?;
    total(call, items)
}
