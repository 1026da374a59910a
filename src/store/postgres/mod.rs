//! PostgreSQL: one database for several gateways.
//!
//! Keys and what handshakes leave behind are here, events and deliveries in `events::postgres`. The
//! admin token is not shared: each gateway has its own file, and its hash is held in memory.
//!
//! The master key must be the same for all gateways: the same file, or the environment.

mod handshake;
mod layout;
pub(super) mod link;
mod tables;
mod token;
mod url;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio_postgres::Row;

pub use url::{PostgresUrl, PostgresUrlError};

use super::copy::Tables;
use super::events::{EventStore, PostgresEvents};
use super::row::{self, RawKey};
use super::seal::MasterKey;
use super::{ConnectionToken, HandshakeSecret, Kept, Store, StoreError, Visit};
use crate::auth::{Environment, KeyHash, KeyRecord, ZapiKey};
use crate::clock::Clock;
use layout::{Found, KNOWN};
use link::{Link, LinkError, Work};

/// Entry of `meta`: a known text, sealed, so that a wrong master key is found out at once.
const MASTER_CHECK: &str = "master_check";
/// The oldest server that has what is used here.
const OLDEST: i64 = 130_000;

/// The store in one schema of a PostgreSQL database.
#[derive(Debug)]
pub(super) struct PostgresStore {
    link: Arc<Link>,
    master: Arc<MasterKey>,
    admin_token: Mutex<Option<KeyHash>>,
}

/// A database that is laid out, but whose master key is not known yet.
pub(super) struct Unlocked {
    link: Arc<Link>,
}

impl Unlocked {
    /// Connects, and takes the steps of layout that are missing.
    pub(super) fn open(url: &PostgresUrl, is_made: bool) -> Result<Self, StoreError> {
        let place = url.to_string();
        let error = |source: LinkError| StoreError::Database {
            path: place.clone(),
            source: source.into(),
        };
        let link = Link::new(url.clone()).map_err(error)?;
        let sessions = link.handle();
        let schema = url.schema.clone();
        let (found, is_synced) = link
            .wait(async move {
                let work = sessions.begin().await?;
                let server = work
                    .first(
                        "SELECT current_setting('server_version_num')::bigint,
                             current_setting('server_version'), current_setting('fsync')",
                        &[],
                    )
                    .await?
                    .ok_or_else(|| LinkError::Failed("it does not say its version".to_owned()))?;
                let (number, version): (i64, String) = (server.try_get(0)?, server.try_get(1)?);
                if number < OLDEST {
                    let text = format!("PostgreSQL {version} is too old: 13 is needed");
                    return Err(LinkError::Failed(text));
                }
                let is_synced = server.try_get::<_, String>(2)? == "on";
                let found = layout::migrate(&work, &schema, is_made).await?;
                work.commit().await?;
                Ok((found, is_synced))
            })
            .map_err(error)?;
        if !is_synced {
            tracing::warn!(
                "the PostgreSQL server runs with `fsync = off`: a power cut loses what was accepted"
            );
        }
        match found {
            Found::Ready => Ok(Self { link }),
            Found::Missing => Err(StoreError::Missing { place }),
            Found::Foreign => Err(StoreError::Foreign { place }),
            Found::Newer(found) => Err(StoreError::Newer {
                place,
                found,
                known: KNOWN,
            }),
        }
    }

    /// Whether anything was ever sealed here.
    pub(super) fn is_sealed(&self) -> Result<bool, StoreError> {
        let sessions = self.link.handle();
        let found = self.link.wait(async move {
            let work = sessions.writer().await?;
            let found = meta(&work, MASTER_CHECK).await?;
            work.done();
            Ok(found)
        });
        Ok(found.map_err(told(&self.link))?.is_some())
    }

    /// Makes it a store. The first master key that comes here is the store's from then on;
    /// `place` tells where this one stood.
    pub(super) fn unlock(
        self,
        master: MasterKey,
        place: &str,
    ) -> Result<PostgresStore, StoreError> {
        let check_place = format!("meta:{MASTER_CHECK}");
        let sealed = master.seal(&check_place, "hookweir")?;
        let sessions = self.link.handle();
        let kept = self.link.wait(async move {
            let work = sessions.begin().await?;
            // Of two that come at once, the second sees what the first one has sealed.
            work.execute(
                "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                &[&MASTER_CHECK, &sealed],
            )
            .await?;
            let kept = meta(&work, MASTER_CHECK).await?;
            work.commit().await?;
            Ok(kept.unwrap_or_default())
        });
        let kept = kept.map_err(told(&self.link))?;
        if master.unseal(&check_place, &kept).is_err() {
            return Err(StoreError::MasterKeyWrong {
                place: place.to_owned(),
                store: self.link.url().to_string(),
            });
        }
        Ok(PostgresStore {
            link: self.link,
            master: Arc::new(master),
            admin_token: Mutex::default(),
        })
    }
}

