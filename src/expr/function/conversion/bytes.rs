//! `bytes(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "bytes",
    summary: "the UTF-8 bytes of a text",
    signatures: &["bytes(bytes) -> bytes", "bytes(string) -> bytes"],
    fails: None,
    examples: &[("bytes('ab')", "b'ab'"), ("size(bytes('é'))", "2")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    convert::bytes(value)
        .map(Value::Bytes)
        .map_err(|error| call.unconverted(error))
}
