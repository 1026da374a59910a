//! Certificates that senders name the address of: fetched once, looked at, kept.
//!
//! ```text
//! Prover ─look─▶ its key | why it does not count | nothing known yet
//!                                                  └▶ Refusal::Awaits ▶ fetch ▶ accepted again
//! ```
//!
//! Taking a request through its route never waits; who asked for it does, here, and then tries
//! again. One address is fetched by one request at a time, whoever else needs it waits for that. An
//! address that cannot be reached is not asked again for some seconds, and a certificate that was
//! good is used on, as long as it is valid, while its address cannot be reached.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::auth::signature::{PublicKey, Trust, certificate};
use crate::outbound::{Bounds, FetchError, Outbound};

/// Of one request to a provider: it must end within the time in which the provider wants its
/// answer, which is often 10 s.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(4),
    bytes: 64 << 10,
};
/// After which a certificate is fetched again.
const KEPT: Duration = Duration::from_hours(24);
/// After which an address that did not give one is asked again.
const REFUSED: Duration = Duration::from_mins(5);
/// After which an address that could not be reached is asked again.
const UNREACHABLE: Duration = Duration::from_secs(10);
/// More are not kept: providers have a few.
const MOST: usize = 256;
/// How many addresses can be fetched at once.
const LANES: usize = 16;

/// A certificate that is needed, and what must be true of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Where it is; an address that the scheme allows.
    pub url: Box<str>,
    /// What is asked of it.
    pub trust: Arc<Trust>,
}

/// Certificates by their addresses.
#[derive(Debug, Default)]
pub struct Certificates {
    outbound: Option<Outbound>,
    known: Mutex<HashMap<Wanted, Entry>>,
    lanes: [tokio::sync::Mutex<()>; LANES],
    hasher: RandomState,
}

#[derive(Debug, Clone)]
struct Entry {
    found: Found,
    pem: Bytes,
    until: Timestamp,
}

/// What is known of a certificate.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// It counts; this is its key.
    Key(PublicKey),
    /// It does not.
    Distrusted(String),
    /// Nobody knows: its address did not answer.
    Unreachable(String),
}

impl Certificates {
    /// Fetches through this.
    pub fn new(outbound: Outbound) -> Self {
        Self {
            outbound: Some(outbound),
            ..Self::default()
        }
    }

    /// Whether any can be fetched.
    pub(super) fn can_fetch(&self) -> bool {
        self.outbound.is_some()
    }

    /// What is known at this time.
    pub(super) fn look(&self, wanted: &Wanted, now: Timestamp) -> Option<Found> {
        let known = self.known();
        let entry = known.get(wanted).filter(|entry| now < entry.until)?;
        Some(entry.found.clone())
    }

    /// Sees to it that something is known.
    pub async fn fetch(&self, wanted: &Wanted, now: Timestamp) {
        let Some(outbound) = &self.outbound else {
            return;
        };
        let lane = usize::try_from(self.hasher.hash_one(&wanted.url)).unwrap_or_default() % LANES;
        let _turn = match self.lanes.get(lane) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        if self.look(wanted, now).is_some() {
            return;
        }
        let answer = outbound.get(&wanted.url, BOUNDS).await;
        let entry = self.entry(wanted, answer, outbound, now);
        tracing::info!(
            url = without_query(&wanted.url),
            outcome = match &entry.found {
                Found::Key(_) => "it counts",
                Found::Distrusted(why) | Found::Unreachable(why) => why,
            },
            "certificate fetched"
        );
        let mut known = self.known();
        if known.len() >= MOST && !known.contains_key(wanted) {
            let first = known.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(first) = first.map(|(wanted, _)| wanted.clone()) {
                known.remove(&first);
            }
        }
        known.insert(wanted.clone(), entry);
    }

    fn entry(
        &self,
        wanted: &Wanted,
        answer: Result<crate::outbound::Fetched, FetchError>,
        outbound: &Outbound,
        now: Timestamp,
    ) -> Entry {
        let judge = |pem: &[u8]| match certificate(pem, &wanted.trust, outbound.anchors(), now) {
            Ok(key) => Found::Key(key),
            Err(why) => Found::Distrusted(why.to_string()),
        };
        let (found, pem, kept) = match answer {
            Ok(answer) if answer.status == 200 => {
                let found = judge(&answer.body);
                let kept = match &found {
                    Found::Key(_) => KEPT,
                    _ => REFUSED,
                };
                (found, answer.body, kept)
            }
            Ok(answer) if answer.status < 500 && !matches!(answer.status, 408 | 429) => {
                let why = format!("is not there: its address answers with {}", answer.status);
                (Found::Distrusted(why), Bytes::new(), REFUSED)
            }
            other => {
                let before = self.known().get(wanted).cloned();
                let pem = before.map(|entry| entry.pem).unwrap_or_default();
                let why = match other {
                    Ok(answer) => format!("its address answers with {}", answer.status),
                    Err(why) => why.to_string(),
                };
                let found = match judge(&pem) {
                    found @ Found::Key(_) => found,
                    _ => Found::Unreachable(why),
                };
                (found, pem, UNREACHABLE)
            }
        };
        let until = now.saturating_add(kept).unwrap_or(now);
        Entry { found, pem, until }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Wanted, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the log: a query may hold what is nobody's business.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(before, _)| before)
}
