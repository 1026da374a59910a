//! Copies a store into another one, from any engine to any: rows as they are, sealed texts sealed.
//!
//! Both must be opened with the same master key. A copy that is cut off leaves a store that says so
//! when somebody opens it, and that can be copied into again.

use super::open::{self, Location};
use super::{Store, StoreError};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 64 bits.
    Int,
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A table of both engines.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns and what they hold.
    pub columns: &'static [(&'static str, Kind)],
    /// In which order its rows come; `ADDED` is the column of an engine that tells in which they
    /// were added.
    pub order: &'static str,
}

impl Table {
    /// The names of its columns, with commas between them.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

/// How many rows are written together.
pub(super) const BITE: usize = 500;

use Kind::{Bytes, Int, Text};

/// All tables but `meta`, whose entries belong to one store, and `revision`, which counts itself;
/// those that others refer to come first.
pub(super) static TABLES: &[Table] = &[
    Table {
        name: "keys",
        columns: &[
            ("id", Text),
            ("hash", Bytes),
            ("sealed", Bytes),
            ("hint", Text),
            ("label", Text),
            ("owner_id", Text),
            ("owner_email", Text),
            ("owner_name", Text),
            ("owner_org_id", Text),
            ("environment", Text),
            ("functions", Text),
            ("created", Int),
            ("expires", Int),
            ("revoked", Int),
            ("last_used", Int),
            ("replaced_by", Text),
        ],
        order: "created, ADDED",
    },
    Table {
        name: "handshake_secrets",
        columns: &[
            ("id", Text),
            ("function", Text),
            ("sealed", Bytes),
            ("created", Int),
        ],
        order: "created, id",
    },
    Table {
        name: "visits",
        columns: &[
            ("id", Text),
            ("function", Text),
            ("sealed", Bytes),
            ("recorded", Int),
            ("state", Text),
            ("attempts", Int),
            ("due", Int),
            ("outcome", Text),
        ],
        order: "recorded, id",
    },
    Table {
        name: "connection_tokens",
        columns: &[
            ("connection", Text),
            ("environment", Text),
            ("sealed", Bytes),
            ("obtained", Int),
            ("expires", Int),
        ],
        order: "connection, environment",
    },
    Table {
        name: "events",
        columns: &[
            ("seq", Int),
            ("id", Text),
            ("function", Text),
            ("environment", Text),
            ("generation", Int),
            ("version", Text),
            ("received", Int),
            ("peer", Text),
            ("caller", Text),
            ("verified", Text),
            ("request_id", Text),
            ("method", Text),
            ("target", Text),
            ("size", Int),
            ("redacted", Int),
            ("failure", Text),
            ("key", Text),
            ("status", Int),
        ],
        order: "seq",
    },
    Table {
        name: "payloads",
        columns: &[("event", Int), ("headers", Bytes), ("body", Bytes)],
        order: "event",
    },
    Table {
        name: "answers",
        columns: &[
            ("event", Int),
            ("status", Int),
            ("headers", Bytes),
            ("body", Bytes),
        ],
        order: "event",
    },
    Table {
        name: "dedupe",
        columns: &[
            ("function", Text),
            ("environment", Text),
            ("key", Bytes),
            ("event", Int),
            ("expires", Int),
        ],
        order: "function, environment, key",
    },
    Table {
        name: "requests",
        columns: &[
            ("id", Int),
            ("event", Int),
            ("method", Text),
            ("target", Text),
            ("headers", Bytes),
            ("payload", Int),
            ("body", Bytes),
        ],
        order: "id",
    },
    Table {
        name: "deliveries",
        columns: &[
            ("id", Int),
            ("event", Int),
            ("request", Int),
            ("function", Text),
            ("name", Text),
            ("item", Int),
            ("connection", Text),
            ("environment", Text),
            ("lane", Text),
            ("on_dead", Int),
            ("state", Int),
            ("blocks", Int),
            ("attempts", Int),
            ("base", Int),
            ("leases", Int),
            ("token", Int),
            ("accepted", Int),
            ("due", Int),
            ("lease_until", Int),
            ("settled", Int),
            ("most_attempts", Int),
            ("first_wait", Int),
            ("wait_limit", Int),
            ("horizon", Int),
            ("timeout", Int),
            ("replay_of", Int),
            ("reason", Text),
        ],
        order: "id",
    },
    Table {
        name: "attempts",
        columns: &[
            ("delivery", Int),
            ("number", Int),
            ("at", Int),
            ("duration", Int),
            ("status", Int),
            ("outcome", Text),
            ("answer", Bytes),
        ],
        order: "delivery, number, at",
    },
    Table {
        name: "pauses",
        columns: &[("kind", Text), ("name", Text)],
        order: "kind, name",
    },
];

/// Takes rows, a bite at a time.
pub(super) type Take<'t> = &'t mut dyn FnMut(Vec<Vec<Cell>>) -> Result<(), StoreError>;

/// The tables of an engine.
pub trait Tables {
    /// Keeps gateways from delivering until the answer is dropped. Refused while one does.
    fn claim(&self) -> Result<Claim, StoreError>;

    /// Gives all rows of a table to `take`.
    fn dump(&self, table: &'static Table, take: Take<'_>) -> Result<(), StoreError>;

    /// Whether there is nothing: no key, no event.
    fn is_empty(&self) -> Result<bool, StoreError>;

    /// Whether a copy was begun and not finished.
    fn is_unfinished(&self) -> Result<bool, StoreError>;

    /// Notes that a copy is begun, and empties all tables.
    fn begin(&self) -> Result<(), StoreError>;

    /// Writes rows.
    fn load(&self, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<(), StoreError>;

    /// All is written: new rows get new numbers, and the store may be used.
    fn finish(&self) -> Result<(), StoreError>;
}

/// What keeps gateways from delivering.
#[derive(Debug, Default)]
pub struct Claim {
    pub(super) _lock: Option<std::fs::File>,
}

/// Copies what one store holds into another, which must be empty or not be there yet. No gateway
/// may use either. Answers how many rows of which table.
pub fn copy(from: &Location, to: &Location) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let source = open::open(from)?;
    let target = open::open_for_copy(to)?;
    let (source, target): (&dyn Store, &dyn Store) = (&*source, &*target);
    let (reads, writes) = (source.tables(), target.tables());
    let _claims = (reads.claim()?, writes.claim()?);
    if !writes.is_unfinished()? && !writes.is_empty()? {
        return Err(StoreError::NotEmpty);
    }
    writes.begin()?;
    let mut counts = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let mut count = 0;
        reads.dump(table, &mut |rows| {
            count += rows.len() as u64;
            writes.load(table, rows)
        })?;
        counts.push((table.name, count));
    }
    writes.finish()?;
    Ok(counts)
}