fn told(link: &Link) -> impl Fn(LinkError) -> StoreError + use<> {
    let path = link.url().to_string();
    move |source| StoreError::Database {
        path: path.clone(),
        source: source.into(),
    }
}

async fn meta(work: &Work, name: &str) -> Result<Option<Vec<u8>>, LinkError> {
    let row = work
        .first("SELECT value FROM meta WHERE name = $1", &[&name])
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// A key as it is written.
struct Written {
    record: KeyRecord,
    sealed: Vec<u8>,
}

impl Written {
    fn new(master: &MasterKey, record: &KeyRecord, key: &ZapiKey) -> Result<Self, StoreError> {
        Ok(Self {
            record: record.clone(),
            sealed: master.seal(&row::place(&record.id), key.expose())?,
        })
    }

    /// `false` when the same key is there already.
    async fn insert(&self, work: &Work) -> Result<bool, LinkError> {
        let record = &self.record;
        let milliseconds = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
        let added = work
            .execute(
                "INSERT INTO keys (id, hash, sealed, hint, label, owner_id, owner_email,
                     owner_name, owner_org_id, environment, functions, created, expires, revoked,
                     last_used, replaced_by)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
                 ON CONFLICT (hash) DO NOTHING",
                &[
                    &record.id,
                    &record.hash.0.as_slice(),
                    &self.sealed,
                    &record.hint,
                    &text(&record.label),
                    &text(&record.owner.id),
                    &text(&record.owner.email),
                    &text(&record.owner.name),
                    &text(&record.owner.org_id),
                    &record.environment.as_str(),
                    &row::functions(&record.scope),
                    &record.created.as_millisecond(),
                    &milliseconds(record.expires),
                    &milliseconds(record.revoked),
                    &milliseconds(record.last_used),
                    &record.replaced_by,
                ],
            )
            .await?;
        Ok(added == 1)
    }
}

/// What PostgreSQL can hold of a text: all but the character NUL.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What is done within a transaction. What it decides itself (the inner error) is no fault of the
/// database's; either takes everything back.
pub(super) type Job<'w, T> = BoxFuture<'w, Result<Result<T, StoreError>, LinkError>>;

impl PostgresStore {
    /// Runs `job` as one transaction.
    pub(super) fn write<T: Send + 'static>(
        &self,
        job: impl for<'w> FnOnce(&'w Work) -> Job<'w, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let sessions = self.link.handle();
        let done = self.link.wait(async move {
            let work = sessions.begin().await?;
            let done = job(&work).await?;
            if done.is_ok() {
                work.commit().await?;
            }
            Ok(done)
        });
        done.map_err(told(&self.link))?
    }

    /// Rows of a look.
    pub(super) fn rows(&self, sql: &'static str) -> Result<Vec<Row>, StoreError> {
        let sessions = self.link.handle();
        let rows = self.link.wait(async move {
            let work = sessions.writer().await?;
            let rows = work.query(sql, &[]).await?;
            work.done();
            Ok(rows)
        });
        rows.map_err(told(&self.link))
    }

    pub(super) const fn master(&self) -> &Arc<MasterKey> {
        &self.master
    }

    /// What is wrong with the database, where a row has another form than it should.
    pub(super) fn told(&self) -> impl Fn(tokio_postgres::Error) -> StoreError + use<> {
        let told = told(&self.link);
        move |error| told(error.into())
    }
}

const DUPLICATE: Result<(), StoreError> = Err(StoreError::Duplicate);

