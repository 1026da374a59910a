//! `list.slice(start, end)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "slice",
    summary: "the items from one position up to, not including, another",
    signatures: &["list(A).slice(int, int) -> list(A)"],
    fails: Some("a position outside the list, or an end before the start"),
    examples: &[
        ("[1, 2, 3, 4].slice(1, 3)", "[2, 3]"),
        ("[1].slice(0, 2)", "error"),
        ("[1, 2].slice(1, 0)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items), Value::Int(start), Value::Int(end)] = *arguments else {
        return Err(call.no_overload());
    };
    let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(call.bad(format_args!("a position is negative")));
    };
    items
        .get(start..end)
        .map(Value::List)
        .ok_or_else(|| call.bad(format_args!("the list has {} items", items.len())))
}
