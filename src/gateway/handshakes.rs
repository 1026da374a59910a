//! Secrets that providers have given in their handshakes, at hand for the requests that they sign.

use std::collections::HashMap;

use secrecy::SecretString;

/// A secret in functions' own tests, where no handshake has been: a text, hexadecimal digits and
/// Base64 at once.
pub(super) const MADE_UP: &str = "6d6164652075702c206d616465207570";

/// By function.
#[derive(Debug, Default)]
pub struct HandshakeSecrets {
    functions: HashMap<String, Vec<SecretString>>,
    /// Of those that are not among them.
    others: Vec<SecretString>,
}

impl HandshakeSecrets {
    /// One for every function, for their own tests.
    pub(super) fn made_up() -> Self {
        Self {
            functions: HashMap::new(),
            others: vec![MADE_UP.into()],
        }
    }

    /// Those of a function, the oldest first.
    pub(super) fn of(&self, function: &str) -> &[SecretString] {
        self.functions.get(function).unwrap_or(&self.others)
    }
}

impl FromIterator<(String, SecretString)> for HandshakeSecrets {
    fn from_iter<T: IntoIterator<Item = (String, SecretString)>>(secrets: T) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (function, secret) in secrets {
            all.entry(function).or_default().push(secret);
        }
        Self {
            functions: all,
            others: Vec::new(),
        }
    }
}
