//! The tables of SQLite, for copies.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::copy::{BITE, Cell, Claim, TABLES, Table, Tables, Take};
use super::packed::pack;
use super::sqlite::{SqliteStore, WriteError, connect};
use super::{StoreError, folder};

/// Entry of `meta` while a copy into the store is not finished.
const COPYING: &str = "copying";
/// The table whose last column, the body, is packed.
const PACKED: &str = "payloads";

fn has(connection: &Connection, sql: &str) -> rusqlite::Result<bool> {
    connection.query_row(&format!("SELECT EXISTS ({sql})"), [], |row| row.get(0))
}

fn cell(value: ValueRef<'_>) -> rusqlite::Result<Cell> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Text(_) => Cell::Text(value.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        // No column of ours holds one.
        ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
    })
}

impl Tables for SqliteStore {
    fn claim(&self) -> Result<Claim, StoreError> {
        let path = self.path().with_file_name("deliver.lock");
        let file = folder::open_lock(&path)?;
        file.try_lock().map_err(|_| StoreError::InUse {
            place: self.path().display().to_string(),
        })?;
        Ok(Claim { _lock: Some(file) })
    }

    fn dump(&self, table: &'static Table, take: Take<'_>) -> Result<(), StoreError> {
        let error = StoreError::database(self.path());
        let connection = connect(self.path()).map_err(&error)?;
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {}",
            // A copy of a body is as it came.
            match table.name {
                PACKED => table.names().replace("body", "unpacked(body, packed)"),
                _ => table.names(),
            },
            table.name,
            table.order.replace("ADDED", "rowid")
        );
        let mut statement = connection.prepare(&sql).map_err(&error)?;
        let mut found = statement.query([]).map_err(&error)?;
        let mut bite = Vec::with_capacity(BITE);
        while let Some(row) = found.next().map_err(&error)? {
            let cells: rusqlite::Result<Vec<Cell>> = (0..table.columns.len())
                .map(|at| cell(row.get_ref(at)?))
                .collect();
            bite.push(cells.map_err(&error)?);
            if bite.len() == BITE {
                take(std::mem::take(&mut bite))?;
            }
        }
        if bite.is_empty() { Ok(()) } else { take(bite) }
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        let is_used = self.read(|connection| {
            has(
                connection,
                "SELECT 1 FROM keys UNION ALL SELECT 1 FROM events",
            )
        })?;
        Ok(!is_used)
    }

    fn is_unfinished(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            has(
                connection,
                &format!("SELECT 1 FROM meta WHERE name = '{COPYING}'"),
            )
        })
    }

    fn begin(&self) -> Result<(), StoreError> {
        // A key may be replaced by one that comes later; all are looked at in the end.
        self.read(|connection| connection.pragma_update(None, "foreign_keys", false))?;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO meta (name, value) VALUES (?1, x'01') ON CONFLICT DO NOTHING",
                [COPYING],
            )?;
            for table in TABLES {
                transaction.execute(&format!("DELETE FROM {}", table.name), [])?;
            }
            Ok(())
        })
    }

    fn load(&self, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<(), StoreError> {
        let is_packed = table.name == PACKED;
        let mut names = table.names();
        let mut marks = vec!["?"; table.columns.len()];
        if is_packed {
            names.push_str(", packed");
            marks.push("?");
        }
        let marks = marks.join(", ");
        let sql = format!("INSERT INTO {} ({names}) VALUES ({marks})", table.name);
        self.write(|transaction| {
            let mut insert = transaction.prepare_cached(&sql)?;
            for mut row in rows {
                if is_packed && let Some(Cell::Bytes(body)) = row.last_mut() {
                    let (stored, packed) = pack(body);
                    *body = stored.into_owned();
                    row.push(Cell::Int(packed));
                }
                let values = row.into_iter().map(|cell| match cell {
                    Cell::Null => Value::Null,
                    Cell::Int(number) => Value::Integer(number),
                    Cell::Text(text) => Value::Text(text),
                    Cell::Bytes(bytes) => Value::Blob(bytes),
                });
                insert
                    .execute(params_from_iter(values))
                    .map_err(WriteError::from)?;
            }
            Ok(())
        })
    }

    fn finish(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            if transaction
                .prepare("PRAGMA foreign_key_check")?
                .exists([])?
            {
                let what = "a row belongs to none";
                let id = "a copied table".to_owned();
                return Err(StoreError::Damaged { id, what }.into());
            }
            transaction.execute("DELETE FROM meta WHERE name = ?1", [COPYING])?;
            Ok(())
        })?;
        self.read(|connection| connection.pragma_update(None, "foreign_keys", true))
    }
}
