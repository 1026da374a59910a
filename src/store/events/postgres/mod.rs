//! Events and deliveries in PostgreSQL, for several gateways at once.
//!
//! What may go wrong between two of them, and what keeps it from that:
//!
//! * *two deliver the same*: a delivery is leased under a lock on its row, and what is told of it
//!   is fenced by the lease's token;
//! * *together they send more than a destination takes*: its row in `destinations` is locked while
//!   deliveries are leased to it, and holds its rate and its breaker;
//! * *a lane's order*: whoever adds to a lane or finishes in it holds an advisory lock on the lane,
//!   and numbers are drawn under it;
//! * *two repeats are both the first*: the dedupe key is a primary key, and the second waits;
//! * *their clocks differ*: the time is the database's.
//!
//! Locks are taken in one order everywhere: dedupe keys, destinations, lanes, deliveries, each in
//! the order of its key. What still gets in each other's way is tried again.
//!
//! Accepting and settling are done by tasks that take all that has come meanwhile into one
//! transaction. Other gateways are told by `NOTIFY` that there is something to deliver; who misses
//! it looks twice a second.

mod accept;
mod act;
mod batch;
mod lease;
mod listen;
mod log;
mod prune;
mod settle;

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{
    Accepted, Action, Batch, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, EventDetail,
    EventFilter, EventRow, EventStore, EventsError, Listed, NewEvent, Page, Paused, Pending,
    Pruned, Reclaimed, Retention, Settlement, Stats, StoredAnswer, Turn, Want, WriterStats,
};
use crate::clock::{Clock, Stopwatch, SystemClock};
use crate::store::postgres::link::{Link, LinkError, Sessions};
use batch::Queue;

/// How many tasks write what is accepted.
const ACCEPTING: usize = 3;
/// How often a transaction that another one was in the way of is tried.
const TRIES: usize = 5;

/// Events and deliveries in the schema of a [`Link`].
#[derive(Debug)]
pub(in crate::store) struct PostgresEvents {
    link: Arc<Link>,
    shared: Arc<Shared>,
    accepting: Queue<NewEvent, Accepted>,
    settling: Queue<Settlement, bool>,
}

/// What tasks share.
#[derive(Debug)]
struct Shared {
    time: Time,
    /// What was leased here and not settled yet.
    held: Mutex<HashSet<i64>>,
    /// By which number others know whether this gateway lives; 0 before it has one.
    holder: AtomicI64,
    /// When leases were last looked through.
    looked: Mutex<Option<Timestamp>>,
    /// Another gateway has said that there may be something to deliver.
    woken: Notify,
    /// This one has something to say.
    told: Notify,
}

/// The database's time, as it was when it was last asked, and what has passed since. The clock of
/// this machine does not matter, and may jump.
#[derive(Debug)]
enum Time {
    Database(Mutex<(Timestamp, Stopwatch)>),
    #[cfg(test)]
    Given(Arc<dyn Clock>),
}

impl Shared {
    fn now(&self) -> Timestamp {
        match &self.time {
            Time::Database(asked) => {
                let (then, since) = *asked.lock().unwrap_or_else(PoisonError::into_inner);
                then.saturating_add(since.elapsed())
                    .unwrap_or(Timestamp::MAX)
            }
            #[cfg(test)]
            Time::Given(clock) => clock.now(),
        }
    }

    /// The database has said what time it is, in milliseconds.
    fn synchronize(&self, milliseconds: i64) {
        match &self.time {
            Time::Database(asked) => {
                let told = (super::rows::time(milliseconds), Stopwatch::start());
                *asked.lock().unwrap_or_else(PoisonError::into_inner) = told;
            }
            #[cfg(test)]
            Time::Given(_) => {}
        }
    }

    /// This gateway's number, once it holds the lock of that number.
    fn holder(&self) -> Option<i64> {
        Some(self.holder.load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<LinkError> for EventsError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Unavailable(text) | LinkError::Conflict(text) => Self::Unavailable(text),
            LinkError::Full(text) => Self::Full(text),
            LinkError::Failed(text) => Self::Bug(text),
        }
    }
}

/// Does it again while another transaction is in the way.
async fn persist<T, F>(mut work: impl FnMut() -> F) -> Result<T, LinkError>
where
    F: Future<Output = Result<T, LinkError>>,
{
    for _ in 1..TRIES {
        match work().await {
            Err(LinkError::Conflict(_)) => {}
            done => return done,
        }
    }
    work().await
}

impl PostgresEvents {
    /// By the database's clock.
    pub(in crate::store) fn open(link: Arc<Link>) -> Arc<Self> {
        // Until it is asked, the first time that it is looked for deliveries.
        let asked = Mutex::new((SystemClock.now(), Stopwatch::start()));
        Self::start(link, Time::Database(asked))
    }

    /// By a clock of a test.
    #[cfg(test)]
    pub(in crate::store) fn with_clock(link: Arc<Link>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::start(link, Time::Given(clock))
    }

