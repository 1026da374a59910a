//! How much is written together, and how long that takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of [`WriterStats::times`], in microseconds.
pub const TIMES: [u64; 10] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000,
];

/// Counts of the transactions of a writer.
#[derive(Debug, Default)]
pub struct WriterStats {
    transactions: AtomicU64,
    writes: AtomicU64,
    microseconds: AtomicU64,
    times: [AtomicU64; TIMES.len() + 1],
}

impl WriterStats {
    pub(super) fn note(&self, writes: usize, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes as u64, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        let bucket = TIMES.partition_point(|bound| *bound < microseconds);
        if let Some(count) = self.times.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many transactions there were.
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// How many writes they held together.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How long they took together, syncing included.
    pub fn time(&self) -> Duration {
        Duration::from_micros(self.microseconds.load(Ordering::Relaxed))
    }

    /// How many took at most as long as each of [`TIMES`], and how many took longer.
    pub fn times(&self) -> [u64; TIMES.len() + 1] {
        std::array::from_fn(|index| {
            self.times
                .get(index)
                .map_or(0, |count| count.load(Ordering::Relaxed))
        })
    }
}
