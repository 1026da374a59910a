//! `ip.family()`.

use std::net::IpAddr;

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "family",
    summary: "4 or 6",
    signatures: &["net.IP.family() -> int"],
    fails: None,
    examples: &[
        ("ip('192.168.0.1').family()", "4"),
        ("ip('::1').family()", "6"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::Ip(IpAddr::V4(_))] => Ok(Value::Int(4)),
        [Value::Ip(IpAddr::V6(_))] => Ok(Value::Int(6)),
        _ => Err(call.no_overload()),
    }
}
