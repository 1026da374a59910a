//! Between a request and what is owed because of it: nothing is answered with success that is not
//! on disk.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use tracing::{info, warn};

use super::metrics;
use crate::dispatch::Dispatcher;
use crate::gateway::{
    Admission, Gateway, InboundRequest, Kept, Refusal, Reply, ReplyKind, stored_answer,
};
use crate::store::events::{
    Accepted, Action, DeliveryFilter, EventStore, EventsError, NotReplayed, Paused, Retention,
    StoredAnswer, deliver_again,
};

/// Keeps events, and delivers them.
#[derive(Debug, Clone)]
pub struct Deliveries {
    dispatcher: Arc<Dispatcher>,
    retention: Retention,
}

impl Deliveries {
    /// By this dispatcher, into its store.
    pub const fn new(dispatcher: Arc<Dispatcher>, retention: Retention) -> Self {
        Self {
            dispatcher,
            retention,
        }
    }

    /// Events and deliveries.
    pub(super) fn store(&self) -> &Arc<dyn EventStore> {
        self.dispatcher.store()
    }

    /// A page of metrics.
    pub(super) async fn metrics(&self, now: Timestamp) -> String {
        let store = self.store();
        let stats = store.stats().await;
        if let Err(error) = &stats {
            warn!(%error, "the store of events does not answer");
        }
        let attempts = self.dispatcher.attempts();
        metrics::deliveries::render(stats.as_ref().ok(), &attempts, store.writer_stats(), now)
    }

    /// Has an event on disk, and then answers: as the function has, or as the first one of its kind
    /// was answered. Where the answer waits for deliveries, it is made once more after them.
    pub(super) async fn keep(
        &self,
        kept: Kept,
        result: Result<Reply, Refusal>,
        gateway: &Gateway,
        admission: &Admission,
        request: &InboundRequest,
    ) -> Result<Reply, Refusal> {
        let store = self.store();
        let mut reply = match result {
            Ok(reply) => reply,
            Err(refusal) => {
                if let Err(error) = store.accept(kept.event).await {
                    warn!(%error, function = &*admission.route.name, "a failed event cannot be kept");
                }
                return Err(refusal);
            }
        };
        let Kept {
            event,
            caller,
            waits,
        } = kept;
        let id = Arc::clone(&event.id);
        let waits: Vec<_> = waits
            .iter()
            .map(|(name, most)| self.dispatcher.await_first(&id, name).within(*most))
            .collect();
        let accepted = store.accept(event).await.map_err(|error| {
            let why = error.to_string();
            Refusal::NotKept { why }
        })?;
        match accepted {
            Accepted::Duplicate { event, answer } => {
                info!(
                    event,
                    function = &*admission.route.name,
                    request_id = &*request.head.request_id,
                    "an event has come again"
                );
                return Ok(answer.as_ref().map_or(reply, repeated));
            }
            Accepted::New { deliveries } if deliveries.is_empty() => return Ok(reply),
            Accepted::New { .. } => self.dispatcher.wake(),
        }
        let came: Vec<_> = join_all(waits).await.into_iter().flatten().collect();
        if !came.is_empty() {
            reply = gateway.answer_with(admission, request, (&id, &caller), &came)?;
            if let Err(error) = store.set_answer(&id, stored_answer(&reply)).await {
                warn!(%error, event = &*id, "the answer for repeats cannot be kept");
            }
        }
        Ok(reply)
    }

    /// Delivers an event once more: as it was sent, or, where its function failed for it or
    /// `reevaluate` says so, through its function as it is now, as a new event. The event whose
    /// deliveries they are, and how many there are.
    pub(super) async fn replay(
        &self,
        id: &str,
        reevaluate: bool,
        name: Option<&str>,
        gateway: &Gateway,
        now: Timestamp,
    ) -> Result<(String, u64), NotTaken> {
        let store = self.store();
        let event = store.event(id).await.map_err(NotTaken::Store)?;
        let event = event.ok_or(NotTaken::Missing)?;
        if !reevaluate && event.row.failure.is_none() {
            let count = deliver_again(&**store, &event, name).await;
            let count = count.map_err(NotTaken::Again)?;
            self.dispatcher.wake();
            return Ok((event.row.id, count));
        }
        let kept = gateway
            .take_again(&event, now)
            .map_err(NotTaken::Function)?;
        let new = kept.event.id.to_string();
        let accepted = store.accept(kept.event).await.map_err(NotTaken::Store)?;
        self.dispatcher.wake();
        Ok(match accepted {
            Accepted::New { deliveries } => (new, deliveries.len() as u64),
            Accepted::Duplicate { event, .. } => (event, 0),
        })
    }

    /// Does something to deliveries; how many there were.
    pub(super) async fn act(
        &self,
        action: Action,
        filter: DeliveryFilter,
        most: u32,
    ) -> Result<u64, EventsError> {
        let count = self.store().act(action, filter, most).await?;
        self.dispatcher.wake();
        Ok(count)
    }

    /// Stops or starts deliveries; `false` when it was so already.
    pub(super) async fn pause(&self, what: Paused, is_paused: bool) -> Result<bool, EventsError> {
        let is_changed = self.store().pause(what, is_paused).await?;
        self.dispatcher.wake();
        Ok(is_changed)
    }

    /// Delivers until [`end`](Self::end), once the store lets this process.
    pub(super) async fn run(self, patience: Duration) {
        self.dispatcher.run(self.retention, patience).await;
    }

    /// Ends [`run`](Self::run).
    pub(super) fn end(&self) {
        self.dispatcher.end();
    }
}

/// Why an event was not delivered once more.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    /// There is none.
    #[error("no such event is kept")]
    Missing,
    /// Its function fails for it, still.
    #[error("{0}")]
    Function(String),
    /// Its deliveries.
    #[error(transparent)]
    Again(NotReplayed),
    /// The store.
    #[error(transparent)]
    Store(EventsError),
}

/// The first one's answer.
fn repeated(answer: &StoredAnswer) -> Reply {
    let mut headers = HeaderMap::with_capacity(8);
    for (name, value) in answer.headers.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    Reply {
        status: StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK),
        headers,
        body: Bytes::clone(&answer.body),
        kind: ReplyKind::Repeated,
    }
}
