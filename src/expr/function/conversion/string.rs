//! `string(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "string",
    summary: "the text of a number, a Boolean, UTF-8 bytes, an instant, a duration, an address or a network",
    signatures: &[
        "string(string) -> string",
        "string(int) -> string",
        "string(uint) -> string",
        "string(double) -> string",
        "string(bool) -> string",
        "string(bytes) -> string",
        "string(timestamp) -> string",
        "string(duration) -> string",
        "string(net.IP) -> string",
        "string(net.CIDR) -> string",
    ],
    fails: Some("bytes that are not UTF-8; null, a list or a map"),
    examples: &[
        ("string(123)", "'123'"),
        ("string(-4.5e-3)", "'-0.0045'"),
        ("string(b'abc')", "'abc'"),
        ("string(duration('1h'))", "'3600s'"),
        ("string(cidr('2001:DB8::/32'))", "'2001:db8::/32'"),
        (r"string(b'\000\xff')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes(match value {
        Value::String(_) | Value::Number(_) | Value::Bytes(_) => 0,
        _ => 64,
    })?;
    if let Value::Bytes(bytes) = value {
        call.reads(bytes.len())?;
    }
    convert::string(value, call.arena())
        .map(Value::String)
        .map_err(|error| call.unconverted(error))
}
