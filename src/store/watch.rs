//! Keeps a running gateway's keyring and the store in step, from a thread of its own.
//!
//! Downwards, a key that any process made, rotated or revoked comes into the keyring within one
//! poll. Upwards, what the keyring noted of uses is written once a minute, and once more at the
//! end. A store that fails is said once on the log and tried again; the gateway goes on with the
//! keys it has.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::auth::{KeyRecord, Keyring};
use crate::clock::Stopwatch;

/// How often the watcher looks, and how often it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks whether the store has changed.
    pub poll: Duration,
    /// Between two writes of uses.
    pub flush: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(200),
            flush: Duration::from_mins(1),
        }
    }
}

/// A thread that watches a store's keys. It ends, after a last write of uses, when this is
/// dropped.
#[derive(Debug)]
pub struct KeyWatcher {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl KeyWatcher {
    /// Watches `store`. `keyring` is the one in use, or a clone of it; each time that keys have
    /// changed, `install` gets the keyring to use from then on. `changed` is called first of all,
    /// and whenever anything in the store has changed.
    pub fn start(
        store: Arc<dyn Store>,
        keyring: Keyring,
        pace: Pace,
        install: impl FnMut(Keyring) + Send + 'static,
        changed: impl FnMut() -> Result<(), StoreError> + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let mut watch = Watch::new(store, keyring, install, changed);
        let thread = thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || watch.run(pace, &stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for KeyWatcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has logged what went wrong; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// What the thread does, without the thread.
struct Watch<F, C> {
    store: Arc<dyn Store>,
    keyring: Keyring,
    /// The keys of the ring, as the store gave them, without the times of use.
    known: Vec<KeyRecord>,
    version: Option<i64>,
    is_failing: bool,
    install: F,
    changed: C,
}

impl<F: FnMut(Keyring), C: FnMut() -> Result<(), StoreError>> Watch<F, C> {
    fn new(store: Arc<dyn Store>, keyring: Keyring, install: F, changed: C) -> Self {
        let known = comparable(keyring.records().cloned().collect());
        Self {
            store,
            keyring,
            known,
            version: None,
            is_failing: false,
            install,
            changed,
        }
    }

    fn run(&mut self, pace: Pace, stopped: &mpsc::Receiver<()>) {
        let mut since_flush = Stopwatch::start();
        loop {
            let polled = self.poll();
            self.report(polled, "cannot read the keys; going on with those in use");
            if since_flush.elapsed() >= pace.flush {
                let flushed = self.flush();
                self.report(flushed, "cannot note when keys were last used");
                since_flush = Stopwatch::start();
            }
            match stopped.recv_timeout(pace.poll) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let flushed = self.flush();
        self.report(flushed, "cannot note when keys were last used");
    }

    /// Looks whether the keys have changed, and installs them.
    fn poll(&mut self) -> Result<(), StoreError> {
        // Read before the keys: a change between the two is seen again at the next poll, and
        // never overlooked. The first poll reads always, for what changed since the ring was made.
        let version = self.store.version()?;
        if self.version == Some(version) {
            return Ok(());
        }
        let records = self.store.keys()?;
        (self.changed)()?;
        self.version = Some(version);
        let known = comparable(records.clone());
        if known != self.known {
            self.known = known;
            self.keyring = self.keyring.renewed(records);
            tracing::info!(keys = self.known.len(), "keys changed");
            (self.install)(self.keyring.clone());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let used = self.keyring.drain_used();
        self.store
            .touch_keys(&used)
            .inspect_err(|_| self.keyring.put_back(&used))
    }

    /// Says an error once, until it works again.
    fn report(&mut self, result: Result<(), StoreError>, message: &'static str) {
        match result {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "{message}");
            }
            Err(_) => {}
        }
    }
}

/// A key that was only used is no other key, and the order says nothing.
fn comparable(mut records: Vec<KeyRecord>) -> Vec<KeyRecord> {
    for record in &mut records {
        record.last_used = None::<Timestamp>;
    }
    records.sort_unstable_by(|left, right| left.id.cmp(&right.id));
    records
}
