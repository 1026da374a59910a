//! Who sent a request, when proxies stand in between.
//!
//! A proxy's word is taken only when the proxy is trusted, and then from the right: the first
//! address that no trusted proxy has is the one that a trusted proxy saw itself. Everything left
//! of it is what a stranger wrote.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks whose `X-Forwarded-For` and `Forwarded` are believed.
#[derive(Debug, Default)]
pub(super) struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    pub(super) fn new(networks: &[(IpAddr, u8)]) -> Self {
        let canonical = |(address, prefix): &(IpAddr, u8)| (address.to_canonical(), *prefix);
        Self(networks.iter().map(canonical).collect())
    }

    /// Whether the address is a trusted proxy's.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        self.0
            .iter()
            .any(|(network, prefix)| contains(*network, *prefix, address))
    }

    /// Who sent the request: who connected, or whom trusted proxies name.
    pub(super) fn sender(&self, connected: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        // A Unix socket is open only to what the administrator lets at it, but that does not make
        // its headers true: without an address there is nothing to trust.
        let connected = connected?;
        if self.0.is_empty() || !self.trust(connected) {
            return Some(connected);
        }
        let hops = if headers.contains_key(X_FORWARDED_FOR) {
            hops(headers, &X_FORWARDED_FOR, parse_plain)
        } else {
            hops(headers, &FORWARDED, parse_forwarded)
        };
        let mut sender = connected;
        for hop in hops.into_iter().rev() {
            // What cannot be read ends what is known.
            let Some(address) = hop else { break };
            sender = address;
            if !self.trust(address) {
                break;
            }
        }
        Some(sender)
    }
}

fn hops(
    headers: &HeaderMap,
    name: &HeaderName,
    parse: fn(&str) -> Option<IpAddr>,
) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    for line in headers.get_all(name) {
        match line.to_str() {
            Ok(line) => hops.extend(line.split(',').map(parse)),
            Err(_) => hops.push(None),
        }
    }
    hops
}

/// `203.0.113.7`, `203.0.113.7:443`, `2001:db8::1`, `[2001:db8::1]:443`
fn parse_plain(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text
        .parse()
        .ok()
        .or_else(|| {
            text.parse()
                .ok()
                .map(|socket: std::net::SocketAddr| socket.ip())
        })
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

/// The `for` of one element of RFC 7239.
fn parse_forwarded(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })?;
    parse_plain(value.trim().trim_matches('"'))
}

fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(prefix.min(32)))
                .unwrap_or(0);
            u32::from(network) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(prefix.min(128)))
                .unwrap_or(0);
            u128::from(network) & mask == u128::from(address) & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_most_untrusted_hop_is_the_sender() {
        let check =
            |connected: &str, header: Option<(&'static str, &'static str)>, sender: &str| {
                let proxies = TrustedProxies::new(&[
                    ("10.0.0.0".parse().unwrap(), 8),
                    ("fd00::".parse().unwrap(), 8),
                ]);
                let mut headers = HeaderMap::new();
                if let Some((name, value)) = header {
                    headers.insert(name, value.parse().unwrap());
                }
                let found = proxies.sender(connected.parse().ok(), &headers);
                assert_eq!(found, sender.parse().ok(), "{connected} {header:?}");
            };
        let forwarded_for = |value| Some(("x-forwarded-for", value));
        check("198.51.100.1", None, "198.51.100.1");
        check("198.51.100.1", forwarded_for("203.0.113.7"), "198.51.100.1");
        check("10.0.0.1", forwarded_for("203.0.113.7"), "203.0.113.7");
        check(
            "10.0.0.1",
            forwarded_for("1.1.1.1, 203.0.113.7"),
            "203.0.113.7",
        );
        check(
            "10.0.0.1",
            forwarded_for("1.1.1.1, 203.0.113.7, 10.2.3.4"),
            "203.0.113.7",
        );
        check("10.0.0.1", forwarded_for("10.9.9.9, 10.2.3.4"), "10.9.9.9");
        check("10.0.0.1", forwarded_for("1.1.1.1, garbage"), "10.0.0.1");
        check("10.0.0.1", forwarded_for("203.0.113.7:5555"), "203.0.113.7");
        check(
            "10.0.0.1",
            forwarded_for("[2001:db8::1]:5555"),
            "2001:db8::1",
        );
        check("fd00::1", forwarded_for("2001:db8::1"), "2001:db8::1");
        check(
            "10.0.0.1",
            Some(("forwarded", "for=203.0.113.7;proto=https")),
            "203.0.113.7",
        );
        check(
            "10.0.0.1",
            Some(("forwarded", "for=\"[2001:db8::1]:80\"")),
            "2001:db8::1",
        );
        check("10.0.0.1", Some(("forwarded", "proto=https")), "10.0.0.1");
        check("", forwarded_for("203.0.113.7"), "");
    }
}
