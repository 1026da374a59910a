//! `m.pick(list)`.

use super::entries_buffer::Entries;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Key;
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
    let [Value::Map(map), Value::List(keys)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut wanted = Entries::new(call);
    for key in keys.iter().filter_map(|key| Key::sought(*key)) {
        wanted.set(key, Value::Null)?;
    }
    let mut chosen = Entries::new(call);
    for (key, value) in map.iter() {
        if wanted.get(key).is_some() {
            chosen.set(key, value)?;
        }
    }
    Ok(chosen.finish())
}
