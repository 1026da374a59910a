//! `math.bitNot(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.bitNot",
    summary: "the bits that it has not",
    signatures: &["math.bitNot(int) -> int", "math.bitNot(uint) -> uint"],
    fails: None,
    examples: &[
        ("math.bitNot(1)", "-2"),
        ("math.bitNot(0u)", "18446744073709551615u"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::Int(int)] => Ok(Value::Int(!int)),
        [Value::UInt(uint)] => Ok(Value::UInt(!uint)),
        _ => Err(call.no_overload()),
    }
}
