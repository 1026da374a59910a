//! `net.masked()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "masked",
    summary: "the network without the bits beyond its prefix",
    signatures: &["net.CIDR.masked() -> net.CIDR"],
    fails: None,
    examples: &[(
        "string(cidr('192.168.1.5/24').masked())",
        "'192.168.1.0/24'",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::Cidr(net)] => Ok(Value::Cidr(net.trunc())),
        _ => Err(call.no_overload()),
    }
}
