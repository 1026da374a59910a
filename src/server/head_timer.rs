//! The time limit of a head, without a timer for every request.
//!
//! hyper takes a new timer for each head and gives it back when the head has come: on a busy
//! connection, that is a timer set and unset some ten thousand times a second and never reached.
//! Here a connection has one timer. hyper only notes its deadline, and the timer, when it rings,
//! looks whether the deadline has meanwhile moved on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt;
use tokio::time::{self, Sleep};

/// No head is waited for.
const NONE: u64 = u64::MAX;

/// One connection's deadline.
#[derive(Debug)]
struct Deadline {
    /// What `at` counts from.
    start: time::Instant,
    /// Nanoseconds.
    at: AtomicU64,
    is_over: AtomicBool,
}

/// What hyper sees: a timer that can be had for nearly nothing.
#[derive(Debug, Clone)]
pub(super) struct HeadTimer(Arc<Deadline>);

impl HeadTimer {
    pub(super) fn new() -> Self {
        Self(Arc::new(Deadline {
            start: time::Instant::now(),
            at: AtomicU64::new(NONE),
            is_over: AtomicBool::new(false),
        }))
    }

    /// A connection that was given this timer, with the one true timer beside it.
    pub(super) fn drive<C: Future>(self, connection: C) -> Timed<C> {
        Timed {
            connection: Box::pin(connection),
            sleep: Box::pin(time::sleep_until(self.0.start)),
            armed: NONE,
            deadline: self.0,
        }
    }

    fn set(&self, deadline: Instant) {
        let after = deadline.saturating_duration_since(self.0.start.into_std());
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(NONE - 1);
        self.0.at.store(nanos, Relaxed);
    }
}

impl rt::Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.set(deadline);
        Box::pin(Wait(Arc::clone(&self.0)))
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }

    fn reset(&self, _: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        self.set(deadline);
    }
}

/// hyper waiting for a head.
#[derive(Debug)]
struct Wait(Arc<Deadline>);

impl rt::Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        // The task is woken by the timer of `Timed`, which polls this again.
        if self.0.is_over.load(Relaxed) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.at.store(NONE, Relaxed);
    }
}

/// A connection with its timer.
#[derive(Debug)]
pub(super) struct Timed<C> {
    connection: Pin<Box<C>>,
    sleep: Pin<Box<Sleep>>,
    /// When `sleep` rings; `NONE` when it is not set.
    armed: u64,
    deadline: Arc<Deadline>,
}

impl<C> Timed<C> {
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future> Future for Timed<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(output) = this.connection.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            let at = this.deadline.at.load(Relaxed);
            if at == NONE || (this.armed <= at && !this.sleep.is_elapsed()) {
                // Nothing is waited for, or the timer rings early enough and keeps the waker
                // that it was given when it was set.
                return Poll::Pending;
            }
            let deadline = this.deadline.start + Duration::from_nanos(at);
            this.sleep.as_mut().reset(deadline);
            this.armed = at;
            if this.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // The deadline has passed: hyper learns it at the next turn, and ends.
            if this.deadline.is_over.swap(true, Relaxed) {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use hyper::rt::Timer;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_mins(10);

    /// Polls a wait once, as hyper does when a head is not there yet.
    async fn begin(timer: &HeadTimer, limit: Duration) -> Pin<Box<dyn rt::Sleep>> {
        let mut wait = timer.sleep(limit);
        poll_fn(|cx| {
            assert!(wait.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        wait
    }

    #[tokio::test]
    async fn a_wait_ends_at_its_deadline_and_not_before() {
        let timer = HeadTimer::new();
        let start = time::Instant::now();
        let wait = timer.sleep(SHORT);
        timer.drive(wait).await;
        assert!(start.elapsed() >= SHORT);
    }

    #[tokio::test]
    async fn a_deadline_that_came_to_nothing_does_not_ring() {
        let timer = HeadTimer::new();
        let own = timer.clone();
        let connection = async move {
            // The timer is set for this one, which is then given up, as is another later on.
            drop(begin(&own, SHORT).await);
            time::sleep(SHORT * 3).await;
            drop(begin(&own, SHORT).await);
            let _wait = begin(&own, LONG).await;
            time::sleep(SHORT * 3).await;
            own.0.is_over.load(Relaxed)
        };
        assert!(!timer.drive(connection).await);
    }

    #[tokio::test]
    async fn a_deadline_can_move_to_earlier() {
        let timer = HeadTimer::new();
        let own = timer.clone();
        let connection = async move {
            let wait = begin(&own, LONG).await;
            tokio::task::yield_now().await;
            drop(wait);
            own.sleep(SHORT).await;
        };
        timer.drive(connection).await;
    }
}
