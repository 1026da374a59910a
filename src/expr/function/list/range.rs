//! `lists.range(n)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "lists.range",
    summary: "the integers from 0 up to, not including, n",
    signatures: &["lists.range(int) -> list(int)"],
    fails: None,
    examples: &[("lists.range(3)", "[0, 1, 2]"), ("lists.range(-1)", "[]")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Int(end)] = *arguments else {
        return Err(call.no_overload());
    };
    let count = usize::try_from(end.max(0)).unwrap_or(usize::MAX);
    call.makes_list(count)?;
    let mut items = call.arena().list_buffer(count);
    items.extend((0..end).map(Value::Int));
    Ok(Value::List(items.into_bump_slice()))
}
