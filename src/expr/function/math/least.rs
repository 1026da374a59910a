//! `math.least(…)`.

use super::extreme;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTION: Function = Function {
    name: "math.least",
    summary: "the least of some numbers, or of a list of them; the first of equal ones",
    signatures: &[
        "math.least(int...) -> int",
        "math.least(uint...) -> uint",
        "math.least(double...) -> double",
        "math.least(list(int)) -> int",
        "math.least(list(uint)) -> uint",
        "math.least(list(double)) -> double",
        "math.least(dyn...) -> dyn",
    ],
    fails: Some("no numbers, or something else among them"),
    examples: &[
        ("math.least(1, 5, -3)", "-3"),
        ("math.least([5.4, 10, 3u])", "3u"),
        ("math.least([])", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    extreme(call, arguments, Ordering::Less)
}
