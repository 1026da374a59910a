//! The names that expressions of a signature know beside the request's.

use std::sync::Arc;

use super::super::root::{self, Root};
use crate::expr::{Environment, Field, Others, Record, Slot, Type};

/// A name that every signature knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The URL as the sender knows it.
    Url,
    /// The URL's path, as it was sent.
    UrlPath,
    /// The URL's query, as it was sent.
    UrlQuery,
    /// The URL with the pairs of its query sorted.
    UrlSorted,
    /// The form's fields: names sorted, each followed by its value; of equal names the values
    /// sorted, each once.
    FormSorted,
    /// The secret that is tried.
    Secret,
    /// What the function gives under `params`.
    Param,
    /// The time as the sender wrote it.
    Timestamp,
    /// What a token says.
    Claims,
}

impl Known {
    /// All, in the order of their slots, which follow the roots'.
    pub const ALL: [Self; 9] = [
        Self::Url,
        Self::UrlPath,
        Self::UrlQuery,
        Self::UrlSorted,
        Self::FormSorted,
        Self::Secret,
        Self::Param,
        Self::Timestamp,
        Self::Claims,
    ];

    /// The slot of the first name that a signature adds itself.
    pub const FIRST_NAME: usize = Root::ALL.len() + Self::ALL.len();

    /// The name in expressions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::UrlPath => "url_path",
            Self::UrlQuery => "url_query",
            Self::UrlSorted => "url_sorted",
            Self::FormSorted => "form_sorted",
            Self::Secret => "secret",
            Self::Param => "param",
            Self::Timestamp => "timestamp",
            Self::Claims => "claims",
        }
    }

    /// The name of a slot; `None` for roots and for added names.
    pub fn of(slot: Slot) -> Option<Self> {
        let index = usize::from(slot.0).checked_sub(Root::ALL.len())?;
        Self::ALL.get(index).copied()
    }
}

/// The environment of a signature: the request, the known names, and those that it adds.
pub(super) fn environment(
    params: &[&str],
    names: &[Box<str>],
    env: &[String],
    path: &[String],
) -> Environment {
    let mut environment = root::environment(&[], env, path);
    for known in Known::ALL {
        let of = match known {
            Known::Secret => Type::Bytes,
            Known::Param => param(params),
            Known::Claims => Type::Dyn,
            Known::Url
            | Known::UrlPath
            | Known::UrlQuery
            | Known::UrlSorted
            | Known::FormSorted
            | Known::Timestamp => Type::String,
        };
        environment.declare(known.name(), of);
    }
    for name in names {
        environment.declare(&**name, Type::String);
    }
    environment
}

fn param(params: &[&str]) -> Type {
    let fields = params
        .iter()
        .map(|name| Field::required(*name, Type::String));
    Type::Record(Arc::new(Record {
        name: Some("param".to_owned()),
        fields: fields.collect(),
        others: Others::Wrong,
        source: None,
        hint: Some("give it under `signature`: `params: { {}: … }`"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_at_its_own_slot() {
        let environment = environment(&[], &["id".into()], &[], &[]);
        for known in Known::ALL {
            let (slot, _) = environment.find(known.name()).unwrap();
            assert_eq!(Known::of(slot), Some(known));
        }
        let (slot, _) = environment.find("id").unwrap();
        assert_eq!(usize::from(slot.0), Known::FIRST_NAME);
        assert_eq!(Known::of(slot), None);
    }
}
