//! `m.values()`.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "values",
    summary: "the values, in the order of the map",
    signatures: &[
        "map(A, B).values() -> list(B)",
        "values(map(A, B)) -> list(B)",
    ],
    fails: None,
    examples: &[("{'b': 1, 'a': 2}.values()", "[1, 2]")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(map)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut values = Items::new(call);
    map.iter().try_for_each(|(_, value)| values.push(value))?;
    Ok(values.finish())
}
