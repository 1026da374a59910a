//! `math.ceil(x)`.

use super::of_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.ceil",
    summary: "the next whole number up",
    signatures: &["math.ceil(double) -> double"],
    fails: None,
    examples: &[("math.ceil(1.2)", "2.0")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_double(call, arguments, f64::ceil)
}