impl Store for PostgresStore {
    fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.rows(
            "SELECT id, hash, hint, label, owner_id, owner_email, owner_name, owner_org_id,
                 environment, functions, created, expires, revoked, last_used, replaced_by
             FROM keys ORDER BY created, number",
        )?;
        rows.iter()
            .map(|row| RawKey::read(row).map_err(self.told())?.into_record())
            .collect()
    }

    fn add_key(&self, record: &KeyRecord, key: &ZapiKey) -> Result<(), StoreError> {
        let key = Written::new(&self.master, record, key)?;
        self.write(move |work| {
            Box::pin(async move {
                Ok(if key.insert(work).await? {
                    Ok(())
                } else {
                    DUPLICATE
                })
            })
        })
    }

    fn import_keys(&self, keys: &[(KeyRecord, ZapiKey)]) -> Result<Vec<bool>, StoreError> {
        let keys: Vec<Written> = keys
            .iter()
            .map(|(record, key)| Written::new(&self.master, record, key))
            .collect::<Result<_, _>>()?;
        self.write(move |work| {
            Box::pin(async move {
                let mut added = Vec::with_capacity(keys.len());
                for key in &keys {
                    added.push(key.insert(work).await?);
                }
                Ok(Ok(added))
            })
        })
    }

    fn rotate_key(
        &self,
        old: &KeyRecord,
        new: &KeyRecord,
        key: &ZapiKey,
    ) -> Result<(), StoreError> {
        let key = Written::new(&self.master, new, key)?;
        let (id, replaced_by) = (old.id.clone(), old.replaced_by.clone());
        let expires = old.expires.map(Timestamp::as_millisecond);
        self.write(move |work| {
            Box::pin(async move {
                if !key.insert(work).await? {
                    return Ok(DUPLICATE);
                }
                let changed = work
                    .execute(
                        "UPDATE keys SET expires = $2, replaced_by = $3
                         WHERE id = $1 AND revoked IS NULL AND replaced_by IS NULL",
                        &[&id, &expires, &replaced_by],
                    )
                    .await?;
                Ok(if changed == 1 {
                    Ok(())
                } else {
                    Err(StoreError::Overtaken { id })
                })
            })
        })
    }

    fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let (id, now) = (id.to_owned(), now.as_millisecond());
        self.write(move |work| {
            Box::pin(async move {
                let changed = work
                    .execute(
                        "UPDATE keys SET revoked = $2 WHERE id = $1 AND revoked IS NULL",
                        &[&id, &now],
                    )
                    .await?;
                Ok(Ok(changed == 1))
            })
        })
    }

    fn key_text(&self, id: &str) -> Result<Option<ZapiKey>, StoreError> {
        let wanted = id.to_owned();
        let found = self.write(move |work| {
            Box::pin(async move {
                let row = work
                    .first("SELECT sealed, hash FROM keys WHERE id = $1", &[&wanted])
                    .await?;
                let both = row.map(|row| -> Result<(Vec<u8>, Vec<u8>), LinkError> {
                    Ok((row.try_get(0)?, row.try_get(1)?))
                });
                Ok(Ok(both.transpose()?))
            })
        })?;
        found
            .map(|(sealed, hash)| row::key_text(&self.master, id, &sealed, &hash))
            .transpose()
    }

    fn touch_keys(&self, used: &[(KeyHash, Timestamp)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let mut used: Vec<(KeyHash, i64)> = used
            .iter()
            .map(|(hash, time)| (*hash, time.as_millisecond()))
            .collect();
        // In one order, so that two gateways do not wait for each other.
        used.sort_by_key(|(hash, _)| hash.0);
        self.write(move |work| {
            Box::pin(async move {
                for (hash, time) in &used {
                    work.execute(
                        "UPDATE keys SET last_used = $2
                         WHERE hash = $1 AND (last_used IS NULL OR last_used < $2)",
                        &[&hash.0.as_slice(), time],
                    )
                    .await?;
                }
                Ok(Ok(()))
            })
        })
    }

    fn handshake_secrets(&self) -> Result<Vec<(HandshakeSecret, SecretString)>, StoreError> {
        self.all_handshake_secrets()
    }

    fn keep_handshake_secret(
        &self,
        function: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        self.keep_secret(function, secret, now)
    }

    fn forget_handshake_secret(&self, id: &str) -> Result<bool, StoreError> {
        self.forget_secret(id)
    }

    fn record_visit(&self, visit: &Visit) -> Result<bool, StoreError> {
        self.add_visit(visit)
    }

    fn visits(&self) -> Result<Vec<Visit>, StoreError> {
        self.all_visits()
    }

    fn update_visit(&self, visit: &Visit) -> Result<(), StoreError> {
        self.put_visit(visit)
    }

    fn connection_tokens(&self) -> Result<Vec<ConnectionToken>, StoreError> {
        self.all_tokens()
    }

    fn put_connection_token(&self, token: &ConnectionToken) -> Result<(), StoreError> {
        self.put_token(token)
    }

    fn claim_connection_token(
        &self,
        connection: &str,
        environment: Environment,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.claim(connection, environment, now, until)
    }

    fn unclaim_connection_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<(), StoreError> {
        self.unclaim(connection, environment)
    }

    fn forget_connection_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<bool, StoreError> {
        self.forget_token(connection, environment)
    }

    fn admin_token(&self) -> Result<Option<KeyHash>, StoreError> {
        let token = self.admin_token.lock();
        Ok(*token.unwrap_or_else(PoisonError::into_inner))
    }

    fn set_admin_token(&self, hash: KeyHash) -> Result<(), StoreError> {
        let token = self.admin_token.lock();
        *token.unwrap_or_else(PoisonError::into_inner) = Some(hash);
        Ok(())
    }

    fn version(&self) -> Result<i64, StoreError> {
        let rows = self.rows("SELECT number FROM revision")?;
        let number = rows.first().map(|row| row.try_get(0)).transpose();
        Ok(number.map_err(self.told())?.unwrap_or_default())
    }

    fn check(&self) -> Result<(), StoreError> {
        let rows = self.rows(
            "SELECT (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::int8",
        )?;
        let reads_only = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose();
        if reads_only.map_err(self.told())? == Some(0) {
            return Ok(());
        }
        let text = "it only reads now: it is a standby".to_owned();
        Err(told(&self.link)(LinkError::Unavailable(text)))
    }

    fn tables(&self) -> &dyn Tables {
        self
    }

    fn events(&self, _clock: Arc<dyn Clock>) -> Result<Arc<dyn EventStore>, StoreError> {
        Ok(PostgresEvents::open(Arc::clone(&self.link)))
    }
}
