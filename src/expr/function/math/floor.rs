//! `math.floor(x)`.

use super::of_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.floor",
    summary: "the next whole number down",
    signatures: &["math.floor(double) -> double"],
    fails: None,
    examples: &[("math.floor(-1.2)", "-2.0")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_double(call, arguments, f64::floor)
}
