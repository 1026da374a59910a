//! What is done after an attempt: it is settled, or tried again, and when.
//!
//! Waits grow threefold from `first` to `limit`, each a fifth shorter or longer by chance, so that
//! deliveries which failed together do not come back together. A destination's `Retry-After`
//! counts where it is the later one.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A destination cannot put off an attempt for longer.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// How often, how soon and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many attempts there are, the first included; at least 1.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub first: Duration,
    /// The longest wait; not less than the first.
    pub limit: Duration,
    /// So long after the event came, no attempt is begun any more.
    pub horizon: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 12,
            first: Duration::from_secs(5),
            limit: Duration::from_hours(10),
            horizon: Duration::from_hours(72),
        }
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The destination answered, and that counts as success.
    Ok {
        /// With which status.
        status: u16,
    },
    /// The destination answered with success, and `ok_when` says that it is none.
    NotOk {
        /// With which status.
        status: u16,
    },
    /// The destination answered with anything else.
    Refused {
        /// With which status.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// There was no answer, or none in time: the destination may have acted all the same.
    Unreachable(String),
    /// It cannot be sent, now or later.
    Unsendable(String),
}

/// What is done then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The destination has it.
    Delivered,
    /// It is tried again.
    Retry {
        /// Not before.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It is a dead letter.
    Dead {
        /// Why.
        reason: String,
    },
}

impl Came {
    /// Whether the fault is one of the destination as a whole, not of this delivery: its breaker
    /// counts these.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Ok { .. } | Self::NotOk { .. } | Self::Unsendable(_) => false,
            Self::Refused { status, .. } => matches!(status, 429 | 500..),
            Self::Unreachable(_) => true,
        }
    }

    /// The status, if there was an answer.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Ok { status } | Self::NotOk { status } | Self::Refused { status, .. } => {
                Some(*status)
            }
            Self::Unreachable(_) | Self::Unsendable(_) => None,
        }
    }

    /// The same, for the log.
    pub fn reason(&self) -> String {
        match self {
            Self::Ok { status } => format!("answered with {status}"),
            Self::NotOk { status } => {
                format!("answered with {status}, which `ok_when` does not count as success")
            }
            Self::Refused { status, .. } => format!("answered with {status}"),
            Self::Unreachable(why) | Self::Unsendable(why) => why.clone(),
        }
    }
}

impl RetryPolicy {
    /// What is done after attempt number `attempt` (from 1). `accepted` is when the event came;
    /// `chance` is any number, which spreads the waits.
    pub fn after(
        &self,
        attempt: u32,
        came: &Came,
        accepted: Timestamp,
        now: Timestamp,
        chance: u32,
    ) -> Next {
        let asked = match came {
            Came::Ok { .. } => return Next::Delivered,
            Came::NotOk { .. } | Came::Unsendable(_) => {
                return Next::Dead {
                    reason: came.reason(),
                };
            }
            Came::Refused { status, .. } if !is_worth_another(*status) => {
                return Next::Dead {
                    reason: came.reason(),
                };
            }
            Came::Refused { retry_after, .. } => *retry_after,
            Came::Unreachable(_) => None,
        };
        if attempt >= self.attempts {
            let reason = format!("{}; that was attempt {attempt}, the last", came.reason());
            return Next::Dead { reason };
        }
        let asked = asked.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let wait = self.wait(attempt, chance).max(asked);
        let at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let end = accepted
            .saturating_add(self.horizon)
            .unwrap_or(Timestamp::MAX);
        if at > end {
            let reason = format!(
                "{}; the next attempt would be later than {:#} after the event",
                came.reason(),
                jiff::SignedDuration::try_from(self.horizon).unwrap_or_default()
            );
            return Next::Dead { reason };
        }
        Next::Retry {
            at,
            reason: came.reason(),
        }
    }

