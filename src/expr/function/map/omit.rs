//! `m.omit(list)`.

use super::entries_buffer::choose;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "omit",
    summary: "the entries without those with these keys",
    signatures: &[
        "map(A, B).omit(list(A)) -> map(A, B)",
        "omit(map(A, B), list(A)) -> map(A, B)",
    ],
    fails: None,
    examples: &[("{'a': 1, 'b': 2}.omit(['b', 'c'])", "{'a': 1}")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    choose(call, arguments, false)
}
