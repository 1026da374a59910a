//! `ip.isLinkLocalUnicast()`.

use super::claim;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "isLinkLocalUnicast",
    summary: "whether the address is a host's on this link: in 169.254.0.0/16, or fe80::/10",
    signatures: &["net.IP.isLinkLocalUnicast() -> bool"],
    fails: None,
    examples: &[
        ("ip('169.254.1.1').isLinkLocalUnicast()", "true"),
        ("ip('fd80::1').isLinkLocalUnicast()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    claim(call, arguments, network::is_link_local_unicast)
}
