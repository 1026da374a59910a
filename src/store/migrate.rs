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
    // 3: events and deliveries. `seq` is the order of arrival; what is large stands apart, so that
    // lists and the queue do not read over it.
    "CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        function TEXT NOT NULL,
        environment TEXT NOT NULL,
        generation INTEGER NOT NULL,
        version TEXT NOT NULL,
        received INTEGER NOT NULL,
        peer TEXT,
        caller TEXT,
        verified TEXT NOT NULL,
        request_id TEXT NOT NULL,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        size INTEGER NOT NULL,
        redacted INTEGER NOT NULL,
        failure TEXT,
        key TEXT,                        -- of dedupe, for people
        status INTEGER                   -- of the answer
    ) STRICT;
    CREATE INDEX events_function ON events (function, seq);
    CREATE INDEX events_received ON events (received);

    CREATE TABLE payloads (
        event INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
        headers BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;

    CREATE TABLE answers (
        event INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
        status INTEGER NOT NULL,
        headers BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;

    CREATE TABLE dedupe (
        function TEXT NOT NULL,
        environment TEXT NOT NULL,
        key BLOB NOT NULL,               -- SHA-256
        event INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        PRIMARY KEY (function, environment, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX dedupe_expires ON dedupe (expires);

    -- What is sent; replays share it.
    CREATE TABLE requests (
        id INTEGER PRIMARY KEY,
        event INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        headers BLOB NOT NULL,
        payload INTEGER NOT NULL,        -- 0: body; 1: the event's; 2: made when it is sent
        body BLOB
    ) STRICT;
    CREATE INDEX requests_event ON requests (event);

    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
        request INTEGER NOT NULL,
        function TEXT NOT NULL,
        name TEXT NOT NULL,
        item INTEGER NOT NULL,
        connection TEXT NOT NULL,
        environment TEXT NOT NULL,
        lane TEXT,
        on_dead INTEGER NOT NULL,
        state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
        blocks INTEGER NOT NULL DEFAULT 0, -- a dead letter that its lane waits for
        attempts INTEGER NOT NULL DEFAULT 0,
        base INTEGER NOT NULL DEFAULT 0,   -- attempts before it was last retried by hand
        leases INTEGER NOT NULL DEFAULT 0, -- in a row that nobody reported on
        token INTEGER NOT NULL DEFAULT 0,
        accepted INTEGER NOT NULL,
        due INTEGER NOT NULL,
        lease_until INTEGER,
        settled INTEGER,
        most_attempts INTEGER NOT NULL,
        first_wait INTEGER NOT NULL,     -- milliseconds
        wait_limit INTEGER NOT NULL,
        horizon INTEGER NOT NULL,
        timeout INTEGER NOT NULL,
        replay_of INTEGER,
        reason TEXT
    ) STRICT;
    CREATE INDEX deliveries_due ON deliveries (connection, environment, due, id) WHERE state = 0;
    CREATE INDEX deliveries_leased ON deliveries (connection, environment) WHERE state = 1;
    CREATE INDEX deliveries_dead ON deliveries (connection, environment) WHERE state = 3;
    CREATE INDEX deliveries_still ON deliveries (connection, environment, state) WHERE state IN (5, 6);
    CREATE INDEX deliveries_lane ON deliveries (connection, environment, lane, id)
        WHERE lane IS NOT NULL AND (state IN (0, 1, 5, 6) OR blocks = 1);
    CREATE INDEX deliveries_event ON deliveries (event);

    CREATE TABLE attempts (
        delivery INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        at INTEGER NOT NULL,
        duration INTEGER NOT NULL,       -- microseconds
        status INTEGER,
        outcome TEXT NOT NULL,
        answer BLOB NOT NULL
    ) STRICT;
    CREATE INDEX attempts_delivery ON attempts (delivery);

    CREATE TABLE pauses (
        kind TEXT NOT NULL CHECK (kind IN ('connection', 'function')),
        name TEXT NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID;

    -- Counts the changes of what a gateway holds in memory; events change the file all the time.
    CREATE TABLE revision (number INTEGER NOT NULL) STRICT;
    INSERT INTO revision VALUES (0);
    CREATE TRIGGER keys_added AFTER INSERT ON keys
        BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER keys_changed AFTER UPDATE OF expires, revoked, replaced_by ON keys
        BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER handshake_secrets_added AFTER INSERT ON handshake_secrets
        BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER handshake_secrets_removed AFTER DELETE ON handshake_secrets
        BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER visits_added AFTER INSERT ON visits
        BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER visits_changed AFTER UPDATE ON visits
        BEGIN UPDATE revision SET number = number + 1; END;",
    // 4: bodies are packed.
    "ALTER TABLE payloads ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;",
    // 5: access tokens of connections.
    "CREATE TABLE connection_tokens (
        connection TEXT NOT NULL,
        environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'production')),
        sealed BLOB,                     -- the tokens, by the master key; NULL before there are any
        obtained INTEGER,
        expires INTEGER,
        asking INTEGER,                  -- until when somebody asks for new ones
        PRIMARY KEY (connection, environment)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER connection_tokens_removed AFTER DELETE ON connection_tokens
        BEGIN UPDATE revision SET number = number + 1; END;",
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
