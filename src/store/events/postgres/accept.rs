//! Writes events with everything that belongs to them, many in one transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_postgres::types::ToSql;

use super::super::rows::{self, millis, stamp};
use super::super::{Accepted, DeliveryId, NewDelivery, NewEvent, Payload, StoredAnswer};
use super::Shared;
use crate::delivery::State;
use crate::store::postgres::link::{LinkError, Sessions, Work};
use crate::store::postgres::text;

/// What a dedupe key belongs to: function, environment, key.
type Key = (Arc<str>, &'static str, [u8; 32]);

/// A lane: connection, environment, name.
pub(super) type Lane = (String, String, String);

/// Writes all of them, or none. Answers in their order.
pub(super) async fn accept(
    sessions: Sessions,
    events: Arc<Vec<NewEvent>>,
    shared: Arc<Shared>,
) -> Result<Vec<Accepted>, LinkError> {
    let now = stamp(shared.now());
    let work = sessions.begin().await?;
    let mut answers: Vec<Option<Accepted>> = events.iter().map(|_| None).collect();
    let seqs = numbers(&work, "events_seq", events.len()).await?;
    let firsts = first_ones(&work, &events, &seqs, now).await?;
    let mut taken: Vec<(&NewEvent, i64)> = Vec::with_capacity(events.len());
    for ((event, seq), (answer, first)) in
        events.iter().zip(&seqs).zip(answers.iter_mut().zip(firsts))
    {
        match first {
            None => taken.push((event, *seq)),
            // Of two in this very transaction: its first one is known when all is done.
            Some(first) => *answer = Some(first),
        }
    }
    let deliveries = place(&work, &taken).await?;
    write(&work, &taken, &deliveries, now).await?;
    work.commit().await?;
    if !deliveries.is_empty() {
        shared.told.notify_one();
    }
    let mut ids: HashMap<i64, Vec<DeliveryId>> = HashMap::new();
    for placed in &deliveries {
        ids.entry(placed.seq)
            .or_default()
            .push(DeliveryId(placed.id));
    }
    let new = |seq: &i64| Accepted::New {
        deliveries: ids.remove(seq).unwrap_or_default(),
    };
    let mut new = new;
    Ok(answers
        .into_iter()
        .zip(&seqs)
        .map(|(answer, seq)| answer.unwrap_or_else(|| new(seq)))
        .collect())
}

async fn numbers(work: &Work, sequence: &str, count: usize) -> Result<Vec<i64>, LinkError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let sql = match sequence {
        "events_seq" => "SELECT nextval('events_seq') FROM generate_series(1, $1::bigint)",
        _ => "SELECT nextval('deliveries_id') FROM generate_series(1, $1::bigint)",
    };
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = work.query(sql, &[&count]).await?;
    let numbers: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(numbers?)
}

/// Of each event the one that it repeats, if it does.
async fn first_ones(
    work: &Work,
    events: &[NewEvent],
    seqs: &[i64],
    now: i64,
) -> Result<Vec<Option<Accepted>>, LinkError> {
    let mut firsts: Vec<Option<Accepted>> = events.iter().map(|_| None).collect();
    // By key, so that two transactions lock in the same order; each with the first event that has
    // it here.
    let mut wanted: BTreeMap<Key, usize> = BTreeMap::new();
    let mut repeats = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let Some(key) = key(event) else { continue };
        match wanted.get(&key) {
            Some(first) => repeats.push((index, *first)),
            None => {
                wanted.insert(key, index);
            }
        }
    }
    if wanted.is_empty() {
        return Ok(firsts);
    }
    let (mut functions, mut environments, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut numbers, mut expire) = (Vec::new(), Vec::new());
    for ((function, environment, key), index) in &wanted {
        let (Some(event), Some(seq)) = (events.get(*index), seqs.get(*index)) else {
            continue;
        };
        functions.push(&**function);
        environments.push(*environment);
        keys.push(key.as_slice());
        numbers.push(*seq);
        expire.push(event.dedupe.as_ref().map_or(now, |of| stamp(of.expires)));
    }
    let won = work
        .query(
            "INSERT INTO dedupe AS known (function, environment, key, event, expires)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[])
             ON CONFLICT (function, environment, key) DO UPDATE
                 SET event = excluded.event, expires = excluded.expires
                 WHERE known.expires <= $6
             RETURNING event",
            &[&functions, &environments, &keys, &numbers, &expire, &now],
        )
        .await?;
    let won: Result<std::collections::HashSet<i64>, _> =
        won.iter().map(|row| row.try_get(0)).collect();
    let won = won?;
    for ((function, environment, key), index) in &wanted {
        if seqs.get(*index).is_some_and(|seq| won.contains(seq)) {
            continue;
        }
        let found = work
            .first(
                "SELECT e.id, a.status, a.headers, a.body
                 FROM dedupe d JOIN events e ON e.seq = d.event
                 LEFT JOIN answers a ON a.event = d.event
                 WHERE d.function = $1 AND d.environment = $2 AND d.key = $3",
                &[&&**function, environment, &key.as_slice()],
            )
            .await?;
        let Some(row) = found else {
            // The first one is forgotten already. The key's row is locked since the look at it, so
            // that it can be taken over.
            if let Some(event) = events.get(*index) {
                take_over(work, event, seqs.get(*index).copied()).await?;
            }
            continue;
        };
        let has_answer = row.try_get::<_, Option<i64>>(1)?.is_some();
        let first = Accepted::Duplicate {
            event: row.try_get(0)?,
            answer: has_answer.then(|| rows::answer(&row, 1)).transpose()?,
        };
        if let Some(slot) = firsts.get_mut(*index) {
            *slot = Some(first);
        }
    }
    for (index, first) in repeats {
        let duplicate = match firsts.get(first) {
            Some(Some(first)) => Some(first.clone()),
            // The first one is written by this transaction.
            _ => events.get(first).map(|event| Accepted::Duplicate {
                event: event.id.to_string(),
                answer: event.answer.clone(),
            }),
        };
        if let Some(slot) = firsts.get_mut(index) {
            *slot = duplicate;
        }
    }
    Ok(firsts)
}

