//! `s.slug()`.

use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "slug",
    summary: "the text for a URL or a file name: ASCII letters and digits in lower case, all else one hyphen",
    signatures: &["string.slug() -> string"],
    fails: None,
    examples: &[
        ("'Crème Brûlée, 2 Stück!'.slug()", "'creme-brulee-2-stuck'"),
        ("' -- '.slug()", "''"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut slug = Buffer::new(call);
    let mut gap = false;
    let mut is_empty = true;
    for c in text.chars() {
        // A letter of another script can become several of ours.
        for c in deunicode::deunicode_char(c).unwrap_or("").chars() {
            if !c.is_ascii_alphanumeric() {
                gap = true;
                continue;
            }
            if gap && !is_empty {
                slug.push("-")?;
            }
            (gap, is_empty) = (false, false);
            slug.push(c.to_ascii_lowercase().encode_utf8(&mut [0; 4]))?;
        }
    }
    Ok(slug.finish())
}
