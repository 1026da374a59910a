//! A histogram with fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bounds of durations in nanoseconds: what OpenTelemetry advises, and four below it, as most
/// answers take less than its first.
pub(super) const DURATION_BOUNDS: [u64; 18] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Bounds of lengths, in bytes.
pub(super) const BODY_BOUNDS: [u64; 6] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20, 10 << 20];

/// Counts values by the first bound that is not below them; what is above all of them is counted
/// in the sum and the number only.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    buckets: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }
}

impl<const N: usize> Histogram<N> {
    pub(super) fn record(&self, value: u64, bounds: &[u64; N]) {
        let bucket = bounds
            .iter()
            .zip(&self.buckets)
            .find_map(|(bound, bucket)| (value <= *bound).then_some(bucket));
        bucket.unwrap_or(&self.above).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// The counts of the buckets, each with those below it, and the number of all values.
    pub(super) fn cumulative(&self) -> ([u64; N], u64) {
        let mut total = 0;
        let counts = std::array::from_fn(|index| {
            total += self
                .buckets
                .get(index)
                .map_or(0, |bucket| bucket.load(Relaxed));
            total
        });
        (counts, total + self.above.load(Relaxed))
    }

    pub(super) fn count(&self) -> u64 {
        self.cumulative().1
    }

    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_at_the_first_bound_that_is_not_below_it() {
        let histogram = Histogram::<3>::default();
        for value in [0, 10, 11, 20, 30, 31] {
            histogram.record(value, &[10, 20, 30]);
        }
        assert_eq!(histogram.cumulative(), ([2, 4, 5], 6));
        assert_eq!(histogram.sum(), 102);
    }
}
