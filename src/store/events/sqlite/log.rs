//! Looks at what is kept.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::super::filter::{Conditions, Dialect, Value};
use super::super::rows::{self, DELIVERY, EVENT, counted, environment, page, time};
use super::super::{
    Attempt, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, Destination,
    DestinationStats, EventDetail, EventFilter, EventRow, HeaderLines, LONGEST_PAGE, Listed, Page,
    Stats,
};
use super::accept::answer;
use super::settle::Place;
use super::{Memory, memory};
use crate::delivery::State;

pub(super) fn values(conditions: &Conditions) -> Vec<&dyn ToSql> {
    conditions
        .values()
        .iter()
        .map(|value| match value {
            Value::Int(number) => number as &dyn ToSql,
            Value::Text(text) => text,
            Value::Bytes(bytes) => bytes,
        })
        .collect()
}

pub(super) fn events(
    connection: &Connection,
    filter: &EventFilter,
    asked: Page,
) -> rusqlite::Result<Listed<EventRow>> {
    let limit = asked.limit.clamp(1, LONGEST_PAGE);
    let mut conditions = Conditions::of_events(filter, Dialect::Sqlite);
    conditions.within("e.seq", asked);
    let sql = format!(
        "SELECT {EVENT} FROM events e {} ORDER BY e.seq DESC LIMIT {}",
        conditions.sql(),
        limit + 1
    );
    let mut found: Vec<EventRow> = connection
        .prepare(&sql)?
        .query_map(values(&conditions).as_slice(), |row| rows::event(row))?
        .collect::<rusqlite::Result<_>>()?;
    for row in &mut found {
        row.deliveries = states(connection, row.seq)?;
    }
    Ok(page(found, limit, |row| row.seq))
}

fn states(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(State, u64)>> {
    let counts: Vec<(i64, i64)> = connection
        .prepare_cached(
            "SELECT state, count(*) FROM deliveries WHERE event = ?1 GROUP BY state ORDER BY state",
        )?
        .query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(counts.into_iter().filter_map(counted).collect())
}

pub(super) fn event(connection: &Connection, id: &str) -> rusqlite::Result<Option<EventDetail>> {
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.id = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id], |row| rows::event(row))
        .optional()?;
    let Some(mut row) = found else {
        return Ok(None);
    };
    row.deliveries = states(connection, row.seq)?;
    let payload = connection
        .prepare_cached("SELECT headers, unpacked(body, packed) FROM payloads WHERE event = ?1")?
        .query_row([row.seq], |row| {
            let headers = HeaderLines::from(row.get::<_, Vec<u8>>(0)?);
            Ok((headers, row.get::<_, Vec<u8>>(1)?.into()))
        })
        .optional()?;
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event
         WHERE d.event = ?1 ORDER BY d.id LIMIT {LONGEST_PAGE}"
    );
    let deliveries = connection
        .prepare_cached(&sql)?
        .query_map([row.seq], |row| rows::delivery(row))?
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into_iter()
        .map(|row| {
            let attempts = attempts(connection, row.id)?;
            Ok((row, attempts))
        })
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Some(EventDetail {
        answer: answer(connection, row.seq)?,
        payload,
        deliveries,
        row,
    }))
}

pub(super) fn deliveries(
    connection: &Connection,
    filter: &DeliveryFilter,
    asked: Page,
) -> rusqlite::Result<Listed<DeliveryRow>> {
    let limit = asked.limit.clamp(1, LONGEST_PAGE);
    let mut conditions = Conditions::of_deliveries(filter);
    conditions.within("d.id", asked);
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event {}
         ORDER BY d.id DESC LIMIT {}",
        conditions.sql(),
        limit + 1
    );
    let found = connection
        .prepare(&sql)?
        .query_map(values(&conditions).as_slice(), |row| rows::delivery(row))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(page(found, limit, |row: &DeliveryRow| row.id.0))
}

