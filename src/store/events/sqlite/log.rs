//! Looks at what is kept.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};

use super::super::{
    Attempt, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRequest, DeliveryRow, Destination,
    DestinationStats, EventDetail, EventFilter, EventRow, HeaderLines, Listed, Page, Payload,
    Stats,
};
use super::accept::answer;
use super::settle::Place;
use super::{Memory, memory, stamp, time};
use crate::auth::Environment;
use crate::delivery::State;

/// The longest page.
const LONGEST_PAGE: u32 = 1000;

const EVENT: &str = "e.seq, e.id, e.function, e.environment, e.generation, e.version, e.received, \
     e.peer, e.caller, e.verified, e.request_id, e.method, e.target, e.size, e.redacted, \
     e.failure, e.key, e.status";

const DELIVERY: &str = "d.id, e.id, d.function, d.name, d.item, d.connection, d.environment, \
     d.lane, d.state, d.attempts, d.most_attempts, d.accepted, d.due, d.settled, d.replay_of, \
     d.reason";

/// The `WHERE` of a look.
#[derive(Default)]
pub(super) struct Conditions {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// A term with a `?` for each value.
    pub(super) fn add(&mut self, term: String, values: &[Value]) {
        self.terms.push(term);
        self.values.extend_from_slice(values);
    }

    fn equal<T: Into<Value>>(&mut self, column: &str, value: Option<T>) {
        if let Some(value) = value {
            self.add(format!("{column} = ?"), &[value.into()]);
        }
    }

    fn between(&mut self, column: &str, since: Option<Timestamp>, until: Option<Timestamp>) {
        if let Some(since) = since {
            self.add(format!("{column} >= ?"), &[stamp(since).into()]);
        }
        if let Some(until) = until {
            self.add(format!("{column} < ?"), &[stamp(until).into()]);
        }
    }

    pub(super) fn of_deliveries(filter: &DeliveryFilter) -> Self {
        let mut all = Self::default();
        if let Some(ids) = &filter.ids {
            let list: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
            all.add(format!("d.id IN ({})", list.join(", ")), &[]);
        }
        all.equal("e.id", filter.event.clone());
        all.equal("d.function", filter.function.clone());
        all.equal("d.name", filter.name.clone());
        all.equal("d.connection", filter.connection.clone());
        let environment = filter.environment.map(|of| of.as_str().to_owned());
        all.equal("d.environment", environment);
        all.equal("d.state", filter.state.map(State::code));
        all.between("d.accepted", filter.since, filter.until);
        all
    }

    fn of_events(filter: &EventFilter) -> Self {
        let mut all = Self::default();
        all.equal("e.function", filter.function.clone());
        let environment = filter.environment.map(|of| of.as_str().to_owned());
        all.equal("e.environment", environment);
        all.equal("e.caller", filter.caller.clone());
        let generation = filter
            .generation
            .map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        all.equal("e.generation", generation);
        if let Some(is_failed) = filter.is_failed {
            all.add(
                format!("(e.failure IS NOT NULL) = {}", u8::from(is_failed)),
                &[],
            );
        }
        if filter.state.is_some() || filter.connection.is_some() {
            let mut of = Self::default();
            of.equal("d.state", filter.state.map(State::code));
            of.equal("d.connection", filter.connection.clone());
            let term = format!(
                "EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.seq AND {})",
                of.terms.join(" AND ")
            );
            all.add(term, &of.values);
        }
        all.between("e.received", filter.since, filter.until);
        if let Some(text) = &filter.text {
            let term = "EXISTS (SELECT 1 FROM payloads p WHERE p.event = e.seq \
                            AND instr(p.body, ?) > 0)";
            all.add(term.to_owned(), &[Value::Blob(text.as_bytes().to_vec())]);
        }
        all.equal("e.key", filter.key.clone());
        all
    }

    pub(super) fn sql(&self) -> String {
        if self.terms.is_empty() {
            return String::new();
        }
        format!("WHERE {}", self.terms.join(" AND "))
    }

    pub(super) fn values(&self) -> Vec<&dyn ToSql> {
        self.values
            .iter()
            .map(|value| value as &dyn ToSql)
            .collect()
    }
}

/// Cuts what was read, one too many, to a page.
fn page<T>(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> i64) -> Listed<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| is_more).map(place);
    Listed { rows, next }
}

