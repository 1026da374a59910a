//! Access tokens of connections, sealed.
//!
//! A row is there from when a token is asked for the first time. Who asks for a new one claims the
//! row for a while, so that of several waiters, and of several gateways on one database, one asks.

use jiff::Timestamp;
use rusqlite::params;
use secrecy::{ExposeSecret as _, SecretString};

use super::StoreError;
use super::fields::Fields;
use super::handshake::{open, time};
use super::seal::MasterKey;
use super::sqlite::SqliteStore;
use crate::auth::Environment;

/// The tokens of a connection in one environment.
#[derive(Debug, Clone)]
pub struct ConnectionToken {
    /// Whose.
    pub connection: String,
    /// Where.
    pub environment: Environment,
    /// What `connect` makes of them: JSON.
    pub tokens: SecretString,
    /// When they came.
    pub obtained: Timestamp,
    /// When the access token ends, as far as that was said.
    pub expires: Option<Timestamp>,
}

pub(super) fn token_place(connection: &str, environment: &str) -> String {
    format!("token:{connection}:{environment}")
}

/// Tokens as a row: connection, environment, sealed, obtained, expires.
pub(super) struct RawToken {
    connection: String,
    environment: String,
    sealed: Vec<u8>,
    obtained: i64,
    expires: Option<i64>,
}

impl RawToken {
    pub(super) fn read<R: Fields>(row: &R) -> Result<Self, R::Error> {
        Ok(Self {
            connection: row.text(0)?,
            environment: row.text(1)?,
            sealed: row.bytes(2)?,
            obtained: row.int(3)?,
            expires: row.maybe_int(4)?,
        })
    }

    pub(super) fn into_token(self, master: &MasterKey) -> Result<ConnectionToken, StoreError> {
        let id = &self.connection;
        let place = token_place(id, &self.environment);
        let tokens = open(master, &place, id, &self.sealed)?;
        let expires = self.expires.map(|expires| time(id, expires)).transpose()?;
        Ok(ConnectionToken {
            tokens: tokens.into(),
            obtained: time(id, self.obtained)?,
            expires,
            environment: self.environment.parse().map_err(|_| StoreError::Damaged {
                id: id.clone(),
                what: "its environment is none",
            })?,
            connection: self.connection,
        })
    }
}

impl SqliteStore {
    pub(super) fn all_tokens(&self) -> Result<Vec<ConnectionToken>, StoreError> {
        let rows = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT connection, environment, sealed, obtained, expires FROM connection_tokens
                 WHERE sealed IS NOT NULL ORDER BY connection, environment",
            )?;
            statement
                .query_map([], |row| RawToken::read(row))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let rows = rows.into_iter();
        rows.map(|raw| raw.into_token(self.master())).collect()
    }

    pub(super) fn put_token(&self, token: &ConnectionToken) -> Result<(), StoreError> {
        let environment = token.environment.as_str();
        let place = token_place(&token.connection, environment);
        let sealed = self.master().seal(&place, token.tokens.expose_secret())?;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO connection_tokens (connection, environment, sealed, obtained, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET sealed = excluded.sealed,
                     obtained = excluded.obtained, expires = excluded.expires, asking = NULL",
                params![
                    token.connection,
                    environment,
                    sealed,
                    token.obtained.as_millisecond(),
                    token.expires.map(Timestamp::as_millisecond)
                ],
            )?;
            Ok(())
        })
    }

    pub(super) fn claim(
        &self,
        connection: &str,
        environment: Environment,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let count = transaction.execute(
                "INSERT INTO connection_tokens (connection, environment, asking)
                 VALUES (?1, ?2, ?4)
                 ON CONFLICT DO UPDATE SET asking = excluded.asking
                     WHERE asking IS NULL OR asking <= ?3 OR asking > 2 * ?4 - ?3",
                params![
                    connection,
                    environment.as_str(),
                    now.as_millisecond(),
                    until.as_millisecond()
                ],
            )?;
            Ok(count == 1)
        })
    }

    pub(super) fn unclaim(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE connection_tokens SET asking = NULL
                 WHERE connection = ?1 AND environment = ?2",
                params![connection, environment.as_str()],
            )?;
            Ok(())
        })
    }

    pub(super) fn forget_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let count = transaction.execute(
                "DELETE FROM connection_tokens
                 WHERE connection = ?1 AND environment = ?2 AND sealed IS NOT NULL",
                params![connection, environment.as_str()],
            )?;
            Ok(count == 1)
        })
    }
}
