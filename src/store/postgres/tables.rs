//! The tables of PostgreSQL, for copies.

use tokio_postgres::types::ToSql;

use super::link::{LinkError, Work};
use super::{PostgresStore, text};
use crate::store::StoreError;
use crate::store::copy::{BITE, Cell, Claim, Kind, TABLES, Table, Tables, Take};
use crate::store::fields::Fields as _;

/// Entry of `meta` while a copy into the store is not finished.
const COPYING: &str = "copying";

impl PostgresStore {
    fn is_so(&self, sql: &'static str) -> Result<bool, StoreError> {
        let rows = self.rows(sql)?;
        let found = rows.first().map(|row| row.flag(0)).transpose();
        Ok(found.map_err(self.told())?.unwrap_or_default())
    }
}

/// Values of one column of many rows, as the driver takes them.
enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    const fn new(kind: Kind) -> Self {
        match kind {
            Kind::Int => Self::Int(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
        }
    }

    fn push(&mut self, cell: Cell) -> Result<(), LinkError> {
        match (self, cell) {
            (Self::Int(all), Cell::Int(number)) => all.push(Some(number)),
            (Self::Int(all), Cell::Null) => all.push(None),
            (Self::Text(all), Cell::Text(of)) => all.push(Some(text(&of))),
            (Self::Text(all), Cell::Null) => all.push(None),
            (Self::Bytes(all), Cell::Bytes(bytes)) => all.push(Some(bytes)),
            (Self::Bytes(all), Cell::Null) => all.push(None),
            _ => {
                let text = "a column holds a value of another kind".to_owned();
                return Err(LinkError::Failed(text));
            }
        }
        Ok(())
    }

    fn param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Int(all) => all,
            Self::Text(all) => all,
            Self::Bytes(all) => all,
        }
    }
}

const fn array(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "bigint[]",
        Kind::Text => "text[]",
        Kind::Bytes => "bytea[]",
    }
}

async fn write(work: &Work, table: &Table, rows: Vec<Vec<Cell>>) -> Result<(), LinkError> {
    let mut columns: Vec<Column> = table
        .columns
        .iter()
        .map(|(_, kind)| Column::new(*kind))
        .collect();
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell)?;
        }
    }
    let arrays: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, (_, kind))| format!("${}::{}", index + 1, array(*kind)))
        .collect();
    let sql = format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({})",
        table.name,
        table.names(),
        arrays.join(", ")
    );
    let params: Vec<_> = columns.iter().map(Column::param).collect();
    work.execute(&sql, &params).await?;
    Ok(())
}

/// A bite of what the table's cursor finds. Each has a name of its own: its statement is kept.
async fn fetch(work: &Work, table: &Table) -> Result<Vec<Vec<Cell>>, LinkError> {
    let rows = work
        .query(&format!("FETCH {BITE} FROM copied_{}", table.name), &[])
        .await?;
    let cells = |row: &tokio_postgres::Row| -> Result<Vec<Cell>, tokio_postgres::Error> {
        let kinds = table.columns.iter().enumerate();
        kinds
            .map(|(at, (_, kind))| {
                Ok(match kind {
                    Kind::Int => row.maybe_int(at)?.map_or(Cell::Null, Cell::Int),
                    Kind::Text => row.maybe_text(at)?.map_or(Cell::Null, Cell::Text),
                    Kind::Bytes => row.maybe_bytes(at)?.map_or(Cell::Null, Cell::Bytes),
                })
            })
            .collect()
    };
    Ok(rows.iter().map(cells).collect::<Result<_, _>>()?)
}

impl Tables for PostgresStore {
    fn claim(&self) -> Result<Claim, StoreError> {
        let is_used = self.is_so(
            "SELECT count(*) FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 2
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND classid::bigint
                     = hashtext('hookweir ' || current_schema())::bigint & 4294967295",
        )?;
        if is_used {
            let place = self.link.url().to_string();
            return Err(StoreError::InUse { place });
        }
        Ok(Claim::default())
    }

    fn dump(&self, table: &'static Table, take: Take<'_>) -> Result<(), StoreError> {
        let told = super::told(&self.link);
        let sessions = self.link.handle();
        // By a cursor, within one transaction: all of it as it was at one moment.
        let begun = self.link.wait(async move {
            let work = sessions.begin().await?;
            work.batch(&format!(
                "SET LOCAL enable_seqscan = on;
                 DECLARE copied_{} CURSOR FOR SELECT {} FROM {} ORDER BY {}",
                table.name,
                table.names(),
                table.name,
                table.order.replace("ADDED", "number")
            ))
            .await?;
            Ok(work)
        });
        let mut work = begun.map_err(&told)?;
        loop {
            let fetched = self.link.wait(async move {
                let rows = fetch(&work, table).await?;
                Ok((work, rows))
            });
            let (again, rows) = fetched.map_err(&told)?;
            work = again;
            if rows.is_empty() {
                return self.link.wait(work.commit()).map_err(told);
            }
            take(rows)?;
        }
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        let is_used = self.is_so(
            "SELECT (EXISTS (SELECT 1 FROM keys) OR EXISTS (SELECT 1 FROM events))::int::bigint",
        )?;
        Ok(!is_used)
    }

    fn is_unfinished(&self) -> Result<bool, StoreError> {
        self.is_so("SELECT count(*) FROM meta WHERE name = 'copying'")
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.write(|work| {
            Box::pin(async move {
                work.execute(
                    "INSERT INTO meta (name, value) VALUES ($1, '\\x01') ON CONFLICT DO NOTHING",
                    &[&COPYING],
                )
                .await?;
                let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
                work.batch(&format!("TRUNCATE {}", names.join(", ")))
                    .await?;
                Ok(Ok(()))
            })
        })
    }

    fn load(&self, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<(), StoreError> {
        self.write(move |work| {
            Box::pin(async move {
                write(work, table, rows).await?;
                Ok(Ok(()))
            })
        })
    }

    fn finish(&self) -> Result<(), StoreError> {
        self.write(|work| {
            Box::pin(async move {
                // A request has the number of a delivery; in SQLite it has one of its own.
                work.batch(
                    "SELECT setval('events_seq', greatest(1, (SELECT max(seq) FROM events)));
                     SELECT setval('deliveries_id', greatest(1, (SELECT max(id) FROM deliveries),
                         (SELECT max(id) FROM requests)));
                     DELETE FROM meta WHERE name = 'copying'",
                )
                .await?;
                Ok(Ok(()))
            })
        })
    }
}
