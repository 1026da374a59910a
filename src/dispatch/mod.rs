//! The life of a delivery: leased, sent, settled.
//!
//! ```text
//! store.lease ─▶ Leased ─client─▶ Came ─RetryPolicy::after─▶ Next ─▶ store.settle
//!     ▲                                                                  │
//!     └── woken by an event that was accepted, by what was settled, by what is due ◀┘
//! ```
//!
//! One loop leases for all destinations, each attempt is a task of its own. What an attempt came to
//! is told to an answer that waits for it, once it is on disk. At the end no more is leased, and
//! what is under way is given time to finish.

mod client;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::auth::Environment;
use crate::clock::Stopwatch;
use crate::connect::Tokens;
use crate::delivery::{Came, Next, State};
use crate::gateway::{Delivered, DestinationAnswer, Gateway};
use crate::outbound::Outbound;
use crate::route::Generation;
use crate::store::events::{
    Attempt, Destination, EventStore, EventsError, Leased, Retention, Settlement, Turn, Want,
};

use client::Client;

/// How many are leased of a destination at once.
const BATCH: u32 = 100;
/// The longest between two looks at what is due: somebody else may have changed the store.
const LOOK: Duration = Duration::from_millis(500);
/// How often leases are looked through whose holder may be gone.
const RECLAIM: Duration = Duration::from_secs(5);
/// How often what is old is forgotten.
const PRUNE: Duration = Duration::from_mins(1);
/// How long a store that fails is left alone.
const FAILED: Duration = Duration::from_secs(1);
/// How much of an answer is kept.
const ANSWER_KEPT: usize = 4 << 10;

