//! `math.isNaN(x)`.

use super::ask_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.isNaN",
    summary: "whether a double is not a number",
    signatures: &["math.isNaN(double) -> bool"],
    fails: None,
    examples: &[
        ("math.isNaN(0.0 / 0.0)", "true"),
        ("math.isNaN(1.0)", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    ask_double(call, arguments, f64::is_nan)
}
