//! Looks at what is kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_postgres::types::ToSql;

use super::super::filter::{Conditions, Dialect, Value};
use super::super::rows::{self, DELIVERY, EVENT, counted, environment, page, time};
use super::super::{
    Attempt, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, Destination,
    DestinationStats, EventDetail, EventFilter, EventRow, HeaderLines, LONGEST_PAGE, Listed, Page,
    Stats,
};
use super::{Shared, prune};
use crate::delivery::{Breaker, State};
use crate::store::fields::{Fields as _, small};
use crate::store::postgres::link::{LinkError, Sessions, Work};

/// The values of conditions, as the driver takes them.
pub(super) fn params(conditions: &Conditions) -> Vec<&(dyn ToSql + Sync)> {
    conditions
        .values()
        .iter()
        .map(|value| match value {
            Value::Int(number) => number as &(dyn ToSql + Sync),
            Value::Text(text) => text,
            Value::Bytes(bytes) => bytes,
        })
        .collect()
}

pub(super) async fn events(
    sessions: Sessions,
    filter: Arc<EventFilter>,
    asked: Page,
) -> Result<Listed<EventRow>, LinkError> {
    let limit = asked.limit.clamp(1, LONGEST_PAGE);
    let mut conditions = Conditions::of_events(&filter, Dialect::Postgres);
    conditions.within("e.seq", asked);
    let sql = format!(
        "SELECT {EVENT} FROM events e {} ORDER BY e.seq DESC LIMIT {}",
        conditions.numbered_sql(),
        limit + 1
    );
    let work = sessions.reader().await?;
    let found = work.query_once(&sql, &params(&conditions)).await?;
    let mut found: Vec<EventRow> = found.iter().map(rows::event).collect::<Result<_, _>>()?;
    count_deliveries(&work, &mut found).await?;
    work.done();
    Ok(page(found, limit, |row| row.seq))
}

async fn count_deliveries(work: &Work, events: &mut [EventRow]) -> Result<(), LinkError> {
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    let rows = work
        .query(
            "SELECT event, state, count(*) FROM deliveries WHERE event = ANY ($1)
             GROUP BY event, state ORDER BY event, state",
            &[&seqs],
        )
        .await?;
    let mut counts: HashMap<i64, Vec<(State, u64)>> = HashMap::new();
    for row in &rows {
        let of = counts.entry(row.int(0)?).or_default();
        of.extend(counted((row.int(1)?, row.int(2)?)));
    }
    for event in events {
        event.deliveries = counts.remove(&event.seq).unwrap_or_default();
    }
    Ok(())
}

pub(super) async fn event(
    sessions: Sessions,
    id: Arc<str>,
) -> Result<Option<EventDetail>, LinkError> {
    let work = sessions.reader().await?;
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.id = $1");
    let Some(row) = work.first(&sql, &[&&*id]).await? else {
        work.done();
        return Ok(None);
    };
    let mut found = [rows::event(&row)?];
    count_deliveries(&work, &mut found).await?;
    let [row] = found;
    let payload = work
        .first(
            "SELECT headers, body FROM payloads WHERE event = $1",
            &[&row.seq],
        )
        .await?;
    let payload = payload
        .map(|found| -> Result<_, LinkError> {
            let headers = HeaderLines::from(found.bytes(0)?);
            Ok((headers, found.bytes(1)?.into()))
        })
        .transpose()?;
    let answer = work
        .first(
            "SELECT status, headers, body FROM answers WHERE event = $1",
            &[&row.seq],
        )
        .await?;
    let answer = answer.map(|found| rows::answer(&found, 0)).transpose()?;
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event
         WHERE d.event = $1 ORDER BY d.id LIMIT {LONGEST_PAGE}"
    );
    let found = work.query(&sql, &[&row.seq]).await?;
    let found: Vec<DeliveryRow> = found.iter().map(rows::delivery).collect::<Result<_, _>>()?;
    let mut deliveries = Vec::with_capacity(found.len());
    for delivery in found {
        let attempts = attempts(&work, delivery.id).await?;
        deliveries.push((delivery, attempts));
    }
    work.done();
    Ok(Some(EventDetail {
        row,
        payload,
        answer,
        deliveries,
    }))
}

pub(super) async fn deliveries(
    sessions: Sessions,
    filter: Arc<DeliveryFilter>,
    asked: Page,
) -> Result<Listed<DeliveryRow>, LinkError> {
    let limit = asked.limit.clamp(1, LONGEST_PAGE);
    let mut conditions = Conditions::of_deliveries(&filter);
    conditions.within("d.id", asked);
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event {}
         ORDER BY d.id DESC LIMIT {}",
        conditions.numbered_sql(),
        limit + 1
    );
    let work = sessions.reader().await?;
    let found = work.query_once(&sql, &params(&conditions)).await?;
    work.done();
    let found = found.iter().map(rows::delivery).collect::<Result<_, _>>()?;
    Ok(page(found, limit, |row: &DeliveryRow| row.id.0))
}

