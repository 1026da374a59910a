//! Forgets what is older than it must be, in bites that do not keep anybody waiting.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::super::rows::{millis, stamp};
use super::super::{Pruned, Retention};

/// How many events a bite takes.
const BITE: usize = 500;

/// Nothing is forgotten that is still owed.
const OWED: &str = "EXISTS (SELECT 1 FROM deliveries d
     WHERE d.event = e.seq AND (d.state IN (0, 1, 5, 6) OR d.blocks = 1))";

pub(super) fn bite(
    connection: &Connection,
    retention: &Retention,
    now: Timestamp,
) -> rusqlite::Result<Pruned> {
    let before = |age| stamp(now).saturating_sub(millis(age));
    let events = connection
        .prepare_cached(&format!(
            "DELETE FROM events WHERE seq IN (
                 SELECT e.seq FROM events e WHERE e.received < ?1 AND NOT {OWED}
                 ORDER BY e.received LIMIT {BITE}
             )"
        ))?
        .execute([before(retention.events)])?;
    connection
        .prepare_cached(&format!(
            "DELETE FROM dedupe WHERE (function, environment, key) IN (
                 SELECT function, environment, key FROM dedupe WHERE expires <= ?1
                 ORDER BY expires LIMIT {BITE}
             )"
        ))?
        .execute([stamp(now)])?;
    let mut bodies = forget_payloads(connection, before(retention.bodies))?;
    if let Some(most) = retention.size
        && size(connection)? > most
    {
        bodies += forget_payloads(connection, i64::MAX)?;
    }
    connection.execute_batch("PRAGMA incremental_vacuum(200)")?;
    let is_more = [events, bodies].iter().any(|count| *count >= BITE);
    Ok(Pruned {
        events: events as u64,
        bodies: bodies as u64,
        is_more,
    })
}

fn forget_payloads(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    let seqs: Vec<i64> = connection
        .prepare_cached(&format!(
            "SELECT p.event FROM payloads p JOIN events e ON e.seq = p.event
             WHERE e.received < ?1 AND NOT {OWED}
             ORDER BY p.event LIMIT {BITE}"
        ))?
        .query_map([before], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for seq in &seqs {
        connection
            .prepare_cached("DELETE FROM payloads WHERE event = ?1")?
            .execute([seq])?;
        connection
            .prepare_cached("DELETE FROM requests WHERE event = ?1")?
            .execute(params![seq])?;
    }
    Ok(seqs.len())
}

/// Bytes of the file that are in use.
fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
    let bytes = pages.saturating_mul(number("PRAGMA page_size")?);
    Ok(u64::try_from(bytes).unwrap_or_default())
}
