//! `auth.allow_ips`: from where requests may come.
//!
//! An address proves nothing: it stands beside a key or a signature, and keeps those who have
//! neither from trying. An IPv4 address that comes in IPv6's clothes (`::ffff:192.0.2.1`) is the
//! IPv4 address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::report::{Complete, Report};
use super::settings;
use crate::diagnostic::code;
use crate::spec::FieldPath;

/// Networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed(Box<[IpNet]>);

impl Allowed {
    /// Reads the networks of `auth.allow_ips`; what is none is reported, and nothing is allowed by
    /// it.
    pub(super) fn compile(networks: &[String], report: &mut Report<'_>) -> Self {
        let at = FieldPath::root().key("auth").key("allow_ips");
        if networks.is_empty() {
            report
                .error(code::settings::BAD_NETWORK, &at, "no address is allowed")
                .help("list them, or take `allow_ips` out");
        }
        let read = settings::networks(networks, &at, report);
        let found: Vec<IpNet> = read
            .into_iter()
            .filter_map(|(address, length)| {
                let (address, length) = canonical(address, length)?;
                IpNet::new(address, length).ok()
            })
            .collect();
        Self(found.into())
    }

    /// Whether a request from there may come in. One whose sender is not known may not.
    pub fn allows(&self, peer: Option<IpAddr>) -> bool {
        let Some(peer) = peer.map(|peer| peer.to_canonical()) else {
            return false;
        };
        self.0.iter().any(|network| network.contains(&peer))
    }
}

/// A network of IPv4 addresses in IPv6's clothes as what it is.
fn canonical(address: IpAddr, length: u8) -> Option<(IpAddr, u8)> {
    let plain = address.to_canonical();
    if plain == address {
        return Some((address, length));
    }
    Some((plain, length.checked_sub(96)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(networks: &[(&str, u8)]) -> Allowed {
        let networks = networks.iter().map(|(address, length)| {
            let (address, length) = canonical(address.parse().unwrap(), *length).unwrap();
            IpNet::new(address, length).unwrap()
        });
        Allowed(networks.collect())
    }

    #[test]
    fn an_address_is_the_same_in_both_families() {
        let allowed = allowed(&[
            ("192.0.2.0", 24),
            ("::ffff:198.51.100.0", 120),
            ("2001:db8::", 32),
        ]);
        for (peer, is_allowed) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.3.7", false),
            ("198.51.100.1", true),
            ("::ffff:198.51.100.1", true),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(allowed.allows(peer.parse().ok()), is_allowed, "{peer}");
        }
        assert!(!allowed.allows(None));
    }
}
