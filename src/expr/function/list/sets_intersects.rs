//! `sets.intersects(a, b)`.

use super::bag::has_any;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "sets.intersects",
    summary: "whether two lists have a value in common",
    signatures: &["sets.intersects(list(A), list(A)) -> bool"],
    fails: None,
    examples: &[
        ("sets.intersects([1, 2], [2, 3])", "true"),
        ("sets.intersects([1], [])", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(a), Value::List(b)] = *arguments else {
        return Err(call.no_overload());
    };
    has_any(call, a, b).map(Value::Bool)
}
