//! `math.bitShiftRight(x, by)`.

use super::shifted;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.bitShiftRight",
    summary: "the bits moved down; zeros come in, also for a negative int",
    signatures: &[
        "math.bitShiftRight(int, int) -> int",
        "math.bitShiftRight(uint, int) -> uint",
    ],
    fails: Some("a negative shift"),
    examples: &[
        ("math.bitShiftRight(1024, 2)", "256"),
        ("math.bitShiftRight(-1024, 3)", "2305843009213693824"),
        ("math.bitShiftRight(1u, -1)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    shifted(call, arguments, u64::checked_shr)
}
