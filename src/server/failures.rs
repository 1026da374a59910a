//! Who fails to authenticate again and again is answered slowly: guessing must cost time.
//!
//! Counted by peer, and only those requests that fail: a sender that shares its address with who
//! guesses loses nothing. The time is that of the process, since it is waited in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How much later who has failed too often is answered.
const DELAY: Duration = Duration::from_secs(1);
/// Every so many failures the peers that were quiet for long are forgotten.
const SWEEP: u64 = 1024;

/// Failures by peer.
pub(super) struct Failures {
    limiter: Option<DefaultKeyedRateLimiter<IpAddr>>,
    counted: AtomicU64,
}

impl std::fmt::Debug for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Failures").finish_non_exhaustive()
    }
}

impl Failures {
    /// So many of one peer in so long are answered at once.
    pub(super) fn new(times: u32, period: Duration) -> Self {
        let quota = NonZeroU32::new(times)
            .and_then(|burst| Some(Quota::with_period(period / times)?.allow_burst(burst)));
        Self {
            limiter: quota.map(RateLimiter::keyed),
            counted: AtomicU64::new(0),
        }
    }

    /// Counts a failure; what comes back is to be waited before it is answered.
    pub(super) fn count(&self, peer: Option<IpAddr>) -> Option<Duration> {
        let (Some(limiter), Some(peer)) = (&self.limiter, peer) else {
            return None;
        };
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            limiter.retain_recent();
        }
        limiter.check_key(&peer).is_err().then_some(DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_too_often_waits_and_nobody_else() {
        let failures = Failures::new(3, Duration::from_hours(1));
        let (one, other) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        let waits: Vec<_> = (0..5).map(|_| failures.count(one).is_some()).collect();
        assert_eq!(waits, [false, false, false, true, true]);
        assert_eq!(failures.count(other), None);
        assert_eq!(failures.count(None), None);
    }
}
