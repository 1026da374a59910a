//! `isIP(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "isIP",
    summary: "whether the text is an IP address as `ip` takes it",
    signatures: &["isIP(string) -> bool"],
    fails: None,
    examples: &[
        ("isIP('192.168.0.1')", "true"),
        ("isIP('192.168.0.0/16')", "false"),
        ("isIP('192.168.0.1.0')", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    Ok(Value::Bool(network::parse_ip(text).is_ok()))
}
