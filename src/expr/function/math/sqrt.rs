//! `math.sqrt(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.sqrt",
    summary: "the square root; NaN of a negative number",
    signatures: &[
        "math.sqrt(int) -> double",
        "math.sqrt(uint) -> double",
        "math.sqrt(double) -> double",
    ],
    fails: None,
    examples: &[
        ("math.sqrt(81)", "9.0"),
        ("math.isNaN(math.sqrt(-1))", "true"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    value
        .as_double()
        .map(|double| Value::Double(double.sqrt()))
        .ok_or_else(|| call.no_overload())
}
