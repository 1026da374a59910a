//! `math.isInf(x)`.

use super::ask_double;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.isInf",
    summary: "whether a double is infinite",
    signatures: &["math.isInf(double) -> bool"],
    fails: None,
    examples: &[
        ("math.isInf(1.0 / 0.0)", "true"),
        ("math.isInf(1.0)", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    ask_double(call, arguments, f64::is_infinite)
}
