//! How often one caller may call a function: `accept.rate`.
//!
//! A caller is a key, or an address where no key was used; requests without either share one
//! allowance. Time is the requests' own time of arrival, so a clock that is held still holds the
//! allowances still. A reload keeps the counts of the functions whose rate did not change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use jiff::Timestamp;

use crate::auth::{Caller, KeyHash};
use crate::route::Generation;
use crate::spec::Rate;

/// Every so many requests the callers that were quiet for long are forgotten.
const SWEEP: u64 = 4096;

/// The allowances of all functions that have a rate.
#[derive(Debug, Default)]
pub(super) struct Rates {
    functions: HashMap<Arc<str>, Arc<Allowance>>,
}

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Key(KeyHash),
    Peer(IpAddr),
    Unknown,
}

struct Allowance {
    rate: Rate,
    arrivals: Arrivals,
    asked: AtomicU64,
    limiter: RateLimiter<Counted, HashMapStateStore<Counted>, Arrivals, NoOpMiddleware<Nanos>>,
}

impl std::fmt::Debug for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowance")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// The latest arrival, in nanoseconds since the epoch. It never goes back: a clock that is set
/// back must not give anybody a second allowance.
#[derive(Debug, Clone, Default)]
struct Arrivals(Arc<AtomicU64>);

impl Clock for Arrivals {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

impl Rates {
    /// Of a generation, going on with the counts of the one before.
    pub(super) fn of(generation: &Generation, before: &Self) -> Self {
        let functions = generation
            .routes
            .iter()
            .filter_map(|route| {
                let rate = route.rate?;
                let allowance = match before.functions.get(&route.name) {
                    Some(kept) if kept.rate == rate => Arc::clone(kept),
                    _ => Arc::new(Allowance::new(rate)?),
                };
                Some((Arc::clone(&route.name), allowance))
            })
            .collect();
        Self { functions }
    }

    /// Counts a request. `Err` says in how many seconds to come back.
    pub(super) fn check(
        &self,
        function: &str,
        caller: &Caller,
        peer: Option<IpAddr>,
        arrival: Timestamp,
    ) -> Result<(), u64> {
        let Some(allowance) = self.functions.get(function) else {
            return Ok(());
        };
        let counted = match (&caller.key, peer) {
            (Some(key), _) => Counted::Key(key.hash),
            (None, Some(peer)) => Counted::Peer(peer),
            (None, None) => Counted::Unknown,
        };
        allowance.check(counted, arrival)
    }
}

impl Allowance {
    /// `None` for a rate of nothing, which is refused at load.
    fn new(rate: Rate) -> Option<Self> {
        let times = NonZeroU32::new(rate.times)?;
        let quota = Quota::with_period(rate.period / rate.times)?.allow_burst(times);
        let arrivals = Arrivals::default();
        Some(Self {
            rate,
            arrivals: arrivals.clone(),
            asked: AtomicU64::new(0),
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), arrivals),
        })
    }

    fn check(&self, counted: Counted, arrival: Timestamp) -> Result<(), u64> {
        let nanoseconds = u64::try_from(arrival.as_nanosecond()).unwrap_or(0);
        self.arrivals.0.fetch_max(nanoseconds, Ordering::Relaxed);
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&counted).map_err(|not_until| {
            let now = self.arrivals.now();
            let wait: Duration = not_until.earliest_possible().duration_since(now).into();
            // Rounded up: who comes back then is let in.
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_fills_up_again_and_is_each_callers_own() {
        let allowance = Allowance::new(Rate {
            times: 2,
            period: Duration::from_mins(1),
        })
        .unwrap();
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let peer = |last| Counted::Peer(IpAddr::from([127, 0, 0, last]));
        assert_eq!(allowance.check(peer(1), at(0)), Ok(()));
        assert_eq!(allowance.check(peer(1), at(0)), Ok(()));
        assert_eq!(allowance.check(peer(1), at(0)), Err(30));
        assert_eq!(allowance.check(peer(2), at(0)), Ok(()));
        assert_eq!(allowance.check(peer(1), at(29)), Err(1));
        assert_eq!(
            allowance.check(peer(1), at(10)),
            Err(1),
            "time does not go back"
        );
        assert_eq!(allowance.check(peer(1), at(30)), Ok(()));
        assert_eq!(allowance.check(peer(1), at(30)), Err(30));
    }
}