async fn attempts(work: &Work, id: DeliveryId) -> Result<Vec<Attempt>, LinkError> {
    let rows = work
        .query(
            "SELECT number, at, duration, status, outcome, answer FROM attempts
             WHERE delivery = $1 ORDER BY number, at",
            &[&id.0],
        )
        .await?;
    Ok(rows.iter().map(rows::attempt).collect::<Result<_, _>>()?)
}

pub(super) async fn delivery(
    sessions: Sessions,
    id: DeliveryId,
) -> Result<Option<DeliveryDetail>, LinkError> {
    let work = sessions.reader().await?;
    let sql = format!(
        "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.id = $1"
    );
    let Some(row) = work.first(&sql, &[&id.0]).await? else {
        work.done();
        return Ok(None);
    };
    let request = work
        .first(
            "SELECT r.method, r.target, r.headers, r.payload,
                 CASE r.payload WHEN 1 THEN p.body ELSE r.body END
             FROM deliveries d JOIN requests r ON r.id = d.request
             LEFT JOIN payloads p ON p.event = d.event
             WHERE d.id = $1",
            &[&id.0],
        )
        .await?;
    let attempts = attempts(&work, id).await?;
    work.done();
    Ok(Some(DeliveryDetail {
        row: rows::delivery(&row)?,
        request: request.map(|row| rows::request(&row, 0)).transpose()?,
        attempts,
    }))
}

pub(super) async fn stats(sessions: Sessions, shared: Arc<Shared>) -> Result<Stats, LinkError> {
    let now = shared.now();
    let work = sessions.reader().await?;
    let mut destinations: BTreeMap<Destination, DestinationStats> = BTreeMap::new();
    // Each by an index of its own; what is delivered is not counted, there is too much of it.
    for sql in [
        "SELECT connection, environment, state, count(*), min(accepted) FROM deliveries
         WHERE state = 0 GROUP BY connection, environment, state",
        "SELECT connection, environment, state, count(*), min(accepted) FROM deliveries
         WHERE state = 1 GROUP BY connection, environment, state",
        "SELECT connection, environment, state, count(*), min(accepted) FROM deliveries
         WHERE state = 3 GROUP BY connection, environment, state",
        "SELECT connection, environment, state, count(*), min(accepted) FROM deliveries
         WHERE state IN (5, 6) GROUP BY connection, environment, state",
    ] {
        for row in work.query(sql, &[]).await? {
            let destination = Destination {
                connection: row.text(0)?.into(),
                environment: environment(&row.text(1)?),
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
            let Some((state, count)) = counted((row.int(2)?, row.int(3)?)) else {
                continue;
            };
            entry.counts.push((state, count));
            if !state.is_settled() && state != State::Held {
                let oldest = time(row.int(4)?);
                entry.oldest = Some(entry.oldest.map_or(oldest, |known| known.min(oldest)));
            }
        }
    }
    let open = work
        .query(
            "SELECT connection, environment, faults, open_until FROM destinations
             WHERE faults > 0",
            &[],
        )
        .await?;
    for row in &open {
        let destination = Destination {
            connection: row.text(0)?.into(),
            environment: environment(&row.text(1)?),
        };
        let breaker = Breaker {
            faults: small(row.int(2)?),
            open_until: row.maybe_int(3)?.map(time),
        };
        if let Some(entry) = destinations.get_mut(&destination) {
            entry.breaker = breaker.stands(now).as_str();
        }
    }
    let events = work.first("SELECT count(*) FROM events", &[]).await?;
    let bytes = prune::size(&work).await?;
    work.done();
    Ok(Stats {
        events: events.map_or(Ok(0), |row| row.size(0))?,
        bytes,
        destinations: destinations.into_values().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::link::Link;
    use crate::store::{Location, Place, open_or_create, tests::postgres_url};

    /// Statements of which the server would keep one for each filter that was ever asked.
    #[test]
    fn what_is_asked_once_is_not_kept_by_the_connection() {
        let Some(url) = postgres_url() else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let location = Location {
            data_dir: folder.path().to_owned(),
            master_key: Some("0".repeat(64).into()),
            place: Some(Place::Postgres(url.clone())),
        };
        open_or_create(&location).unwrap();
        let link = Link::new(url).unwrap();
        let ask = |id: i64| {
            let filter = DeliveryFilter {
                ids: Some(vec![DeliveryId(id)]),
                ..DeliveryFilter::default()
            };
            let sessions = link.handle();
            let kept = async move {
                deliveries(sessions.clone(), Arc::new(filter), Page::default()).await?;
                let work = sessions.reader().await?;
                let kept = work.query("SELECT count(*) FROM pg_prepared_statements", &[]);
                let kept = kept.await?.first().map_or(Ok(-1), |row| row.int(0))?;
                work.done();
                Ok(kept)
            };
            link.wait(kept).unwrap()
        };
        let first = ask(1);
        for id in 2..20 {
            assert_eq!(ask(id), first, "{id}");
        }
    }
}
