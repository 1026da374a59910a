//! Signatures of providers: what a scheme computes, and whether a signature fits.
//!
//! ```text
//! Key (prepared once, at load) + Scheme ─Proof::start─▶ update(signed bytes)* ─▶ fits(signature)
//! ```
//!
//! Everything here is a pure function of bytes: where a signature stands in a request, and which
//! bytes it covers, is `route`'s and `gateway`'s. Secrets can neither be printed nor compared but
//! in constant time. MACs, hashes and public keys are ring's, which uses the processor's
//! instructions for them.

mod certificate;
mod encoding;
mod item;
mod jwt;
mod key;
mod scheme;
mod stamp;
#[cfg(test)]
mod tests;

pub use certificate::{Distrust, Trust, certificate, certificate_names};
pub use encoding::{Case, Encoding};
pub use item::{BadItem, Item};
pub use jwt::{Token, TokenKey, algorithm, key_set};
pub use key::{BadKey, Key, KeyForm, PublicKey, PublicKeyForm, SecretForm};
pub use scheme::{Digest, Proof, Scheme};
pub use stamp::StampFormat;
