//! `ip.isLinkLocalMulticast()`.

use super::claim;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "isLinkLocalMulticast",
    summary: "whether the address is a group on this link: in 224.0.0.0/24, or `ff02::`",
    signatures: &["net.IP.isLinkLocalMulticast() -> bool"],
    fails: None,
    examples: &[
        ("ip('224.0.0.1').isLinkLocalMulticast()", "true"),
        ("ip('224.0.1.1').isLinkLocalMulticast()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    claim(call, arguments, network::is_link_local_multicast)
}
