//! What handshakes leave to be done: secrets to keep, confirmations to make.
//!
//! ```text
//! Errand ─run─▶ store (on disk before the handshake is answered) ─▶ Visits ─GET─▶ third party
//! ```
//!
//! A visit that fails is tried again, later and later, for about a day; what became of it stays in
//! the store. A crash can repeat a visit, never lose one.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::admin::on_a_thread;
use crate::clock::Clock;
use crate::gateway::{Errand, Gateway, HandshakeSecrets};
use crate::outbound::{Bounds, Outbound};
use crate::store::{Kept, Store, StoreError, Visit, VisitState};

/// Of one visit.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(15),
    bytes: 64 << 10,
};
/// After so many seconds a visit is tried again; after the last one it is given up.
const AGAIN: [u64; 8] = [10, 60, 300, 900, 3600, 14_400, 28_800, 43_200];
/// The longest between two looks at what is due.
const LOOK: Duration = Duration::from_mins(1);

/// Does what handshakes leave to be done.
#[derive(Debug, Clone)]
pub struct Errands {
    store: Option<Arc<dyn Store>>,
    gateway: Arc<Gateway>,
    visits: Arc<Notify>,
}

impl Errands {
    /// Of a gateway and the store beside it.
    pub fn new(store: Option<Arc<dyn Store>>, gateway: Arc<Gateway>) -> Self {
        Self {
            store,
            gateway,
            visits: Arc::default(),
        }
    }

    /// Takes over what the store has: called when anybody has changed it. Blocks.
    pub fn refresh(&self) -> Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let secrets = store.handshake_secrets()?.into_iter();
        let secrets = secrets.map(|(known, secret)| (known.function, secret));
        let secrets: HandshakeSecrets = secrets.collect();
        self.gateway.install_handshakes(secrets);
        self.visits.notify_one();
        Ok(())
    }

    /// Runs one; `Err` says, for the operator, why the handshake must not be answered.
    pub(super) async fn run(
        &self,
        errand: Errand,
        function: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<(), String> {
        let errands = self.clone();
        let (function, now) = (function.to_owned(), clock.now());
        on_a_thread(move || {
            let store = errands.store.as_ref().ok_or("there is no store")?;
            let failed = |error: StoreError| error.to_string();
            match errand {
                Errand::KeepSecret(secret) => {
                    let kept = store.keep_handshake_secret(&function, &secret, now);
                    match kept.map_err(failed)? {
                        Kept::Added => info!(function, "a handshake has given a secret"),
                        Kept::Known => {}
                        Kept::Full => {
                            return Err("there are too many secrets of handshakes; \
                                        `hookweir handshakes forget` makes room"
                                .to_owned());
                        }
                    }
                }
                Errand::Visit { url, by_hand } => {
                    let state = if by_hand {
                        VisitState::Held
                    } else {
                        VisitState::Pending
                    };
                    let visit = Visit::new(&function, url, state, now).map_err(failed)?;
                    if !store.record_visit(&visit).map_err(failed)? {
                        return Err("there are too many confirmations to make".to_owned());
                    }
                    info!(
                        function,
                        visit = visit.id,
                        state = state.as_str(),
                        "a handshake asks to be confirmed"
                    );
                }
            }
            errands.refresh().map_err(failed)
        })
        .await
        .unwrap_or_else(|| Err("it panicked".to_owned()))
    }

    /// Makes visits until it is dropped.
    pub(super) async fn make_visits(self, outbound: Option<Outbound>, clock: Arc<dyn Clock>) {
        let (Some(store), Some(outbound)) = (self.store.clone(), outbound) else {
            return;
        };
        loop {
            let mut wait = LOOK;
            let looked = Arc::clone(&store);
            match on_a_thread(move || looked.visits()).await {
                Some(Ok(visits)) => {
                    let open = visits
                        .into_iter()
                        .filter(|visit| visit.state == VisitState::Pending);
                    for visit in open {
                        let left = visit.due.duration_since(clock.now());
                        match Duration::try_from(left) {
                            Ok(left) if !left.is_zero() => wait = wait.min(left),
                            _ => make(visit, &store, &outbound, &clock).await,
                        }
                    }
                }
                Some(Err(error)) => warn!(%error, "cannot look which confirmations are to be made"),
                None => {}
            }
            tokio::select! {
                () = self.visits.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Makes one visit and notes what became of it.
async fn make(
    mut visit: Visit,
    store: &Arc<dyn Store>,
    outbound: &Outbound,
    clock: &Arc<dyn Clock>,
) {
    let answer = outbound.get(visit.url.expose_secret(), BOUNDS).await;
    let (is_done, is_final, outcome) = match answer {
        Ok(answer) => {
            let is_done = (200..300).contains(&answer.status);
            let is_final = (300..500).contains(&answer.status) && answer.status != 429;
            (
                is_done,
                is_final,
                format!("answered with {}", answer.status),
            )
        }
        Err(why) => (false, false, why.to_string()),
    };
    let again = usize::try_from(visit.attempts)
        .ok()
        .and_then(|tried| AGAIN.get(tried));
    visit.attempts += 1;
    visit.state = match (is_done, is_final, again) {
        (true, ..) => VisitState::Done,
        (false, false, Some(_)) => VisitState::Pending,
        _ => VisitState::Failed,
    };
    let now = clock.now();
    let pause = Duration::from_secs(again.copied().unwrap_or_default());
    visit.due = now.saturating_add(pause).unwrap_or(now);
    let (id, function) = (visit.id.clone(), visit.function.clone());
    if visit.state == VisitState::Done {
        info!(visit = id, function, outcome, "confirmed");
    } else {
        let state = visit.state.as_str();
        warn!(visit = id, function, outcome, state, "not confirmed");
    }
    visit.outcome = Some(outcome);
    let store = Arc::clone(store);
    if let Some(Err(error)) = on_a_thread(move || store.update_visit(&visit)).await {
        warn!(%error, visit = id, "cannot note what became of a confirmation");
    }
}
