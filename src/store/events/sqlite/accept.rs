//! Writes an event with everything that belongs to it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params, params};

use super::super::rows::{self, millis, stamp};
use super::super::{Accepted, DeliveryId, NewDelivery, NewEvent, Payload, StoredAnswer};
use crate::delivery::State;

/// All or nothing, as the transaction around it is.
pub(super) fn accept(
    connection: &Connection,
    event: &NewEvent,
    now: Timestamp,
) -> rusqlite::Result<Accepted> {
    if let Some(first) = first_of(connection, event, now)? {
        return Ok(first);
    }
    connection
        .prepare_cached(
            "INSERT INTO events (id, function, environment, generation, version, received, peer,
                 caller, verified, request_id, method, target, size, redacted, failure, key, status)
             VALUES (:id, :function, :environment, :generation, :version, :received, :peer,
                 :caller, :verified, :request_id, :method, :target, :size, :redacted, :failure,
                 :key, :status)",
        )?
        .execute(named_params! {
            ":id": &*event.id,
            ":function": &*event.function,
            ":environment": event.environment.as_str(),
            ":generation": i64::try_from(event.generation).unwrap_or(i64::MAX),
            ":version": event.version,
            ":received": stamp(event.received),
            ":peer": event.peer.map(|peer| peer.to_string()),
            ":caller": event.caller,
            ":verified": event.verified,
            ":request_id": &*event.request_id,
            ":method": event.method,
            ":target": event.target,
            ":size": i64::try_from(event.body.len()).unwrap_or(i64::MAX),
            ":redacted": event.is_redacted,
            ":failure": event.failure,
            ":key": event.dedupe.as_ref().map(|dedupe| &dedupe.shown),
            ":status": event.answer.as_ref().map(|answer| answer.status),
        })?;
    let seq = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO payloads (event, headers, body) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, event.headers.to_bytes(), &*event.body])?;
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
            answer.headers.to_bytes(),
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
            request.headers.to_bytes(),
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
             VALUES (:event, :request, :function, :name, :item, :connection, :environment, :lane,
                 :on_dead, :state, :now, :now, :attempts, :first, :limit, :horizon, :timeout,
                 :reason)",
        )?
        .execute(named_params! {
            ":event": seq,
            ":request": request,
            ":function": &*event.function,
            ":name": &*delivery.name,
            ":item": delivery.item,
            ":connection": &*delivery.connection,
            ":environment": environment,
            ":lane": delivery.lane,
            ":on_dead": delivery.on_dead.code(),
            ":state": state.code(),
            ":now": stamp(now),
            ":attempts": policy.attempts,
            ":first": millis(policy.first),
            ":limit": millis(policy.limit),
            ":horizon": millis(policy.horizon),
            ":timeout": millis(delivery.timeout),
            ":reason": delivery.held,
        })?;
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
