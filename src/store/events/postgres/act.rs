//! What administrators do to deliveries.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::filter::Conditions;
use super::super::rows::stamp;
use super::super::{Action, DeliveryFilter, Paused};
use super::Shared;
use super::accept::{Lane, lock_lanes, place_in_lane};
use super::log::params;
use super::settle::{Place, promote};
use crate::delivery::{OnDead, State};
use crate::store::fields::Fields as _;
use crate::store::postgres::link::{LinkError, Sessions, Work};

/// How many are done in one transaction.
const BITE: u64 = 200;

/// Which are not done yet, by their numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Range {
    after: i64,
    /// Those that were there at the beginning: a replay is none of what is to be replayed.
    up_to: Option<i64>,
}

/// What one transaction did.
#[derive(Debug)]
pub(super) struct Bite {
    pub(super) done: u64,
    pub(super) rest: Option<Range>,
}

/// A delivery that something is done to.
struct Subject {
    id: i64,
    state: State,
    blocks: bool,
    place: Place,
}

/// The states in which something can be done.
const fn states(action: Action) -> &'static [i64] {
    match action {
        // One that is being sent is left alone: it will say itself what became of it.
        Action::Retry => &[0, 3],
        Action::Cancel => &[0, 3, 5, 6],
        Action::Release => &[5],
        Action::Replay => &[0, 1, 2, 3, 4, 5, 6],
    }
}

pub(super) async fn act(
    sessions: Sessions,
    action: Action,
    filter: Arc<DeliveryFilter>,
    range: Range,
    most: u64,
    shared: Arc<Shared>,
) -> Result<Bite, LinkError> {
    let now = stamp(shared.now());
    let work = sessions.begin().await?;
    let up_to = if let Some(up_to) = range.up_to {
        up_to
    } else {
        let last = work
            .first("SELECT coalesce(max(id), 0) FROM deliveries", &[])
            .await?;
        last.map_or(Ok(0), |row| row.int(0))?
    };
    let states = states(action);
    let list: Vec<String> = states.iter().map(ToString::to_string).collect();
    let mut conditions = Conditions::of_deliveries(&filter);
    conditions.add(&format!("d.state IN ({})", list.join(", ")), &[]);
    conditions.add("d.id > ?", &[range.after.into()]);
    conditions.add("d.id <= ?", &[up_to.into()]);
    let limit = most.min(BITE);
    let sql = format!(
        "SELECT d.id, d.connection, d.environment, d.lane, d.on_dead
         FROM deliveries d JOIN events e ON e.seq = d.event {}
         ORDER BY d.id LIMIT {limit}",
        conditions.numbered_sql()
    );
    let rows = work.query_once(&sql, &params(&conditions)).await?;
    let (mut ids, mut lanes) = (Vec::new(), BTreeSet::new());
    for row in &rows {
        ids.push(row.int(0)?);
        lanes.extend(Place::read(row, 1)?.lane);
    }
    lock_lanes(&work, lanes.iter()).await?;
    // As they are now that nobody else changes them; an event that is shared is not forgotten.
    let rows = work
        .query(
            "SELECT d.id, d.state, d.blocks, d.connection, d.environment, d.lane, d.on_dead
             FROM deliveries d JOIN events e ON e.seq = d.event
             WHERE d.id = ANY ($1) AND d.state = ANY ($2) ORDER BY d.id
             FOR UPDATE OF d FOR SHARE OF e",
            &[&ids, &states],
        )
        .await?;
    let mut done = 0;
    for row in &rows {
        let subject = Subject {
            id: row.int(0)?,
            state: State::of_code(row.int(1)?).unwrap_or(State::Held),
            blocks: row.flag(2)?,
            place: Place::read(row, 3)?,
        };
        let is_done = match action {
            Action::Retry => retry(&work, &subject, now).await?,
            Action::Cancel => cancel(&work, &subject, now).await?,
            Action::Release => release(&work, &subject, now).await?,
            Action::Replay => replay(&work, &subject, now).await?,
        };
        done += u64::from(is_done);
    }
    work.commit().await?;
    let last = ids.last().copied().filter(|_| ids.len() as u64 == limit);
    let rest = last.map(|after| Range {
        after,
        up_to: Some(up_to),
    });
    Ok(Bite { done, rest })
}

