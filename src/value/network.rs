//! IP addresses and networks: what text means one, and what an address is good for.
//!
//! The rules are those of CEL's network extension, which Kubernetes brought up: text is read
//! strictly, without zones, leading zeros or dotted IPv4 inside IPv6; a network keeps the bits
//! beyond its prefix. An IPv4 address that is written in hexadecimal as IPv6 is that IPv4 address.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads an address: `192.168.0.1`, `2001:db8::68`. The error says what is wrong.
pub fn parse_ip(text: &str) -> Result<IpAddr, &'static str> {
    if text.contains('%') {
        return Err("an IP address with a zone");
    }
    match text.parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(_) if text.contains('.') => Err("an IPv4 address inside an IPv6 address"),
            Some(mapped) => Ok(IpAddr::V4(mapped)),
            None => Ok(IpAddr::V6(address)),
        },
        Ok(address) => Ok(address),
        Err(_) => Err("not an IP address such as `192.168.0.1` or `2001:db8::68`"),
    }
}

/// Reads a network: `192.168.0.0/24`, `2001:db8::/32`. The error says what is wrong.
pub fn parse_cidr(text: &str) -> Result<IpNet, &'static str> {
    const SHAPE: &str = "not a network such as `192.168.0.0/24` or `2001:db8::/32`";
    let (address, length) = text.rsplit_once('/').ok_or(SHAPE)?;
    if address.contains('%') {
        return Err("a network with a zone");
    }
    let address: IpAddr = address.parse().map_err(|_| SHAPE)?;
    if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return Err("an IPv4 network inside an IPv6 address");
    }
    // A sign or a leading zero is no part of a length.
    let is_plain = length.bytes().all(|digit| digit.is_ascii_digit())
        && (length.len() == 1 || !length.starts_with('0'));
    let length = length.parse().ok().filter(|_| is_plain).ok_or(SHAPE)?;
    IpNet::new(address, length).map_err(|_| "a prefix longer than the address")
}

/// Whether the text is an address in the form of RFC 5952; the error is [`parse_ip`]'s.
pub fn is_canonical(text: &str) -> Result<bool, &'static str> {
    Ok(parse_ip(text)?.to_string() == text)
}

/// Whether the address is one host's, and not only on its own link: private ones are.
pub fn is_global_unicast(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(is_broadcast
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || is_link_local_unicast(address))
}

/// Whether the address is in 169.254.0.0/16 or `fe80::/10`.
pub fn is_link_local_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether the address is in 224.0.0.0/24 or is an IPv6 multicast address of the link's scope.
pub fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
        IpAddr::V6(address) => address
            .segments()
            .first()
            .is_some_and(|first| first & 0xff0f == 0xff02),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let check = |text: &str, want: &str| {
            assert_eq!(
                parse_ip(text).map(|ip| ip.to_string()).as_deref(),
                Ok(want),
                "{text}"
            );
        };
        check("127.0.0.1", "127.0.0.1");
        check("2001:DB8:0:0:0:0:0:68", "2001:db8::68");
        check("::", "::");
        check("1:0:0:2:0:0:0:3", "1:0:0:2::3");
        check("::1.2.3.4", "::102:304");
        check("::ffff:c0a8:1", "192.168.0.1");
        for text in [
            "",
            " 127.0.0.1",
            "127.0.0",
            "127.0.0.1.0",
            "127.0.0.256",
            "127.0.0.01",
            "0x7f.0.0.1",
            "127.0.0.1/32",
            "127.0.0.1:80",
            "[::1]",
            "::1::",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8::",
            "12345::",
            "::g",
            "fe80::1%eth0",
            "::ffff:192.168.0.1",
            "１.1.1.1",
        ] {
            assert!(parse_ip(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_are_read_strictly_and_keep_their_host_bits() {
        let check = |text: &str, want: &str| {
            assert_eq!(
                parse_cidr(text).map(|net| net.to_string()).as_deref(),
                Ok(want),
                "{text}"
            );
        };
        check("192.168.0.1/24", "192.168.0.1/24");
        check("0.0.0.0/0", "0.0.0.0/0");
        check("2001:DB8::/128", "2001:db8::/128");
        for text in [
            "",
            "192.168.0.0",
            "192.168.0.0/",
            "/24",
            "192.168.0.0/33",
            "::/129",
            "::/256",
            "::/-1",
            "192.168.0.0/+8",
            "192.168.0.0/08",
            "192.168.0.0/00",
            "192.168.0.0/ 8",
            "192.168.0.0/8/8",
            "fe80::1%eth0/64",
            "::ffff:192.168.0.1/24",
            "::ffff:c0a8:1/120",
            "192.168.0/24",
        ] {
            assert!(parse_cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_has_one_canonical_form() {
        let check = |text: &str, want| assert_eq!(is_canonical(text).ok(), want, "{text}");
        check("127.0.0.1", Some(true));
        check("2001:db8::68", Some(true));
        check("2001:DB8::68", Some(false));
        check("2001:db8:0:0:0:0:0:68", Some(false));
        check("2001:db8::0:68", Some(false));
        check("127.0.0.1.0", None);
    }

    #[test]
    fn ranges_are_those_of_go() {
        let check = |text: &str, global: bool, unicast: bool, multicast: bool| {
            let ip = parse_ip(text).unwrap();
            let got = (
                is_global_unicast(ip),
                is_link_local_unicast(ip),
                is_link_local_multicast(ip),
            );
            assert_eq!(got, (global, unicast, multicast), "{text}");
        };
        check("0.0.0.0", false, false, false);
        check("127.1.2.3", false, false, false);
        check("255.255.255.255", false, false, false);
        check("192.168.0.1", true, false, false);
        check("169.254.0.1", false, true, false);
        check("224.0.0.255", false, false, true);
        check("224.0.1.1", false, false, false);
        check("239.1.1.1", false, false, false);
        check("::", false, false, false);
        check("::1", false, false, false);
        check("fd00::1", true, false, false);
        check("febf::1", false, true, false);
        check("fec0::1", true, false, false);
        check("ff02::1", false, false, true);
        check("ff12::1", false, false, true);
        check("ff05::1", false, false, false);
    }
}
