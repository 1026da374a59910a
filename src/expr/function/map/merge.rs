//! `a.merge(b)`.

use super::entries_buffer::Entries;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "merge",
    summary: "the entries of both maps; of equal keys the second map's holds",
    signatures: &[
        "map(A, B).merge(map(A, B)) -> map(A, B)",
        "merge(map(A, B), map(A, B)) -> map(A, B)",
    ],
    fails: None,
    examples: &[(
        "{'a': 1, 'b': 1}.merge({'b': 2, 'c': 3})",
        "{'a': 1, 'b': 2, 'c': 3}",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(a), Value::Map(b)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut merged = Entries::new(call);
    for (key, value) in a.iter().chain(b.iter()) {
        merged.set(key, value)?;
    }
    Ok(merged.finish())
}
