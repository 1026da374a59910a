//! How many may be sent now, at a steady rate.

use std::time::Duration;

use jiff::Timestamp;

/// A token bucket. It holds one second's worth, one at least, so that a minute's worth is not sent
/// in its first second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// What is left.
    pub tokens: f64,
    /// When that was so; `None` for one that is full.
    pub at: Option<Timestamp>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            tokens: 0.0,
            at: None,
        }
    }
}

impl Bucket {
    /// Fills up for the time that has passed at `times` in `period`; how many whole ones there are.
    pub fn fill(&mut self, times: u32, period: Duration, now: Timestamp) -> u32 {
        let a_second = f64::from(times) / period.as_secs_f64().max(0.001);
        let size = a_second.max(1.0);
        self.tokens = match self.at {
            None => size,
            Some(at) => {
                // A clock that was set back gives nothing, and takes nothing.
                let passed = now.duration_since(at).as_secs_f64().max(0.0);
                (self.tokens + passed * a_second).min(size)
            }
        };
        self.at = Some(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between nothing and a second's worth"
        )]
        let whole = (self.tokens + 1e-9).floor().max(0.0) as u32;
        whole
    }

    /// Takes so many.
    pub fn take(&mut self, count: u32) {
        self.tokens -= f64::from(count);
    }

    /// How long until there is one more.
    pub fn next(&self, times: u32, period: Duration) -> Duration {
        let lacking = (1.0 - self.tokens).max(0.0);
        period.mul_f64(lacking / f64::from(times.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_minute_never_gives_more_than_its_share_and_a_second() {
        let mut bucket = Bucket::default();
        let minute = Duration::from_mins(1);
        let mut sent = 0;
        for step in 0..600 {
            let may = bucket.fill(120, minute, at(step * 100));
            bucket.take(may);
            sent += may;
        }
        assert!((119..=122).contains(&sent), "{sent}");
    }

    #[test]
    fn what_is_not_used_is_not_saved_up() {
        let mut bucket = Bucket::default();
        let second = Duration::from_secs(1);
        assert_eq!(bucket.fill(5, second, at(0)), 5);
        bucket.take(5);
        assert_eq!(bucket.fill(5, second, at(3_600_000)), 5);
        bucket.take(5);
        assert_eq!(bucket.next(5, second), Duration::from_millis(200));
        assert_eq!(bucket.fill(5, second, at(3_600_200)), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_takes_nothing() {
        let mut bucket = Bucket::default();
        let second = Duration::from_secs(1);
        bucket.fill(5, second, at(0));
        bucket.take(2);
        assert_eq!(bucket.fill(5, second, at(-3_600_000)), 3);
        assert_eq!(bucket.fill(5, second, at(-3_599_600)), 5);
    }
}
