//! `math.abs(x)`.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Numeric;
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.abs",
    summary: "the number without its sign",
    signatures: &[
        "math.abs(int) -> int",
        "math.abs(uint) -> uint",
        "math.abs(double) -> double",
    ],
    fails: Some("the least int, which has no counterpart"),
    examples: &[
        ("math.abs(-11)", "11"),
        ("math.abs(-1.5)", "1.5"),
        ("math.abs(1u)", "1u"),
        ("math.abs(-9223372036854775808)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    match value.number().ok_or_else(|| call.no_overload())? {
        Numeric::Int(int) => int
            .checked_abs()
            .map(Value::Int)
            .ok_or_else(|| call.fault(FaultKind::Overflow, call.name)),
        Numeric::UInt(uint) => Ok(Value::UInt(uint)),
        Numeric::Double(double) => Ok(Value::Double(double.abs())),
    }
}
