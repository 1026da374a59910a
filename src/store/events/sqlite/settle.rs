//! Notes what attempts came to, and gives back what nobody reports on.

use std::sync::Mutex;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::rows::{cut, stamp};
use super::super::{Attempt, Destination, POISON, Reclaimed, Settlement};
use super::{Memory, memory};
use crate::delivery::{Next, OnDead, State};

/// A clock that goes back by more milliseconds was set.
const SET_BACK: i64 = 2000;

pub(super) fn settle(
    connection: &Connection,
    outcomes: &[Settlement],
    state: &Mutex<Memory>,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut lost = 0;
    for outcome in outcomes {
        let found = connection
            .prepare_cached(
                "SELECT connection, environment, lane, on_dead FROM deliveries
                 WHERE id = ?1 AND token = ?2 AND state = 1",
            )?
            .query_row(params![outcome.id.0, outcome.token], Place::read)
            .optional()?;
        memory(state).held.remove(&outcome.id.0);
        let Some(place) = found else {
            lost += 1;
            continue;
        };
        let Some(next) = &outcome.next else {
            give_back(connection, outcome.id.0)?;
            continue;
        };
        if let Some(destination) = place.destination() {
            let mut memory = memory(state);
            let health = memory.destinations.entry(destination).or_default();
            health.breaker.note(outcome.is_outage, now);
        }
        note_attempt(connection, outcome.id.0, &outcome.attempt)?;
        move_on(connection, outcome.id.0, &place, next, now)?;
    }
    Ok(lost)
}

/// What a delivery's lane is.
pub(super) struct Place {
    pub(super) connection: String,
    pub(super) environment: String,
    pub(super) lane: Option<String>,
    pub(super) on_dead: OnDead,
}

impl Place {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: row.get(0)?,
            environment: row.get(1)?,
            lane: row.get(2)?,
            on_dead: OnDead::of_code(row.get(3)?),
        })
    }

    fn destination(&self) -> Option<Destination> {
        Some(Destination {
            connection: self.connection.as_str().into(),
            environment: self.environment.parse().ok()?,
        })
    }
}

/// As if it had not been leased.
fn give_back(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0, lease_until = NULL, attempts = attempts - 1,
                 leases = leases - 1
             WHERE id = ?1",
        )?
        .execute([id])?;
    Ok(())
}

fn note_attempt(connection: &Connection, id: i64, attempt: &Attempt) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery, number, at, duration, status, outcome, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            id,
            attempt.number,
            stamp(attempt.at),
            i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX),
            attempt.status,
            cut(&attempt.outcome),
            &*attempt.answer
        ])?;
    Ok(())
}

fn move_on(
    connection: &Connection,
    id: i64,
    place: &Place,
    next: &Next,
    now: Timestamp,
) -> rusqlite::Result<()> {
    match next {
        Next::Retry { at, reason } => {
            connection
                .prepare_cached(
                    "UPDATE deliveries SET state = 0, lease_until = NULL, leases = 0, due = ?2,
                         reason = ?3
                     WHERE id = ?1",
                )?
                .execute(params![id, stamp(*at), cut(reason)])?;
        }
        Next::Delivered => {
            finish(connection, id, State::Delivered, None, now)?;
            promote(connection, place, now)?;
        }
        Next::Dead { reason } => die(connection, id, place, reason, now)?,
    }
    Ok(())
}

fn finish(
    connection: &Connection,
    id: i64,
    state: State,
    reason: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, lease_until = NULL, leases = 0, settled = ?3,
                 reason = ?4, blocks = 0
             WHERE id = ?1",
        )?
        .execute(params![id, state.code(), stamp(now), reason.map(cut)])?;
    Ok(())
}

