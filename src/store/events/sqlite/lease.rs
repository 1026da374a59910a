//! Takes deliveries out to be sent, within the limits of their destinations.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::super::rows::{self, millis, stamp, time};
use super::super::{Batch, Destination, Leased, Want};
use super::{Memory, memory};

/// So much longer than the attempt may take is it leased.
const GRACE: Duration = Duration::from_secs(15);

pub(super) fn lease(
    connection: &Connection,
    wants: &[Want],
    state: &Mutex<Memory>,
    now: Timestamp,
) -> rusqlite::Result<Batch> {
    let mut batch = Batch::default();
    let mut soonest = |after: Duration| {
        batch.next = Some(batch.next.map_or(after, |known: Duration| known.min(after)));
    };
    let mut leased = Vec::new();
    for want in wants {
        if is_paused(connection, &want.destination)? {
            continue;
        }
        let in_flight = in_flight(connection, &want.destination)?;
        let free = want.concurrency.saturating_sub(in_flight).min(want.most);
        if free == 0 {
            // What is on its way will wake us.
            continue;
        }
        let mut memory = memory(state);
        let health = memory
            .destinations
            .entry(want.destination.clone())
            .or_default();
        let mut may = health.breaker.admits(free, in_flight, now);
        if let (0, Some(until)) = (may, health.breaker.open_until) {
            soonest(until_then(until, now));
            continue;
        }
        if let Some((times, period)) = want.rate {
            may = may.min(health.bucket.fill(times, period, now));
            if may == 0 {
                soonest(health.bucket.next(times, period));
                continue;
            }
        }
        let found = take(connection, &want.destination, may, now)?;
        if want.rate.is_some() {
            health
                .bucket
                .take(u32::try_from(found.len()).unwrap_or(u32::MAX));
        }
        memory.held.extend(found.iter().map(|leased| leased.id.0));
        leased.extend(found);
        if let Some(due) = next_due(connection, &want.destination)? {
            soonest(until_then(due, now));
        }
    }
    batch.leased = leased;
    Ok(batch)
}

fn until_then(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

fn is_paused(connection: &Connection, destination: &Destination) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM pauses WHERE kind = 'connection' AND name = ?1")?
        .exists([&*destination.connection])
}

fn in_flight(connection: &Connection, destination: &Destination) -> rusqlite::Result<u32> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM deliveries
             WHERE state = 1 AND connection = ?1 AND environment = ?2",
        )?
        .query_row(
            params![&*destination.connection, destination.environment.as_str()],
            |row| row.get(0),
        )
}

fn next_due(
    connection: &Connection,
    destination: &Destination,
) -> rusqlite::Result<Option<Timestamp>> {
    let due: Option<i64> = connection
        .prepare_cached(
            "SELECT min(due) FROM deliveries
             WHERE state = 0 AND connection = ?1 AND environment = ?2
                 AND function NOT IN (SELECT name FROM pauses WHERE kind = 'function')",
        )?
        .query_row(
            params![&*destination.connection, destination.environment.as_str()],
            |row| row.get(0),
        )?;
    Ok(due.map(time))
}

fn take(
    connection: &Connection,
    destination: &Destination,
    most: u32,
    now: Timestamp,
) -> rusqlite::Result<Vec<Leased>> {
    let mut due = connection.prepare_cached(
        "SELECT d.id, d.token, d.function, d.name, d.item, d.attempts, d.base, d.accepted,
             d.most_attempts, d.first_wait, d.wait_limit, d.horizon, d.timeout,
             e.id, e.received, r.method, r.target, r.headers, r.payload,
             CASE r.payload WHEN 1 THEN unpacked(p.body, p.packed) ELSE r.body END
         FROM deliveries d
         JOIN events e ON e.seq = d.event
         LEFT JOIN requests r ON r.id = d.request
         LEFT JOIN payloads p ON p.event = d.event
         WHERE d.state = 0 AND d.connection = ?1 AND d.environment = ?2 AND d.due <= ?3
             AND d.function NOT IN (SELECT name FROM pauses WHERE kind = 'function')
         ORDER BY d.due, d.id LIMIT ?4",
    )?;
    let found: Vec<Leased> = due
        .query_map(
            params![
                &*destination.connection,
                destination.environment.as_str(),
                stamp(now),
                most
            ],
            |row| rows::leased(row, destination),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut lease = connection.prepare_cached(
        "UPDATE deliveries SET state = 1, token = ?2, lease_until = ?3, attempts = attempts + 1,
             leases = leases + 1
         WHERE id = ?1",
    )?;
    for leased in &found {
        let until = stamp(now).saturating_add(millis(leased.timeout + GRACE));
        lease.execute(params![leased.id.0, leased.token, until])?;
    }
    Ok(found)
}
