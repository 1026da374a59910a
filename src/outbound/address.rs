//! Which addresses may be connected to: public ones, and those that the administrator allows.

use std::net::IpAddr;
use std::sync::Arc;

use http_acl::HttpAcl;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The rule.
#[derive(Debug)]
pub(super) struct Addresses {
    public: HttpAcl,
    allowed: Vec<IpNet>,
}

impl Addresses {
    pub(super) fn new(allowed: &[(IpAddr, u8)]) -> Self {
        let networks = allowed
            .iter()
            .filter_map(|(address, prefix)| IpNet::new(address.to_canonical(), *prefix).ok());
        Self {
            public: HttpAcl::builder().ip_acl_default(true).build(),
            allowed: networks.collect(),
        }
    }

    /// Whether it may be connected to, however it is written: `::ffff:10.0.0.1` is 10.0.0.1.
    pub(super) fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mut allowed = self.allowed.iter();
        // The crate counts multicast among the global ones.
        (self.public.is_ip_allowed(&address).is_allowed() && !address.is_multicast())
            || allowed.any(|network| network.contains(&address))
    }
}

/// Resolves names as the system does, and leaves out what may not be connected to: what is
/// connected to is what was looked at.
pub(super) struct Resolver(pub(super) Arc<Addresses>);

/// A name has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("its address is not a public one")]
pub(super) struct NotPublic;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|at| addresses.allow(at.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_and_allowed_ones_are_connected_to() {
        let none = Addresses::new(&[]);
        let some = Addresses::new(&[("10.1.0.0".parse().unwrap(), 16)]);
        let cases = [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1:248:1893:25c8:1946", true, true),
            ("127.0.0.1", false, false),
            ("0.0.0.0", false, false),
            ("10.1.2.3", false, true),
            ("::ffff:10.1.2.3", false, true),
            ("10.2.2.3", false, false),
            ("172.16.0.1", false, false),
            ("192.168.1.1", false, false),
            ("169.254.169.254", false, false),
            ("100.64.0.1", false, false),
            ("::1", false, false),
            ("::ffff:127.0.0.1", false, false),
            ("64:ff9b::7f00:1", false, false),
            ("2002:7f00:1::", false, false),
            ("fe80::1", false, false),
            ("fd00:ec2::254", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
        ];
        for (text, public, allowed) in cases {
            let address = text.parse().unwrap();
            assert_eq!(none.allow(address), public, "{text}");
            assert_eq!(some.allow(address), allowed, "{text}");
        }
    }
}
