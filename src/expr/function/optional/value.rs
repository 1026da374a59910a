//! `o.value()`.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "value",
    summary: "the value of an optional",
    signatures: &["optional_type(A).value() -> A"],
    fails: Some("an empty optional"),
    examples: &[
        ("optional.of(1).value()", "1"),
        ("optional.none().value()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(value)] = *arguments else {
        return Err(call.no_overload());
    };
    value
        .copied()
        .ok_or_else(|| call.fault(FaultKind::Absent, "the value of an empty optional"))
}
