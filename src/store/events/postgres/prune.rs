//! Forgets what is older than it must be, in bites that do not keep anybody waiting.

use std::sync::Arc;

use super::super::rows::{millis, stamp};
use super::super::{Pruned, Retention};
use super::Shared;
use crate::store::fields::Fields as _;
use crate::store::postgres::link::{LinkError, Sessions, Work};

/// How many events a bite takes.
const BITE: u64 = 500;

pub(super) async fn bite(
    sessions: Sessions,
    retention: Retention,
    shared: Arc<Shared>,
) -> Result<Pruned, LinkError> {
    let now = stamp(shared.now());
    let before = |age| now.saturating_sub(millis(age));
    let events = forget_events(&sessions, before(retention.events)).await?;
    let work = sessions.begin().await?;
    work.execute(
        "DELETE FROM dedupe WHERE (function, environment, key) IN (
             SELECT function, environment, key FROM dedupe WHERE expires <= $1
             ORDER BY expires LIMIT 500 FOR UPDATE SKIP LOCKED
         )",
        &[&now],
    )
    .await?;
    work.commit().await?;
    let mut bodies = forget_payloads(&sessions, before(retention.bodies)).await?;
    if let Some(most) = retention.size {
        let work = sessions.reader().await?;
        let size = size(&work).await?;
        work.done();
        if size > most {
            bodies += forget_payloads(&sessions, i64::MAX).await?;
        }
    }
    Ok(Pruned {
        events,
        bodies,
        is_more: events >= BITE || bodies >= BITE,
    })
}

/// Old events that nothing is owed of, locked, of those that `sql` finds. A row that somebody uses
/// now (a replay shares it) is left for the next time.
async fn lock_unowed(work: &Work, sql: &str, before: i64) -> Result<Vec<i64>, LinkError> {
    let rows = work.query(sql, &[&before]).await?;
    let seqs = numbers(&rows)?;
    // Once more, now that the rows are locked: the statement that locked them saw the deliveries as
    // they were when it began, and one may have been retried or replayed meanwhile.
    let rows = work
        .query(
            "SELECT s.seq FROM unnest($1::bigint[]) s (seq) WHERE NOT EXISTS (
                 SELECT 1 FROM deliveries d
                 WHERE d.event = s.seq AND (d.state IN (0, 1, 5, 6) OR d.blocks = 1)
             )",
            &[&seqs],
        )
        .await?;
    numbers(&rows)
}

fn numbers(rows: &[tokio_postgres::Row]) -> Result<Vec<i64>, LinkError> {
    let numbers = rows.iter().map(|row| row.int(0));
    Ok(numbers.collect::<Result<_, _>>()?)
}

async fn forget_events(sessions: &Sessions, before: i64) -> Result<u64, LinkError> {
    let work = sessions.begin().await?;
    let seqs = lock_unowed(
        &work,
        "SELECT e.seq FROM events e
         WHERE e.received < $1 AND NOT EXISTS (
             SELECT 1 FROM deliveries d
             WHERE d.event = e.seq AND (d.state IN (0, 1, 5, 6) OR d.blocks = 1)
         )
         ORDER BY e.received LIMIT 500 FOR UPDATE OF e SKIP LOCKED",
        before,
    )
    .await?;
    if seqs.is_empty() {
        work.commit().await?;
        return Ok(0);
    }
    for sql in [
        "DELETE FROM attempts WHERE delivery IN (SELECT id FROM deliveries WHERE event = ANY ($1))",
        "DELETE FROM deliveries WHERE event = ANY ($1)",
        "DELETE FROM requests WHERE event = ANY ($1)",
        "DELETE FROM answers WHERE event = ANY ($1)",
        "DELETE FROM payloads WHERE event = ANY ($1)",
        "DELETE FROM events WHERE seq = ANY ($1)",
    ] {
        work.execute(sql, &[&seqs]).await?;
    }
    work.commit().await?;
    Ok(seqs.len() as u64)
}

async fn forget_payloads(sessions: &Sessions, before: i64) -> Result<u64, LinkError> {
    let work = sessions.begin().await?;
    let seqs = lock_unowed(
        &work,
        "SELECT p.event FROM payloads p JOIN events e ON e.seq = p.event
         WHERE e.received < $1 AND NOT EXISTS (
             SELECT 1 FROM deliveries d
             WHERE d.event = e.seq AND (d.state IN (0, 1, 5, 6) OR d.blocks = 1)
         )
         ORDER BY p.event LIMIT 500 FOR UPDATE OF e SKIP LOCKED",
        before,
    )
    .await?;
    for sql in [
        "DELETE FROM payloads WHERE event = ANY ($1)",
        "DELETE FROM requests WHERE event = ANY ($1)",
    ] {
        work.execute(sql, &[&seqs]).await?;
    }
    work.commit().await?;
    Ok(seqs.len() as u64)
}

/// Bytes that the log takes on disk. What was forgotten counts until the server has used its room
/// again.
pub(super) async fn size(work: &Work) -> Result<u64, LinkError> {
    let row = work
        .first(
            "SELECT sum(pg_total_relation_size(name::regclass))::bigint
             FROM unnest(ARRAY['events', 'payloads', 'answers', 'dedupe', 'requests',
                 'deliveries', 'attempts']) name",
            &[],
        )
        .await?;
    Ok(row.map_or(Ok(0), |row| row.size(0))?)
}
