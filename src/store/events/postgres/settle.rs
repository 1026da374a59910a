//! Notes what attempts came to, and gives back what nobody reports on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::super::rows::{cut, environment, millis, stamp};
use super::super::{Attempt, Destination, POISON, Reclaimed, Settlement};
use super::accept::{Lane, lock_lanes};
use super::lease::GRACE;
use super::{Shared, lease};
use crate::delivery::{Breaker, Next, OnDead, State};
use crate::store::fields::Fields;
use crate::store::postgres::link::{LinkError, Sessions, Work};
use crate::store::postgres::text;

/// A clock that goes back by more milliseconds was set.
const SET_BACK: i64 = 2000;
/// A gateway whose connection was lost has so much time to come back.
const RETURNS: Duration = Duration::from_secs(3);
/// How many leases are looked through at once.
const BITE: i64 = 500;

/// Where a delivery belongs; what never changes of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) destination: Destination,
    pub(super) lane: Option<Lane>,
    pub(super) on_dead: OnDead,
}

impl Place {
    /// Reads connection, environment, lane, `on_dead`, from column `at` on.
    pub(super) fn read<R: Fields>(row: &R, at: usize) -> Result<Self, R::Error> {
        let (connection, of) = (row.text(at)?, row.text(at + 1)?);
        let lane = row.maybe_text(at + 2)?;
        Ok(Self {
            lane: lane.map(|lane| (connection.clone(), of.clone(), lane)),
            destination: Destination {
                connection: connection.into(),
                environment: environment(&of),
            },
            on_dead: OnDead::of_code(row.int(at + 3)?),
        })
    }
}

/// Where these deliveries belong. Nothing is locked.
async fn places(work: &Work, ids: &[i64]) -> Result<HashMap<i64, Place>, LinkError> {
    let rows = work
        .query(
            "SELECT id, connection, environment, lane, on_dead FROM deliveries
             WHERE id = ANY ($1)",
            &[&ids],
        )
        .await?;
    let mut places = HashMap::new();
    for row in &rows {
        places.insert(row.int(0)?, Place::read(row, 1)?);
    }
    Ok(places)
}

/// What becomes of a leased delivery.
struct Change<'c> {
    id: i64,
    token: i64,
    state: State,
    /// Leases in a row that nobody reported on go on being counted.
    keeps_leases: bool,
    /// As if it had not been leased.
    is_given_back: bool,
    due: Option<i64>,
    reason: Option<&'c str>,
    blocks: bool,
}

impl<'c> Change<'c> {
    fn of(outcome: &'c Settlement, place: &Place) -> Self {
        let mut change = Self {
            id: outcome.id.0,
            token: outcome.token,
            state: State::Pending,
            keeps_leases: false,
            is_given_back: false,
            due: None,
            reason: None,
            blocks: false,
        };
        match &outcome.next {
            None => change.is_given_back = true,
            Some(Next::Retry { at, reason }) => {
                change.due = Some(stamp(*at));
                change.reason = Some(reason);
            }
            Some(Next::Delivered) => change.state = State::Delivered,
            Some(Next::Dead { reason }) => {
                change.state = State::Dead;
                change.reason = Some(reason);
                change.blocks = place.lane.is_some() && place.on_dead != OnDead::Skip;
            }
        }
        change
    }
}

