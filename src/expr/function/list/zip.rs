//! `a.zip(b)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "zip",
    summary: "pairs of the items at the same places, as many as the shorter list has",
    signatures: &[
        "list(A).zip(list(B)) -> list(list(dyn))",
        "zip(list(A), list(B)) -> list(list(dyn))",
    ],
    fails: None,
    examples: &[("[1, 2, 3].zip(['a', 'b'])", "[[1, 'a'], [2, 'b']]")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(a), Value::List(b)] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes_list(a.len().min(b.len()).saturating_mul(3))?;
    let mut pairs = call.arena().list_buffer(a.len().min(b.len()));
    pairs.extend(a.iter().zip(b).map(|(a, b)| call.arena().list(&[*a, *b])));
    Ok(Value::List(pairs.into_bump_slice()))
}
