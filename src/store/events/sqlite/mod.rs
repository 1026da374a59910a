//! Events and deliveries in SQLite, the embedded engine.
//!
//! One thread writes (see `writer`), another connection reads. One process at a time delivers, which
//! a lock on a file shows: so what limits a destination (rate, breaker) is in memory, and a lease
//! need not be renewed.

mod accept;
mod act;
mod lease;
mod log;
mod prune;
mod settle;
mod writer;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    Accepted, Action, Batch, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, Destination,
    EventDetail, EventFilter, EventRow, EventStore, EventsError, Listed, NewEvent, Page, Paused,
    Pending, Pruned, Reclaimed, Retention, Settlement, Stats, StoredAnswer, Turn, Want,
    WriterStats,
};
use crate::clock::Clock;
use crate::delivery::{Breaker, Bucket};
use crate::store::packed::pack;
use crate::store::sqlite::{SqliteStore, connect};
use crate::store::{StoreError, folder};
use writer::{BUSY, Writer, told};

/// A look at the log may take so long.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// Events and deliveries in the file of a [`SqliteStore`].
#[derive(Debug)]
pub(in crate::store) struct SqliteEvents {
    path: PathBuf,
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<Memory>>,
    stats: Arc<WriterStats>,
}

/// What is known only here.
#[derive(Debug, Default)]
struct Memory {
    destinations: HashMap<Destination, Health>,
    /// What was leased here and not settled yet.
    held: HashSet<i64>,
    /// When leases were last looked through.
    looked: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Health {
    breaker: Breaker,
    bucket: Bucket,
}

impl SqliteEvents {
    /// In the file of this store, whose layout is up to date.
    pub(in crate::store) fn open(
        store: &SqliteStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let path = store.path().to_owned();
        let error = StoreError::database(&path);
        let connection = connect(&path).map_err(&error)?;
        connection.busy_timeout(BUSY).map_err(&error)?;
        let reader = connect(&path).map_err(&error)?;
        reader
            .pragma_update(None, "query_only", true)
            .map_err(&error)?;
        let stats = Arc::new(WriterStats::default());
        let writer = Writer::start(connection, Arc::clone(&stats))
            .map_err(StoreError::file("start a thread for", &path))?;
        Ok(Self {
            path,
            writer,
            reader: Arc::new(Mutex::new(reader)),
            clock,
            state: Arc::default(),
            stats,
        })
    }

    /// Runs a look at the log on a thread of its own.
    async fn read<T, F>(&self, look: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let reader = Arc::clone(&self.reader);
        let look = tokio::task::spawn_blocking(move || {
            let mut connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let watch = crate::clock::Stopwatch::start();
            // A look that lasts keeps the log of writes from being cut.
            let too_long = move || watch.elapsed() > LONGEST_LOOK;
            connection.progress_handler(10_000, Some(too_long))?;
            let found = look(&connection);
            connection.progress_handler(0, None::<fn() -> bool>)?;
            found
        });
        match look.await {
            Ok(found) => found.map_err(|error| told(&error)),
            Err(_) => Err(EventsError::Bug("a look at the log panicked".to_owned())),
        }
    }
}

fn memory(state: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until no other process delivers from this file; it is this one that does until the answer
/// is dropped. Blocks.
fn become_deliverer(path: &Path) -> Result<File, StoreError> {
    let path = path.with_file_name("deliver.lock");
    let file = folder::open_lock(&path)?;
    file.lock().map_err(StoreError::file("lock", &path))?;
    Ok(file)
}

async fn take_turn(path: PathBuf) -> Result<Turn, EventsError> {
    let (locked, lock) = tokio::sync::oneshot::channel();
    // A thread of its own: it may wait for as long as the other process lives, and nobody waits
    // for it at the end.
    std::thread::Builder::new()
        .name("deliver".to_owned())
        .spawn(move || {
            let _ = locked.send(become_deliverer(&path));
        })
        .map_err(|error| EventsError::Unavailable(error.to_string()))?;
    match lock.await {
        Ok(Ok(lock)) => Ok(Turn {
            is_alone: true,
            _lock: Some(lock),
        }),
        Ok(Err(error)) => Err(EventsError::Unavailable(error.to_string())),
        Err(_) => Err(EventsError::Bug("nobody waits for the lock".to_owned())),
    }
}

impl EventStore for SqliteEvents {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn take_turn(&self) -> Pending<'_, Turn> {
        Box::pin(take_turn(self.path.clone()))
    }

    fn accept(&self, event: NewEvent) -> Pending<'_, Accepted> {
        let now = self.now();
        // Not by the thread that writes, for which all wait.
        let body = match pack(&event.body) {
            (Cow::Borrowed(_), packed) => (event.body.clone(), packed),
            (Cow::Owned(body), packed) => (body.into(), packed),
        };
        Box::pin(
            self.writer
                .write(move |connection| accept::accept(connection, &event, &body, now)),
        )
    }

