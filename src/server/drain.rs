//! The end of serving, in two steps: first everything in hand is finished, then what is left is
//! cut off.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Where a server stands between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Ended,
}

/// Tells all connections of a server when it ends.
#[derive(Debug)]
pub(super) struct Drain {
    /// As `phase`, but readable on the way of a request without a lock.
    begun: AtomicBool,
    phase: watch::Sender<Phase>,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self {
            begun: AtomicBool::new(false),
            phase: watch::Sender::new(Phase::Serving),
        }
    }

    /// Starts the draining: no new connections; each connection ends with its next answer.
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.reach(Phase::Draining);
    }

    /// Cuts off what is left.
    pub(super) fn end(&self) {
        self.begun.store(true, Ordering::Release);
        self.reach(Phase::Ended);
    }

    /// Whether the draining has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Waits until the draining begins.
    pub(super) async fn begun(&self) {
        self.wait(Phase::Draining).await;
    }

    /// Waits until what is left is to be cut off.
    pub(super) async fn ended(&self) {
        self.wait(Phase::Ended).await;
    }

    fn reach(&self, next: Phase) {
        self.phase.send_modify(|phase| *phase = next.max(*phase));
    }

    async fn wait(&self, goal: Phase) {
        let mut phase = self.phase.subscribe();
        // Fails only when the sender is gone, which `self` holds.
        let _ = phase.wait_for(|phase| *phase >= goal).await;
    }
}
