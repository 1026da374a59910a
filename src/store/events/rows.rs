//! What the rows of events and deliveries hold, whichever engine they come from.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Attempt, DeliveryId, DeliveryRequest, DeliveryRow, Destination, EventRow, Leased, Listed,
    Payload, StoredAnswer,
};
use crate::auth::Environment;
use crate::delivery::{RetryPolicy, State};
use crate::store::fields::{Fields, small};

/// The columns of an [`event`], with `events e`.
pub(super) const EVENT: &str = "e.seq, e.id, e.function, e.environment, e.generation, e.version, e.received, \
     e.peer, e.caller, e.verified, e.request_id, e.method, e.target, e.size, e.redacted, \
     e.failure, e.key, e.status";

/// The columns of a [`delivery`], with `deliveries d` and `events e`.
pub(super) const DELIVERY: &str = "d.id, e.id, d.function, d.name, d.item, d.connection, d.environment, \
     d.lane, d.state, d.attempts, d.most_attempts, d.accepted, d.due, d.settled, d.replay_of, \
     d.reason";

/// Milliseconds since 1970, as rows have them.
pub(super) fn stamp(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// An instant of a row; one that cannot be is the last there is.
pub(super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// A period of a row, in milliseconds.
pub(super) fn millis(period: Duration) -> i64 {
    i64::try_from(period.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn period(milliseconds: i64) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}

/// An environment of a row. What cannot be is the one that harms less.
pub(super) fn environment(word: &str) -> Environment {
    word.parse().unwrap_or(Environment::Sandbox)
}

/// How much of a reason is kept.
const LONGEST_REASON: usize = 1000;

/// A reason, as long as it is kept.
pub(super) fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST_REASON))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

/// Cuts what was read, one too many, to a page.
pub(super) fn page<T>(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> i64) -> Listed<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| is_more).map(place);
    Listed { rows, next }
}

/// How many are in which state.
pub(super) fn counted((state, count): (i64, i64)) -> Option<(State, u64)> {
    Some((State::of_code(state)?, u64::try_from(count).ok()?))
}

/// Reads [`EVENT`]. Its deliveries are not counted yet.
pub(super) fn event<R: Fields>(row: &R) -> Result<EventRow, R::Error> {
    Ok(EventRow {
        seq: row.int(0)?,
        id: row.text(1)?,
        function: row.text(2)?,
        environment: environment(&row.text(3)?),
        generation: row.size(4)?,
        version: row.text(5)?,
        received: time(row.int(6)?),
        peer: row.maybe_text(7)?,
        caller: row.maybe_text(8)?,
        verified: row.text(9)?,
        request_id: row.text(10)?,
        method: row.text(11)?,
        target: row.text(12)?,
        size: row.size(13)?,
        is_redacted: row.flag(14)?,
        failure: row.maybe_text(15)?,
        key: row.maybe_text(16)?,
        status: row.maybe_int(17)?.map(status),
        deliveries: Vec::new(),
    })
}

fn status(number: i64) -> u16 {
    u16::try_from(number).unwrap_or_default()
}

/// Reads [`DELIVERY`].
pub(super) fn delivery<R: Fields>(row: &R) -> Result<DeliveryRow, R::Error> {
    Ok(DeliveryRow {
        id: DeliveryId(row.int(0)?),
        event: row.text(1)?,
        function: row.text(2)?,
        name: row.text(3)?,
        item: row.count(4)?,
        destination: Destination {
            connection: row.text(5)?.into(),
            environment: environment(&row.text(6)?),
        },
        lane: row.maybe_text(7)?,
        state: State::of_code(row.int(8)?).unwrap_or(State::Held),
        attempts: row.count(9)?,
        most_attempts: row.count(10)?,
        accepted: time(row.int(11)?),
        due: time(row.int(12)?),
        settled: row.maybe_int(13)?.map(time),
        replay_of: row.maybe_int(14)?.map(DeliveryId),
        reason: row.maybe_text(15)?,
    })
}

/// Reads an answer: status, headers, body, from column `at` on.
pub(super) fn answer<R: Fields>(row: &R, at: usize) -> Result<StoredAnswer, R::Error> {
    Ok(StoredAnswer {
        status: status(row.int(at)?),
        headers: row.bytes(at + 1)?.into(),
        body: row.bytes(at + 2)?.into(),
    })
}

/// Reads an attempt: number, at, duration, status, outcome, answer.
pub(super) fn attempt<R: Fields>(row: &R) -> Result<Attempt, R::Error> {
    Ok(Attempt {
        number: row.count(0)?,
        at: time(row.int(1)?),
        duration: Duration::from_micros(row.size(2)?),
        status: row.maybe_int(3)?.map(status),
        outcome: row.text(4)?,
        answer: row.bytes(5)?.into(),
    })
}

/// Reads what is sent: method, target, headers, which kind of body, body, from column `at` on. All
/// are absent once the request is forgotten.
pub(super) fn request<R: Fields>(row: &R, at: usize) -> Result<DeliveryRequest, R::Error> {
    let body = row.maybe_bytes(at + 4)?;
    Ok(DeliveryRequest {
        method: row.maybe_text(at)?.unwrap_or_default(),
        target: row.maybe_text(at + 1)?.unwrap_or_default(),
        headers: row.maybe_bytes(at + 2)?.unwrap_or_default().into(),
        body: match row.maybe_int(at + 3)? {
            Some(2) => Payload::AtDelivery,
            _ => Payload::Own(body.unwrap_or_default().into()),
        },
    })
}

/// Reads what is leased, as it was before: id, token, function, name, item, attempts, base,
/// accepted, the policy (attempts, first wait, limit, horizon), timeout, the event's id and received,
/// and what is sent.
pub(super) fn leased<R: Fields>(row: &R, destination: &Destination) -> Result<Leased, R::Error> {
    let (attempts, base) = (row.count(5)?, row.count(6)?);
    Ok(Leased {
        id: DeliveryId(row.int(0)?),
        token: row.int(1)? + 1,
        function: row.text(2)?,
        name: row.text(3)?,
        item: row.count(4)?,
        attempt: attempts + 1,
        turn: (attempts + 1).saturating_sub(base),
        accepted: time(row.int(7)?),
        policy: RetryPolicy {
            attempts: small(row.int(8)?),
            first: period(row.int(9)?),
            limit: period(row.int(10)?),
            horizon: period(row.int(11)?),
        },
        timeout: period(row.int(12)?),
        event: row.text(13)?,
        received: time(row.int(14)?),
        destination: destination.clone(),
        request: request(row, 15)?,
    })
}
