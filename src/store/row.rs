//! A key as a row, and back. A row that says what cannot be is an error that names the key.

use jiff::Timestamp;
use rusqlite::Row;

use super::StoreError;
use crate::auth::{Environment, KeyHash, KeyRecord, Owner, Scope};

/// The columns that [`RawKey::read`] expects, in its order.
pub(super) const COLUMNS: &str = "id, hash, hint, label, owner_id, owner_email, owner_name, \
    owner_org_id, environment, functions, created, expires, revoked, last_used, replaced_by";

/// A row as SQLite gives it.
pub(super) struct RawKey {
    id: String,
    hash: Vec<u8>,
    hint: String,
    label: String,
    owner: Owner,
    environment: String,
    functions: Option<String>,
    created: i64,
    expires: Option<i64>,
    revoked: Option<i64>,
    last_used: Option<i64>,
    replaced_by: Option<String>,
}

impl RawKey {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            hash: row.get("hash")?,
            hint: row.get("hint")?,
            label: row.get("label")?,
            owner: Owner {
                id: row.get("owner_id")?,
                email: row.get("owner_email")?,
                name: row.get("owner_name")?,
                org_id: row.get("owner_org_id")?,
            },
            environment: row.get("environment")?,
            functions: row.get("functions")?,
            created: row.get("created")?,
            expires: row.get("expires")?,
            revoked: row.get("revoked")?,
            last_used: row.get("last_used")?,
            replaced_by: row.get("replaced_by")?,
        })
    }

    pub(super) fn into_record(self) -> Result<KeyRecord, StoreError> {
        let id = self.id;
        let damaged = |what| {
            let id = id.clone();
            move || StoreError::Damaged { id, what }
        };
        let time = |milliseconds: i64| {
            Timestamp::from_millisecond(milliseconds)
                .map_err(|_| damaged("a time that does not exist")())
        };
        Ok(KeyRecord {
            hash: KeyHash(
                self.hash
                    .try_into()
                    .map_err(|_| damaged("its hash has not 32 bytes")())?,
            ),
            hint: self.hint,
            label: self.label,
            owner: self.owner,
            environment: self
                .environment
                .parse::<Environment>()
                .map_err(|_| damaged("no such environment")())?,
            scope: match self.functions {
                None => Scope::All,
                Some(list) => Scope::Functions(
                    serde_json::from_str(&list)
                        .map_err(|_| damaged("its functions are not a list of names")())?,
                ),
            },
            created: time(self.created)?,
            expires: self.expires.map(time).transpose()?,
            revoked: self.revoked.map(time).transpose()?,
            last_used: self.last_used.map(time).transpose()?,
            replaced_by: self.replaced_by,
            id,
        })
    }
}

/// The column `functions`: a JSON list, or NULL for all.
pub(super) fn functions(scope: &Scope) -> Option<String> {
    match scope {
        Scope::All => None,
        Scope::Functions(names) => Some(serde_json::Value::from(names.clone()).to_string()),
    }
}
