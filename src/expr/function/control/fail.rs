//! `fail(message)`.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "fail",
    summary: "nothing: evaluation stops with this message",
    signatures: &["fail(string) -> dyn"],
    fails: Some("always"),
    examples: &[("fail('no order id')", "error")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(message)] = *arguments else {
        return Err(call.no_overload());
    };
    Err(call.fault(FaultKind::Failed, message))
}