/// Delivers.
#[derive(Debug)]
pub struct Dispatcher {
    store: Arc<dyn EventStore>,
    gateway: Arc<Gateway>,
    client: Client,
    work: Notify,
    /// No more is leased. Looked at before each lease: with a backlog there is no moment at which
    /// nothing is due.
    ends: AtomicBool,
    waiting: Mutex<Waiting>,
    attempts: Mutex<BTreeMap<(Arc<str>, &'static str), u64>>,
}

/// Somebody waits for the first attempt of a delivery. Dropped, nobody does: the caller may have
/// gone away.
#[derive(Debug)]
pub struct FirstAttempt {
    tell: oneshot::Receiver<Delivered>,
    key: (Arc<str>, Arc<str>),
    dispatcher: Arc<Dispatcher>,
}

impl FirstAttempt {
    /// What it came to, if it comes to anything within `most`.
    pub async fn within(mut self, most: Duration) -> Option<Delivered> {
        let told = tokio::time::timeout(most, &mut self.tell).await;
        told.ok()?.ok()
    }
}

impl Drop for FirstAttempt {
    fn drop(&mut self) {
        self.dispatcher.waiting().remove(&self.key);
    }
}

/// Who waits for the first attempt of a delivery: by event and name.
type Waiting = HashMap<(Arc<str>, Arc<str>), oneshot::Sender<Delivered>>;

impl Dispatcher {
    /// Delivers what is in this store, by the connections of the gateway's generation and with
    /// these tokens.
    pub fn new(
        store: Arc<dyn EventStore>,
        gateway: Arc<Gateway>,
        outbound: Outbound,
        tokens: Arc<Tokens>,
    ) -> Self {
        Self {
            store,
            client: Client::new(outbound, Arc::clone(&gateway), tokens),
            gateway,
            work: Notify::new(),
            ends: AtomicBool::new(false),
            waiting: Mutex::default(),
            attempts: Mutex::default(),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// How many attempts came to what (`delivered`, `retry`, `dead`), by connection.
    pub fn attempts(&self) -> BTreeMap<(Arc<str>, &'static str), u64> {
        let attempts = self.attempts.lock();
        attempts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that there may be something to do.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// What the first attempt of a delivery comes to. Asked before the event is in the store.
    pub fn await_first(self: &Arc<Self>, event: &Arc<str>, name: &Arc<str>) -> FirstAttempt {
        let (told, tell) = oneshot::channel();
        let key = (Arc::clone(event), Arc::clone(name));
        self.waiting().insert(key.clone(), told);
        FirstAttempt {
            tell,
            key,
            dispatcher: Arc::clone(self),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends [`run`](Self::run), which finishes what is under way.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Delivers until [`end`](Self::end), once the store lets this process. `patience` is how long
    /// attempts that are under way at the end may take.
    pub async fn run(self: Arc<Self>, retention: Retention, patience: Duration) {
        let Some(turn) = self.take_turn().await else {
            return;
        };
        let mut attempts = JoinSet::new();
        let mut reclaimed = Stopwatch::start();
        let mut pruned = Stopwatch::start();
        let mut is_first = true;
        while !self.ends.load(Ordering::Relaxed) {
            if is_first || reclaimed.elapsed() >= RECLAIM {
                match self.store.reclaim(is_first && turn.is_alone).await {
                    Ok(found) => {
                        if found.pending + found.dead > 0 {
                            warn!(
                                pending = found.pending,
                                dead = found.dead,
                                "deliveries whose sender has vanished"
                            );
                        }
                        is_first = false;
                    }
                    Err(error) => warn!(%error, "cannot look for deliveries that were left behind"),
                }
                reclaimed = Stopwatch::start();
            }
            if pruned.elapsed() >= PRUNE && !self.prune(retention).await {
                pruned = Stopwatch::start();
            }
            let wait = match self.lease().await {
                Ok(batch) => {
                    let wait = batch.next.unwrap_or(LOOK).min(LOOK);
                    let is_more = !batch.leased.is_empty();
                    for leased in batch.leased {
                        attempts.spawn(Arc::clone(&self).attempt(leased));
                    }
                    // A batch may not have been all; what is settled wakes us, too.
                    if is_more { Duration::ZERO } else { wait }
                }
                Err(error) => {
                    warn!(%error, "cannot look for deliveries that are due");
                    FAILED
                }
            };
            while attempts.try_join_next().is_some() {}
            if wait.is_zero() {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = self.work.notified() => {}
                () = self.store.woken() => {}
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
            }
        }
        let under_way = attempts.len();
        if under_way > 0 {
            info!(under_way, "waiting for deliveries that are under way");
        }
        let all = async { while attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            warn!("deliveries were cut off; they are sent again after the start");
        }
    }

    /// Waits for the turn of this process; `None` when it ends before that.
    async fn take_turn(&self) -> Option<Turn> {
        let taken = async {
            loop {
                match self.store.take_turn().await {
                    Ok(turn) => return turn,
                    Err(error) => warn!(%error, "nothing is delivered yet"),
                }
                tokio::time::sleep(FAILED).await;
            }
        };
        let mut taken = std::pin::pin!(taken);
        while !self.ends.load(Ordering::Relaxed) {
            tokio::select! {
                turn = &mut taken => return Some(turn),
                () = self.work.notified() => {}
            }
        }
        None
    }

    /// Forgets a bite of what is old; whether there may be more.
    async fn prune(&self, retention: Retention) -> bool {
        match self.store.prune(retention).await {
            Ok(pruned) => pruned.is_more,
            Err(error) => {
                warn!(%error, "cannot forget what is old");
                false
            }
        }
    }

    async fn lease(&self) -> Result<crate::store::events::Batch, EventsError> {
        let generation = self.gateway.generation();
        let wants: Vec<Want> = generation
            .connections
            .iter()
            .flat_map(|connection| {
                let environments = [Environment::Production, Environment::Sandbox];
                let there = environments
                    .into_iter()
                    .filter(|environment| connection.target(*environment).is_some());
                there.map(|environment| Want {
                    destination: Destination {
                        connection: Arc::clone(&connection.name),
                        environment,
                    },
                    concurrency: connection.concurrency,
                    most: BATCH,
                    rate: connection.rate.map(|rate| (rate.times, rate.period)),
                })
            })
            .collect();
        if wants.is_empty() {
            return Ok(crate::store::events::Batch::default());
        }
        self.store.lease(wants).await
    }

    /// One attempt, from the request to what is on disk of it.
    async fn attempt(self: Arc<Self>, leased: Leased) {
        let generation = self.gateway.generation();
        let watch = Stopwatch::start();
        let at = self.store.now();
        let (came, answer) = self
            .client
            .send(&generation, &leased, &*self.store, at)
            .await;
        let now = self.store.now();
        let next = leased
            .policy
            .after(leased.turn, &came, leased.accepted, now, rand::random());
        let delivered = delivered(&leased, &next, answer.clone());
        self.count(&leased, &next);
        Self::log(&generation, &leased, &came, &next);
        let kept = answer.map(|answer| answer.body).unwrap_or_default();
        let settlement = Settlement {
            id: leased.id,
            token: leased.token,
            is_outage: came.is_outage(),
            next: Some(next),
            attempt: Attempt {
                number: leased.attempt,
                at,
                duration: watch.elapsed(),
                status: came.status(),
                outcome: came.reason(),
                answer: kept.slice(..kept.len().min(ANSWER_KEPT)),
            },
        };
        self.settle(settlement).await;
        let key = (leased.event.as_str().into(), leased.name.as_str().into());
        if let Some(told) = self.waiting().remove(&key) {
            let _ = told.send(delivered);
        }
        self.wake();
    }

    /// Writes what an attempt came to, as long as that takes: without it the attempt would be
    /// repeated.
    async fn settle(&self, settlement: Settlement) {
        loop {
            match self.store.settle(vec![settlement.clone()]).await {
                Ok(0) => return,
                Ok(_) => {
                    warn!(delivery = %settlement.id, "what an attempt came to was not asked for any more");
                    return;
                }
                Err(error @ EventsError::Bug(_)) => {
                    error!(delivery = %settlement.id, %error, "cannot note what an attempt came to");
                    return;
                }
                Err(error) => {
                    warn!(delivery = %settlement.id, %error, "cannot note what an attempt came to");
                    tokio::time::sleep(FAILED).await;
                }
            }
        }
    }

    fn count(&self, leased: &Leased, next: &Next) {
        let connection = Arc::clone(&leased.destination.connection);
        let attempts = self.attempts.lock();
        let mut attempts = attempts.unwrap_or_else(PoisonError::into_inner);
        *attempts.entry((connection, outcome(next))).or_default() += 1;
    }

    fn log(generation: &Generation, leased: &Leased, came: &Came, next: &Next) {
        let outcome = outcome(next);
        let reason = came.reason();
        let (delivery, attempt) = (leased.id, leased.attempt);
        let Leased {
            event,
            function,
            name,
            destination,
            ..
        } = leased;
        let connection = &*destination.connection;
        let environment = destination.environment.as_str();
        let generation = generation.number;
        match next {
            Next::Delivered => {
                info!(%delivery, event, function, name, connection, environment, attempt, outcome, reason, generation, "delivery");
            }
            Next::Retry { .. } | Next::Dead { .. } => {
                warn!(%delivery, event, function, name, connection, environment, attempt, outcome, reason, generation, "delivery");
            }
        }
    }
}

fn outcome(next: &Next) -> &'static str {
    match next {
        Next::Delivered => "delivered",
        Next::Retry { .. } => "retry",
        Next::Dead { .. } => "dead",
    }
}

fn delivered(leased: &Leased, next: &Next, answer: Option<DestinationAnswer>) -> Delivered {
    Delivered {
        name: leased.name.as_str().into(),
        state: match next {
            Next::Delivered => State::Delivered,
            Next::Retry { .. } => State::Pending,
            Next::Dead { .. } => State::Dead,
        },
        answer,
    }
}

/// When an attempt is begun, for its signature.
fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}
