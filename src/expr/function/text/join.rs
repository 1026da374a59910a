//! `list.join([separator])`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "join",
    summary: "the texts of a list as one, with a separator between them",
    signatures: &[
        "list(string).join() -> string",
        "list(string).join(string) -> string",
    ],
    fails: Some("an item that is not text"),
    examples: &[
        ("['x', 'y'].join()", "'xy'"),
        ("['x', 'y'].join(', ')", "'x, y'"),
        ("[].join('-')", "''"),
        ("[dyn('a'), dyn(1)].join()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (items, separator) = match *arguments {
        [Value::List(items)] => (items, ""),
        [Value::List(items), Value::String(separator)] => (items, separator),
        _ => return Err(call.no_overload()),
    };
    call.reads(items.len())?;
    let mut size = separator
        .len()
        .saturating_mul(items.len().saturating_sub(1));
    for item in items {
        size = size.saturating_add(item.as_str().ok_or_else(|| call.no_overload())?.len());
    }
    call.makes(size)?;
    let mut joined = call.arena().text_buffer(size);
    for (at, item) in items.iter().filter_map(|item| item.as_str()).enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(item);
    }
    Ok(Value::String(joined.into_bump_str()))
}
