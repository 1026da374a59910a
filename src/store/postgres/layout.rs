//! The tables in PostgreSQL, as the steps that lead to them.
//!
//! As with SQLite (`migrate`): a step that was released is never changed, steps go forward only,
//! and how many were taken stands in the database, in the table `layout`. Tables and columns are
//! those of the embedded engine, so that a store can be copied from one to the other. In addition
//! there are what a destination is given (`destinations`) and who has leased a delivery (`holder`),
//! because there are several gateways, and sequences, because numbers are drawn before rows are
//! written.
//!
//! There are no foreign keys: each row would lock the one it belongs to. Who removes an event
//! removes what belongs to it.

use super::link::{LinkError, Work};

/// All steps, the oldest first.
const STEPS: &[&str] = &[
    "
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value BYTEA NOT NULL
    );

    CREATE TABLE keys (
        number BIGINT GENERATED ALWAYS AS IDENTITY, -- the order in which they were added
        id TEXT PRIMARY KEY,
        hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
        sealed BYTEA NOT NULL,
        hint TEXT NOT NULL,
        label TEXT NOT NULL,
        owner_id TEXT NOT NULL,
        owner_email TEXT NOT NULL,
        owner_name TEXT NOT NULL,
        owner_org_id TEXT NOT NULL,
        environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'production')),
        functions TEXT,
        created BIGINT NOT NULL,
        expires BIGINT,
        revoked BIGINT,
        last_used BIGINT,
        replaced_by TEXT
    );

    CREATE TABLE handshake_secrets (
        id TEXT PRIMARY KEY,
        function TEXT NOT NULL,
        sealed BYTEA NOT NULL,
        created BIGINT NOT NULL
    );

    CREATE TABLE visits (
        id TEXT PRIMARY KEY,
        function TEXT NOT NULL,
        sealed BYTEA NOT NULL,
        recorded BIGINT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('held', 'pending', 'done', 'failed')),
        attempts BIGINT NOT NULL,
        due BIGINT NOT NULL,
        outcome TEXT
    );

    CREATE SEQUENCE events_seq;
    CREATE TABLE events (
        seq BIGINT PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        function TEXT NOT NULL,
        environment TEXT NOT NULL,
        generation BIGINT NOT NULL,
        version TEXT NOT NULL,
        received BIGINT NOT NULL,
        peer TEXT,
        caller TEXT,
        verified TEXT NOT NULL,
        request_id TEXT NOT NULL,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        size BIGINT NOT NULL,
        redacted BIGINT NOT NULL,
        failure TEXT,
        key TEXT,
        status BIGINT
    );
    CREATE INDEX events_function ON events (function, seq);
    CREATE INDEX events_received ON events (received);

    -- Bodies stand in the row up to nearly a page: one that is moved apart costs two more writes.
    CREATE TABLE payloads (
        event BIGINT PRIMARY KEY,
        headers BYTEA NOT NULL,
        body BYTEA NOT NULL
    ) WITH (toast_tuple_target = 8160);
    ALTER TABLE payloads ALTER body SET STORAGE MAIN;

    CREATE TABLE answers (
        event BIGINT PRIMARY KEY,
        status BIGINT NOT NULL,
        headers BYTEA NOT NULL,
        body BYTEA NOT NULL
    );

    CREATE TABLE dedupe (
        function TEXT NOT NULL,
        environment TEXT NOT NULL,
        key BYTEA NOT NULL,
        event BIGINT NOT NULL,
        expires BIGINT NOT NULL,
        PRIMARY KEY (function, environment, key)
    );
    CREATE INDEX dedupe_expires ON dedupe (expires);

    -- A request has the number of the delivery that it was made for.
    CREATE TABLE requests (
        id BIGINT PRIMARY KEY,
        event BIGINT NOT NULL,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        headers BYTEA NOT NULL,
        payload BIGINT NOT NULL,
        body BYTEA
    ) WITH (toast_tuple_target = 8160);
    ALTER TABLE requests ALTER body SET STORAGE MAIN;
    CREATE INDEX requests_event ON requests (event);

    CREATE SEQUENCE holders MAXVALUE 2147483647 CYCLE;
    CREATE SEQUENCE deliveries_id;
    CREATE TABLE deliveries (
        id BIGINT PRIMARY KEY,
        event BIGINT NOT NULL,
        request BIGINT NOT NULL,
        function TEXT NOT NULL,
        name TEXT NOT NULL,
        item BIGINT NOT NULL,
        connection TEXT NOT NULL,
        environment TEXT NOT NULL,
        lane TEXT,
        on_dead BIGINT NOT NULL,
        state BIGINT NOT NULL CHECK (state BETWEEN 0 AND 6),
        blocks BIGINT NOT NULL DEFAULT 0,
        attempts BIGINT NOT NULL DEFAULT 0,
        base BIGINT NOT NULL DEFAULT 0,
        leases BIGINT NOT NULL DEFAULT 0,
        token BIGINT NOT NULL DEFAULT 0,
        accepted BIGINT NOT NULL,
        due BIGINT NOT NULL,
        lease_until BIGINT,
        holder BIGINT,                   -- the gateway that has leased it, while it says so
        settled BIGINT,
        most_attempts BIGINT NOT NULL,
        first_wait BIGINT NOT NULL,
        wait_limit BIGINT NOT NULL,
        horizon BIGINT NOT NULL,
        timeout BIGINT NOT NULL,
        replay_of BIGINT,
        reason TEXT
    ) WITH (
        fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0
    );
    CREATE INDEX deliveries_due ON deliveries (connection, environment, due, id) WHERE state = 0;
    CREATE INDEX deliveries_leased ON deliveries (connection, environment) WHERE state = 1;
    CREATE INDEX deliveries_dead ON deliveries (connection, environment) WHERE state = 3;
    CREATE INDEX deliveries_still ON deliveries (connection, environment, state)
        WHERE state IN (5, 6);
    CREATE INDEX deliveries_lane ON deliveries (connection, environment, lane, id)
        WHERE lane IS NOT NULL AND (state IN (0, 1, 5, 6) OR blocks = 1);
    CREATE INDEX deliveries_event ON deliveries (event);

    CREATE TABLE attempts (
        number BIGINT NOT NULL,
        delivery BIGINT NOT NULL,
        at BIGINT NOT NULL,
        duration BIGINT NOT NULL,
        status BIGINT,
        outcome TEXT NOT NULL,
        answer BYTEA NOT NULL
    );
    CREATE INDEX attempts_delivery ON attempts (delivery, number);

    CREATE TABLE pauses (
        kind TEXT NOT NULL CHECK (kind IN ('connection', 'function')),
        name TEXT NOT NULL,
        PRIMARY KEY (kind, name)
    );

    -- What is known of a destination, for all gateways. Its row is locked while deliveries are
    -- leased to it, so that together they keep its limits.
    CREATE TABLE destinations (
        connection TEXT NOT NULL,
        environment TEXT NOT NULL,
        faults BIGINT NOT NULL DEFAULT 0,
        open_until BIGINT,
        tokens DOUBLE PRECISION NOT NULL DEFAULT 0,
        tokens_at BIGINT,
        PRIMARY KEY (connection, environment)
    ) WITH (fillfactor = 50);

    CREATE TABLE revision (number BIGINT NOT NULL);
    INSERT INTO revision VALUES (0);
    CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE revision SET number = number + 1;
            RETURN NULL;
        END
    $$;
    CREATE TRIGGER keys_added AFTER INSERT ON keys
        FOR EACH STATEMENT EXECUTE FUNCTION count_revision();
    CREATE TRIGGER keys_changed AFTER UPDATE OF expires, revoked, replaced_by ON keys
        FOR EACH STATEMENT EXECUTE FUNCTION count_revision();
    CREATE TRIGGER handshake_secrets_changed AFTER INSERT OR DELETE ON handshake_secrets
        FOR EACH STATEMENT EXECUTE FUNCTION count_revision();
    CREATE TRIGGER visits_changed AFTER INSERT OR UPDATE ON visits
        FOR EACH STATEMENT EXECUTE FUNCTION count_revision();

    -- A better compression, where the server was built with it.
    DO $$
        BEGIN
            ALTER TABLE payloads ALTER body SET COMPRESSION lz4;
            ALTER TABLE requests ALTER body SET COMPRESSION lz4;
        EXCEPTION WHEN OTHERS THEN NULL;
        END
    $$;
