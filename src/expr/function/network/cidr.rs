//! `cidr(s)`.

use super::net;
use crate::expr::function::Prepared;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "cidr",
    summary: "the network that a text means: an address, `/`, and how many of its bits name the network",
    signatures: &["cidr(string) -> net.CIDR"],
    fails: Some("text that is not a network, has a zone, or is an IPv4 address inside an IPv6 one"),
    examples: &[
        ("string(cidr('192.168.1.5/24'))", "'192.168.1.5/24'"),
        ("cidr('10.0.0.0/8') == cidr('10.0.0.0/8')", "true"),
        ("cidr('10.0.0.1/8') == cidr('10.0.0.0/8')", "false"),
        ("cidr('10.0.0.0/33')", "error"),
        ("cidr('10.0.0.0')", "error"),
    ],
    prepare: Some(prepare),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [text @ Value::String(_)] => net(call, text).map(Value::Cidr),
        _ => Err(call.no_overload()),
    }
}

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    match arguments {
        [Some(Value::String(text))] => match network::parse_cidr(text) {
            Ok(_) => Ok(None),
            Err(why) => Err((0, why.to_owned())),
        },
        _ => Ok(None),
    }
}
