//! `list.avg()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "avg",
    summary: "the mean of the numbers",
    signatures: &[
        "list(int).avg() -> double",
        "list(uint).avg() -> double",
        "list(double).avg() -> double",
        "list(dyn).avg() -> double",
        "avg(list(int)) -> double",
        "avg(list(uint)) -> double",
        "avg(list(double)) -> double",
        "avg(list(dyn)) -> double",
    ],
    fails: Some("an empty list, or items that are not numbers"),
    examples: &[("[1, 2].avg()", "1.5"), ("[].avg()", "error")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(items.len().saturating_mul(4))?;
    let mut sum = 0.0;
    for item in items {
        sum += item.as_double().ok_or_else(|| call.no_overload())?;
    }
    if items.is_empty() {
        return Err(call.bad(format_args!("an empty list has no mean")));
    }
    #[expect(clippy::cast_precision_loss, reason = "no list is that long")]
    let count = items.len() as f64;
    Ok(Value::Double(sum / count))
}
