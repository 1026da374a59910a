//! `sets.contains(a, b)`.

use super::bag::has_each;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "sets.contains",
    summary: "whether a list has each item of another",
    signatures: &["sets.contains(list(A), list(A)) -> bool"],
    fails: None,
    examples: &[
        ("sets.contains([1, 2, 3], [2, 1.0])", "true"),
        ("sets.contains([1], [2])", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(a), Value::List(b)] = *arguments else {
        return Err(call.no_overload());
    };
    has_each(call, a, b).map(Value::Bool)
}
