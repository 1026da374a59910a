//! The PROXY protocol (versions 1 and 2): who a proxy in front of us has connected for.
//!
//! Where the listener is told so, every connection must begin with such a header, and come from a
//! proxy that is trusted, or by a Unix socket: whoever else wrote one would choose its own address.

use std::io;
use std::net::IpAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a header of version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1.
const LONGEST_LINE: usize = 107;
/// Longer headers of version 2 are not read: they hold what nobody here asks for.
const LONGEST: usize = 4096;

/// Reads the header and not a byte more. `Ok(None)` where the proxy speaks for itself, as in its
/// health checks, or for what has no address.
pub(super) async fn sender(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        header.extend_from_slice(&rest);
        let [_, _, high, low] = rest;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > LONGEST {
            return Err(bad("it is too long"));
        }
        let begins = header.len();
        header.resize(begins + length, 0);
        stream
            .read_exact(header.get_mut(begins..).unwrap_or_default())
            .await?;
    } else if header.starts_with(b"PROXY ") {
        while !header.ends_with(b"\r\n") {
            if header.len() >= LONGEST_LINE {
                return Err(bad("it is too long"));
            }
            header.push(stream.read_u8().await?);
        }
    } else {
        return Err(bad("the connection does not begin with one"));
    }
    match HeaderResult::parse(&header) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Tcp4(addresses) => Some(addresses.source_address.into()),
            v1::Addresses::Tcp6(addresses) => Some(addresses.source_address.into()),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => Ok(None),
        HeaderResult::V2(Ok(header)) => Ok(match header.addresses {
            v2::Addresses::IPv4(addresses) => Some(addresses.source_address.into()),
            v2::Addresses::IPv6(addresses) => Some(addresses.source_address.into()),
            v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
        }),
        HeaderResult::V1(Err(error)) => Err(bad(&error.to_string())),
        HeaderResult::V2(Err(error)) => Err(bad(&error.to_string())),
    }
}

fn bad(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("no PROXY header: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (io::Result<Option<IpAddr>>, usize) {
        let mut stream = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let found = runtime.unwrap().block_on(sender(&mut stream));
        (found, stream.len())
    }

    /// A header of version 2 (2.2 of the protocol's text).
    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, rest].concat()
    }

    #[test]
    fn the_address_is_the_source_and_what_follows_is_left() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb];
        let mut v6 = vec![0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        v6.extend([0; 16]);
        v6.extend([0x30, 0x39, 0x01, 0xbb]);
        let with_values = [&v4[..], &[0x04, 0, 1, 0xff]].concat();
        let cases: [(Vec<u8>, Option<&str>); 8] = [
            (
                b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 443\r\n".to_vec(),
                Some("203.0.113.7"),
            ),
            (
                b"PROXY TCP6 2001:db8::1 ::1 12345 443\r\n".to_vec(),
                Some("2001:db8::1"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), None),
            (second(1, 0x11, &v4), Some("203.0.113.7")),
            (second(1, 0x21, &v6), Some("2001:db8::1")),
            (second(1, 0x11, &with_values), Some("203.0.113.7")),
            (second(0, 0x00, &[]), None),
        ];
        for (header, expected) in cases {
            let (found, left) = read(&[&header[..], b"GET / HTTP/1.1\r\n"].concat());
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(found.unwrap(), expected, "{header:?}");
            assert_eq!(left, 16, "{header:?}");
        }
    }

    #[test]
    fn anything_else_is_no_header() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"PROXY TCP4 203.0.113.7 10.0.0.1 12345\r\n\r\n",
            b"PROXY TCP4 203.0.113.700 10.0.0.1 1 2\r\n",
            b"PROXY TCP4",
            b"",
            long.as_bytes(),
            &second(7, 0x11, &[0; 12]),
            &second(1, 0x11, &[0; 4]),
            &second(1, 0x11, &[0; 5000]),
        ] {
            assert!(read(bytes).0.is_err(), "{bytes:?}");
        }
    }
}
