//! `list.flatten([depth])`.

use crate::expr::Fault;
use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "flatten",
    summary: "the items, with those of lists in the place of the lists, so many levels deep (1)",
    signatures: &[
        "list(dyn).flatten() -> list(dyn)",
        "list(dyn).flatten(int) -> list(dyn)",
    ],
    fails: Some("a negative depth"),
    examples: &[
        ("[1, [2, [3]]].flatten()", "[1, 2, [3]]"),
        ("[1, [2, [3, [4]]]].flatten(2)", "[1, 2, 3, [4]]"),
        ("[].flatten(-1)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (items, depth) = match *arguments {
        [Value::List(items)] => (items, 1),
        [Value::List(items), Value::Int(depth)] => (items, depth),
        _ => return Err(call.no_overload()),
    };
    if depth < 0 {
        return Err(call.bad(format_args!("the depth is negative")));
    }
    let mut flat = Items::new(call);
    flatten(&mut flat, items, depth)?;
    Ok(flat.finish())
}

fn flatten<'a>(
    flat: &mut Items<'_, '_, 'a>,
    items: &[Value<'a>],
    depth: i64,
) -> Result<(), Fault<'a>> {
    for item in items {
        match item {
            Value::List(inner) if depth > 0 => flatten(flat, inner, depth - 1)?,
            _ => flat.push(*item)?,
        }
    }
    Ok(())
}
