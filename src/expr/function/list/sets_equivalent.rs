//! `sets.equivalent(a, b)`.

use super::bag::has_each;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "sets.equivalent",
    summary: "whether two lists have the same values, however often",
    signatures: &["sets.equivalent(list(A), list(A)) -> bool"],
    fails: None,
    examples: &[
        ("sets.equivalent([1, 2, 2], [2u, 1])", "true"),
        ("sets.equivalent([1], [1, 2])", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(a), Value::List(b)] = *arguments else {
        return Err(call.no_overload());
    };
    let same = has_each(call, a, b)? && has_each(call, b, a)?;
    Ok(Value::Bool(same))
}
