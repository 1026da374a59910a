//! What is kept on disk: keys here, events and deliveries in `events`.
//!
//! One trait, so that the same tests run on each engine. Calls block: they are for commands and
//! for threads of their own, never for the way of a request. Several processes may use one store
//! at the same time, such as a command beside a running gateway; none keeps a lock.
//!
//! Beside keys there is what handshakes leave behind: secrets, and confirmations that are to be
//! made.
//!
//! A key's text is sealed with the master key, because a webhook's URL must be shown again; of
//! the admin token only the hash is kept. Keys are never removed, so that an id in a log can
//! always be looked up.

mod copy;
mod error;
pub mod events;
mod fields;
mod folder;
mod handshake;
mod migrate;
mod open;
mod packed;
mod place;
mod postgres;
mod row;
mod seal;
mod sqlite;
mod sqlite_tables;
#[cfg(test)]
mod tests;
mod token;
mod watch;

pub use copy::copy;
pub use error::StoreError;
pub use handshake::{HandshakeSecret, Kept, Visit, VisitState};
pub use open::{FirstStart, Location, MASTER_KEY_VARIABLE, open, open_or_create, open_or_init};
pub use place::{Place, PlaceError};
pub use postgres::{PostgresUrl, PostgresUrlError};
pub use token::ConnectionToken;
pub use watch::{KeyWatcher, Pace};

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::auth::{Environment, KeyHash, KeyRecord, ZapiKey};
use crate::clock::Clock;
use events::EventStore;

/// Keeps keys.
pub trait Store: std::fmt::Debug + Send + Sync {
    /// All keys, the oldest first.
    fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Adds a key; its text is sealed.
    fn add_key(&self, record: &KeyRecord, key: &ZapiKey) -> Result<(), StoreError>;

    /// Adds keys, all or none. A key that is there already is left as it is; the answer says for
    /// each whether it was added.
    fn import_keys(&self, keys: &[(KeyRecord, ZapiKey)]) -> Result<Vec<bool>, StoreError>;

    /// Writes what [`KeyRecord::rotate`] decided, in one step. Refused when the old key was
    /// rotated or revoked since it was read.
    fn rotate_key(&self, old: &KeyRecord, new: &KeyRecord, key: &ZapiKey)
    -> Result<(), StoreError>;

    /// Revokes a key for good. `false` when it was revoked before, or does not exist.
    fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Opens the sealed text of a key. For somebody who asked to see it.
    fn key_text(&self, id: &str) -> Result<Option<ZapiKey>, StoreError>;

    /// Notes when keys were last used; an earlier time than is there changes nothing.
    fn touch_keys(&self, used: &[(KeyHash, Timestamp)]) -> Result<(), StoreError>;

    /// Secrets that providers gave in their handshakes, the oldest first.
    fn handshake_secrets(&self) -> Result<Vec<(HandshakeSecret, SecretString)>, StoreError>;

    /// Keeps one, sealed.
    fn keep_handshake_secret(
        &self,
        function: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Kept, StoreError>;

    /// Forgets one. `false` when there is none.
    fn forget_handshake_secret(&self, id: &str) -> Result<bool, StoreError>;

    /// Records a visit, unless the same is still to be made. `false` when there are too many.
    fn record_visit(&self, visit: &Visit) -> Result<bool, StoreError>;

    /// All visits, the oldest first; those that were made long ago are forgotten.
    fn visits(&self) -> Result<Vec<Visit>, StoreError>;

    /// Notes how far a visit is.
    fn update_visit(&self, visit: &Visit) -> Result<(), StoreError>;

    /// The tokens of connections.
    fn connection_tokens(&self) -> Result<Vec<ConnectionToken>, StoreError>;

    /// Keeps tokens, sealed, in the place of those before; nobody asks for them any more.
    fn put_connection_token(&self, token: &ConnectionToken) -> Result<(), StoreError>;

    /// Whether the caller is the one to ask for tokens, until then; another one is before that.
    fn claim_connection_token(
        &self,
        connection: &str,
        environment: Environment,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Nobody asks for them any more, and there are none.
    fn unclaim_connection_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<(), StoreError>;

    /// Forgets tokens. `false` when there are none.
    fn forget_connection_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<bool, StoreError>;

    /// The hash of the token that opens the admin API.
    fn admin_token(&self) -> Result<Option<KeyHash>, StoreError>;

    /// Sets that hash.
    fn set_admin_token(&self, hash: KeyHash) -> Result<(), StoreError>;

    /// A number that changes whenever anybody, this process or another, has changed what a gateway
    /// holds in memory: keys and what handshakes leave behind.
    fn version(&self) -> Result<i64, StoreError>;

    /// Whether something could be written now. What is kept stays as it is.
    fn check(&self) -> Result<(), StoreError>;

    /// Events and deliveries, which are kept in the same place. `clock` is this process's; an
    /// engine that several machines share may tell the time by a clock of its own.
    fn events(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn EventStore>, StoreError>;

    /// All tables, for copies.
    #[doc(hidden)]
    fn tables(&self) -> &dyn copy::Tables;
}