/// Makes an event the first one of its key, whose row is locked.
async fn take_over(work: &Work, event: &NewEvent, seq: Option<i64>) -> Result<(), LinkError> {
    let (Some(dedupe), Some(seq)) = (&event.dedupe, seq) else {
        return Ok(());
    };
    work.execute(
        "UPDATE dedupe SET event = $4, expires = $5
         WHERE function = $1 AND environment = $2 AND key = $3",
        &[
            &&*event.function,
            &event.environment.as_str(),
            &dedupe.key.as_slice(),
            &seq,
            &stamp(dedupe.expires),
        ],
    )
    .await?;
    Ok(())
}

fn key(event: &NewEvent) -> Option<Key> {
    let dedupe = event.dedupe.as_ref()?;
    Some((
        Arc::clone(&event.function),
        event.environment.as_str(),
        dedupe.key,
    ))
}

/// A delivery, with its numbers and how it begins.
struct Placed<'e> {
    id: i64,
    seq: i64,
    event: &'e NewEvent,
    delivery: &'e NewDelivery,
    lane: Option<String>,
    state: State,
}

/// Gives deliveries their numbers and their places in their lanes, whose locks are held from here
/// on.
async fn place<'e>(
    work: &Work,
    events: &[(&'e NewEvent, i64)],
) -> Result<Vec<Placed<'e>>, LinkError> {
    let mut lanes: BTreeMap<Lane, Option<State>> = BTreeMap::new();
    let mut count = 0;
    for (event, _) in events {
        for delivery in &event.deliveries {
            count += 1;
            if let (Some(name), None) = (&delivery.lane, delivery.held) {
                lanes.insert(lane(event, delivery, name), None);
            }
        }
    }
    if !lanes.is_empty() {
        lock_lanes(work, lanes.keys()).await?;
        look_ahead(work, &mut lanes).await?;
    }
    let mut ids = numbers(work, "deliveries_id", count).await?.into_iter();
    let mut placed = Vec::with_capacity(count);
    for (event, seq) in events {
        for delivery in &event.deliveries {
            let state = match (&delivery.lane, delivery.held) {
                (_, Some(_)) => State::Held,
                (None, None) => State::Pending,
                (Some(name), None) => {
                    let ahead = lanes.entry(lane(event, delivery, name)).or_default();
                    let state = begins(*ahead);
                    // Those that come behind it in this transaction find it ahead.
                    ahead.get_or_insert(State::Pending);
                    state
                }
            };
            let lacks = || LinkError::Failed("there are too few numbers".to_owned());
            placed.push(Placed {
                id: ids.next().ok_or_else(lacks)?,
                seq: *seq,
                event,
                delivery,
                lane: delivery.lane.as_deref().map(text),
                state,
            });
        }
    }
    Ok(placed)
}

fn lane(event: &NewEvent, delivery: &NewDelivery, name: &str) -> Lane {
    (
        delivery.connection.to_string(),
        event.environment.as_str().to_owned(),
        text(name),
    )
}

/// How a delivery begins that has this ahead of it in its lane.
pub(super) const fn begins(ahead: Option<State>) -> State {
    match ahead {
        None => State::Pending,
        Some(State::Held) => State::Held,
        Some(_) => State::Waiting,
    }
}

