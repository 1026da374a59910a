//! What handshakes leave behind, in PostgreSQL.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::link::{LinkError, Work};
use super::{PostgresStore, text};
use crate::auth::new_id;
use crate::store::handshake::{
    MOST_SECRETS, MOST_VISITS, REMEMBERED, RawSecret, RawVisit, open, secret_place, visit_place,
};
use crate::store::{HandshakeSecret, Kept, StoreError, Visit};

/// One at a time looks whether a secret or visit is there and writes it then.
async fn one_at_a_time(work: &Work) -> Result<(), LinkError> {
    work.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('hookweir handshakes', 0))",
        &[],
    )
    .await?;
    Ok(())
}

impl PostgresStore {
    pub(super) fn all_handshake_secrets(
        &self,
    ) -> Result<Vec<(HandshakeSecret, SecretString)>, StoreError> {
        let rows = self.rows(
            "SELECT id, function, sealed, created FROM handshake_secrets ORDER BY created, id",
        )?;
        rows.iter()
            .map(|row| {
                let raw = RawSecret::read(row).map_err(self.told())?;
                raw.into_secret(self.master())
            })
            .collect()
    }

    pub(super) fn keep_secret(
        &self,
        function: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let id = new_id("hs", now)?;
        let sealed = self
            .master()
            .seal(&secret_place(&id), secret.expose_secret())?;
        let master = Arc::clone(self.master());
        let (function, secret) = (function.to_owned(), secret.clone());
        let now = now.as_millisecond();
        self.write(move |work| {
            Box::pin(async move {
                one_at_a_time(work).await?;
                let known = work
                    .query(
                        "SELECT id, sealed FROM handshake_secrets WHERE function = $1",
                        &[&function],
                    )
                    .await?;
                for row in &known {
                    let (id, sealed): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
                    match open(&master, &secret_place(&id), &id, &sealed) {
                        Ok(text) if text == secret.expose_secret() => return Ok(Ok(Kept::Known)),
                        Ok(_) => {}
                        Err(error) => return Ok(Err(error)),
                    }
                }
                if known.len() >= MOST_SECRETS {
                    return Ok(Ok(Kept::Full));
                }
                work.execute(
                    "INSERT INTO handshake_secrets (id, function, sealed, created)
                     VALUES ($1, $2, $3, $4)",
                    &[&id, &function, &sealed, &now],
                )
                .await?;
                Ok(Ok(Kept::Added))
            })
        })
    }

    pub(super) fn forget_secret(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |work| {
            Box::pin(async move {
                let sql = "DELETE FROM handshake_secrets WHERE id = $1";
                Ok(Ok(work.execute(sql, &[&id]).await? == 1))
            })
        })
    }

    pub(super) fn add_visit(&self, visit: &Visit) -> Result<bool, StoreError> {
        let sealed = self
            .master()
            .seal(&visit_place(&visit.id), visit.url.expose_secret())?;
        let master = Arc::clone(self.master());
        let visit = visit.clone();
        self.write(move |work| {
            Box::pin(async move {
                one_at_a_time(work).await?;
                work.execute(
                    "DELETE FROM visits WHERE state IN ('done', 'failed') AND recorded < $1",
                    &[&(visit.recorded - REMEMBERED).as_millisecond()],
                )
                .await?;
                let open = work
                    .query(
                        "SELECT id, function, sealed, recorded, state, attempts, due, outcome
                         FROM visits WHERE state IN ('held', 'pending')",
                        &[],
                    )
                    .await?;
                for row in &open {
                    match RawVisit::read(row)?.into_visit(&master) {
                        Ok(known)
                            if known.function == visit.function
                                && known.url.expose_secret() == visit.url.expose_secret() =>
                        {
                            return Ok(Ok(true));
                        }
                        Ok(_) => {}
                        Err(error) => return Ok(Err(error)),
                    }
                }
                if open.len() >= MOST_VISITS {
                    return Ok(Ok(false));
                }
                work.execute(
                    "INSERT INTO visits (id, function, sealed, recorded, state, attempts, due)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    &[
                        &visit.id,
                        &visit.function,
                        &sealed,
                        &visit.recorded.as_millisecond(),
                        &visit.state.as_str(),
                        &i64::from(visit.attempts),
                        &visit.due.as_millisecond(),
                    ],
                )
                .await?;
                Ok(Ok(true))
            })
        })
    }

    pub(super) fn all_visits(&self) -> Result<Vec<Visit>, StoreError> {
        let rows = self.rows(
            "SELECT id, function, sealed, recorded, state, attempts, due, outcome FROM visits
             ORDER BY recorded, id",
        )?;
        rows.iter()
            .map(|row| {
                let raw = RawVisit::read(row).map_err(self.told())?;
                raw.into_visit(self.master())
            })
            .collect()
    }

    pub(super) fn put_visit(&self, visit: &Visit) -> Result<(), StoreError> {
        let visit = visit.clone();
        self.write(move |work| {
            Box::pin(async move {
                work.execute(
                    "UPDATE visits SET state = $2, attempts = $3, due = $4, outcome = $5
                     WHERE id = $1",
                    &[
                        &visit.id,
                        &visit.state.as_str(),
                        &i64::from(visit.attempts),
                        &visit.due.as_millisecond(),
                        &visit.outcome.as_deref().map(text),
                    ],
                )
                .await?;
                Ok(Ok(()))
            })
        })
    }
}
