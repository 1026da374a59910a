//! `list.chunk(n)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "chunk",
    summary: "the items in lists of n; the last may have fewer",
    signatures: &[
        "list(A).chunk(int) -> list(list(A))",
        "chunk(list(A), int) -> list(list(A))",
    ],
    fails: Some("n below 1"),
    examples: &[
        ("[1, 2, 3].chunk(2)", "[[1, 2], [3]]"),
        ("[1].chunk(0)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items), Value::Int(size)] = *arguments else {
        return Err(call.no_overload());
    };
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let Some(size) = size else {
        return Err(call.bad(format_args!("a chunk has at least one item")));
    };
    call.makes_list(items.len().div_ceil(size))?;
    let mut chunks = call.arena().list_buffer(items.len().div_ceil(size));
    chunks.extend(items.chunks(size).map(Value::List));
    Ok(Value::List(chunks.into_bump_slice()))
}
