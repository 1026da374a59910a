//! `net.containsCIDR(net)`.

use super::net;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "containsCIDR",
    summary: "whether all of a network, or of the one that a text means, is in the network",
    signatures: &[
        "net.CIDR.containsCIDR(net.CIDR) -> bool",
        "net.CIDR.containsCIDR(string) -> bool",
    ],
    fails: Some("text that is not a network"),
    examples: &[
        (
            "cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.9/25'))",
            "true",
        ),
        (
            "cidr('192.168.0.0/24').containsCIDR('192.168.0.0/23')",
            "false",
        ),
        (
            "cidr('192.168.0.0/24').containsCIDR('192.168.0.1')",
            "error",
        ),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Cidr(outer), inner] = *arguments else {
        return Err(call.no_overload());
    };
    let inner = net(call, inner)?;
    Ok(Value::Bool(
        outer.prefix_len() <= inner.prefix_len() && outer.contains(&inner.addr()),
    ))
}
