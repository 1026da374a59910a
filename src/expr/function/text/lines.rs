//! `s.lines()`.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "lines",
    summary: "the lines of the text, without their ends",
    signatures: &["string.lines() -> list(string)"],
    fails: None,
    examples: &[
        ("'a\\nb\\r\\n'.lines()", "['a', 'b']"),
        ("''.lines()", "[]"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    let mut lines = Items::new(call);
    text.lines()
        .try_for_each(|line| lines.push(Value::String(line)))?;
    Ok(lines.finish())
}
