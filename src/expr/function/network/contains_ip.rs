//! `net.containsIP(ip)`.

use super::address;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "containsIP",
    summary: "whether an address, or the one that a text means, is in the network",
    signatures: &[
        "net.CIDR.containsIP(net.IP) -> bool",
        "net.CIDR.containsIP(string) -> bool",
    ],
    fails: Some("text that is not an address"),
    examples: &[
        (
            "cidr('192.168.0.0/24').containsIP(ip('192.168.0.7'))",
            "true",
        ),
        ("cidr('192.168.0.0/24').containsIP('192.168.1.7')", "false"),
        ("cidr('192.168.0.0/24').containsIP('::1')", "false"),
        (
            "cidr('192.168.0.0/24').containsIP('192.168.0.0/25')",
            "error",
        ),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Cidr(net), inner] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(Value::Bool(net.contains(&address(call, inner)?)))
}
