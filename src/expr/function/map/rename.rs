//! `m.rename({old: new})`.

use super::entries_buffer::Entries;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Key;
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "rename",
    summary: "the map with other keys for some; the order stays",
    signatures: &[
        "map(A, B).rename(map(A, A)) -> map(A, B)",
        "rename(map(A, B), map(A, A)) -> map(A, B)",
    ],
    fails: Some("a new key that is not text, a Boolean or an integer"),
    examples: &[
        ("{'a': 1, 'b': 2}.rename({'a': 'x'})", "{'x': 1, 'b': 2}"),
        ("{'a': 1}.rename({'a': dyn([])})", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(map), Value::Map(names)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut renamed = Entries::new(call);
    for (key, value) in map.iter() {
        let key = match names.get(key) {
            None => key,
            Some(new) => Key::of(new)
                .ok_or_else(|| call.bad(format_args!("the new name of `{key}` cannot be a key")))?,
        };
        renamed.set(key, value)?;
    }
    Ok(renamed.finish())
}
