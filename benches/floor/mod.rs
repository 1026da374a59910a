//! What SQLite does at best: the same work with no more tables, columns and indexes than it needs.
//!
//! An event with its body, a key that is unique, a delivery that is due; leased and settled by its
//! number. One thread writes all that waits in one transaction, as the store does.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use hookweir::clock::Stopwatch;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{BATCH, Contender, Outcome, PRODUCERS, body, rate};

/// How much is written together at most.
const MOST: usize = 256;

enum Job {
    Accept(u64, Bytes, oneshot::Sender<()>),
    Lease(oneshot::Sender<Vec<i64>>),
    Settle(Vec<i64>, oneshot::Sender<()>),
}

/// The contender.
pub(super) struct Floor {
    jobs: Sender<Job>,
    next: AtomicU64,
}

impl Floor {
    pub(super) fn open(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA page_size = 16384;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE events (
                 seq INTEGER PRIMARY KEY, id BLOB NOT NULL, received INTEGER NOT NULL,
                 key BLOB NOT NULL UNIQUE, headers BLOB NOT NULL, body BLOB NOT NULL);
             CREATE TABLE deliveries (
                 id INTEGER PRIMARY KEY, event INTEGER NOT NULL, destination INTEGER NOT NULL,
                 state INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
                 request BLOB NOT NULL);
             CREATE INDEX due ON deliveries (destination, due, id) WHERE state = 0;
             CREATE TABLE attempts (
                 delivery INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
                 status INTEGER, PRIMARY KEY (delivery, number)) WITHOUT ROWID;",
        )?;
        let (jobs, inbox) = channel();
        std::thread::Builder::new()
            .name("floor".to_owned())
            .spawn(move || {
                // Whoever waits when this fails gets no answer, and says so.
                let _ = write(connection, &inbox);
            })?;
        let next = AtomicU64::new(0);
        Ok(Self { jobs, next })
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Outcome<T> {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .send(job(reply))
            .map_err(|_| "the floor has ended")?;
        Ok(answer.await?)
    }
}

impl Contender for Floor {
    async fn accept(&self, spell: Duration) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let producers = (0..PRODUCERS).map(async |_| {
            let mut count = 0_u64;
            while watch.elapsed() < spell {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                self.ask(|reply| Job::Accept(number, body(number), reply))
                    .await?;
                count += 1;
            }
            Outcome::Ok(count)
        });
        let counts = futures_util::future::try_join_all(producers).await?;
        Ok(rate(counts.into_iter().sum(), &watch))
    }

    async fn deliver(&self) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let mut count = 0;
        loop {
            let leased = self.ask(Job::Lease).await?;
            if leased.is_empty() {
                return Ok(rate(count, &watch));
            }
            count += leased.len() as u64;
            self.ask(|reply| Job::Settle(leased, reply)).await?;
        }
    }
}

fn write(mut connection: Connection, inbox: &Receiver<Job>) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    while let Ok(first) = inbox.recv() {
        let jobs: Vec<Job> = std::iter::once(first)
            .chain(inbox.try_iter().take(MOST - 1))
            .collect();
        let transaction = connection.transaction()?;
        let mut told: Vec<Box<dyn FnOnce()>> = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job {
                Job::Accept(number, body, reply) => {
                    accept(&transaction, number, &body)?;
                    told.push(Box::new(move || {
                        let _ = reply.send(());
                    }));
                }
                Job::Lease(reply) => {
                    let leased = lease(&transaction)?;
                    told.push(Box::new(move || {
                        let _ = reply.send(leased);
                    }));
                }
                Job::Settle(ids, reply) => {
                    settle(&transaction, &ids)?;
                    told.push(Box::new(move || {
                        let _ = reply.send(());
                    }));
                }
            }
        }
        transaction.commit()?;
        for tell in told {
            tell();
        }
    }
    Ok(())
}

fn accept(connection: &Connection, number: u64, body: &[u8]) -> rusqlite::Result<()> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO events (id, received, key, headers, body) VALUES (?1, 1, ?2, ?3, ?4)",
        )?
        .execute(params![
            number.to_be_bytes(),
            number.to_le_bytes(),
            b"host: 127.0.0.1:8080\ncontent-type: application/json\nx-github-event: push",
            body
        ])?;
    let event = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "INSERT INTO deliveries (event, destination, state, due, attempts, request)
             VALUES (?1, 1, 0, 1, 0, ?2)",
        )?
        .execute(params![
            event,
            b"POST /leads {\"repository\":\"octocat/hello\"}"
        ])?;
    Ok(())
}

fn lease(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let found: Vec<(i64, Vec<u8>, i64)> = connection
        .prepare_cached(
            "SELECT id, request, attempts FROM deliveries
             WHERE state = 0 AND destination = 1 AND due <= 2 ORDER BY due, id LIMIT ?1",
        )?
        .query_map([BATCH], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut lease = connection
        .prepare_cached("UPDATE deliveries SET state = 1, attempts = attempts + 1 WHERE id = ?1")?;
    for (id, ..) in &found {
        lease.execute([id])?;
    }
    Ok(found.into_iter().map(|(id, ..)| id).collect())
}

fn settle(connection: &Connection, ids: &[i64]) -> rusqlite::Result<()> {
    let mut note = connection.prepare_cached(
        "INSERT INTO attempts (delivery, number, at, status) VALUES (?1, 1, 3, 200)",
    )?;
    let mut settle =
        connection.prepare_cached("UPDATE deliveries SET state = 2 WHERE id = ?1 AND state = 1")?;
    for id in ids {
        note.execute([id])?;
        settle.execute([id])?;
    }
    Ok(())
}
