//! Handshakes: requests by which a provider finds out whether somebody is there.

use http::{HeaderName, Method, StatusCode};

use crate::route::clause::Clause;
use crate::route::content::Content;

/// A request that is known for a handshake, and its answer.
#[derive(Debug)]
pub struct Challenge {
    /// Its method.
    pub method: Method,
    /// What else it is known by.
    pub when: Option<Clause>,
    /// It is answered only if it is signed.
    pub verify_first: bool,
    /// What must hold.
    pub require: Vec<Clause>,
    /// Of the answer.
    pub status: StatusCode,
    /// Of the answer.
    pub headers: Vec<(HeaderName, Clause)>,
    /// Of the answer.
    pub body: ChallengeBody,
    /// The status where `require` does not hold.
    pub otherwise: StatusCode,
}

/// The body of the answer to a handshake.
#[derive(Debug)]
pub enum ChallengeBody {
    /// Nothing.
    Empty,
    /// `text/plain`.
    Text(Clause),
    /// `application/json`.
    Json(Content),
}
