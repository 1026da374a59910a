//! `strings.quote(s)`.

use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "strings.quote",
    summary: "the text in double quotes, escaped as a literal of this language",
    signatures: &["strings.quote(string) -> string"],
    fails: None,
    examples: &[
        ("strings.quote('a\"b')", "'\"a\\\\\"b\"'"),
        ("strings.quote('завтра')", "'\"завтра\"'"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut quoted = Buffer::new(call);
    quoted.push("\"")?;
    let mut rest = text;
    while let Some(at) = rest.find(|c| escape(c).is_some()) {
        let (plain, tail) = rest.split_at(at);
        quoted.push(plain)?;
        let mut tail = tail.chars();
        quoted.push(tail.next().and_then(escape).unwrap_or(""))?;
        rest = tail.as_str();
    }
    quoted.push(rest)?;
    quoted.push("\"")?;
    Ok(quoted.finish())
}

fn escape(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{7}' => r"\a",
        '\u{8}' => r"\b",
        '\u{c}' => r"\f",
        '\n' => r"\n",
        '\r' => r"\r",
        '\t' => r"\t",
        '\u{b}' => r"\v",
        '\\' => r"\\",
        '"' => r#"\""#,
        _ => return None,
    })
}