async fn retry(work: &Work, subject: &Subject, now: i64) -> Result<bool, LinkError> {
    let state = match (&subject.place.lane, subject.state) {
        // A dead letter that its lane went past: behind what is under way now.
        (Some(lane), State::Dead) if !subject.blocks => place_in_lane(work, lane).await?,
        _ => State::Pending,
    };
    work.execute(
        "UPDATE deliveries SET state = $2, due = $3, blocks = 0, settled = NULL, leases = 0,
             accepted = CASE state WHEN 3 THEN $3 ELSE accepted END,
             base = CASE state WHEN 3 THEN attempts ELSE base END
         WHERE id = $1",
        &[&subject.id, &state.code(), &now],
    )
    .await?;
    Ok(true)
}

async fn cancel(work: &Work, subject: &Subject, now: i64) -> Result<bool, LinkError> {
    work.execute(
        "UPDATE deliveries SET state = 4, blocks = 0, settled = $2, reason = 'cancelled'
         WHERE id = $1",
        &[&subject.id, &now],
    )
    .await?;
    if let Some(lane) = &subject.place.lane {
        if subject.blocks && subject.place.on_dead == OnDead::Park {
            unpark(work, lane).await?;
        }
        promote(work, std::iter::once(lane), now).await?;
    }
    Ok(true)
}

/// Those that were parked wait in their lane again.
async fn unpark(work: &Work, (connection, environment, lane): &Lane) -> Result<(), LinkError> {
    work.execute(
        "UPDATE deliveries SET state = 6, reason = NULL
         WHERE connection = $1 AND environment = $2 AND lane = $3 AND state = 5
             AND (state IN (0, 1, 5, 6) OR blocks = 1)",
        &[connection, environment, lane],
    )
    .await?;
    Ok(())
}

async fn release(work: &Work, subject: &Subject, now: i64) -> Result<bool, LinkError> {
    if let Some(lane) = &subject.place.lane {
        // All of the lane, or their order would be lost; the dead letter they were parked behind
        // no longer counts.
        let (connection, environment, name) = lane;
        work.execute(
            "UPDATE deliveries SET blocks = 0
             WHERE connection = $1 AND environment = $2 AND lane = $3 AND blocks = 1
                 AND (state IN (0, 1, 5, 6) OR blocks = 1)",
            &[connection, environment, name],
        )
        .await?;
        unpark(work, lane).await?;
        promote(work, std::iter::once(lane), now).await?;
        return Ok(true);
    }
    let released = work
        .execute(
            "UPDATE deliveries SET state = 0, due = $2, accepted = $2, reason = NULL
             WHERE id = $1 AND state = 5",
            &[&subject.id, &now],
        )
        .await?;
    Ok(released == 1)
}

async fn replay(work: &Work, subject: &Subject, now: i64) -> Result<bool, LinkError> {
    let state = match &subject.place.lane {
        Some(lane) => place_in_lane(work, lane).await?,
        None => State::Pending,
    };
    let replayed = work
        .execute(
            "INSERT INTO deliveries (id, event, request, function, name, item, connection,
                 environment, lane, on_dead, state, accepted, due, most_attempts, first_wait,
                 wait_limit, horizon, timeout, replay_of)
             SELECT nextval('deliveries_id'), event, request, function, name, item, connection,
                 environment, lane, on_dead, $2, $3, $3, most_attempts, first_wait, wait_limit,
                 horizon, timeout, id
             FROM deliveries WHERE id = $1",
            &[&subject.id, &state.code(), &now],
        )
        .await?;
    Ok(replayed == 1)
}

pub(super) async fn pause(
    sessions: Sessions,
    what: Arc<Paused>,
    is_paused: bool,
) -> Result<bool, LinkError> {
    let (kind, name) = match &*what {
        Paused::Connection(name) => ("connection", name),
        Paused::Function(name) => ("function", name),
    };
    let sql = if is_paused {
        "INSERT INTO pauses (kind, name) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM pauses WHERE kind = $1 AND name = $2"
    };
    let work = sessions.begin().await?;
    let changed = work.execute(sql, &[&kind, name]).await?;
    work.commit().await?;
    Ok(changed == 1)
}

pub(super) async fn paused(sessions: Sessions) -> Result<Vec<Paused>, LinkError> {
    let work = sessions.reader().await?;
    let rows = work
        .query("SELECT kind, name FROM pauses ORDER BY kind, name", &[])
        .await?;
    work.done();
    rows.iter()
        .map(|row| {
            let name = row.text(1)?;
            Ok(match row.text(0)?.as_str() {
                "connection" => Paused::Connection(name),
                _ => Paused::Function(name),
            })
        })
        .collect()
}
