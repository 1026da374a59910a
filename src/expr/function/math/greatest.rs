//! `math.greatest(…)`.

use super::extreme;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTION: Function = Function {
    name: "math.greatest",
    summary: "the greatest of some numbers, or of a list of them; the first of equal ones",
    signatures: &[
        "math.greatest(int...) -> int",
        "math.greatest(uint...) -> uint",
        "math.greatest(double...) -> double",
        "math.greatest(list(int)) -> int",
        "math.greatest(list(uint)) -> uint",
        "math.greatest(list(double)) -> double",
        "math.greatest(dyn...) -> dyn",
    ],
    fails: Some("no numbers, or something else among them"),
    examples: &[
        ("math.greatest(1, 5, 3)", "5"),
        ("math.greatest([5.4, 10, 3u])", "10"),
        ("math.greatest(-5)", "-5"),
        ("math.greatest([])", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    extreme(call, arguments, Ordering::Greater)
}
