//! `ip.isCanonical(s)`.

use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "ip.isCanonical",
    summary: "whether the text is an IP address in the form of RFC 5952",
    signatures: &["ip.isCanonical(string) -> bool"],
    fails: Some("text that is not an address"),
    examples: &[
        ("ip.isCanonical('2001:db8::68')", "true"),
        ("ip.isCanonical('2001:DB8::68')", "false"),
        ("ip.isCanonical('127.0.0.1.0')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    network::is_canonical(text)
        .map(Value::Bool)
        .map_err(|why| call.fault(FaultKind::Range, why))
}
