//! How much is written together, and how long that takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of [`Durations::buckets`], in microseconds.
pub const TIMES: [u64; 10] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000,
];

/// Of the transactions of a store, since it was opened.
#[derive(Debug, Default)]
pub struct WriterStats {
    writes: AtomicU64,
    /// From their beginning to their end, syncing included.
    pub transactions: Durations,
    /// Of their last step alone, which waits for the disk.
    pub commits: Durations,
}

impl WriterStats {
    /// So much was written.
    pub(in crate::store) fn wrote(&self, count: usize) {
        self.writes.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// How much was written; several writes are one transaction.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }
}

/// How long something took, each time.
#[derive(Debug, Default)]
pub struct Durations {
    count: AtomicU64,
    microseconds: AtomicU64,
    buckets: [AtomicU64; TIMES.len() + 1],
}

impl Durations {
    /// It took so long.
    pub(in crate::store) fn note(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        let bucket = TIMES.partition_point(|bound| *bound < microseconds);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many times.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long all together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.microseconds.load(Ordering::Relaxed))
    }

    /// How many took at most as long as each of [`TIMES`], and more than the one before; and how
    /// many took longer.
    pub fn buckets(&self) -> [u64; TIMES.len() + 1] {
        std::array::from_fn(|index| {
            self.buckets
                .get(index)
                .map_or(0, |count| count.load(Ordering::Relaxed))
        })
    }
}
