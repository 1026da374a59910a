//! `ip.isLoopback()`.

use super::claim;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "isLoopback",
    summary: "whether the address is this host's to itself: in 127.0.0.0/8, or `::1`",
    signatures: &["net.IP.isLoopback() -> bool"],
    fails: None,
    examples: &[
        ("ip('127.1.2.3').isLoopback()", "true"),
        ("ip('::2').isLoopback()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    claim(call, arguments, |address| address.is_loopback())
}
