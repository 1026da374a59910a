//! `url.decode(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use percent_encoding::percent_decode_str;

pub(super) const FUNCTION: Function = Function {
    name: "url.decode",
    summary: "the text that a part of a URL means: its percent-encoding undone",
    signatures: &["url.decode(string) -> string"],
    fails: Some("bytes that are not UTF-8"),
    examples: &[
        ("url.decode('a%20b%26c')", "'a b&c'"),
        ("url.decode('a+b')", "'a+b'"),
        ("url.decode('%ff')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes(text.len())?;
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| call.bad(format_args!("not UTF-8")))?;
    Ok(Value::String(call.arena().string(&decoded)))
}
