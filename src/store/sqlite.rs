//! The embedded engine: SQLite, one file.
//!
//! Two connections are kept. One does the work. The other only watches, so that a look never waits
//! for work; what it looks at is a number that the file itself counts up (`revision`).
//!
//! `synchronous=FULL` with a write-ahead log: what was answered to be done is on disk.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior,
    named_params, params,
};
use secrecy::SecretString;

use super::copy::Tables;
use super::events::{EventStore, SqliteEvents};
use super::migrate::{Found, STEPS, migrate};
use super::row::{self, RawKey};
use super::seal::MasterKey;
use super::{ConnectionToken, HandshakeSecret, Kept, Store, StoreError, Visit, packed};
use crate::auth::{Environment, KeyHash, KeyRecord, ZapiKey};
use crate::clock::Clock;

/// How long a writer waits for another one.
const BUSY: Duration = Duration::from_secs(5);
/// How long a mere look waits for another writer.
const LOOK: Duration = Duration::from_millis(500);
/// What a look writes beside the database: as much as a small transaction.
const SCRAP: [u8; 16 << 10] = [0; 16 << 10];
/// More statements than a connection has; one that is not kept is prepared at each use.
const STATEMENTS: usize = 128;
/// Before 3.51.3, two connections that checkpoint at once can corrupt the file.
const SAFE_SQLITE: i32 = 3_051_003;
/// Entry of `meta`: a known text, sealed, so that a wrong master key is found out at once.
const MASTER_CHECK: &str = "master_check";
const ADMIN_TOKEN: &str = "admin_token";

/// The store in one SQLite file.
pub(super) struct SqliteStore {
    path: PathBuf,
    work: Mutex<Connection>,
    watch: Mutex<Connection>,
    master: MasterKey,
    /// Device and inode of the file that was opened.
    file: (u64, u64),
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A database that is open and laid out, but whose master key is not known yet.
pub(super) struct Unlocked {
    path: PathBuf,
    work: Connection,
    watch: Connection,
}

impl Unlocked {
    /// Opens a database file that exists, and takes the steps of layout that it lacks.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        if rusqlite::version_number() < SAFE_SQLITE {
            let found = rusqlite::version().to_owned();
            return Err(StoreError::UnsafeSqlite { found });
        }
        let error = StoreError::database(path);
        let mut work = connect(path).map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => foreign(path),
            _ => error(source),
        })?;
        match migrate(&mut work, STEPS).map_err(&error)? {
            Found::Ready => {}
            Found::Foreign => return Err(foreign(path)),
            Found::Newer(found) => {
                let (place, known) = (path.display().to_string(), STEPS.len());
                return Err(StoreError::Newer {
                    place,
                    found,
                    known,
                });
            }
        }
        // Not before it is known to be ours.
        work.pragma_update(None, "journal_mode", "WAL")
            .map_err(&error)?;
        let watch = connect(path).map_err(&error)?;
        watch
            .pragma_update(None, "query_only", true)
            .map_err(&error)?;
        let path = path.to_owned();
        Ok(Self { path, work, watch })
    }

    /// Whether anything was ever sealed here.
    pub(super) fn is_sealed(&self) -> Result<bool, StoreError> {
        let check = meta(&self.work, MASTER_CHECK).map_err(StoreError::database(&self.path))?;
        Ok(check.is_some())
    }

    /// Makes it a store. The first master key that comes here is the store's from then on;
    /// `place` tells where this one stood.
    pub(super) fn unlock(self, master: MasterKey, place: &str) -> Result<SqliteStore, StoreError> {
        let check_place = format!("meta:{MASTER_CHECK}");
        let error = StoreError::database(&self.path);
        if let Some(sealed) = meta(&self.work, MASTER_CHECK).map_err(&error)? {
            if master.unseal(&check_place, &sealed).is_err() {
                return Err(StoreError::MasterKeyWrong {
                    place: place.to_owned(),
                    store: self.path.display().to_string(),
                });
            }
        } else {
            let sealed = master.seal(&check_place, "hookweir")?;
            set_meta(&self.work, MASTER_CHECK, &sealed).map_err(&error)?;
        }
        Ok(SqliteStore {
            file: identity(&self.path)?,
            path: self.path,
            work: Mutex::new(self.work),
            watch: Mutex::new(self.watch),
            master,
        })
    }
}