    fn set_answer(&self, event: &str, answer: StoredAnswer) -> Pending<'_, ()> {
        let event = event.to_owned();
        Box::pin(
            self.writer
                .write(move |connection| accept::set_answer(connection, &event, &answer)),
        )
    }

    fn lease(&self, wants: Vec<Want>) -> Pending<'_, Batch> {
        let now = self.now();
        let state = Arc::clone(&self.state);
        Box::pin(
            self.writer
                .write(move |connection| lease::lease(connection, &wants, &state, now)),
        )
    }

    fn settle(&self, outcomes: Vec<Settlement>) -> Pending<'_, u64> {
        let now = self.now();
        let state = Arc::clone(&self.state);
        Box::pin(
            self.writer
                .write(move |connection| settle::settle(connection, &outcomes, &state, now)),
        )
    }

    fn reclaim(&self, all: bool) -> Pending<'_, Reclaimed> {
        let now = self.now();
        let state = Arc::clone(&self.state);
        Box::pin(
            self.writer
                .write(move |connection| settle::reclaim(connection, all, &state, now)),
        )
    }

    fn events(&self, filter: EventFilter, page: Page) -> Pending<'_, Listed<EventRow>> {
        Box::pin(self.read(move |connection| log::events(connection, &filter, page)))
    }

    fn event(&self, id: &str) -> Pending<'_, Option<EventDetail>> {
        let id = id.to_owned();
        Box::pin(self.read(move |connection| log::event(connection, &id)))
    }

    fn deliveries(&self, filter: DeliveryFilter, page: Page) -> Pending<'_, Listed<DeliveryRow>> {
        Box::pin(self.read(move |connection| log::deliveries(connection, &filter, page)))
    }

    fn delivery(&self, id: DeliveryId) -> Pending<'_, Option<DeliveryDetail>> {
        Box::pin(self.read(move |connection| log::delivery(connection, id)))
    }

    fn act(&self, action: Action, filter: DeliveryFilter, most: u32) -> Pending<'_, u64> {
        let now = self.now();
        Box::pin(
            self.writer
                .write(move |connection| act::act(connection, action, &filter, most, now)),
        )
    }

    fn pause(&self, what: Paused, is_paused: bool) -> Pending<'_, bool> {
        Box::pin(
            self.writer
                .write(move |connection| act::pause(connection, &what, is_paused)),
        )
    }

    fn paused(&self) -> Pending<'_, Vec<Paused>> {
        Box::pin(self.read(act::paused))
    }

    fn stats(&self) -> Pending<'_, Stats> {
        let state = Arc::clone(&self.state);
        let now = self.now();
        Box::pin(self.read(move |connection| log::stats(connection, &state, now)))
    }

    fn writer_stats(&self) -> &WriterStats {
        &self.stats
    }

    fn prune(&self, retention: Retention) -> Pending<'_, Pruned> {
        let now = self.now();
        Box::pin(
            self.writer
                .write(move |connection| prune::bite(connection, &retention, now)),
        )
    }
}
