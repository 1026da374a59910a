//! `x.reverse()`: of text and of lists.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "reverse",
    summary: "the characters of a text, or the items of a list, the last first",
    signatures: &["string.reverse() -> string", "list(A).reverse() -> list(A)"],
    fails: None,
    examples: &[
        ("'Ta©oCαt'.reverse()", "'tαCo©aT'"),
        ("[1, 2, 3].reverse()", "[3, 2, 1]"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::String(text)] => {
            call.makes(text.len())?;
            let mut reversed = call.arena().text_buffer(text.len());
            reversed.extend(text.chars().rev());
            Ok(Value::String(reversed.into_bump_str()))
        }
        [Value::List(items)] => {
            call.makes_list(items.len())?;
            let mut reversed = call.arena().list_buffer(items.len());
            reversed.extend(items.iter().rev());
            Ok(Value::List(reversed.into_bump_slice()))
        }
        _ => Err(call.no_overload()),
    }
}
