//! `auth.signature`, compiled: where a signature stands, what it covers, which keys it is checked
//! with; and the handshakes.
//!
//! ```text
//! SignatureSpec (over its preset's) + Outside's values ─compile─▶ Signature { rules, challenges }
//! ```
//!
//! A preset is no different from what a function writes out: it is put below it, key by key, and
//! the whole is compiled for the function, with the function's own parameters.

mod challenge;
mod compile;
mod keys;
mod names;
mod outside;
mod place;
mod preset;

pub use challenge::{Challenge, ChallengeBody, Stage};
pub use compile::ASSUMED;
pub(super) use compile::{Shop, compile};
pub use names::Known;
pub use outside::Outside;
pub(super) use outside::{Mark, Values};
pub(super) use preset::{Presets, check_preset};

use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use regex::Regex;

use super::clause::Clause;
use crate::auth::signature::{
    Encoding, Item, Key, KeyForm, PublicKey, Scheme, StampFormat, TokenKey, Trust,
};

/// How requests are verified before a function sees them.
pub struct Signature {
    /// Refuses nothing: what would have been refused is only counted.
    pub observe: bool,
    /// The preset's name.
    pub preset: Option<Box<str>>,
    /// Alternatives, of which a request must fulfil one. Empty: there are only handshakes.
    pub rules: Vec<Rule>,
    /// The handshakes, in order.
    pub challenges: Vec<Challenge>,
    /// `param.NAME` values; some may be secret.
    pub params: Vec<(String, String)>,
    /// Confirmations wait for an administrator.
    pub confirm_by_hand: bool,
    /// Scheme and host as the sender knows them, without a slash at the end.
    pub public_url: Option<Box<str>>,
    /// What `secret` is in a handshake: the newest.
    pub secret: Option<Key>,
    /// The names that this signature adds to the known ones, by slot.
    pub names: Vec<Box<str>>,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature")
            .field("observe", &self.observe)
            .field("preset", &self.preset)
            .field("rules", &self.rules)
            .field("challenges", &self.challenges)
            .finish_non_exhaustive()
    }
}

impl Signature {
    /// How many variables a scope of its expressions has.
    pub fn variables(&self) -> usize {
        Known::FIRST_NAME + self.names.len()
    }
}

/// One way in which requests are signed.
#[derive(Debug)]
pub struct Rule {
    /// The condition on which it is the one.
    pub when: Option<Clause>,
    /// What is computed.
    pub scheme: Scheme,
    /// Where the signature, or the token, stands.
    pub taken: Taken,
    /// When it was signed.
    pub stamp: Option<Stamp>,
    /// Further names and where their texts stand.
    pub fields: Vec<(usize, Source)>,
    /// The signed bytes.
    pub signed: Clause,
    /// What the signed bytes are made of.
    pub signed_reads: SignedReads,
    /// Every item of a list in the body is signed by itself: a pointer to the list, and one into
    /// each item, to what is `body` there.
    pub each: Option<(Pointer, Pointer)>,
    /// What it is checked with.
    pub keys: Keys,
    /// What must hold beside it.
    pub require: Vec<Clause>,
}

/// What the signed bytes depend on beside the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignedReads {
    /// Parts of the signature's item: they differ from signature to signature.
    pub item: bool,
    /// Nothing but the body.
    pub body_alone: bool,
}

/// Where a text stands in a request.
#[derive(Debug)]
pub enum Source {
    /// The one line of this name.
    Header(HeaderName),
    /// A name in the query.
    Query(Box<str>),
    /// A field of a form.
    Form(Box<str>),
    /// A pointer into the body.
    Json(Pointer),
    /// An expression.
    Value(Clause),
}

/// Where signatures stand.
#[derive(Debug)]
pub enum Place {
    /// One text.
    One(Source),
    /// Several header lines.
    Headers(Vec<HeaderName>),
    /// Header lines that end in a number, from 1.
    Numbered(Box<str>),
    /// A pointer to a list in the body, and one into each of its items, all of which must be it.
    Each(Pointer, Pointer),
    /// `Authorization`, after this word in lower case: `basic` (RFC 7617), `bearer` (RFC 6750).
    Authorization(&'static str),
}

/// A JSON pointer (RFC 6901), in its parts.
pub type Pointer = Vec<Box<str>>;

/// Names with their slots.
pub type Slots = Vec<(Box<str>, usize)>;

/// How signatures are taken out of their place.
#[derive(Debug)]
pub struct Taken {
    /// Where they stand.
    pub place: Place,
    /// What stands between the items of a list.
    pub split: Option<Box<str>>,
    /// The form of an item; its names with their slots.
    pub item: Option<(Item, Slots)>,
    /// Leading items that are none.
    pub skip: usize,
    /// How the bytes are written; `None`: as they are, for tokens.
    pub encoding: Option<Encoding>,
}

/// When a request was signed.
#[derive(Debug)]
pub struct Stamp {
    /// Where it is written.
    pub from: StampFrom,
    /// How.
    pub format: StampFormat,
    /// Seconds before and after the request's arrival.
    pub tolerance: u32,
}

/// Where the time is written.
#[derive(Debug)]
pub enum StampFrom {
    /// By itself.
    Source(Source),
    /// In the signature's list, in an item of this form.
    Item(Item),
    /// In the signature's list, at this place.
    Index(usize),
}

/// What signatures are checked with.
pub enum Keys {
    /// These, the newest first.
    Given(Vec<Key>),
    /// Those of tokens.
    Tokens(Vec<TokenKey>),
    /// Those that the provider has given in its handshakes.
    OfHandshake {
        /// What their texts stand for.
        form: KeyForm,
        /// For what they are.
        scheme: Scheme,
    },
    /// A certificate, which the request names.
    ByUrl {
        /// Where it names it.
        source: Source,
        /// What the whole host must be.
        host: Regex,
        /// What must be true of it.
        trust: Arc<Trust>,
        /// The certificates that are known, by their addresses.
        known: Vec<(Box<str>, PublicKey)>,
    },
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(keys) => write!(f, "Given({})", keys.len()),
            Self::Tokens(keys) => write!(f, "Tokens({})", keys.len()),
            Self::OfHandshake { .. } => f.write_str("OfHandshake"),
            Self::ByUrl { host, .. } => write!(f, "ByUrl({host})"),
        }
    }
}
