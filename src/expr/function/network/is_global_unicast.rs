//! `ip.isGlobalUnicast()`.

use super::claim;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "isGlobalUnicast",
    summary: "whether the address is one host's beyond its own link; private ones are",
    signatures: &["net.IP.isGlobalUnicast() -> bool"],
    fails: None,
    examples: &[
        ("ip('192.168.0.1').isGlobalUnicast()", "true"),
        ("ip('255.255.255.255').isGlobalUnicast()", "false"),
        ("ip('ff00::1').isGlobalUnicast()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    claim(call, arguments, network::is_global_unicast)
}
