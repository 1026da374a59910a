//! `s.title()`.

use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "title",
    summary: "the text with each word in lower case but its first letter",
    signatures: &["string.title() -> string"],
    fails: None,
    examples: &[
        ("'JOHN o\\'neill-smith'.title()", "'John O\\'neill-Smith'"),
        ("'élan vital'.title()", "'Élan Vital'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut titled = Buffer::new(call);
    let mut starts = true;
    for c in text.chars() {
        if starts {
            c.to_uppercase()
                .try_for_each(|c| titled.push(c.encode_utf8(&mut [0; 4])))?;
        } else {
            c.to_lowercase()
                .try_for_each(|c| titled.push(c.encode_utf8(&mut [0; 4])))?;
        }
        starts = !(c.is_alphanumeric() || matches!(c, '\'' | '’'));
    }
    Ok(titled.finish())
}
