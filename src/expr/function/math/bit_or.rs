//! `math.bitOr(a, b)`.

use super::of_bits;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.bitOr",
    summary: "the bits that one of them has",
    signatures: &[
        "math.bitOr(int, int) -> int",
        "math.bitOr(uint, uint) -> uint",
    ],
    fails: None,
    examples: &[("math.bitOr(1u, 4u)", "5u")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_bits(call, arguments, |a, b| a | b, |a, b| a | b)
}
