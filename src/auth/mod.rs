//! Keys and signatures: pure decisions over text, hashes and time.
//!
//! A ZAPI key is 256 random bits in Zoho's form, `1003.<32 hex>.<32 hex>`. It is looked up by the
//! SHA-256 of its text and then compared in constant time; a key that has opened something before
//! is known again by a keyed tag. What a caller presented is never kept: a [`Caller`] has the
//! key's record, which has no text.
//!
//! ```text
//! KeyTerms + ZapiKey ─issue─▶ KeyRecord ─rotate─▶ (the old one, ending; the new one)
//! KeyRecords ─▶ Keyring ─authenticate(text, function, now)─▶ Caller | KeyRefusal
//! ```
//!
//! But for the operating system's randomness this module does no I/O. Keys at rest are `store`'s.

mod certificate;
mod key;
mod keyring;
mod random;
mod recognition;
mod record;
pub mod signature;

pub use certificate::ClientCertificate;
pub use key::{AdminToken, KeyHash, ZapiKey, without_keys};
pub use keyring::{Caller, KeyRefusal, Keyring};
pub use random::{NoRandomness, fill as fill_with_randomness};
pub use record::{
    Environment, KeyRecord, KeyState, KeyTerms, Lifetime, Owner, RotationRefusal, Scope,
    UnknownEnvironment, new_id,
};
