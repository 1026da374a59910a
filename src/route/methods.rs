//! Which methods a function accepts.
//!
//! `HEAD` is answered wherever `GET` is, without its body; `OPTIONS` is answered for every
//! address. Neither can be accepted by itself, so that both mean the same everywhere.

use http::Method;

use crate::expr::Type;

/// The methods that `accept.methods` may list, in the order in which `Allow` names them.
const KNOWN: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    // Only handshakes: every address answers it, whatever its function accepts.
    Method::OPTIONS,
];

/// A set of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Methods(u8);

impl Methods {
    /// Zoho's: `GET` and `POST`.
    pub const DEFAULT: Self = Self(0b11);

    /// The bit of a method that is written in capitals, as `accept.methods` must; `None` for any
    /// other text.
    pub fn named(name: &str) -> Option<Self> {
        Self::asked_by(name).filter(|_| !matches!(name, "HEAD" | "OPTIONS"))
    }

    /// The bit of a method by which a handshake may come.
    pub(super) fn asked_by(name: &str) -> Option<Self> {
        let name = if name == "HEAD" { "GET" } else { name };
        let index = KNOWN.iter().position(|known| known.as_str() == name)?;
        Some(Self(1 << index))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Nothing is accepted.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a request with this method is answered.
    pub fn accept(self, method: &Method) -> bool {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.iter().any(|known| known == method)
    }

    /// The methods themselves.
    pub fn iter(self) -> impl Iterator<Item = &'static Method> {
        const { &KNOWN }
            .iter()
            .enumerate()
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, method)| method)
    }

    /// The type of `method` in a function that accepts these.
    pub(super) fn of(self) -> Type {
        let head = self.accept(&Method::HEAD).then_some(&Method::HEAD);
        let words: Vec<String> = self.iter().chain(head).map(Method::to_string).collect();
        if words.is_empty() {
            return Type::String;
        }
        Type::Word(words.into())
    }

    /// What `Allow` says: these, `HEAD` beside `GET`, and `OPTIONS`.
    pub fn allow(self) -> Vec<Method> {
        let mut allow: Vec<Method> = self.iter().cloned().collect();
        if allow.first() == Some(&Method::GET) {
            allow.insert(1, Method::HEAD);
        }
        if allow.last() != Some(&Method::OPTIONS) {
            allow.push(Method::OPTIONS);
        }
        allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_goes_with_get_and_options_with_everything() {
        let names = |set: Methods| {
            set.allow()
                .iter()
                .map(|method| method.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Methods::DEFAULT), ["GET", "HEAD", "POST", "OPTIONS"]);
        let delete = Methods::named("DELETE").unwrap();
        assert_eq!(names(delete), ["DELETE", "OPTIONS"]);
        assert!(Methods::DEFAULT.accept(&Method::HEAD));
        assert!(!delete.accept(&Method::HEAD));
        assert!(!Methods::DEFAULT.accept(&Method::OPTIONS));
        assert!(!Methods::DEFAULT.accept(&Method::from_bytes(b"BREW").unwrap()));
    }

    #[test]
    fn only_capitals_name_a_method() {
        for bad in ["post", "HEAD", "OPTIONS", "CONNECT", "TRACE", ""] {
            assert_eq!(Methods::named(bad), None, "{bad}");
        }
    }
}