",
    "
    CREATE TABLE connection_tokens (
        connection TEXT NOT NULL,
        environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'production')),
        sealed BYTEA,
        obtained BIGINT,
        expires BIGINT,
        asking BIGINT,
        PRIMARY KEY (connection, environment)
    );
    CREATE TRIGGER connection_tokens_removed AFTER DELETE ON connection_tokens
        FOR EACH STATEMENT EXECUTE FUNCTION count_revision();
",
];

/// What a database turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is at the last step now.
    Ready,
    /// Nothing of ours is in it, and whoever asked does not make it.
    Missing,
    /// A later program has taken this many steps.
    Newer(usize),
    /// The schema holds tables of something else.
    Foreign,
}

/// How many steps there are.
pub(super) const KNOWN: usize = STEPS.len();

/// Takes the steps that are missing, in the schema that the connection is set to, all or none. Of
/// two programs that begin at once, the second waits and finds it done.
pub(super) async fn migrate(work: &Work, schema: &str, is_made: bool) -> Result<Found, LinkError> {
    work.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('hookweir layout ' || $1, 0))",
        &[&schema],
    )
    .await?;
    let there = work
        .first(
            "SELECT count(*), count(*) FILTER (WHERE tablename = 'layout')
             FROM pg_catalog.pg_tables WHERE schemaname = $1",
            &[&schema],
        )
        .await?;
    let (tables, ours): (i64, i64) = match &there {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => (0, 0),
    };
    if ours == 0 && tables > 0 {
        return Ok(Found::Foreign);
    }
    if ours == 0 {
        if !is_made {
            return Ok(Found::Missing);
        }
        let known = work
            .first(
                "SELECT 1::bigint FROM pg_catalog.pg_namespace WHERE nspname = $1",
                &[&schema],
            )
            .await?;
        if known.is_none() {
            work.batch(&format!("CREATE SCHEMA {schema}")).await?;
        }
        work.batch("CREATE TABLE layout (step BIGINT NOT NULL); INSERT INTO layout VALUES (0)")
            .await?;
    }
    let step = work.first("SELECT step FROM layout", &[]).await?;
    let step: i64 = step.map_or(Ok(-1), |row| row.try_get(0))?;
    let Ok(step) = usize::try_from(step) else {
        return Ok(Found::Foreign);
    };
    if step > STEPS.len() {
        return Ok(Found::Newer(step));
    }
    for step in STEPS.iter().skip(step) {
        work.batch(step).await?;
    }
    if step < STEPS.len() {
        let step = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
        work.execute("UPDATE layout SET step = $1", &[&step])
            .await?;
    }
    Ok(Found::Ready)
}
