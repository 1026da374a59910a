//! `math.bitShiftLeft(x, by)`.

use super::shifted;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.bitShiftLeft",
    summary: "the bits moved up; zeros come in",
    signatures: &[
        "math.bitShiftLeft(int, int) -> int",
        "math.bitShiftLeft(uint, int) -> uint",
    ],
    fails: Some("a negative shift"),
    examples: &[
        ("math.bitShiftLeft(1, 3)", "8"),
        ("math.bitShiftLeft(-1, 200)", "0"),
        ("math.bitShiftLeft(1, -1)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    shifted(call, arguments, u64::checked_shl)
}
