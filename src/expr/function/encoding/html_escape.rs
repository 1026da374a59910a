//! `html.escape(s)`.

use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "html.escape",
    summary: "the text with what HTML would take for markup written as entities",
    signatures: &["html.escape(string) -> string"],
    fails: None,
    examples: &[(
        "html.escape('<b title=\"x\">&</b>')",
        "'&lt;b title=&quot;x&quot;&gt;&amp;&lt;/b&gt;'",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    let mut escaped = Buffer::new(call);
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&', '"', '\'']) {
        let (plain, special) = rest.split_at(at);
        escaped.push(plain)?;
        escaped.push(match special.bytes().next() {
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'&') => "&amp;",
            Some(b'"') => "&quot;",
            _ => "&#39;",
        })?;
        rest = special.get(1..).unwrap_or("");
    }
    escaped.push(rest)?;
    Ok(escaped.finish())
}
