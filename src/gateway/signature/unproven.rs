//! Why a request is not proven to come from its sender.

use std::fmt;

use crate::gateway::Wanted;

/// A part of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The signature, or the token.
    Signature,
    /// When it was signed.
    Timestamp,
    /// A further text that is signed.
    Field,
    /// The certificate's address.
    Certificate,
    /// The address that confirms.
    Visit,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the signature",
            Self::Timestamp => "the timestamp",
            Self::Field => "a signed field",
            Self::Certificate => "the certificate's address",
            Self::Visit => "the address that confirms",
        })
    }
}

/// For the operator only: a caller must not learn which part was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// No alternative is for such a request.
    #[error("it is signed in none of the ways that the scheme has")]
    NoRule,
    /// Something is not there, or empty.
    #[error("{0} is missing")]
    Absent(Step),
    /// Something that must be there once is there twice.
    #[error("{0} is there more than once")]
    Repeated(Step),
    /// Something is there in another form.
    #[error("{0} is not in its form")]
    Malformed(Step),
    /// Signed too long ago, or in the future.
    #[error("it was signed {by} s {}, {tolerance} s are allowed", if *.is_past { "ago" } else { "in the future" })]
    Stale {
        /// Seconds between then and now.
        by: u64,
        /// It lies in the past.
        is_past: bool,
        /// What is allowed.
        tolerance: u32,
    },
    /// A condition of the scheme does not hold.
    #[error("a requirement of the scheme does not hold: {0}")]
    Requirement(String),
    /// What is signed needs something that the request lacks.
    #[error("the signed text cannot be made: {0}")]
    Unsigned(String),
    /// The certificate is not one that may be used.
    #[error("the certificate {0}")]
    Certificate(String),
    /// Its certificate must be fetched.
    #[error("the certificate at `{}` is not at hand", .0.url)]
    Awaits(Wanted),
    /// Its certificate cannot be fetched.
    #[error("the certificate cannot be fetched: {0}")]
    Unreachable(String),
    /// The provider has not given a secret yet.
    #[error("no handshake has given a secret yet")]
    NoHandshake,
    /// Everything is there, and it is not right.
    #[error("the signature does not fit")]
    Mismatch,
}

impl Unproven {
    /// How far a request came before it failed so: of alternatives the one that came furthest is
    /// told.
    pub(super) fn progress(&self) -> u8 {
        match self {
            Self::NoRule => 0,
            Self::Absent(Step::Signature) => 1,
            Self::Repeated(Step::Signature) => 2,
            Self::Absent(_) | Self::Repeated(_) | Self::Malformed(_) => 3,
            Self::Stale { .. } => 4,
            Self::Certificate(_) | Self::NoHandshake => 5,
            Self::Awaits(_) | Self::Unreachable(_) => 9,
            Self::Unsigned(_) => 6,
            Self::Requirement(_) => 7,
            Self::Mismatch => 8,
        }
    }
}