/// Until the end of the transaction, nobody else adds to these lanes or finishes in them. They come
/// in their order.
pub(super) async fn lock_lanes(
    work: &Work,
    lanes: impl Iterator<Item = &Lane>,
) -> Result<(), LinkError> {
    let names: Vec<String> = lanes
        .map(|(connection, environment, lane)| format!("{connection}\n{environment}\n{lane}"))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    // Two that have the same number lock the same twice, which is no harm; but the numbers are what
    // must be in order.
    work.query(
        "SELECT pg_advisory_xact_lock(number) FROM (
             SELECT DISTINCT hashtextextended(current_schema() || '\n' || lane, 0) AS number
             FROM unnest($1::text[]) lane ORDER BY number
         ) numbers",
        &[&names],
    )
    .await?;
    Ok(())
}

/// Notes of each lane what is ahead in it: held ones go before all others.
async fn look_ahead(
    work: &Work,
    lanes: &mut BTreeMap<Lane, Option<State>>,
) -> Result<(), LinkError> {
    let (mut connections, mut environments, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (connection, environment, lane) in lanes.keys() {
        connections.push(connection.as_str());
        environments.push(environment.as_str());
        names.push(lane.as_str());
    }
    let rows = work
        .query(
            "SELECT l.connection, l.environment, l.lane, ahead.held
             FROM unnest($1::text[], $2::text[], $3::text[]) l (connection, environment, lane)
             CROSS JOIN LATERAL (
                 SELECT max((d.state = 5)::int)::bigint AS held FROM deliveries d
                 WHERE d.connection = l.connection AND d.environment = l.environment
                     AND d.lane = l.lane AND (d.state IN (0, 1, 5, 6) OR d.blocks = 1)
             ) ahead
             WHERE ahead.held IS NOT NULL",
            &[&connections, &environments, &names],
        )
        .await?;
    for row in rows {
        let lane = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let is_held = row.try_get::<_, i64>(3)? == 1;
        let ahead = if is_held { State::Held } else { State::Pending };
        lanes.insert(lane, Some(ahead));
    }
    Ok(())
}

/// How a delivery begins that comes behind what is in its lane now, which is locked.
pub(super) async fn place_in_lane(work: &Work, lane: &Lane) -> Result<State, LinkError> {
    let mut lanes = BTreeMap::from([(lane.clone(), None)]);
    look_ahead(work, &mut lanes).await?;
    Ok(begins(lanes.get(lane).copied().flatten()))
}

async fn write(
    work: &Work,
    events: &[(&NewEvent, i64)],
    deliveries: &[Placed<'_>],
    now: i64,
) -> Result<(), LinkError> {
    if events.is_empty() {
        return Ok(());
    }
    write_events(work, events).await?;
    write_payloads(work, events).await?;
    if !deliveries.is_empty() {
        write_requests(work, deliveries).await?;
        write_deliveries(work, deliveries, now).await?;
    }
    Ok(())
}

/// One column of many rows.
fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

async fn write_events(work: &Work, events: &[(&NewEvent, i64)]) -> Result<(), LinkError> {
    let of = events;
    let columns: [&(dyn ToSql + Sync); 18] = [
        &column(of, |(_, seq)| *seq),
        &column(of, |(event, _)| &*event.id),
        &column(of, |(event, _)| &*event.function),
        &column(of, |(event, _)| event.environment.as_str()),
        &column(of, |(event, _)| {
            i64::try_from(event.generation).unwrap_or(i64::MAX)
        }),
        &column(of, |(event, _)| event.version.as_str()),
        &column(of, |(event, _)| stamp(event.received)),
        &column(of, |(event, _)| event.peer.map(|peer| peer.to_string())),
        &column(of, |(event, _)| event.caller.as_deref()),
        &column(of, |(event, _)| event.verified),
        &column(of, |(event, _)| text(&event.request_id)),
        &column(of, |(event, _)| event.method.as_str()),
        &column(of, |(event, _)| text(&event.target)),
        &column(of, |(event, _)| {
            i64::try_from(event.body.len()).unwrap_or(i64::MAX)
        }),
        &column(of, |(event, _)| i64::from(event.is_redacted)),
        &column(of, |(event, _)| event.failure.as_deref().map(text)),
        &column(of, |(event, _)| {
            event.dedupe.as_ref().map(|dedupe| text(&dedupe.shown))
        }),
        &column(of, |(event, _)| {
            event.answer.as_ref().map(|answer| i64::from(answer.status))
        }),
    ];
    work.execute(
        "INSERT INTO events (seq, id, function, environment, generation, version, received, peer,
             caller, verified, request_id, method, target, size, redacted, failure, key, status)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[],
             $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[],
             $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::text[], $17::text[],
             $18::bigint[])",
        &columns,
    )
    .await?;
    Ok(())
}

