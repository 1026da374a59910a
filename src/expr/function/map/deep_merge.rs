//! `a.deep_merge(b)`.

use super::entries_buffer::Entries;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Map;
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "deep_merge",
    summary: "the entries of both maps; where both have a map under a key, those are merged too, else the second map's value holds",
    signatures: &[
        "map(A, B).deep_merge(map(A, B)) -> map(A, B)",
        "deep_merge(map(A, B), map(A, B)) -> map(A, B)",
    ],
    fails: None,
    examples: &[(
        "{'a': {'x': 1, 'y': 1}}.deep_merge({'a': {'y': 2}, 'b': [1]})",
        "{'a': {'x': 1, 'y': 2}, 'b': [1]}",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(a), Value::Map(b)] = *arguments else {
        return Err(call.no_overload());
    };
    merge(call, a, b)
}

fn merge<'a>(call: &Call<'_, 'a>, a: &Map<'a>, b: &Map<'a>) -> Outcome<'a> {
    let mut merged = Entries::new(call);
    for (key, value) in a.iter().chain(b.iter()) {
        let value = match (merged.get(key), value) {
            (Some(Value::Map(known)), Value::Map(new)) => merge(call, known, new)?,
            _ => value,
        };
        merged.set(key, value)?;
    }
    Ok(merged.finish())
}
