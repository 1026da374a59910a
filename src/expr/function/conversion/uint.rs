//! `uint(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "uint",
    summary: "the number as uint, its fraction cut off",
    signatures: &[
        "uint(uint) -> uint",
        "uint(int) -> uint",
        "uint(double) -> uint",
        "uint(string) -> uint",
    ],
    fails: Some("out of range, or text that is not a decimal number"),
    examples: &[
        ("uint(3.9)", "3u"),
        ("uint('42')", "42u"),
        ("uint(-1)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads_scalar(value)?;
    convert::uint(value)
        .map(Value::UInt)
        .map_err(|error| call.unconverted(error))
}
