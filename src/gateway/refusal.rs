//! Why a request was turned away.

use super::Wanted;
use super::signature::Unproven;
use crate::auth::KeyRefusal;

/// Each reason has a line in the log, a count in the metrics, and a row in the server's one table
/// of what the caller may learn.
#[derive(Debug)]
pub enum Refusal {
    /// No function answers this address.
    NoRoute,
    /// The address exists, the method is not accepted; these are.
    MethodNotAllowed(Vec<http::Method>),
    /// The key.
    Key(KeyRefusal),
    /// `auth.allow_ips`.
    AddressNotAllowed,
    /// `auth.client_certificate`.
    Certificate,
    /// The signature.
    Signature(Unproven),
    /// Whether it is signed can only be told with this certificate, which must be fetched first.
    Awaits(Wanted),
    /// Whether it is signed cannot be told now: what is needed for it cannot be reached.
    Unverifiable {
        /// For the operator.
        why: String,
    },
    /// What must be kept could not be.
    NotKept {
        /// For the operator.
        why: String,
    },
    /// `auth_type=oauth`.
    OAuthNotOffered,
    /// The body is longer than the function takes.
    BodyTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The body cannot be read as what its content type says.
    BadBody {
        /// For the caller: what, and where.
        message: String,
    },
    /// A body in an encoding or of a type that is not taken.
    UnsupportedMediaType {
        /// For the caller.
        message: String,
    },
    /// One of the function's `check`s.
    CheckFailed {
        /// As the function says.
        status: u16,
        /// As the function says.
        message: String,
    },
    /// A value that the answer needs is missing from the request.
    MissingField {
        /// Which, as the function names it.
        field: String,
        /// For the operator: which expression, where.
        site: String,
    },
    /// The function failed.
    Failed {
        /// For the operator.
        message: String,
        /// For the operator: which expression, where.
        site: String,
    },
    /// Too many requests of this caller.
    TooFast {
        /// When to come back, in seconds.
        retry_after: u64,
    },
}
