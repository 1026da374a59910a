//! Takes deliveries out to be sent, within the limits of their destinations, which all gateways
//! keep together.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::rows::{self, millis, stamp, time};
use super::super::{Batch, Destination, Leased, Want};
use super::Shared;
use crate::delivery::{Breaker, Bucket};
use crate::store::fields::{Fields as _, small};
use crate::store::postgres::link::{LinkError, Sessions, Work};

/// So much longer than the attempt may take is it leased.
pub(super) const GRACE: Duration = Duration::from_secs(15);

/// What there is to do at a destination.
struct Look {
    in_flight: u32,
    due: Option<Timestamp>,
}

pub(super) async fn lease(
    sessions: Sessions,
    wants: Arc<Vec<Want>>,
    shared: Arc<Shared>,
) -> Result<Batch, LinkError> {
    let looks = look(&sessions, &wants, &shared).await?;
    let mut holding = Holding::new(Arc::clone(&shared));
    let mut batch = Batch::default();
    for (want, look) in wants.iter().zip(looks) {
        let Some(Look { in_flight, due }) = look else {
            continue;
        };
        let Some(due) = due else { continue };
        let now = shared.now();
        if due > now {
            soonest(&mut batch, until_then(due, now));
            continue;
        }
        if want.concurrency <= in_flight {
            // What is on its way will wake us, or another gateway.
            continue;
        }
        let (found, next) = take(&sessions, want, &mut holding).await?;
        batch.leased.extend(found);
        if let Some(next) = next {
            soonest(&mut batch, next);
        }
    }
    holding.hand_over();
    Ok(batch)
}

/// What is being leased. Unless it is handed over, nobody will report on it: an error, or a server
/// that does not answer, ends this at any place, and the lease may be in the database all the same.
struct Holding {
    shared: Arc<Shared>,
    ids: Vec<i64>,
}

impl Holding {
    fn new(shared: Arc<Shared>) -> Self {
        let ids = Vec::new();
        Self { shared, ids }
    }

    fn add(&mut self, found: &[Leased]) {
        let ids = found.iter().map(|leased| leased.id.0);
        self.ids.extend(ids.clone());
        self.shared.held().extend(ids);
    }

    fn hand_over(mut self) {
        self.ids.clear();
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut held = self.shared.held();
        for id in &self.ids {
            held.remove(id);
        }
    }
}

fn soonest(batch: &mut Batch, after: Duration) {
    batch.next = Some(batch.next.map_or(after, |known| known.min(after)));
}

