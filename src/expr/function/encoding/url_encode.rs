//! `url.encode(s)`.

use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub(super) const FUNCTION: Function = Function {
    name: "url.encode",
    summary: "the text as a part of a URL: all but letters, digits and `-._~` percent-encoded",
    signatures: &["url.encode(string) -> string"],
    fails: None,
    examples: &[("url.encode('a b&c/é')", "'a%20b%26c%2F%C3%A9'")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut encoded = Buffer::new(call);
    for part in utf8_percent_encode(text, RESERVED) {
        encoded.push(part)?;
    }
    Ok(encoded.finish())
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