pub(super) fn events(
    connection: &Connection,
    filter: &EventFilter,
    asked: Page,
) -> rusqlite::Result<Listed<EventRow>> {
    let limit = asked.limit.clamp(1, LONGEST_PAGE);
    let mut conditions = Conditions::of_events(filter);
    if let Some(before) = asked.before {
        conditions.add("e.seq < ?".to_owned(), &[before.into()]);
    }
    let sql = format!(
        "SELECT {EVENT} FROM events e {} ORDER BY e.seq DESC LIMIT {}",
        conditions.sql(),
        limit + 1
    );
    let mut rows: Vec<EventRow> = connection
        .prepare(&sql)?
        .query_map(conditions.values().as_slice(), event_row)?
        .collect::<rusqlite::Result<_>>()?;
    for row in &mut rows {
        row.deliveries = states(connection, row.seq)?;
    }
    Ok(page(rows, limit, |row| row.seq))
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

fn counted((state, count): (i64, i64)) -> Option<(State, u64)> {
    Some((State::of_code(state)?, u64::try_from(count).ok()?))
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: row.get(0)?,
        id: row.get(1)?,
        function: row.get(2)?,
        environment: environment(&row.get::<_, String>(3)?),
        generation: u64::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
        version: row.get(5)?,
        received: time(row.get(6)?),
        peer: row.get(7)?,
        caller: row.get(8)?,
        verified: row.get(9)?,
        request_id: row.get(10)?,
        method: row.get(11)?,
        target: row.get(12)?,
        size: u64::try_from(row.get::<_, i64>(13)?).unwrap_or_default(),
        is_redacted: row.get(14)?,
        failure: row.get(15)?,
        key: row.get(16)?,
        status: row.get(17)?,
        deliveries: Vec::new(),
    })
}

/// What cannot be is the one that harms less.
fn environment(word: &str) -> Environment {
    word.parse().unwrap_or(Environment::Sandbox)
}

pub(super) fn event(connection: &Connection, id: &str) -> rusqlite::Result<Option<EventDetail>> {
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.id = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id], event_row)
        .optional()?;
    let Some(mut row) = found else {
        return Ok(None);
    };
    row.deliveries = states(connection, row.seq)?;
    let payload = connection
        .prepare_cached("SELECT headers, body FROM payloads WHERE event = ?1")?
        .query_row([row.seq], |row| {
            let headers = HeaderLines::from_bytes(&row.get::<_, Vec<u8>>(0)?);
            Ok((headers, row.get::<_, Vec<u8>>(1)?.into()))
        })
        .optional()?;
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event
         WHERE d.event = ?1 ORDER BY d.id LIMIT {LONGEST_PAGE}"
    );
    let deliveries = connection
        .prepare_cached(&sql)?
        .query_map([row.seq], delivery_row)?
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
    if let Some(before) = asked.before {
        conditions.add("d.id < ?".to_owned(), &[before.into()]);
    }
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event {}
         ORDER BY d.id DESC LIMIT {}",
        conditions.sql(),
        limit + 1
    );
    let rows = connection
        .prepare(&sql)?
        .query_map(conditions.values().as_slice(), delivery_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(page(rows, limit, |row: &DeliveryRow| row.id.0))
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        id: DeliveryId(row.get(0)?),
        event: row.get(1)?,
        function: row.get(2)?,
        name: row.get(3)?,
        item: row.get(4)?,
        destination: Destination {
            connection: row.get::<_, String>(5)?.into(),
            environment: environment(&row.get::<_, String>(6)?),
        },
        lane: row.get(7)?,
        state: State::of_code(row.get(8)?).unwrap_or(State::Held),
        attempts: row.get(9)?,
        most_attempts: row.get(10)?,
        accepted: time(row.get(11)?),
        due: time(row.get(12)?),
        settled: row.get::<_, Option<i64>>(13)?.map(time),
        replay_of: row.get::<_, Option<i64>>(14)?.map(DeliveryId),
        reason: row.get(15)?,
    })
}

fn attempts(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Vec<Attempt>> {
    connection
        .prepare_cached(
            "SELECT number, at, duration, status, outcome, answer FROM attempts
             WHERE delivery = ?1 ORDER BY number, rowid",
        )?
        .query_map([id.0], |row| {
            let microseconds = u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
            Ok(Attempt {
                number: row.get(0)?,
                at: time(row.get(1)?),
                duration: std::time::Duration::from_micros(microseconds),
                status: row.get(3)?,
                outcome: row.get(4)?,
                answer: row.get::<_, Vec<u8>>(5)?.into(),
            })
        })?
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
        .query_row([id.0], delivery_row)
        .optional()?;
    let Some(row) = found else {
        return Ok(None);
    };
    let request = connection
        .prepare_cached(
            "SELECT r.method, r.target, r.headers, r.payload,
                 CASE r.payload WHEN 1 THEN p.body ELSE r.body END
             FROM deliveries d JOIN requests r ON r.id = d.request
             LEFT JOIN payloads p ON p.event = d.event
             WHERE d.id = ?1",
        )?
        .query_row([id.0], |row| {
            let body: Option<Vec<u8>> = row.get(4)?;
            Ok(DeliveryRequest {
                method: row.get(0)?,
                target: row.get(1)?,
                headers: HeaderLines::from_bytes(&row.get::<_, Vec<u8>>(2)?),
                body: match row.get(3)? {
                    2_i64 => Payload::AtDelivery,
                    _ => Payload::Own(body.unwrap_or_default().into()),
                },
            })
        })
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
