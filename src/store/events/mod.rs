//! Events and deliveries on disk.
//!
//! *An event that was answered with success is on stable storage; each of its deliveries is
//! attempted until it succeeds, is a dead letter or is cancelled. A delivery may be sent more than
//! once, always with the same id. Of one connection and ordering key, the next one is not sent
//! before the one ahead is finished.*
//!
//! ```text
//! accept   event + payload + dedupe key + deliveries, one transaction; durable when it returns
//! lease    due deliveries, oldest first, within the limits of their destination
//! settle   what attempts came to, each with its row in `attempts`, fenced by the lease's token
//! reclaim  leases whose holder is gone
//! ```
//!
//! One trait, so that the same tests run on each engine. Nothing here knows HTTP or decides what
//! is done after an attempt: that is `delivery`'s. Times are those of the store's clock.

mod again;
mod filter;
mod postgres;
mod rows;
mod sqlite;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::store) use tests::support as tests_support;
mod types;
mod view;
mod writer_stats;

pub use again::{NotReplayed, deliver_again};
pub(super) use postgres::PostgresEvents;
pub(super) use sqlite::SqliteEvents;
pub use types::*;
pub use view::{
    DeliveriesView, DeliveryDetailView, EventDetailView, EventView, EventsView, PausedView,
};
pub use writer_stats::{Durations, TIMES, WriterStats};

use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// A future of the store's.
pub type Pending<'s, T> = BoxFuture<'s, Result<T, EventsError>>;

/// Keeps events and deliveries.
pub trait EventStore: std::fmt::Debug + Send + Sync {
    /// The time by the store's clock.
    fn now(&self) -> Timestamp;

    /// Waits until this process may deliver from the store.
    fn take_turn(&self) -> Pending<'_, Turn>;

    /// Waits until another process says that there may be something to deliver; for ever where
    /// none can.
    fn woken(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Durable when it returns: event, payload, dedupe key and deliveries, all or none.
    fn accept(&self, event: NewEvent) -> Pending<'_, Accepted>;

    /// Replaces the answer that duplicates of an event get.
    fn set_answer(&self, event: &str, answer: StoredAnswer) -> Pending<'_, ()>;

    /// Up to `wants[i].most` due deliveries of each destination, oldest first, as far as its pause,
    /// its breaker and its rate let them. Their attempts are counted before they begin.
    fn lease(&self, wants: Vec<Want>) -> Pending<'_, Batch>;

    /// What attempts came to. A lease that was lost in between changes nothing; how many there
    /// were is answered.
    fn settle(&self, outcomes: Vec<Settlement>) -> Pending<'_, u64>;

    /// Gives deliveries back whose holder is gone. `all`: of every other process, which is known
    /// to be gone, whatever their leases say.
    fn reclaim(&self, all: bool) -> Pending<'_, Reclaimed>;

    /// Events, the newest first.
    fn events(&self, filter: EventFilter, page: Page) -> Pending<'_, Listed<EventRow>>;

    /// One event with everything that belongs to it.
    fn event(&self, id: &str) -> Pending<'_, Option<EventDetail>>;

    /// Deliveries, the newest first.
    fn deliveries(&self, filter: DeliveryFilter, page: Page) -> Pending<'_, Listed<DeliveryRow>>;

    /// One delivery with its request and its attempts.
    fn delivery(&self, id: DeliveryId) -> Pending<'_, Option<DeliveryDetail>>;

    /// Does something to the deliveries that a filter finds, `most` at most; how many there were.
    fn act(&self, action: Action, filter: DeliveryFilter, most: u32) -> Pending<'_, u64>;

    /// Stops or starts the deliveries of a connection or a function. `false` when it was so
    /// already.
    fn pause(&self, what: Paused, is_paused: bool) -> Pending<'_, bool>;

    /// What is paused.
    fn paused(&self) -> Pending<'_, Vec<Paused>>;

    /// How much is kept, and of each destination how much is owed.
    fn stats(&self) -> Pending<'_, Stats>;

    /// How much was written together and how long that took.
    fn writer_stats(&self) -> &WriterStats;

    /// Forgets one bite of what is older than it must be; whether there may be more.
    fn prune(&self, retention: Retention) -> Pending<'_, Pruned>;
}
