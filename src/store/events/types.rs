//! What goes into the store of events and comes out of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::auth::Environment;
pub use crate::delivery::Retention;
use crate::delivery::{Next, OnDead, RetryPolicy, State};

/// A delivery's number in the store. People read `dlv_7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

impl DeliveryId {
    /// Reads `dlv_7`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_prefix("dlv_")?.parse().ok()?;
        (number > 0).then_some(Self(number))
    }
}

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dlv_{}", self.0)
    }
}

/// Header lines, in their order, repeats included; values are bytes.
///
/// Held as they stand in HTTP/1.1 and in the store: `name: value`, each line with its end. Neither
/// half of a line has a line break in it, nor a name a colon.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderLines(Bytes);

impl HeaderLines {
    /// As they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let end = memchr::memmem::find(rest, b"\r\n")?;
            let (line, tail) = rest.split_at(end);
            rest = tail.get(2..).unwrap_or_default();
            Some(line)
        })
        .filter_map(|line| {
            let (name, value) = line.split_at(memchr::memmem::find(line, b": ")?);
            let name = std::str::from_utf8(name).ok()?;
            Some((name, value.get(2..).unwrap_or_default()))
        })
    }
}

impl From<Vec<u8>> for HeaderLines {
    /// Reads what [`as_bytes`](Self::as_bytes) gave.
    fn from(stored: Vec<u8>) -> Self {
        Self(stored.into())
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderLines {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let mut text = Vec::with_capacity(256);
        for (name, value) in lines {
            text.extend_from_slice(name.as_ref().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_ref());
            text.extend_from_slice(b"\r\n");
        }
        Self(text.into())
    }
}

impl std::fmt::Debug for HeaderLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.iter();
        f.debug_list()
            .entries(lines.map(|(name, value)| (name, String::from_utf8_lossy(value))))
            .finish()
    }
}

/// One request that was taken, and what is owed because of it.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// `evt_` and an id that sorts by time.
    pub id: Arc<str>,
    /// Which function took it.
    pub function: Arc<str>,
    /// Of its caller.
    pub environment: Environment,
    /// The generation's number.
    pub generation: u64,
    /// The beginning of its hash, and its commit where there is one.
    pub version: String,
    /// When it came.
    pub received: Timestamp,
    /// From where.
    pub peer: Option<IpAddr>,
    /// The id of the key that let it in.
    pub caller: Option<String>,
    /// How it was known: `zapikey`, `signature`, both, or `none`.
    pub verified: &'static str,
    /// Of the request.
    pub request_id: Arc<str>,
    /// Its method.
    pub method: String,
    /// Path and query, without keys.
    pub target: String,
    /// Its header lines, without what lets somebody in.
    pub headers: HeaderLines,
    /// Its body, byte for byte.
    pub body: Bytes,
    /// Whether something was taken out of it by `redact`.
    pub is_redacted: bool,
    /// Why the function failed; `None` when it did not.
    pub failure: Option<String>,
    /// What makes another request the same one.
    pub dedupe: Option<Dedupe>,
    /// What was answered, for duplicates.
    pub answer: Option<StoredAnswer>,
    /// What is owed.
    pub deliveries: Vec<NewDelivery>,
}

/// What makes another request the same one, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dedupe {
    /// The key: what the function made of it, hashed.
    pub key: [u8; 32],
    /// The same for people, cut where it is long.
    pub shown: String,
    /// Until when.
    pub expires: Timestamp,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Its status.
    pub status: u16,
    /// Its header lines.
    pub headers: HeaderLines,
    /// Its body.
    pub body: Bytes,
}

/// What is owed to one destination.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Its name in the function.
    pub name: Arc<str>,
    /// Of `for_each`: which element, from 0.
    pub item: u32,
    /// Where it goes.
    pub connection: Arc<str>,
    /// Those of one lane go one after the other.
    pub lane: Option<String>,
    /// What becomes of the lane when it is dead.
    pub on_dead: OnDead,
    /// Why it is not tried yet; `None` when it is.
    pub held: Option<&'static str>,
    /// How often it is tried.
    pub policy: RetryPolicy,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// What is sent.
    pub request: DeliveryRequest,
}

/// What is sent to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// Its method.
    pub method: String,
    /// What is put behind the connection's `base_url`: path and query.
    pub target: String,
    /// Its header lines, without the connection's.
    pub headers: HeaderLines,
    /// Its body.
    pub body: Payload,
}

/// The body of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// These bytes.
    Own(Bytes),
    /// The event's own body.
    OfEvent,
    /// To be made from the event when it is sent, by the function as it is then.
    AtDelivery,
}

