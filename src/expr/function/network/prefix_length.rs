//! `net.prefixLength()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "prefixLength",
    summary: "how many bits name the network",
    signatures: &["net.CIDR.prefixLength() -> int"],
    fails: None,
    examples: &[
        ("cidr('192.168.1.5/24').prefixLength()", "24"),
        ("cidr('::/0').prefixLength()", "0"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::Cidr(net)] => Ok(Value::Int(net.prefix_len().into())),
        _ => Err(call.no_overload()),
    }
}
