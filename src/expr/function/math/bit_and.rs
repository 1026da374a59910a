//! `math.bitAnd(a, b)`.

use super::of_bits;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "math.bitAnd",
    summary: "the bits that both have",
    signatures: &[
        "math.bitAnd(int, int) -> int",
        "math.bitAnd(uint, uint) -> uint",
    ],
    fails: None,
    examples: &[("math.bitAnd(1, 3)", "1"), ("math.bitAnd(3u, 2u)", "2u")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_bits(call, arguments, |a, b| a & b, |a, b| a & b)
}
