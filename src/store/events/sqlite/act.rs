//! What administrators do to deliveries.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::super::filter::Conditions;
use super::super::rows::stamp;
use super::super::{Action, DeliveryFilter, Paused};
use super::accept::place_in_lane;
use super::log::{Subject, values};
use super::settle::{Place, promote};
use crate::delivery::{OnDead, State};

pub(super) fn act(
    connection: &Connection,
    action: Action,
    filter: &DeliveryFilter,
    most: u32,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let states = match action {
        // One that is being sent is left alone: it will say itself what became of it.
        Action::Retry => "d.state IN (0, 3)",
        Action::Cancel => "d.state IN (0, 3, 5, 6)",
        Action::Release => "d.state = 5",
        Action::Replay => "1",
    };
    let mut conditions = Conditions::of_deliveries(filter);
    conditions.add(states, &[]);
    let sql = format!(
        "SELECT d.id FROM deliveries d JOIN events e ON e.seq = d.event {}
         ORDER BY d.id LIMIT {most}",
        conditions.sql()
    );
    let ids: Vec<i64> = connection
        .prepare(&sql)?
        .query_map(values(&conditions).as_slice(), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &ids {
        let subject = Subject::of(connection, *id)?;
        match action {
            Action::Retry => retry(connection, &subject, now)?,
            Action::Cancel => cancel(connection, &subject, now)?,
            Action::Release => release(connection, &subject, now)?,
            Action::Replay => replay(connection, &subject, now)?,
        }
    }
    Ok(ids.len() as u64)
}

fn retry(connection: &Connection, subject: &Subject, now: Timestamp) -> rusqlite::Result<()> {
    let state = match (&subject.place.lane, subject.state) {
        // A dead letter that its lane went past: behind what is under way now.
        (Some(lane), State::Dead) if !subject.blocks => {
            let Place {
                connection: name,
                environment,
                ..
            } = &subject.place;
            place_in_lane(connection, name, environment, lane)?
        }
        _ => State::Pending,
    };
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, due = ?3, blocks = 0, settled = NULL, leases = 0,
                 accepted = CASE state WHEN 3 THEN ?3 ELSE accepted END,
                 base = CASE state WHEN 3 THEN attempts ELSE base END
             WHERE id = ?1",
        )?
        .execute(params![subject.id, state.code(), stamp(now)])?;
    Ok(())
}

fn cancel(connection: &Connection, subject: &Subject, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 4, blocks = 0, settled = ?2, reason = 'cancelled'
             WHERE id = ?1",
        )?
        .execute(params![subject.id, stamp(now)])?;
    if subject.blocks && subject.place.on_dead == OnDead::Park {
        unpark(connection, &subject.place)?;
    }
    promote(connection, &subject.place, now)
}

/// Those that were parked wait in their lane again.
fn unpark(connection: &Connection, place: &Place) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 6, reason = NULL
             WHERE connection = ?1 AND environment = ?2 AND lane = ?3 AND state = 5
                 AND (state IN (0, 1, 5, 6) OR blocks = 1)",
        )?
        .execute(params![place.connection, place.environment, place.lane])?;
    Ok(())
}

fn release(connection: &Connection, subject: &Subject, now: Timestamp) -> rusqlite::Result<()> {
    if let Some(lane) = &subject.place.lane {
        // All of the lane, or their order would be lost; the dead letter they were parked behind
        // no longer counts.
        connection
            .prepare_cached(
                "UPDATE deliveries SET blocks = 0
                 WHERE connection = ?1 AND environment = ?2 AND lane = ?3 AND blocks = 1
                     AND (state IN (0, 1, 5, 6) OR blocks = 1)",
            )?
            .execute(params![
                subject.place.connection,
                subject.place.environment,
                lane
            ])?;
        unpark(connection, &subject.place)?;
        return promote(connection, &subject.place, now);
    }
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0, due = ?2, accepted = ?2, reason = NULL
             WHERE id = ?1 AND state = 5",
        )?
        .execute(params![subject.id, stamp(now)])?;
    Ok(())
}

fn replay(connection: &Connection, subject: &Subject, now: Timestamp) -> rusqlite::Result<()> {
    let state = match &subject.place.lane {
        Some(lane) => place_in_lane(
            connection,
            &subject.place.connection,
            &subject.place.environment,
            lane,
        )?,
        None => State::Pending,
    };
    connection
        .prepare_cached(
            "INSERT INTO deliveries (event, request, function, name, item, connection,
                 environment, lane, on_dead, state, accepted, due, most_attempts, first_wait,
                 wait_limit, horizon, timeout, replay_of)
             SELECT event, request, function, name, item, connection, environment, lane, on_dead,
                 ?2, ?3, ?3, most_attempts, first_wait, wait_limit, horizon, timeout, id
             FROM deliveries WHERE id = ?1",
        )?
        .execute(params![subject.id, state.code(), stamp(now)])?;
    Ok(())
}

fn named(what: &Paused) -> (&'static str, &str) {
    match what {
        Paused::Connection(name) => ("connection", name),
        Paused::Function(name) => ("function", name),
    }
}

pub(super) fn pause(
    connection: &Connection,
    what: &Paused,
    is_paused: bool,
) -> rusqlite::Result<bool> {
    let (kind, name) = named(what);
    let sql = if is_paused {
        "INSERT INTO pauses (kind, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM pauses WHERE kind = ?1 AND name = ?2"
    };
    let changed = connection.prepare_cached(sql)?.execute([kind, name])?;
    Ok(changed == 1)
}

pub(super) fn paused(connection: &Connection) -> rusqlite::Result<Vec<Paused>> {
    connection
        .prepare_cached("SELECT kind, name FROM pauses ORDER BY kind, name")?
        .query_map([], |row| {
            let name = row.get(1)?;
            Ok(match row.get::<_, String>(0)?.as_str() {
                "connection" => Paused::Connection(name),
                _ => Paused::Function(name),
            })
        })?
        .collect()
}
