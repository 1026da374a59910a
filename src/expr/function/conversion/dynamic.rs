//! `dyn(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "dyn",
    summary: "the value itself, with its type forgotten: it is checked when it runs",
    signatures: &["dyn(A) -> dyn"],
    fails: None,
    examples: &[("dyn(1) == 1.0", "true"), ("[dyn(1), 'a']", "[1, 'a']")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(value)
}
