//! Access tokens of connections, in PostgreSQL.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::PostgresStore;
use crate::auth::Environment;
use crate::store::token::{RawToken, token_place};
use crate::store::{ConnectionToken, StoreError};

impl PostgresStore {
    pub(super) fn all_tokens(&self) -> Result<Vec<ConnectionToken>, StoreError> {
        let rows = self.rows(
            "SELECT connection, environment, sealed, obtained, expires FROM connection_tokens
             WHERE sealed IS NOT NULL ORDER BY connection, environment",
        )?;
        rows.iter()
            .map(|row| {
                let raw = RawToken::read(row).map_err(self.told())?;
                raw.into_token(self.master())
            })
            .collect()
    }

    pub(super) fn put_token(&self, token: &ConnectionToken) -> Result<(), StoreError> {
        let environment = token.environment.as_str();
        let place = token_place(&token.connection, environment);
        let sealed = self.master().seal(&place, token.tokens.expose_secret())?;
        let connection = token.connection.clone();
        let obtained = token.obtained.as_millisecond();
        let expires = token.expires.map(Timestamp::as_millisecond);
        self.write(move |work| {
            Box::pin(async move {
                work.execute(
                    "INSERT INTO connection_tokens
                         (connection, environment, sealed, obtained, expires)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (connection, environment) DO UPDATE
                     SET sealed = excluded.sealed, obtained = excluded.obtained,
                         expires = excluded.expires, asking = NULL",
                    &[&connection, &environment, &sealed, &obtained, &expires],
                )
                .await?;
                Ok(Ok(()))
            })
        })
    }

    pub(super) fn claim(
        &self,
        connection: &str,
        environment: Environment,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let connection = connection.to_owned();
        let (now, until) = (now.as_millisecond(), until.as_millisecond());
        self.write(move |work| {
            Box::pin(async move {
                let count = work
                    .execute(
                        "INSERT INTO connection_tokens AS known (connection, environment, asking)
                         VALUES ($1, $2, $4)
                         ON CONFLICT (connection, environment) DO UPDATE
                         SET asking = excluded.asking
                         WHERE known.asking IS NULL OR known.asking <= $3
                             OR known.asking > 2 * $4 - $3",
                        &[&connection, &environment.as_str(), &now, &until],
                    )
                    .await?;
                Ok(Ok(count == 1))
            })
        })
    }

    pub(super) fn unclaim(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<(), StoreError> {
        let connection = connection.to_owned();
        self.write(move |work| {
            Box::pin(async move {
                work.execute(
                    "UPDATE connection_tokens SET asking = NULL
                     WHERE connection = $1 AND environment = $2",
                    &[&connection, &environment.as_str()],
                )
                .await?;
                Ok(Ok(()))
            })
        })
    }

    pub(super) fn forget_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<bool, StoreError> {
        let connection = connection.to_owned();
        self.write(move |work| {
            Box::pin(async move {
                let count = work
                    .execute(
                        "DELETE FROM connection_tokens
                         WHERE connection = $1 AND environment = $2 AND sealed IS NOT NULL",
                        &[&connection, &environment.as_str()],
                    )
                    .await?;
                Ok(Ok(count == 1))
            })
        })
    }
}
