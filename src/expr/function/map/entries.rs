//! `m.entries()`.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "entries",
    summary: "the entries as maps of `key` and `value`, in the order of the map",
    signatures: &[
        "map(A, B).entries() -> list(map(string, dyn))",
        "entries(map(A, B)) -> list(map(string, dyn))",
    ],
    fails: None,
    examples: &[("{'a': 1}.entries()", "[{'key': 'a', 'value': 1}]")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(map)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut entries = Items::new(call);
    for (key, value) in map.iter() {
        call.makes_map(2)?;
        entries.push(
            call.arena()
                .object(&[("key", key.value()), ("value", value)]),
        )?;
    }
    Ok(entries.finish())
}
