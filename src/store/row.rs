//! A key as a row, and back. A row that says what cannot be is an error that names the key.

use jiff::Timestamp;

use super::StoreError;
use super::fields::Fields;
use super::seal::MasterKey;
use crate::auth::{Environment, KeyHash, KeyRecord, Owner, Scope, ZapiKey};

/// The columns that [`RawKey::read`] expects, in its order.
pub(super) const COLUMNS: &str = "id, hash, hint, label, owner_id, owner_email, owner_name, \
    owner_org_id, environment, functions, created, expires, revoked, last_used, replaced_by";

/// A row as an engine gives it.
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
    pub(super) fn read<R: Fields>(row: &R) -> Result<Self, R::Error> {
        Ok(Self {
            id: row.text(0)?,
            hash: row.bytes(1)?,
            hint: row.text(2)?,
            label: row.text(3)?,
            owner: Owner {
                id: row.text(4)?,
                email: row.text(5)?,
                name: row.text(6)?,
                org_id: row.text(7)?,
            },
            environment: row.text(8)?,
            functions: row.maybe_text(9)?,
            created: row.int(10)?,
            expires: row.maybe_int(11)?,
            revoked: row.maybe_int(12)?,
            last_used: row.maybe_int(13)?,
            replaced_by: row.maybe_text(14)?,
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

/// The place that a key's text is sealed for.
pub(super) fn place(id: &str) -> String {
    format!("key:{id}")
}

/// Opens the sealed text of a key, which must be the key of this hash.
pub(super) fn key_text(
    master: &MasterKey,
    id: &str,
    sealed: &[u8],
    hash: &[u8],
) -> Result<ZapiKey, StoreError> {
    let damaged = |what| {
        let id = id.to_owned();
        StoreError::Damaged { id, what }
    };
    let text = master
        .unseal(&place(id), sealed)
        .map_err(|_| damaged("its sealed text does not open"))?;
    let key = ZapiKey::parse(&text).ok_or_else(|| damaged("its sealed text is not a key"))?;
    if key.hash().0.as_slice() != hash {
        return Err(damaged("its sealed text is another key's"));
    }
    Ok(key)
}

/// The column `functions`: a JSON list, or NULL for all.
pub(super) fn functions(scope: &Scope) -> Option<String> {
    match scope {
        Scope::All => None,
        Scope::Functions(names) => Some(serde_json::Value::from(names.clone()).to_string()),
    }
}
