//! `isCIDR(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "isCIDR",
    summary: "whether the text is a network as `cidr` takes it",
    signatures: &["isCIDR(string) -> bool"],
    fails: None,
    examples: &[
        ("isCIDR('192.168.0.1')", "false"),
        ("isCIDR('192.168.0.0/16')", "true"),
        ("isCIDR('192.168.0.0/016')", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    Ok(Value::Bool(network::parse_cidr(text).is_ok()))
}