/// What became of an event that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New {
        /// Its deliveries, in their order.
        deliveries: Vec<DeliveryId>,
    },
    /// It has come before; nothing was written.
    Duplicate {
        /// The first one.
        event: String,
        /// What that was answered, where it is known.
        answer: Option<StoredAnswer>,
    },
}

/// A destination: a connection in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The connection.
    pub connection: Arc<str>,
    /// The environment.
    pub environment: Environment,
}

/// What a destination can be given now.
#[derive(Debug, Clone)]
pub struct Want {
    /// Which.
    pub destination: Destination,
    /// How many may be on their way at once, those that are included.
    pub concurrency: u32,
    /// How many at most this time.
    pub most: u32,
    /// How many in how long.
    pub rate: Option<(u32, Duration)>,
}

/// What was leased.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order in which they are to be sent.
    pub leased: Vec<Leased>,
    /// After how long there may be more, as far as is known now.
    pub next: Option<Duration>,
}

/// A delivery that is to be sent now.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Which.
    pub id: DeliveryId,
    /// Fences what is told of it.
    pub token: i64,
    /// Its event.
    pub event: String,
    /// The function whose it is.
    pub function: String,
    /// Its name there.
    pub name: String,
    /// Of `for_each`.
    pub item: u32,
    /// Where it goes.
    pub destination: Destination,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The same, counted from when it was last retried by hand.
    pub turn: u32,
    /// When the event came.
    pub received: Timestamp,
    /// When it was accepted, or replayed: from here the horizon counts.
    pub accepted: Timestamp,
    /// How often it is tried.
    pub policy: RetryPolicy,
    /// How long the attempt may take.
    pub timeout: Duration,
    /// What is sent; [`Payload::Own`] or [`Payload::AtDelivery`].
    pub request: DeliveryRequest,
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Which delivery.
    pub id: DeliveryId,
    /// Of its lease.
    pub token: i64,
    /// What is done now; `None` gives it back as if it had not been leased.
    pub next: Option<Next>,
    /// Whether the destination as a whole is at fault.
    pub is_outage: bool,
    /// The attempt.
    pub attempt: Attempt,
}

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What was answered.
    pub status: Option<u16>,
    /// What it came to, for people.
    pub outcome: String,
    /// The beginning of the answer.
    pub answer: Bytes,
}

/// This process may deliver, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    /// Whether no other process delivers meanwhile: what others had leased is known to be left
    /// behind.
    pub is_alone: bool,
    /// What keeps others from it.
    pub(super) _lock: Option<std::fs::File>,
}

impl Turn {
    /// One that others have at the same time.
    pub(super) const fn shared() -> Self {
        Self {
            is_alone: false,
            _lock: None,
        }
    }
}

/// What was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reclaimed {
    /// Deliveries that are pending again.
    pub pending: u64,
    /// Deliveries that were given up: whoever tried them vanished, each time.
    pub dead: u64,
}

/// So many leases in a row that nobody reported on make a delivery a dead letter: a payload that
/// kills the process must not do so for ever.
pub const POISON: u32 = 5;

/// So many entries has a page at most.
pub const LONGEST_PAGE: u32 = 1000;

/// Where a page begins and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Entries older than this one.
    pub before: Option<i64>,
    /// Entries newer than this one.
    pub after: Option<i64>,
    /// How many.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            before: None,
            after: None,
            limit: 50,
        }
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The newest first.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<i64>,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this function.
    pub function: Option<String>,
    /// In this environment.
    pub environment: Option<Environment>,
    /// Let in by this key.
    pub caller: Option<String>,
    /// Taken by this generation.
    pub generation: Option<u64>,
    /// Which failed, or did not.
    pub is_failed: Option<bool>,
    /// With a delivery in this state.
    pub state: Option<State>,
    /// With a delivery to this connection.
    pub connection: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// With this in the body.
    pub text: Option<String>,
    /// With this dedupe key, or its beginning where that was cut.
    pub key: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// These.
    pub ids: Option<Vec<DeliveryId>>,
    /// Of this event.
    pub event: Option<String>,
    /// Of this function.
    pub function: Option<String>,
    /// With this name.
    pub name: Option<String>,
    /// To this connection.
    pub connection: Option<String>,
    /// In this environment.
    pub environment: Option<Environment>,
    /// In this state.
    pub state: Option<State>,
    /// Accepted not before.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
}

