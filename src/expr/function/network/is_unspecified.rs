//! `ip.isUnspecified()`.

use super::claim;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "isUnspecified",
    summary: "whether the address is `0.0.0.0` or `::`",
    signatures: &["net.IP.isUnspecified() -> bool"],
    fails: None,
    examples: &[
        ("ip('::').isUnspecified()", "true"),
        ("ip('127.0.0.1').isUnspecified()", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    claim(call, arguments, |address| address.is_unspecified())
}
