//! `s.words()`.

use crate::expr::function::Items;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "words",
    summary: "the parts of the text between white space",
    signatures: &["string.words() -> list(string)"],
    fails: None,
    examples: &[("' to be  or not '.words()", "['to', 'be', 'or', 'not']")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    let mut words = Items::new(call);
    text.split_whitespace()
        .try_for_each(|word| words.push(Value::String(word)))?;
    Ok(words.finish())
}
