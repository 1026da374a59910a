//! The layout of the database, as the steps that lead to it.
//!
//! A step that was released is never changed; what is wrong with it is put right by another. Steps
//! go forward only. How many were taken stands in the database (`user_version`), and each is taken
//! in one transaction with that number, so a crash leaves a step done or not begun.

use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as ours (`hkwr`), so that somebody else's database is not written into.
pub(super) const APPLICATION_ID: i64 = 0x686b_7772;

/// All steps, the oldest first.
pub(super) const STEPS: &[&str] = &[
    // 1: keys.
    "CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
        sealed BLOB NOT NULL,            -- the text, by the master key
        hint TEXT NOT NULL,              -- 1003.3f9c
        label TEXT NOT NULL,
        owner_id TEXT NOT NULL,
        owner_email TEXT NOT NULL,
        owner_name TEXT NOT NULL,
        owner_org_id TEXT NOT NULL,
        environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'production')),
        functions TEXT CHECK (json_valid(functions)),   -- a list of names; NULL opens all
        created INTEGER NOT NULL,        -- times are milliseconds since 1970
        expires INTEGER,
        revoked INTEGER,
        last_used INTEGER,
        replaced_by TEXT REFERENCES keys (id)
    ) STRICT;",
    // 2: what handshakes leave behind.
    "CREATE TABLE handshake_secrets (
        id TEXT PRIMARY KEY,
        function TEXT NOT NULL,
        sealed BLOB NOT NULL,            -- the secret, by the master key
        created INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE visits (
        id TEXT PRIMARY KEY,
        function TEXT NOT NULL,
        sealed BLOB NOT NULL,            -- the address, by the master key
        recorded INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('held', 'pending', 'done', 'failed')),
        attempts INTEGER NOT NULL,
        due INTEGER NOT NULL,
        outcome TEXT
    ) STRICT;",
];

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is at the last step now.
    Ready,
    /// A later program has taken this many steps.
    Newer(usize),
    /// A database of something else.
    Foreign,
}

/// Takes the steps that are missing. A database that is newer or not ours is left as it is.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<Found> {
    // Taken as a writer from the start: of two processes, the second waits and finds it done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |name: &str| -> rusqlite::Result<i64> {
        transaction.pragma_query_value(None, name, |row| row.get(0))
    };
    let (owner, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if owner != APPLICATION_ID && (owner, version, tables) != (0, 0, 0) {
        return Ok(Found::Foreign);
    }
    let Ok(version) = usize::try_from(version) else {
        return Ok(Found::Foreign);
    };
    if version > steps.len() {
        return Ok(Found::Newer(version));
    }
    for step in steps.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    if version < steps.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(
            None,
            "user_version",
            i64::try_from(steps.len()).unwrap_or(i64::MAX),
        )?;
    }
    transaction.commit()?;
    Ok(Found::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    const TWO: &[&str] = &[
        "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);",
        "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'old';",
    ];

    #[test]
    fn every_step_is_taken_once_from_any_beginning() {
        for begun in 0..=TWO.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            assert_eq!(
                migrate(&mut connection, &TWO[..begun]).unwrap(),
                Found::Ready
            );
            for _ in 0..2 {
                assert_eq!(migrate(&mut connection, TWO).unwrap(), Found::Ready);
                let row: (i64, String) = connection
                    .query_row("SELECT x, y FROM a", [], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .unwrap();
                assert_eq!(row, (7, "old".to_owned()), "from {begun}");
                assert_eq!(version(&connection), 2);
            }
        }
    }

    #[test]
    fn a_newer_database_is_left_as_it_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, TWO).unwrap();
        assert_eq!(
            migrate(&mut connection, &TWO[..1]).unwrap(),
            Found::Newer(2)
        );
        assert_eq!(version(&connection), 2);
    }

    #[test]
    fn somebody_elses_database_is_left_as_it_is() {
        for theirs in [
            "CREATE TABLE bookmarks (url TEXT);",
            "PRAGMA application_id = 7;",
            "PRAGMA user_version = 1;",
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(theirs).unwrap();
            assert_eq!(
                migrate(&mut connection, TWO).unwrap(),
                Found::Foreign,
                "{theirs}"
            );
            assert!(
                connection
                    .query_row("SELECT * FROM a", [], |_| Ok(()))
                    .is_err()
            );
        }
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = [TWO[0], "CREATE TABLE b (x INTEGER) STRICT; nonsense;"];
        assert!(migrate(&mut connection, &steps).is_err());
        assert_eq!(version(&connection), 0);
        assert_eq!(migrate(&mut connection, TWO).unwrap(), Found::Ready);
    }
}