fn die(
    connection: &Connection,
    id: i64,
    place: &Place,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    finish(connection, id, State::Dead, Some(reason), now)?;
    let Some(lane) = &place.lane else {
        return Ok(());
    };
    match place.on_dead {
        OnDead::Skip => promote(connection, place, now),
        OnDead::Block => block(connection, id),
        OnDead::Park => {
            block(connection, id)?;
            connection
                .prepare_cached(
                    "UPDATE deliveries SET state = 5, reason = 'parked behind a dead letter'
                     WHERE connection = ?1 AND environment = ?2 AND lane = ?3 AND state = 6
                         AND (state IN (0, 1, 5, 6) OR blocks = 1)",
                )?
                .execute(params![place.connection, place.environment, lane])?;
            Ok(())
        }
    }
}

fn block(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE deliveries SET blocks = 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Lets the next one of a lane go, unless one is under way or a dead letter blocks it.
pub(super) fn promote(
    connection: &Connection,
    place: &Place,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Some(lane) = &place.lane else {
        return Ok(());
    };
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0, due = ?4
             WHERE id = (
                 SELECT min(id) FROM deliveries
                 WHERE connection = ?1 AND environment = ?2 AND lane = ?3 AND state = 6
                     AND (state IN (0, 1, 5, 6) OR blocks = 1)
             ) AND NOT EXISTS (
                 SELECT 1 FROM deliveries
                 WHERE connection = ?1 AND environment = ?2 AND lane = ?3
                     AND (state IN (0, 1) OR blocks = 1)
                     AND (state IN (0, 1, 5, 6) OR blocks = 1)
             )",
        )?
        .execute(params![
            place.connection,
            place.environment,
            lane,
            stamp(now)
        ])?;
    Ok(())
}

pub(super) fn reclaim(
    connection: &Connection,
    all: bool,
    state: &Mutex<Memory>,
    now: Timestamp,
) -> rusqlite::Result<Reclaimed> {
    let mut gone = connection.prepare_cached(
        "SELECT id, connection, environment, lane, on_dead, leases, attempts FROM deliveries
         WHERE state = 1 AND (?1 OR lease_until < ?2)",
    )?;
    let found: Vec<(i64, Place, u32, u32)> = gone
        .query_map(params![all, stamp(now)], |row| {
            Ok((
                row.get(0)?,
                Place {
                    connection: row.get(1)?,
                    environment: row.get(2)?,
                    lane: row.get(3)?,
                    on_dead: OnDead::of_code(row.get(4)?),
                },
                row.get(5)?,
                row.get(6)?,
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut reclaimed = Reclaimed::default();
    for (id, place, leases, attempts) in found {
        // Of what was leased here it is known that somebody will report, however the clock jumps.
        if memory(state).held.contains(&id) {
            continue;
        }
        let lost = Attempt {
            number: attempts,
            at: now,
            duration: std::time::Duration::ZERO,
            status: None,
            outcome: "whoever sent it has vanished; it may have arrived".to_owned(),
            answer: bytes::Bytes::new(),
        };
        note_attempt(connection, id, &lost)?;
        if leases >= POISON {
            let reason = format!("whoever sends it vanishes: {leases} times in a row");
            die(connection, id, &place, &reason, now)?;
            reclaimed.dead += 1;
        } else {
            connection
                .prepare_cached(
                    "UPDATE deliveries SET state = 0, lease_until = NULL, due = ?2,
                         reason = 'whoever sent it has vanished'
                     WHERE id = ?1",
                )?
                .execute(params![id, stamp(now)])?;
            reclaimed.pending += 1;
        }
    }
    let last = memory(state).looked.replace(now);
    if let Some(last) = last
        && stamp(now) + SET_BACK < stamp(last)
    {
        move_forward(connection, stamp(last) - stamp(now), now)?;
    }
    Ok(reclaimed)
}

/// After a clock was set back, what was due is due as much earlier.
fn move_forward(connection: &Connection, by: i64, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET due = max(?1, due - ?2) WHERE state = 0 AND due > ?1",
        )?
        .execute(params![stamp(now), by])?;
    Ok(())
}