    fn start(link: Arc<Link>, time: Time) -> Arc<Self> {
        let shared = Arc::new(Shared {
            time,
            held: Mutex::default(),
            holder: AtomicI64::new(0),
            looked: Mutex::default(),
            woken: Notify::new(),
            told: Notify::new(),
        });
        let accepting = Queue::start(&link, ACCEPTING, {
            let shared = Arc::clone(&shared);
            move |sessions, events| accept::accept(sessions, events, Arc::clone(&shared))
        });
        let settling = Queue::start(&link, 1, {
            let shared = Arc::clone(&shared);
            move |sessions, outcomes| settle::settle(sessions, outcomes, Arc::clone(&shared))
        });
        listen::start(&link, &shared);
        Arc::new(Self {
            link,
            shared,
            accepting,
            settling,
        })
    }

    /// Runs `work` to its end, and once more while another transaction is in the way.
    fn run<T, F>(
        &self,
        work: impl Fn(Sessions, Arc<Shared>) -> F + Send + Sync + 'static,
    ) -> Pending<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LinkError>> + Send + 'static,
    {
        let (sessions, shared) = (self.link.handle(), Arc::clone(&self.shared));
        let done = self
            .link
            .run(async move { persist(|| work(sessions.clone(), Arc::clone(&shared))).await });
        Box::pin(async move { Ok(done.await?) })
    }
}

impl EventStore for PostgresEvents {
    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn take_turn(&self) -> Pending<'_, Turn> {
        // All deliver at the same time.
        Box::pin(async { Ok(Turn::shared()) })
    }

    fn woken(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.shared.woken.notified())
    }

    fn accept(&self, event: NewEvent) -> Pending<'_, Accepted> {
        Box::pin(async move { Ok(self.accepting.put(event).await?) })
    }

    fn set_answer(&self, event: &str, answer: StoredAnswer) -> Pending<'_, ()> {
        let (event, answer) = (Arc::<str>::from(event), Arc::new(answer));
        self.run(move |sessions, _| {
            accept::set_answer(sessions, Arc::clone(&event), Arc::clone(&answer))
        })
    }

    fn lease(&self, wants: Vec<Want>) -> Pending<'_, Batch> {
        let wants = Arc::new(wants);
        self.run(move |sessions, shared| lease::lease(sessions, Arc::clone(&wants), shared))
    }

    fn settle(&self, outcomes: Vec<Settlement>) -> Pending<'_, u64> {
        Box::pin(async move {
            let ids: Vec<i64> = outcomes.iter().map(|outcome| outcome.id.0).collect();
            let told = outcomes
                .into_iter()
                .map(|outcome| self.settling.put(outcome));
            let was_lost = futures_util::future::try_join_all(told).await;
            if matches!(was_lost, Err(LinkError::Failed(_))) {
                // Who asked does not ask again.
                let mut held = self.shared.held();
                for id in &ids {
                    held.remove(id);
                }
            }
            let was_lost = was_lost?;
            Ok(was_lost.into_iter().filter(|lost| *lost).count() as u64)
        })
    }

    fn reclaim(&self, all: bool) -> Pending<'_, Reclaimed> {
        self.run(move |sessions, shared| settle::reclaim(sessions, all, shared))
    }

    fn events(&self, filter: EventFilter, page: Page) -> Pending<'_, Listed<EventRow>> {
        let filter = Arc::new(filter);
        self.run(move |sessions, _| log::events(sessions, Arc::clone(&filter), page))
    }

    fn event(&self, id: &str) -> Pending<'_, Option<EventDetail>> {
        let id = Arc::<str>::from(id);
        self.run(move |sessions, _| log::event(sessions, Arc::clone(&id)))
    }

    fn deliveries(&self, filter: DeliveryFilter, page: Page) -> Pending<'_, Listed<DeliveryRow>> {
        let filter = Arc::new(filter);
        self.run(move |sessions, _| log::deliveries(sessions, Arc::clone(&filter), page))
    }

    fn delivery(&self, id: DeliveryId) -> Pending<'_, Option<DeliveryDetail>> {
        self.run(move |sessions, _| log::delivery(sessions, id))
    }

    fn act(&self, action: Action, filter: DeliveryFilter, most: u32) -> Pending<'_, u64> {
        let filter = Arc::new(filter);
        Box::pin(async move {
            let mut range = act::Range::default();
            let mut count = 0;
            while count < u64::from(most) {
                let free = u64::from(most) - count;
                let bite = self
                    .run({
                        let filter = Arc::clone(&filter);
                        move |sessions, shared| {
                            act::act(sessions, action, Arc::clone(&filter), range, free, shared)
                        }
                    })
                    .await?;
                count += bite.done;
                self.shared.told.notify_one();
                match bite.rest {
                    Some(rest) => range = rest,
                    None => break,
                }
            }
            Ok(count)
        })
    }

    fn pause(&self, what: Paused, is_paused: bool) -> Pending<'_, bool> {
        let what = Arc::new(what);
        self.shared.told.notify_one();
        self.run(move |sessions, _| act::pause(sessions, Arc::clone(&what), is_paused))
    }

    fn paused(&self) -> Pending<'_, Vec<Paused>> {
        self.run(|sessions, _| act::paused(sessions))
    }

    fn stats(&self) -> Pending<'_, Stats> {
        self.run(log::stats)
    }

    fn writer_stats(&self) -> &WriterStats {
        self.link.stats()
    }

    fn prune(&self, retention: Retention) -> Pending<'_, Pruned> {
        self.run(move |sessions, shared| prune::bite(sessions, retention, shared))
    }
}
