//! `m.pick(list)`.

use super::entries_buffer::choose;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "pick",
    summary: "only the entries with these keys",
    signatures: &[
        "map(A, B).pick(list(A)) -> map(A, B)",
        "pick(map(A, B), list(A)) -> map(A, B)",
    ],
    fails: None,
    examples: &[("{'a': 1, 'b': 2}.pick(['b', 'c'])", "{'b': 2}")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    choose(call, arguments, true)
}