impl EventFilter {
    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl DeliveryFilter {
    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// Which function took it.
    pub function: String,
    /// Of its caller.
    pub environment: Environment,
    /// The generation's number.
    pub generation: u64,
    /// The generation's hash and commit.
    pub version: String,
    /// When it came.
    pub received: Timestamp,
    /// From where.
    pub peer: Option<String>,
    /// The key that let it in.
    pub caller: Option<String>,
    /// How it was known.
    pub verified: String,
    /// Of the request.
    pub request_id: String,
    /// Its method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Bytes of the body.
    pub size: u64,
    /// Whether something was taken out.
    pub is_redacted: bool,
    /// Why the function failed.
    pub failure: Option<String>,
    /// Its dedupe key, for people.
    pub key: Option<String>,
    /// What was answered.
    pub status: Option<u16>,
    /// How many deliveries are in which state.
    pub deliveries: Vec<(State, u64)>,
}

/// An event with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDetail {
    /// What lists show.
    pub row: EventRow,
    /// Header lines and body; `None` once they are forgotten.
    pub payload: Option<(HeaderLines, Bytes)>,
    /// What was answered.
    pub answer: Option<StoredAnswer>,
    /// Its deliveries, replays included, each with its attempts.
    pub deliveries: Vec<(DeliveryRow, Vec<Attempt>)>,
}

/// A delivery in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Which.
    pub id: DeliveryId,
    /// Its event.
    pub event: String,
    /// The function whose it is.
    pub function: String,
    /// Its name there.
    pub name: String,
    /// Of `for_each`.
    pub item: u32,
    /// Where it goes.
    pub destination: Destination,
    /// Its lane.
    pub lane: Option<String>,
    /// How far it is.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// How often it is tried at most.
    pub most_attempts: u32,
    /// When it was accepted, or replayed.
    pub accepted: Timestamp,
    /// When it is tried next, while it is pending.
    pub due: Timestamp,
    /// When it was settled.
    pub settled: Option<Timestamp>,
    /// Which one it repeats.
    pub replay_of: Option<DeliveryId>,
    /// What the last attempt came to, or why it is not tried.
    pub reason: Option<String>,
}

/// A delivery with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// What lists show.
    pub row: DeliveryRow,
    /// What is sent; `None` once it is forgotten.
    pub request: Option<DeliveryRequest>,
    /// What was tried.
    pub attempts: Vec<Attempt>,
}

/// What an administrator does to deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Tries those that are not settled at once, and dead ones anew, with all their attempts.
    Retry,
    /// Takes back what is not settled, and dead letters.
    Cancel,
    /// Lets go what is held.
    Release,
    /// Makes a new delivery of each, with the same request and the same id for its receiver.
    Replay,
}

/// What is not delivered for the time being.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Paused {
    /// Everything that goes to this connection.
    Connection(String),
    /// Everything that comes from this function.
    Function(String),
}

/// How much is kept, and how much is owed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Events that are kept.
    pub events: u64,
    /// Bytes of the store on disk.
    pub bytes: u64,
    /// Of each destination that anything is owed to or dead at.
    pub destinations: Vec<DestinationStats>,
}

/// How much is owed to a destination.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationStats {
    /// Which.
    pub destination: Destination,
    /// How many are in which state; settled ones but the dead are not counted.
    pub counts: Vec<(State, u64)>,
    /// When the oldest that is owed was accepted.
    pub oldest: Option<Timestamp>,
    /// `closed`, `open` or `half_open`.
    pub breaker: &'static str,
}

/// What a bite took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Events that are forgotten.
    pub events: u64,
    /// Events whose payload is forgotten.
    pub bodies: u64,
    /// Whether there may be more.
    pub is_more: bool,
}

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// It cannot be reached or is busy; later it may work.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// There is no room.
    #[error("the store is full: {0}")]
    Full(String),
    /// It should not happen.
    #[error("the store failed: {0}")]
    Bug(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_are_read_as_they_were_written() {
        let written: [(&str, &[u8]); 3] = [("x-a", b"1"), ("x-b", b""), ("x-a", b"2: 3, \xe9")];
        let lines: HeaderLines = written.into_iter().collect();
        let read = HeaderLines::from(lines.as_bytes().to_vec());
        assert_eq!(read.iter().collect::<Vec<_>>(), written);
        assert_eq!(read, lines);
        assert_eq!(HeaderLines::default().iter().count(), 0);
    }

    #[test]
    fn ids_of_deliveries_are_read_as_they_are_written() {
        assert_eq!(DeliveryId::parse("dlv_7"), Some(DeliveryId(7)));
        assert_eq!(DeliveryId(7).to_string(), "dlv_7");
        for wrong in ["7", "dlv_", "dlv_-1", "dlv_0", "dlv_x", "evt_7"] {
            assert_eq!(DeliveryId::parse(wrong), None, "{wrong}");
        }
    }
}
