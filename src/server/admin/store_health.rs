//! Whether the store could take something now.
//!
//! Anybody may ask `/readyz` as often as they like, so the disk is looked at once a second at most,
//! by one of those who ask; the others wait for that.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use crate::clock::Stopwatch;
use crate::store::Store;

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(1);

/// A store, and what was last seen of it.
#[derive(Debug)]
pub(super) struct StoreHealth {
    store: Arc<dyn Store>,
    last: Mutex<Option<Look>>,
}

#[derive(Debug)]
struct Look {
    at: Stopwatch,
    trouble: Option<Arc<str>>,
}

impl StoreHealth {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            last: Mutex::new(None),
        }
    }

    /// What is wrong with the store, for admins; `None` when nothing is. Blocks.
    pub(super) fn trouble(&self) -> Option<Arc<str>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < FRESH) {
            return look.trouble.clone();
        }
        let was_good = last.as_ref().is_none_or(|look| look.trouble.is_none());
        let trouble = self.store.check().err().map(|error| {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text.push_str(": ");
                text.push_str(&error.to_string());
                cause = error.source();
            }
            Arc::from(text)
        });
        match &trouble {
            Some(trouble) if was_good => warn!(%trouble, "not ready: the store cannot be written"),
            None if !was_good => info!("ready again: the store can be written"),
            Some(_) | None => {}
        }
        *last = Some(Look {
            at: Stopwatch::start(),
            trouble: trouble.clone(),
        });
        trouble
    }
}
