//! `math.isFinite(x)`.

use super::ask_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.isFinite",
    summary: "whether a double is neither infinite nor NaN",
    signatures: &["math.isFinite(double) -> bool"],
    fails: None,
    examples: &[
        ("math.isFinite(1.5)", "true"),
        ("math.isFinite(1.0 / 0.0)", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    ask_double(call, arguments, f64::is_finite)
}
