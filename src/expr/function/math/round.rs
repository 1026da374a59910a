//! `math.round(x)`.

use super::of_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.round",
    summary: "the nearest whole number; a half goes away from zero",
    signatures: &["math.round(double) -> double"],
    fails: None,
    examples: &[("math.round(1.5)", "2.0"), ("math.round(-1.4)", "-1.0")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_double(call, arguments, f64::round)
}