impl SqliteStore {
    /// The database file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Runs `write` as one transaction, which waits for other writers at its beginning.
    pub(super) fn write<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        let error = StoreError::database(&self.path);
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&error)?;
        let answer = match write(&transaction) {
            Ok(answer) => answer,
            Err(WriteError::Sql(source)) => return Err(error(source)),
            Err(WriteError::Other(other)) => return Err(other),
        };
        transaction.commit().map_err(&error)?;
        Ok(answer)
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        read(&self.connection()).map_err(StoreError::database(&self.path))
    }

    /// Writes a scrap beside the database, which finds a full disk and one that became read-only.
    /// SQLite itself would say so only at the end of a transaction.
    fn write_scrap(&self) -> Result<(), StoreError> {
        let path = self.path.with_extension("check");
        let error = |source| StoreError::File {
            what: "write",
            path: path.clone(),
            source,
        };
        let written = fs::write(&path, SCRAP);
        let removed = fs::remove_file(&path);
        written.and(removed).map_err(error)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in between rolled its transaction back, so the connection is good.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false` when the same key is there already.
    fn insert(
        &self,
        transaction: &Transaction<'_>,
        record: &KeyRecord,
        key: &ZapiKey,
    ) -> Result<bool, WriteError> {
        let sealed = self
            .master
            .seal(&row::place(&record.id), key.expose())
            .map_err(|error| WriteError::Other(error.into()))?;
        let milliseconds = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
        let added = transaction.execute(
            "INSERT INTO keys (id, hash, sealed, hint, label, owner_id, owner_email, owner_name,
                 owner_org_id, environment, functions, created, expires, revoked, last_used,
                 replaced_by)
             VALUES (:id, :hash, :sealed, :hint, :label, :owner_id, :owner_email, :owner_name,
                 :owner_org_id, :environment, :functions, :created, :expires, :revoked,
                 :last_used, :replaced_by)
             ON CONFLICT (hash) DO NOTHING",
            named_params! {
                ":id": record.id,
                ":hash": record.hash.0,
                ":sealed": sealed,
                ":hint": record.hint,
                ":label": record.label,
                ":owner_id": record.owner.id,
                ":owner_email": record.owner.email,
                ":owner_name": record.owner.name,
                ":owner_org_id": record.owner.org_id,
                ":environment": record.environment.as_str(),
                ":functions": row::functions(&record.scope),
                ":created": record.created.as_millisecond(),
                ":expires": milliseconds(record.expires),
                ":revoked": milliseconds(record.revoked),
                ":last_used": milliseconds(record.last_used),
                ":replaced_by": record.replaced_by,
            },
        )?;
        Ok(added == 1)
    }
}

impl Store for SqliteStore {
    fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {} FROM keys ORDER BY created, rowid",
                    row::COLUMNS
                ))?
                .query_map([], |row| RawKey::read(row))?
                .collect::<rusqlite::Result<Vec<RawKey>>>()
        })?;
        rows.into_iter().map(RawKey::into_record).collect()
    }

    fn add_key(&self, record: &KeyRecord, key: &ZapiKey) -> Result<(), StoreError> {
        self.write(|transaction| {
            if self.insert(transaction, record, key)? {
                return Ok(());
            }
            Err(WriteError::Other(StoreError::Duplicate))
        })
    }

    fn import_keys(&self, keys: &[(KeyRecord, ZapiKey)]) -> Result<Vec<bool>, StoreError> {
        self.write(|transaction| {
            keys.iter()
                .map(|(record, key)| self.insert(transaction, record, key))
                .collect()
        })
    }

    fn rotate_key(
        &self,
        old: &KeyRecord,
        new: &KeyRecord,
        key: &ZapiKey,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            if !self.insert(transaction, new, key)? {
                return Err(WriteError::Other(StoreError::Duplicate));
            }
            let changed = transaction.execute(
                "UPDATE keys SET expires = ?2, replaced_by = ?3
                 WHERE id = ?1 AND revoked IS NULL AND replaced_by IS NULL",
                params![
                    old.id,
                    old.expires.map(Timestamp::as_millisecond),
                    old.replaced_by
                ],
            )?;
            if changed == 1 {
                return Ok(());
            }
            let id = old.id.clone();
            Err(WriteError::Other(StoreError::Overtaken { id }))
        })
    }

    fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE keys SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL",
                params![id, now.as_millisecond()],
            )?;
            Ok(changed == 1)
        })
    }

    fn key_text(&self, id: &str) -> Result<Option<ZapiKey>, StoreError> {
        let found = self.read(|connection| {
            connection
                .query_row("SELECT sealed, hash FROM keys WHERE id = ?1", [id], |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()
        })?;
        let Some((sealed, hash)) = found else {
            return Ok(None);
        };
        row::key_text(&self.master, id, &sealed, &hash).map(Some)
    }

    fn touch_keys(&self, used: &[(KeyHash, Timestamp)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            let mut touch = transaction.prepare_cached(
                "UPDATE keys SET last_used = ?2
                 WHERE hash = ?1 AND (last_used IS NULL OR last_used < ?2)",
            )?;
            for (hash, time) in used {
                touch.execute(params![hash.0, time.as_millisecond()])?;
            }
            Ok(())
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
        let hash = self.read(|connection| meta(connection, ADMIN_TOKEN))?;
        hash.map(|bytes| {
            bytes.try_into().map(KeyHash).map_err(|_| {
                let id = "the admin token".to_owned();
                let what = "its hash has not 32 bytes";
                StoreError::Damaged { id, what }
            })
        })
        .transpose()
    }

    fn set_admin_token(&self, hash: KeyHash) -> Result<(), StoreError> {
        set_meta(&self.connection(), ADMIN_TOKEN, &hash.0).map_err(StoreError::database(&self.path))
    }

    fn version(&self) -> Result<i64, StoreError> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch
            .query_row("SELECT number FROM revision", [], |row| row.get(0))
            .map_err(StoreError::database(&self.path))
    }

    fn check(&self) -> Result<(), StoreError> {
        if identity(&self.path)? != self.file {
            let path = self.path.clone();
            return Err(StoreError::Replaced { path });
        }
        let error = StoreError::database(&self.path);
        let mut connection = self.connection();
        connection.busy_timeout(LOOK).map_err(&error)?;
        let free = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(Transaction::rollback);
        connection.busy_timeout(BUSY).map_err(&error)?;
        drop(connection);
        free.map_err(&error)?;
        self.write_scrap()
    }

    fn tables(&self) -> &dyn Tables {
        self
    }

    fn events(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn EventStore>, StoreError> {
        Ok(Arc::new(SqliteEvents::open(self, clock)?))
    }
}

/// Device and inode: what tells a file from another that took its place.
fn identity(path: &Path) -> Result<(u64, u64), StoreError> {
    let file = fs::metadata(path).map_err(|source| StoreError::File {
        what: "look at",
        path: path.to_owned(),
        source,
    })?;
    Ok((file.dev(), file.ino()))
}

/// What can end a transaction: SQLite, or our own decision.
pub(super) enum WriteError {
    Sql(rusqlite::Error),
    Other(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Not created here: the file is made beforehand, with its permissions.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    packed::teach(&connection)?;
    // A plan is made once. Otherwise a statement with `expires > ?` is prepared anew at each use, in
    // case another value makes another plan better.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The page size and `auto_vacuum` count only while the file is empty.
    connection.execute_batch(
        "PRAGMA page_size = 16384;
         PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

fn foreign(path: &Path) -> StoreError {
    let place = path.display().to_string();
    StoreError::Foreign { place }
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}

fn set_meta(connection: &Connection, name: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
        .map(|_| ())
}