    /// The wait after an attempt, four to six fifths of what the policy says.
    fn wait(&self, attempt: u32, chance: u32) -> Duration {
        let factor = 3_u32.checked_pow(attempt.saturating_sub(1));
        let whole = factor
            .and_then(|factor| self.first.checked_mul(factor))
            .map_or(self.limit, |wait| wait.min(self.limit));
        whole.mul_f64(0.8 + 0.4 * f64::from(chance) / f64::from(u32::MAX))
    }
}

/// Whether the same request can be answered otherwise later (RFC 9110 15.5, 15.6; RFC 8470 5.2 for
/// 425; RFC 6585 4 for 429).
const fn is_worth_another(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

/// What `Retry-After` says (RFC 9110 10.2.3): seconds or a date.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the middle: the wait is as the policy says.
    const MIDDLE: u32 = u32::MAX / 2;

    fn refused(status: u16) -> Came {
        Came::Refused {
            status,
            retry_after: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn waits_grow_threefold_up_to_the_limit() {
        let policy = RetryPolicy {
            first: Duration::from_secs(5),
            limit: Duration::from_secs(100),
            ..RetryPolicy::default()
        };
        let waits: Vec<u128> = (1..=5)
            .map(|attempt| policy.wait(attempt, MIDDLE).as_millis().div_ceil(1000))
            .collect();
        assert_eq!(waits, [5, 15, 45, 100, 100]);
        assert_eq!(policy.wait(1, 0), Duration::from_secs(4));
        assert_eq!(policy.wait(1, u32::MAX), Duration::from_secs(6));
        assert!(policy.wait(u32::MAX, u32::MAX) <= Duration::from_mins(2));
    }

    #[test]
    fn each_answer_has_its_consequence() {
        let policy = RetryPolicy::default();
        let next = |came: &Came| policy.after(1, came, at(0), at(1), MIDDLE);
        assert_eq!(next(&Came::Ok { status: 204 }), Next::Delivered);
        for status in [301, 302, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422] {
            assert!(
                matches!(next(&refused(status)), Next::Dead { .. }),
                "{status}"
            );
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(
                matches!(next(&refused(status)), Next::Retry { .. }),
                "{status}"
            );
        }
        let gone = Came::Unreachable("refused".to_owned());
        assert!(matches!(next(&gone), Next::Retry { .. }));
        let never = Came::Unsendable("not public".to_owned());
        assert!(matches!(next(&never), Next::Dead { .. }));
        assert!(matches!(
            next(&Came::NotOk { status: 200 }),
            Next::Dead { .. }
        ));
    }

    #[test]
    fn attempts_and_horizon_end_it() {
        let policy = RetryPolicy {
            attempts: 3,
            horizon: Duration::from_mins(1),
            ..RetryPolicy::default()
        };
        let after = |attempt, now| policy.after(attempt, &refused(500), at(0), now, MIDDLE);
        assert!(matches!(after(2, at(1)), Next::Retry { .. }));
        assert!(matches!(after(3, at(1)), Next::Dead { .. }));
        assert!(matches!(after(1, at(54)), Next::Retry { .. }));
        assert!(matches!(after(1, at(56)), Next::Dead { .. }));
    }

    #[test]
    fn a_destination_can_ask_for_more_time_within_bounds() {
        let policy = RetryPolicy::default();
        let asks = |seconds| Came::Refused {
            status: 429,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        for (asked, waited) in [(1, 5), (120, 120), (1_000_000, 86_400)] {
            let Next::Retry { at: when, .. } = policy.after(1, &asks(asked), at(0), at(0), MIDDLE)
            else {
                panic!("it is tried again");
            };
            let milliseconds = when.duration_since(at(0)).as_millis();
            assert_eq!((milliseconds + 500) / 1000, waited, "{asked}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-01T10:00:00Z".parse().unwrap();
        let read = |text| retry_after(text, now);
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        let date = "Sun, 01 Nov 2026 10:00:30 GMT";
        assert_eq!(read(date), Some(Duration::from_secs(30)));
        let past = "Sun, 01 Nov 2026 09:00:00 GMT";
        assert_eq!(read(past), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(read(""), None);
    }
}
