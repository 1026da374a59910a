//! `m.all(name)`: of query, form, headers.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "all",
    summary: "each value of a name, where a name can be there several times",
    signatures: &["map(string, A).all(string) -> list(A)"],
    fails: None,
    examples: &[
        ("form('t=a&t=b').all('t')", "['a', 'b']"),
        ("{'a': 1}.all('b')", "[]"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(map), Value::String(name)] = *arguments else {
        return Err(call.no_overload());
    };
    call.scope.charge_steps(map.entries().count() as u64)?;
    let mut values = Items::new(call);
    map.all(name).try_for_each(|value| values.push(value))?;
    Ok(values.finish())
}