/// Answers for each whether its lease was lost in between.
pub(super) async fn settle(
    sessions: Sessions,
    outcomes: Arc<Vec<Settlement>>,
    shared: Arc<Shared>,
) -> Result<Vec<bool>, LinkError> {
    let work = sessions.begin().await?;
    let ids: Vec<i64> = outcomes.iter().map(|outcome| outcome.id.0).collect();
    let places = places(&work, &ids).await?;
    let known: Vec<(&Settlement, &Place)> = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome, places.get(&outcome.id.0)?)))
        .collect();
    let mut breakers = lock_breakers(&work, &known).await?;
    let lanes: BTreeSet<&Lane> = known
        .iter()
        .filter_map(|(_, place)| place.lane.as_ref())
        .collect();
    lock_lanes(&work, lanes.into_iter()).await?;
    let now = shared.now();
    let changes: Vec<Change<'_>> = known
        .iter()
        .map(|(outcome, place)| Change::of(outcome, place))
        .collect();
    let changed = apply(&work, &changes, stamp(now)).await?;
    let settled: Vec<(&Settlement, &Place)> = known
        .into_iter()
        .filter(|(outcome, _)| outcome.next.is_some() && changed.contains(&outcome.id.0))
        .collect();
    let attempts: Vec<(i64, &Attempt)> = settled
        .iter()
        .map(|(outcome, _)| (outcome.id.0, &outcome.attempt))
        .collect();
    note_attempts(&work, &attempts).await?;
    for (outcome, place) in &settled {
        if let Some((breaker, _)) = breakers.get_mut(&place.destination) {
            breaker.note(outcome.is_outage, now);
        }
    }
    for (destination, (breaker, was)) in &breakers {
        if breaker != was {
            lease::note_breaker(&work, destination, breaker).await?;
        }
    }
    let finished = settled.iter().filter_map(|(outcome, place)| {
        let lane = place.lane.as_ref()?;
        match outcome.next.as_ref()? {
            Next::Delivered => Some((lane, false)),
            Next::Dead { .. } => Some((lane, place.on_dead == OnDead::Park)),
            Next::Retry { .. } => None,
        }
    });
    let goes_on = go_on(&work, finished.collect(), stamp(now)).await?;
    work.commit().await?;
    let mut held = shared.held();
    for id in &ids {
        held.remove(id);
    }
    drop(held);
    if goes_on {
        shared.told.notify_one();
    }
    Ok(ids.iter().map(|id| !changed.contains(id)).collect())
}

/// The breakers that these outcomes may change, each as it will be and as it was. Those that are
/// closed, and stay so, are not locked: it is what happens nearly always.
async fn lock_breakers(
    work: &Work,
    outcomes: &[(&Settlement, &Place)],
) -> Result<BTreeMap<Destination, (Breaker, Breaker)>, LinkError> {
    let mut wanted: BTreeMap<&Destination, bool> = BTreeMap::new();
    for (outcome, place) in outcomes {
        *wanted.entry(&place.destination).or_default() |=
            outcome.next.is_some() && outcome.is_outage;
    }
    let connections: Vec<&str> = wanted.keys().map(|of| &*of.connection).collect();
    let rows = work
        .query(
            "SELECT connection, environment FROM destinations
             WHERE connection = ANY ($1) AND faults > 0",
            &[&connections],
        )
        .await?;
    for row in &rows {
        let faulty = Destination {
            connection: row.text(0)?.into(),
            environment: environment(&row.text(1)?),
        };
        if let Some(is_wanted) = wanted.get_mut(&faulty) {
            *is_wanted = true;
        }
    }
    let mut breakers = BTreeMap::new();
    for (destination, is_wanted) in wanted {
        if is_wanted {
            let breaker = lease::lock(work, destination).await?.breaker;
            breakers.insert(destination.clone(), (breaker, breaker));
        }
    }
    Ok(breakers)
}

/// Applies changes to deliveries that are still leased by the token that they name; which.
async fn apply(work: &Work, changes: &[Change<'_>], now: i64) -> Result<HashSet<i64>, LinkError> {
    if changes.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = work
        .query(
            "UPDATE deliveries d SET
                 state = c.state,
                 lease_until = NULL,
                 holder = NULL,
                 leases = CASE WHEN c.back = 1 THEN d.leases - 1
                     WHEN c.keeps = 1 THEN d.leases ELSE 0 END,
                 attempts = d.attempts - c.back,
                 due = coalesce(c.due, d.due),
                 settled = CASE WHEN c.state IN (2, 3, 4) THEN $9 ELSE d.settled END,
                 reason = CASE WHEN c.back = 1 THEN d.reason ELSE c.reason END,
                 blocks = c.blocks
             FROM (
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
                     $5::bigint[], $6::bigint[], $7::text[], $8::bigint[])
                     c (id, token, state, keeps, back, due, reason, blocks)
                 ORDER BY id
             ) c
             WHERE d.id = c.id AND d.token = c.token AND d.state = 1
             RETURNING d.id",
            &[
                &column(changes, |change| change.id),
                &column(changes, |change| change.token),
                &column(changes, |change| change.state.code()),
                &column(changes, |change| i64::from(change.keeps_leases)),
                &column(changes, |change| i64::from(change.is_given_back)),
                &column(changes, |change| change.due),
                &column(changes, |change| change.reason.map(|why| text(cut(why)))),
                &column(changes, |change| i64::from(change.blocks)),
                &now,
            ],
        )
        .await?;
    let ids: Result<HashSet<i64>, _> = rows.iter().map(|row| row.int(0)).collect();
    Ok(ids?)
}

fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

async fn note_attempts(work: &Work, attempts: &[(i64, &Attempt)]) -> Result<(), LinkError> {
    if attempts.is_empty() {
        return Ok(());
    }
    work.execute(
        "INSERT INTO attempts (delivery, number, at, duration, status, outcome, answer)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
             $5::bigint[], $6::text[], $7::bytea[])",
        &[
            &column(attempts, |(id, _)| *id),
            &column(attempts, |(_, attempt)| i64::from(attempt.number)),
            &column(attempts, |(_, attempt)| stamp(attempt.at)),
            &column(attempts, |(_, attempt)| {
                i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX)
            }),
            &column(attempts, |(_, attempt)| attempt.status.map(i64::from)),
            &column(attempts, |(_, attempt)| text(cut(&attempt.outcome))),
            &column(attempts, |(_, attempt)| &*attempt.answer),
        ],
    )
    .await?;
    Ok(())
}

/// Lets lanes go on in which something was finished: parks those that wait in one (`true`), and
/// promotes the next one in the others. Whether any was promoted.
async fn go_on(work: &Work, lanes: Vec<(&Lane, bool)>, now: i64) -> Result<bool, LinkError> {
    let parked: BTreeSet<&Lane> = lanes
        .iter()
        .filter(|(_, is_parked)| *is_parked)
        .map(|(lane, _)| *lane)
        .collect();
    for (connection, environment, lane) in &parked {
        work.execute(
            "UPDATE deliveries SET state = 5, reason = 'parked behind a dead letter'
             WHERE connection = $1 AND environment = $2 AND lane = $3 AND state = 6
                 AND (state IN (0, 1, 5, 6) OR blocks = 1)",
            &[connection, environment, lane],
        )
        .await?;
    }
    let others: BTreeSet<&Lane> = lanes.into_iter().map(|(lane, _)| lane).collect();
    promote(work, others.into_iter(), now).await
}

/// Lets the next one of each lane go, unless one is under way or a dead letter blocks it. The lanes
/// are locked. Whether any was promoted.
pub(super) async fn promote<'l>(
    work: &Work,
    lanes: impl Iterator<Item = &'l Lane>,
    now: i64,
) -> Result<bool, LinkError> {
    let (mut connections, mut environments, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (connection, environment, lane) in lanes {
        connections.push(connection.as_str());
        environments.push(environment.as_str());
        names.push(lane.as_str());
    }
    if names.is_empty() {
        return Ok(false);
    }
    let promoted = work
        .execute(
            "UPDATE deliveries SET state = 0, due = $4
             WHERE state = 6 AND id IN (
                 SELECT next.id
                 FROM unnest($1::text[], $2::text[], $3::text[]) l (connection, environment, lane)
                 CROSS JOIN LATERAL (
                     SELECT d.id FROM deliveries d
                     WHERE d.connection = l.connection AND d.environment = l.environment
                         AND d.lane = l.lane AND d.state = 6
                         AND (d.state IN (0, 1, 5, 6) OR d.blocks = 1)
                     ORDER BY d.id LIMIT 1
                 ) next
                 WHERE NOT EXISTS (
                     SELECT 1 FROM deliveries b
                     WHERE b.connection = l.connection AND b.environment = l.environment
                         AND b.lane = l.lane AND (b.state IN (0, 1) OR b.blocks = 1)
                         AND (b.state IN (0, 1, 5, 6) OR b.blocks = 1)
                 )
             )",
            &[&connections, &environments, &names, &now],
        )
        .await?;
    Ok(promoted > 0)
}

/// A delivery whose holder is gone.
struct LeftBehind {
    id: i64,
    token: i64,
    /// In a row that nobody reported on.
    leases: u32,
    attempts: u32,
    place: Place,
}

/// Those whose leases are over, or whose holder is. Nothing is locked.
async fn left_behind(
    work: &Work,
    all: bool,
    held: Vec<i64>,
    holder: Option<i64>,
    now: jiff::Timestamp,
) -> Result<Vec<LeftBehind>, LinkError> {
    // Of what is held here it is known that somebody will report; of the rest that was leased here,
    // that nobody will: the lease got there, and its answer did not.
    let rows = work
        .query(
            "WITH alive AS MATERIALIZED (
                 SELECT objid::bigint AS number FROM pg_locks
                 WHERE locktype = 'advisory' AND objsubid = 2
                     AND database = (
                         SELECT oid FROM pg_database WHERE datname = current_database()
                     )
                     AND classid::bigint
                         = hashtext('hookweir ' || current_schema())::bigint & 4294967295
             )
             SELECT id, token, leases, attempts, connection, environment, lane, on_dead
             FROM deliveries
             WHERE state = 1 AND NOT id = ANY ($3)
                 AND ($1 OR lease_until < $2
                     OR (lease_until - timeout - $5 < $2 - $6
                         AND (holder = $7 OR holder NOT IN (SELECT number FROM alive))))
             ORDER BY id LIMIT $4",
            &[
                &all,
                &stamp(now),
                &held,
                &BITE,
                &millis(GRACE),
                &millis(RETURNS),
                &holder,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(LeftBehind {
                id: row.int(0)?,
                token: row.int(1)?,
                leases: row.count(2)?,
                attempts: row.count(3)?,
                place: Place::read(row, 4)?,
            })
        })
        .collect()
}

