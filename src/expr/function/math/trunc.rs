//! `math.trunc(x)`.

use super::of_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.trunc",
    summary: "the whole part",
    signatures: &["math.trunc(double) -> double"],
    fails: None,
    examples: &[("math.trunc(-1.9)", "-1.0")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_double(call, arguments, f64::trunc)
}
