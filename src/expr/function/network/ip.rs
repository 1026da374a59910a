//! `ip(s)` and `net.ip()`.

use super::address;
use crate::expr::function::Prepared;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::{Value, network};

pub(super) const FUNCTION: Function = Function {
    name: "ip",
    summary: "the IP address that a text means; or the address that a network was written with",
    signatures: &["ip(string) -> net.IP", "net.CIDR.ip() -> net.IP"],
    fails: Some(
        "text that is not an address, has a zone, or is an IPv4 address dotted inside an IPv6 one",
    ),
    examples: &[
        ("string(ip('2001:DB8::0:68'))", "'2001:db8::68'"),
        ("ip('::ffff:c0a8:1') == ip('192.168.0.1')", "true"),
        ("string(cidr('192.168.1.5/24').ip())", "'192.168.1.5'"),
        ("ip('127.0.0.01')", "error"),
        ("ip('fe80::1%eth0')", "error"),
    ],
    prepare: Some(prepare),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match *arguments {
        [Value::Cidr(net)] => Ok(Value::Ip(net.addr())),
        [text @ Value::String(_)] => address(call, text).map(Value::Ip),
        _ => Err(call.no_overload()),
    }
}

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    match arguments {
        [Some(Value::String(text))] => match network::parse_ip(text) {
            Ok(_) => Ok(None),
            Err(why) => Err((0, why.to_owned())),
        },
        _ => Ok(None),
    }
}
