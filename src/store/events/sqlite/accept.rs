//! Writes an event with everything that belongs to it.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::rows::{self, millis, stamp};
use super::super::{Accepted, DeliveryId, NewDelivery, NewEvent, Payload, StoredAnswer};
use crate::delivery::State;

/// All or nothing, as the transaction around it is. The body is as [`pack`] gives it.
///
/// [`pack`]: crate::store::packed::pack
pub(super) fn accept(
    connection: &Connection,
    event: &NewEvent,
    (body, packed): &(Bytes, i64),
    now: Timestamp,
) -> rusqlite::Result<Accepted> {
    if let Some(first) = first_of(connection, event, now)? {
        return Ok(first);
    }
    connection
        .prepare_cached(
            "INSERT INTO events (id, function, environment, generation, version, received, peer,
                 caller, verified, request_id, method, target, size, redacted, failure, key, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            &*event.id,
            &*event.function,
            event.environment.as_str(),
            i64::try_from(event.generation).unwrap_or(i64::MAX),
            event.version,
            stamp(event.received),
            event.peer.map(|peer| peer.to_string()),
            event.caller,
            event.verified,
            &*event.request_id,
            event.method,
            event.target,
            i64::try_from(event.body.len()).unwrap_or(i64::MAX),
            event.is_redacted,
            event.failure,
            event.dedupe.as_ref().map(|dedupe| &dedupe.shown),
            event.answer.as_ref().map(|answer| answer.status),
        ])?;
    let seq = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "INSERT INTO payloads (event, headers, body, packed) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![seq, event.headers.as_bytes(), &**body, packed])?;
    if let Some(answer) = &event.answer {
        put_answer(connection, seq, answer)?;
    }
    if let Some(dedupe) = &event.dedupe {
        connection
            .prepare_cached(
                "INSERT INTO dedupe (function, environment, key, event, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET event = excluded.event, expires = excluded.expires",
            )?
            .execute(params![
                &*event.function,
                event.environment.as_str(),
                dedupe.key,
                seq,
                stamp(dedupe.expires)
            ])?;
    }
    let deliveries = event
        .deliveries
        .iter()
        .map(|delivery| owe(connection, seq, event, delivery, now))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Accepted::New { deliveries })
}

/// The event that this one repeats.
fn first_of(
    connection: &Connection,
    event: &NewEvent,
    now: Timestamp,
) -> rusqlite::Result<Option<Accepted>> {
    let Some(dedupe) = &event.dedupe else {
        return Ok(None);
    };
    let first: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT seq, id FROM dedupe JOIN events ON seq = event
             WHERE dedupe.function = ?1 AND dedupe.environment = ?2 AND dedupe.key = ?3
                 AND expires > ?4",
        )?
        .query_row(
            params![
                &*event.function,
                event.environment.as_str(),
                dedupe.key,
                stamp(now)
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((seq, event)) = first else {
        return Ok(None);
    };
    let answer = answer(connection, seq)?;
    Ok(Some(Accepted::Duplicate { event, answer }))
}

/// What an event was answered.
pub(super) fn answer(connection: &Connection, seq: i64) -> rusqlite::Result<Option<StoredAnswer>> {
    connection
        .prepare_cached("SELECT status, headers, body FROM answers WHERE event = ?1")?
        .query_row([seq], |row| rows::answer(row, 0))
        .optional()
}

fn put_answer(connection: &Connection, seq: i64, answer: &StoredAnswer) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO answers (event, status, headers, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET status = excluded.status, headers = excluded.headers,
                 body = excluded.body",
        )?
        .execute(params![
            seq,
            answer.status,
            answer.headers.as_bytes(),
            &*answer.body
        ])?;
    Ok(())
}

/// Replaces what duplicates of an event are answered.
pub(super) fn set_answer(
    connection: &Connection,
    event: &str,
    answer: &StoredAnswer,
) -> rusqlite::Result<()> {
    let seq: Option<i64> = connection
        .prepare_cached("UPDATE events SET status = ?2 WHERE id = ?1 RETURNING seq")?
        .query_row(params![event, answer.status], |row| row.get(0))
        .optional()?;
    match seq {
        Some(seq) => put_answer(connection, seq, answer),
        None => Ok(()),
    }
}

fn owe(
    connection: &Connection,
    seq: i64,
    event: &NewEvent,
    delivery: &NewDelivery,
    now: Timestamp,
) -> rusqlite::Result<DeliveryId> {
    let request = &delivery.request;
    let (payload, body) = match &request.body {
        Payload::Own(body) => (0, Some(&**body)),
        Payload::OfEvent => (1, None),
        Payload::AtDelivery => (2, None),
    };
    connection
        .prepare_cached(
            "INSERT INTO requests (event, method, target, headers, payload, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            seq,
            request.method,
            request.target,
            request.headers.as_bytes(),
            payload,
            body
        ])?;
    let request = connection.last_insert_rowid();
    let environment = event.environment.as_str();
    let state = match (&delivery.lane, delivery.held) {
        (_, Some(_)) => State::Held,
        (None, None) => State::Pending,
        (Some(lane), None) => place_in_lane(connection, &delivery.connection, environment, lane)?,
    };
    let policy = &delivery.policy;
    connection
        .prepare_cached(
            "INSERT INTO deliveries (event, request, function, name, item, connection,
                 environment, lane, on_dead, state, accepted, due, most_attempts, first_wait,
                 wait_limit, horizon, timeout, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16,
                 ?17)",
        )?
        .execute(params![
            seq,
            request,
            &*event.function,
            &*delivery.name,
            delivery.item,
            &*delivery.connection,
            environment,
            delivery.lane,
            delivery.on_dead.code(),
            state.code(),
            stamp(now),
            policy.attempts,
            millis(policy.first),
            millis(policy.limit),
            millis(policy.horizon),
            millis(delivery.timeout),
            delivery.held,
        ])?;
    Ok(DeliveryId(connection.last_insert_rowid()))
}

/// How a delivery begins that comes behind others: the first goes, the next ones wait, and in a
/// lane that is parked they are held.
pub(super) fn place_in_lane(
    connection: &Connection,
    name: &str,
    environment: &str,
    lane: &str,
) -> rusqlite::Result<State> {
    let ahead: Option<bool> = connection
        .prepare_cached(
            "SELECT max(state = 5) FROM deliveries
             WHERE connection = ?1 AND environment = ?2 AND lane = ?3
                 AND (state IN (0, 1, 5, 6) OR blocks = 1)",
        )?
        .query_row(params![name, environment, lane], |row| row.get(0))?;
    Ok(match ahead {
        None => State::Pending,
        Some(false) => State::Waiting,
        Some(true) => State::Held,
    })
}