fn until_then(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

/// One look at all destinations, and at the clock; `None` for one that is paused.
async fn look(
    sessions: &Sessions,
    wants: &[Want],
    shared: &Shared,
) -> Result<Vec<Option<Look>>, LinkError> {
    let connections: Vec<&str> = wants
        .iter()
        .map(|want| &*want.destination.connection)
        .collect();
    let environments: Vec<&str> = wants
        .iter()
        .map(|want| want.destination.environment.as_str())
        .collect();
    let work = sessions.writer().await?;
    let rows = work
        .query(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                 (SELECT count(*) FROM deliveries d WHERE d.state = 1
                     AND d.connection = w.connection AND d.environment = w.environment),
                 (SELECT d.due FROM deliveries d WHERE d.state = 0
                     AND d.connection = w.connection AND d.environment = w.environment
                     AND d.function NOT IN (SELECT name FROM pauses WHERE kind = 'function')
                     ORDER BY d.due, d.id LIMIT 1),
                 EXISTS (SELECT 1 FROM pauses
                     WHERE kind = 'connection' AND name = w.connection)::int::bigint
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
                 w (connection, environment, place)
             ORDER BY w.place",
            &[&connections, &environments],
        )
        .await?;
    work.done();
    let mut looks = Vec::with_capacity(rows.len());
    for row in &rows {
        shared.synchronize(row.int(0)?);
        let is_paused = row.flag(3)?;
        looks.push(if is_paused {
            None
        } else {
            Some(Look {
                in_flight: row.count(1)?,
                due: row.maybe_int(2)?.map(time),
            })
        });
    }
    Ok(looks)
}

/// What is known of a destination. Its row is locked until the end of the transaction.
pub(super) struct Health {
    pub(super) breaker: Breaker,
    bucket: Bucket,
}

pub(super) async fn lock(work: &Work, destination: &Destination) -> Result<Health, LinkError> {
    let (connection, environment) = (&*destination.connection, destination.environment.as_str());
    loop {
        let row = work
            .first(
                "SELECT faults, open_until, tokens_at, tokens FROM destinations
                 WHERE connection = $1 AND environment = $2 FOR UPDATE",
                &[&connection, &environment],
            )
            .await?;
        if let Some(row) = row {
            return Ok(Health {
                breaker: Breaker {
                    faults: small(row.int(0)?),
                    open_until: row.maybe_int(1)?.map(time),
                },
                bucket: Bucket {
                    at: row.maybe_int(2)?.map(time),
                    tokens: row.try_get(3)?,
                },
            });
        }
        work.execute(
            "INSERT INTO destinations (connection, environment) VALUES ($1, $2)
             ON CONFLICT DO NOTHING",
            &[&connection, &environment],
        )
        .await?;
    }
}

/// Writes what a breaker has come to.
pub(super) async fn note_breaker(
    work: &Work,
    destination: &Destination,
    breaker: &Breaker,
) -> Result<(), LinkError> {
    work.execute(
        "UPDATE destinations SET faults = $3, open_until = $4
         WHERE connection = $1 AND environment = $2",
        &[
            &&*destination.connection,
            &destination.environment.as_str(),
            &i64::from(breaker.faults),
            &breaker.open_until.map(stamp),
        ],
    )
    .await?;
    Ok(())
}

/// What is due at a destination, as far as it may be given; and after how long there may be more.
async fn take(
    sessions: &Sessions,
    want: &Want,
    holding: &mut Holding,
) -> Result<(Vec<Leased>, Option<Duration>), LinkError> {
    let destination = &want.destination;
    let work = sessions.begin().await?;
    let mut health = lock(&work, destination).await?;
    // By the lock, no other gateway leases to it now.
    let row = work
        .first(
            "SELECT count(*) FROM deliveries
             WHERE state = 1 AND connection = $1 AND environment = $2",
            &[&&*destination.connection, &destination.environment.as_str()],
        )
        .await?;
    let in_flight = row.map_or(Ok(0), |row| row.count(0))?;
    let now = holding.shared.now();
    let free = want.concurrency.saturating_sub(in_flight).min(want.most);
    let mut may = health.breaker.admits(free, in_flight, now);
    let mut next = None;
    if may == 0 {
        next = health
            .breaker
            .open_until
            .map(|until| until_then(until, now));
    } else if let Some((times, period)) = want.rate {
        may = may.min(health.bucket.fill(times, period, now));
        if may == 0 {
            next = Some(health.bucket.next(times, period));
        }
    }
    if may == 0 {
        work.commit().await?;
        return Ok((Vec::new(), next));
    }
    let found = lease_due(&work, destination, may, now, holding.shared.holder()).await?;
    if want.rate.is_some() {
        health
            .bucket
            .take(u32::try_from(found.len()).unwrap_or(u32::MAX));
        work.execute(
            "UPDATE destinations SET tokens = $3, tokens_at = $4
             WHERE connection = $1 AND environment = $2",
            &[
                &&*destination.connection,
                &destination.environment.as_str(),
                &health.bucket.tokens,
                &health.bucket.at.map(stamp),
            ],
        )
        .await?;
    }
    // Known as ours before anybody else can see it.
    holding.add(&found);
    work.commit().await?;
    Ok((found, None))
}

async fn lease_due(
    work: &Work,
    destination: &Destination,
    most: u32,
    now: Timestamp,
    holder: Option<i64>,
) -> Result<Vec<Leased>, LinkError> {
    let rows = work
        .query(
            "WITH due AS MATERIALIZED (
                 SELECT id FROM deliveries
                 WHERE state = 0 AND connection = $1 AND environment = $2 AND due <= $3
                     AND function NOT IN (SELECT name FROM pauses WHERE kind = 'function')
                 ORDER BY due, id LIMIT $4
                 FOR UPDATE SKIP LOCKED
             ), taken AS (
                 UPDATE deliveries d SET state = 1, token = d.token + 1,
                     lease_until = $3 + d.timeout + $5, holder = $6, attempts = d.attempts + 1,
                     leases = d.leases + 1
                 FROM due WHERE d.id = due.id
                 RETURNING d.*
             )
             SELECT t.id, t.token - 1, t.function, t.name, t.item, t.attempts - 1, t.base,
                 t.accepted, t.most_attempts, t.first_wait, t.wait_limit, t.horizon, t.timeout,
                 e.id, e.received, r.method, r.target, r.headers, r.payload,
                 CASE r.payload WHEN 1 THEN p.body ELSE r.body END
             FROM taken t
             JOIN events e ON e.seq = t.event
             LEFT JOIN requests r ON r.id = t.request
             LEFT JOIN payloads p ON p.event = t.event AND r.payload = 1
             ORDER BY t.due, t.id",
            &[
                &&*destination.connection,
                &destination.environment.as_str(),
                &stamp(now),
                &i64::from(most),
                &millis(GRACE),
                &holder,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(rows::leased(row, destination)?))
        .collect()
}
