//! `double(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "double",
    summary: "the nearest double of a number, or the one that a text means",
    signatures: &[
        "double(double) -> double",
        "double(int) -> double",
        "double(uint) -> double",
        "double(string) -> double",
    ],
    fails: Some("text that is not a number"),
    examples: &[
        ("double(3)", "3.0"),
        ("double('-84.32e7')", "-843200000.0"),
        ("double('3,5')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads_scalar(value)?;
    convert::double(value)
        .map(Value::Double)
        .map_err(|error| call.unconverted(error))
}
