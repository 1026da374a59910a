//! IP addresses and networks: CEL's `network` extension.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Call, Function, Outcome};
use crate::expr::{Fault, FaultKind};
use crate::value::{Value, network};

mod cidr;
mod contains_cidr;
mod contains_ip;
mod family;
mod ip;
mod is_canonical;
mod is_cidr;
mod is_global_unicast;
mod is_ip;
mod is_link_local_multicast;
mod is_link_local_unicast;
mod is_loopback;
mod is_unspecified;
mod masked;
mod prefix_length;

pub(super) const ALL: &[&Function] = &[
    &cidr::FUNCTION,
    &contains_cidr::FUNCTION,
    &contains_ip::FUNCTION,
    &family::FUNCTION,
    &ip::FUNCTION,
    &is_canonical::FUNCTION,
    &is_cidr::FUNCTION,
    &is_global_unicast::FUNCTION,
    &is_ip::FUNCTION,
    &is_link_local_multicast::FUNCTION,
    &is_link_local_unicast::FUNCTION,
    &is_loopback::FUNCTION,
    &is_unspecified::FUNCTION,
    &masked::FUNCTION,
    &prefix_length::FUNCTION,
];

/// The address that an argument is, or that its text means.
fn address<'a>(call: &Call<'_, 'a>, value: Value<'_>) -> Result<IpAddr, Fault<'a>> {
    match value {
        Value::Ip(address) => Ok(address),
        Value::String(text) => {
            call.reads(text.len())?;
            network::parse_ip(text).map_err(|why| call.fault(FaultKind::Range, why))
        }
        _ => Err(call.no_overload()),
    }
}

/// The network that an argument is, or that its text means.
fn net<'a>(call: &Call<'_, 'a>, value: Value<'_>) -> Result<IpNet, Fault<'a>> {
    match value {
        Value::Cidr(net) => Ok(net),
        Value::String(text) => {
            call.reads(text.len())?;
            network::parse_cidr(text).map_err(|why| call.fault(FaultKind::Range, why))
        }
        _ => Err(call.no_overload()),
    }
}

/// What holds of an address.
fn claim<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    holds: fn(IpAddr) -> bool,
) -> Outcome<'a> {
    match *arguments {
        [Value::Ip(address)] => Ok(Value::Bool(holds(address))),
        _ => Err(call.no_overload()),
    }
}
