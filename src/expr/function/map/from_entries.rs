//! `list.from_entries()`.

use super::entries_buffer::Entries;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Key;
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "from_entries",
    summary: "the map of a list of `key` and `value` maps, or of pairs; of equal keys the last holds",
    signatures: &[
        "list(dyn).from_entries() -> map(dyn, dyn)",
        "from_entries(list(dyn)) -> map(dyn, dyn)",
    ],
    fails: Some("an item that is neither, or a key that is not text, a Boolean or an integer"),
    examples: &[
        (
            "[{'key': 'a', 'value': 1}, {'key': 'b', 'value': 2}].from_entries()",
            "{'a': 1, 'b': 2}",
        ),
        ("[['a', 1], ['a', 2]].from_entries()", "{'a': 2}"),
        ("[1].from_entries()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut entries = Entries::new(call);
    for item in items {
        let (key, value) = match item {
            Value::Map(map) => (map.get_str("key"), map.get_str("value")),
            Value::List([key, value]) => (Some(*key), Some(*value)),
            _ => (None, None),
        };
        let (Some(key), Some(value)) = (key.and_then(Key::of), value) else {
            return Err(call.bad(format_args!(
                "each item is a map of `key` and `value`, or a list of the two"
            )));
        };
        entries.set(key, value)?;
    }
    Ok(entries.finish())
}