async fn write_payloads(work: &Work, events: &[(&NewEvent, i64)]) -> Result<(), LinkError> {
    work.execute(
        "INSERT INTO payloads (event, headers, body)
         SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])",
        &[
            &column(events, |(_, seq)| *seq),
            &column(events, |(event, _)| event.headers.as_bytes()),
            &column(events, |(event, _)| &*event.body),
        ],
    )
    .await?;
    let answered: Vec<(i64, &StoredAnswer)> = events
        .iter()
        .filter_map(|(event, seq)| Some((*seq, event.answer.as_ref()?)))
        .collect();
    put_answers(work, &answered).await
}

async fn put_answers(work: &Work, answers: &[(i64, &StoredAnswer)]) -> Result<(), LinkError> {
    if answers.is_empty() {
        return Ok(());
    }
    work.execute(
        "INSERT INTO answers (event, status, headers, body)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])
         ON CONFLICT (event) DO UPDATE SET status = excluded.status, headers = excluded.headers,
             body = excluded.body",
        &[
            &column(answers, |(seq, _)| *seq),
            &column(answers, |(_, answer)| i64::from(answer.status)),
            &column(answers, |(_, answer)| answer.headers.as_bytes()),
            &column(answers, |(_, answer)| &*answer.body),
        ],
    )
    .await?;
    Ok(())
}

/// Replaces what duplicates of an event are answered.
pub(super) async fn set_answer(
    sessions: Sessions,
    event: Arc<str>,
    answer: Arc<StoredAnswer>,
) -> Result<(), LinkError> {
    let work = sessions.begin().await?;
    let found = work
        .first(
            "UPDATE events SET status = $2 WHERE id = $1 RETURNING seq",
            &[&&*event, &i64::from(answer.status)],
        )
        .await?;
    if let Some(row) = found {
        put_answers(&work, &[(row.try_get(0)?, &answer)]).await?;
    }
    work.commit().await
}

async fn write_requests(work: &Work, deliveries: &[Placed<'_>]) -> Result<(), LinkError> {
    let of = deliveries;
    work.execute(
        "INSERT INTO requests (id, event, method, target, headers, payload, body)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[],
             $6::bigint[], $7::bytea[])",
        &[
            &column(of, |placed| placed.id),
            &column(of, |placed| placed.seq),
            &column(of, |placed| placed.delivery.request.method.as_str()),
            &column(of, |placed| text(&placed.delivery.request.target)),
            &column(of, |placed| placed.delivery.request.headers.as_bytes()),
            &column(of, |placed| match placed.delivery.request.body {
                Payload::Own(_) => 0_i64,
                Payload::OfEvent => 1,
                Payload::AtDelivery => 2,
            }),
            &column(of, |placed| match &placed.delivery.request.body {
                Payload::Own(body) => Some(&**body),
                Payload::OfEvent | Payload::AtDelivery => None,
            }),
        ],
    )
    .await?;
    Ok(())
}

async fn write_deliveries(
    work: &Work,
    deliveries: &[Placed<'_>],
    now: i64,
) -> Result<(), LinkError> {
    let of = deliveries;
    let columns: [&(dyn ToSql + Sync); 17] = [
        &column(of, |placed| placed.id),
        &column(of, |placed| placed.seq),
        &column(of, |placed| &*placed.event.function),
        &column(of, |placed| &*placed.delivery.name),
        &column(of, |placed| i64::from(placed.delivery.item)),
        &column(of, |placed| &*placed.delivery.connection),
        &column(of, |placed| placed.event.environment.as_str()),
        &column(of, |placed| placed.lane.as_deref()),
        &column(of, |placed| placed.delivery.on_dead.code()),
        &column(of, |placed| placed.state.code()),
        &column(of, |placed| i64::from(placed.delivery.policy.attempts)),
        &column(of, |placed| millis(placed.delivery.policy.first)),
        &column(of, |placed| millis(placed.delivery.policy.limit)),
        &column(of, |placed| millis(placed.delivery.policy.horizon)),
        &column(of, |placed| millis(placed.delivery.timeout)),
        &column(of, |placed| placed.delivery.held),
        &now,
    ];
    work.execute(
        "INSERT INTO deliveries (id, event, request, function, name, item, connection, environment,
             lane, on_dead, state, accepted, due, most_attempts, first_wait, wait_limit, horizon,
             timeout, reason)
         SELECT id, event, id, function, name, item, connection, environment, lane, on_dead, state,
             $17, $17, attempts, first, most, horizon, timeout, reason
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[],
             $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
             $13::bigint[], $14::bigint[], $15::bigint[], $16::text[])
             d (id, event, function, name, item, connection, environment, lane, on_dead, state,
                 attempts, first, most, horizon, timeout, reason)",
        &columns,
    )
    .await?;
    Ok(())
}
