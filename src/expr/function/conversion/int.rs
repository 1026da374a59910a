//! `int(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "int",
    summary: "the number as int, its fraction cut off; an instant gives its seconds since 1970",
    signatures: &[
        "int(int) -> int",
        "int(uint) -> int",
        "int(double) -> int",
        "int(string) -> int",
        "int(timestamp) -> int",
    ],
    fails: Some("out of range, or text that is not a decimal number"),
    examples: &[
        ("int(-123.456)", "-123"),
        ("int('987')", "987"),
        ("int(timestamp('1970-01-01T00:01:00Z'))", "60"),
        ("int(18446744073709551615u)", "error"),
        ("int('1.5')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads_scalar(value)?;
    convert::int(value)
        .map(Value::Int)
        .map_err(|error| call.unconverted(error))
}
