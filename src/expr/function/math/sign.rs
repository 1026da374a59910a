//! `math.sign(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Numeric;
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.sign",
    summary: "-1, 0 or 1, of the kind of the number",
    signatures: &[
        "math.sign(int) -> int",
        "math.sign(uint) -> uint",
        "math.sign(double) -> double",
    ],
    fails: None,
    examples: &[
        ("math.sign(-11)", "-1"),
        ("math.sign(0u)", "0u"),
        ("math.sign(2.5)", "1.0"),
        ("string(math.sign(-0.0))", "string(0.0)"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(match value.number().ok_or_else(|| call.no_overload())? {
        Numeric::Int(int) => Value::Int(int.signum()),
        Numeric::UInt(uint) => Value::UInt(uint.min(1)),
        Numeric::Double(double) if double.is_nan() => Value::Double(double),
        // CEL's answer for -0.0 too.
        Numeric::Double(0.0) => Value::Double(0.0),
        Numeric::Double(double) => Value::Double(double.signum()),
    })
}