fn attempts(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Vec<Attempt>> {
    connection
        .prepare_cached(
            "SELECT number, at, duration, status, outcome, answer FROM attempts
             WHERE delivery = ?1 ORDER BY number, rowid",
        )?
        .query_map([id.0], |row| rows::attempt(row))?
        .collect()
}

pub(super) fn delivery(
    connection: &Connection,
    id: DeliveryId,
) -> rusqlite::Result<Option<DeliveryDetail>> {
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.id = ?1"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id.0], |row| rows::delivery(row))
        .optional()?;
    let Some(row) = found else {
        return Ok(None);
    };
    let request = connection
        .prepare_cached(
            "SELECT r.method, r.target, r.headers, r.payload,
                 CASE r.payload WHEN 1 THEN unpacked(p.body, p.packed) ELSE r.body END
             FROM deliveries d JOIN requests r ON r.id = d.request
             LEFT JOIN payloads p ON p.event = d.event
             WHERE d.id = ?1",
        )?
        .query_row([id.0], |row| rows::request(row, 0))
        .optional()?;
    let attempts = attempts(connection, id)?;
    Ok(Some(DeliveryDetail {
        row,
        request,
        attempts,
    }))
}

/// A delivery that something is done to.
pub(super) struct Subject {
    pub(super) id: i64,
    pub(super) place: Place,
    pub(super) state: State,
    pub(super) blocks: bool,
}

impl Subject {
    pub(super) fn of(connection: &Connection, id: i64) -> rusqlite::Result<Self> {
        connection
            .prepare_cached(
                "SELECT connection, environment, lane, on_dead, state, blocks FROM deliveries
                 WHERE id = ?1",
            )?
            .query_row([id], |row| {
                Ok(Self {
                    id,
                    place: Place::read(row)?,
                    state: State::of_code(row.get(4)?).unwrap_or(State::Held),
                    blocks: row.get(5)?,
                })
            })
    }
}

pub(super) fn stats(
    connection: &Connection,
    state: &Mutex<Memory>,
    now: Timestamp,
) -> rusqlite::Result<Stats> {
    // Each by an index of its own; what is delivered is not counted, there is too much of it.
    let mut destinations: BTreeMap<Destination, DestinationStats> = BTreeMap::new();
    for states in ["state = 0", "state = 1", "state = 3", "state IN (5, 6)"] {
        let sql = format!(
            "SELECT connection, environment, state, count(*), min(accepted) FROM deliveries
             WHERE {states} GROUP BY connection, environment, state"
        );
        let rows: Vec<(String, String, i64, i64, i64)> = connection
            .prepare_cached(&sql)?
            .query_map([], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (connection, of, state, count, oldest) in rows {
            let destination = Destination {
                connection: connection.into(),
                environment: environment(&of),
            };
            let entry =
                destinations
                    .entry(destination.clone())
                    .or_insert_with(|| DestinationStats {
                        destination,
                        counts: Vec::new(),
                        oldest: None,
                        breaker: "closed",
                    });
            let Some((state, count)) = counted((state, count)) else {
                continue;
            };
            entry.counts.push((state, count));
            if !state.is_settled() && state != State::Held {
                let oldest = time(oldest);
                entry.oldest = Some(entry.oldest.map_or(oldest, |known| known.min(oldest)));
            }
        }
    }
    let memory = memory(state);
    for (destination, entry) in &mut destinations {
        if let Some(health) = memory.destinations.get(destination) {
            entry.breaker = health.breaker.stands(now).as_str();
        }
    }
    drop(memory);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let events = number("SELECT count(*) FROM events")?;
    let pages = number("PRAGMA page_count")?;
    let size = number("PRAGMA page_size")?;
    Ok(Stats {
        events: u64::try_from(events).unwrap_or_default(),
        bytes: u64::try_from(pages.saturating_mul(size)).unwrap_or_default(),
        destinations: destinations.into_values().collect(),
    })
}
