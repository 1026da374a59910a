//! `m.keys()`.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "keys",
    summary: "the keys, in the order of the map",
    signatures: &["map(A, B).keys() -> list(A)", "keys(map(A, B)) -> list(A)"],
    fails: None,
    examples: &[("{'b': 1, 'a': 2}.keys()", "['b', 'a']")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(map)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut keys = Items::new(call);
    map.keys().try_for_each(|key| keys.push(key.value()))?;
    Ok(keys.finish())
}
