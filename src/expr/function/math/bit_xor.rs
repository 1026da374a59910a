//! `math.bitXor(a, b)`.

use super::of_bits;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.bitXor",
    summary: "the bits that only one of them has",
    signatures: &[
        "math.bitXor(int, int) -> int",
        "math.bitXor(uint, uint) -> uint",
    ],
    fails: None,
    examples: &[("math.bitXor(1, 3)", "2")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_bits(call, arguments, |a, b| a ^ b, |a, b| a ^ b)
}
