//! Callers that show a certificate (mutual TLS): who it is for, and whether a function takes that.

use std::fmt;

/// A certificate that a connection has shown, and that an authority of the listener's vouches for.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The names that it is for: hosts and URIs of its subject alternative names (RFC 5280,
    /// 4.2.1.6). Names in its subject do not count.
    pub names: Box<[Box<str>]>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}

impl fmt::Display for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(", "))
    }
}

impl ClientCertificate {
    /// Whether it is for one of these names; `*` is every name.
    pub fn is_for(&self, wanted: &[Box<str>]) -> bool {
        wanted.iter().any(|wanted| {
            let mut names = self.names.iter();
            **wanted == *"*" || names.any(|name| name.eq_ignore_ascii_case(wanted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_whole_name() {
        let names = ["crm.example.com".into(), "spiffe://example/crm".into()];
        let certificate = ClientCertificate {
            names: names.into(),
        };
        for (wanted, is_for) in [
            ("crm.example.com", true),
            ("CRM.example.com", true),
            ("spiffe://example/crm", true),
            ("*", true),
            ("example.com", false),
            ("*.example.com", false),
            ("", false),
        ] {
            assert_eq!(certificate.is_for(&[wanted.into()]), is_for, "{wanted}");
        }
        assert!(!certificate.is_for(&[]));
    }
}