pub(super) async fn reclaim(
    sessions: Sessions,
    all: bool,
    shared: Arc<Shared>,
) -> Result<Reclaimed, LinkError> {
    let now = shared.now();
    let held: Vec<i64> = shared.held().iter().copied().collect();
    let work = sessions.begin().await?;
    let gone = left_behind(&work, all, held, shared.holder(), now).await?;
    let lanes: BTreeSet<&Lane> = gone
        .iter()
        .filter_map(|left| left.place.lane.as_ref())
        .collect();
    lock_lanes(&work, lanes.into_iter()).await?;
    let reasons: Vec<Option<String>> = gone
        .iter()
        .map(|left| {
            let times = left.leases;
            (times >= POISON).then(|| format!("whoever sends it vanishes: {times} times in a row"))
        })
        .collect();
    let changes: Vec<Change<'_>> = gone
        .iter()
        .zip(&reasons)
        .map(|(left, dead)| Change {
            id: left.id,
            token: left.token,
            state: if dead.is_some() {
                State::Dead
            } else {
                State::Pending
            },
            keeps_leases: dead.is_none(),
            is_given_back: false,
            due: dead.is_none().then(|| stamp(now)),
            reason: Some(dead.as_deref().unwrap_or("whoever sent it has vanished")),
            blocks: dead.is_some()
                && left.place.lane.is_some()
                && left.place.on_dead != OnDead::Skip,
        })
        .collect();
    // Those whose holder has reported meanwhile have another state.
    let changed = apply(&work, &changes, stamp(now)).await?;
    let (mut attempts, mut finished) = (Vec::new(), Vec::new());
    let mut reclaimed = Reclaimed::default();
    for (left, dead) in gone.iter().zip(&reasons) {
        if !changed.contains(&left.id) {
            continue;
        }
        attempts.push((left.id, vanished(left.attempts, now)));
        if dead.is_none() {
            reclaimed.pending += 1;
            continue;
        }
        reclaimed.dead += 1;
        if let Some(lane) = &left.place.lane {
            finished.push((lane, left.place.on_dead == OnDead::Park));
        }
    }
    let attempts: Vec<(i64, &Attempt)> = attempts.iter().map(|(id, of)| (*id, of)).collect();
    note_attempts(&work, &attempts).await?;
    go_on(&work, finished, stamp(now)).await?;
    let last = shared
        .looked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(now);
    if let Some(last) = last
        && stamp(now) + SET_BACK < stamp(last)
    {
        // After a clock was set back, what was due is due as much earlier.
        work.execute(
            "UPDATE deliveries SET due = greatest($1, due - $2) WHERE state = 0 AND due > $1",
            &[&stamp(now), &(stamp(last) - stamp(now))],
        )
        .await?;
    }
    work.commit().await?;
    Ok(reclaimed)
}

fn vanished(number: u32, now: jiff::Timestamp) -> Attempt {
    Attempt {
        number,
        at: now,
        duration: Duration::ZERO,
        status: None,
        outcome: "whoever sent it has vanished; it may have arrived".to_owned(),
        answer: bytes::Bytes::new(),
    }
}
