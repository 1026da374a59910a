//! Deliveries: their states, and what is done after an attempt. Pure decisions, no I/O.
//!
//! ```text
//!            accept            lease               attempt
//!  (none) ───────────▶ pending ──────▶ leased ───────────────▶ delivered
//!    │                   ▲  ▲            │ ├─ fault, tries left ─▶ pending, due later
//!    │ lane not empty    │  │            │ └─ refused, or none left ─▶ dead
//!    ├──────▶ waiting ───┘  └────────────┘ lease ran out: whoever had it is gone
//!    └──────▶ held ── release ──▶ pending          cancelled: by an administrator, from any
//! ```
//!
//! A delivery is written before the sender gets its answer and settled only by what an attempt came
//! to, so a crash can repeat an attempt but never lose one. A lease is there to save work, not to
//! prevent a second attempt: destinations must expect repeats, and are given the same id each time.
//!
//! Within a lane (the deliveries of one connection with the same `order_by`) the next one waits
//! until the one ahead is finished.

mod breaker;
mod bucket;
mod retry;
mod sign;

pub use breaker::Breaker;
pub use bucket::Bucket;
pub use retry::{Came, LONGEST_RETRY_AFTER, Next, RetryPolicy, retry_after};
pub use sign::{Signer, SignerError};

use std::time::Duration;

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It will be tried when it is due.
    Pending,
    /// It is being tried.
    Leased,
    /// The destination has it.
    Delivered,
    /// It will not be tried again by itself: a dead letter.
    Dead,
    /// An administrator has taken it back.
    Cancelled,
    /// It is not tried until it is released.
    Held,
    /// One ahead of it in its lane is not finished.
    Waiting,
}

impl State {
    /// All states; a state's number in a store is its position.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Leased,
        Self::Delivered,
        Self::Dead,
        Self::Cancelled,
        Self::Held,
        Self::Waiting,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Held => "held",
            Self::Waiting => "waiting",
        }
    }

    /// Its number in a store.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The state of a number.
    pub fn of_code(code: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more happens to it by itself, and nothing is owed.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Delivered | Self::Dead | Self::Cancelled)
    }
}

/// How long events are kept. What is owed is never forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events, and with them everything.
    pub events: Duration,
    /// Headers, bodies and what was sent, of events whose deliveries are settled.
    pub bodies: Duration,
    /// Bytes of the store; above it the oldest bodies go first.
    pub size: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        let month = Duration::from_hours(30 * 24);
        Self {
            events: month,
            bodies: month,
            size: None,
        }
    }
}

/// What becomes of a lane when one of its deliveries is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDead {
    /// The next one goes.
    #[default]
    Skip,
    /// Those behind wait until an administrator has retried or cancelled it.
    Block,
    /// Those behind, and those that come later, are held until they are released.
    Park,
}

impl OnDead {
    /// All, by their number in a store.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Block, Self::Park];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Block => "block",
            Self::Park => "park",
        }
    }

    /// Its number in a store.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The rule of a number; the default for a number that is none.
    pub fn of_code(code: i64) -> Self {
        let index = usize::try_from(code).unwrap_or_default();
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// The rule of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for state in State::ALL {
            assert_eq!(State::of_code(state.code()), Some(state));
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::of_code(7), None);
        assert_eq!(State::of_code(-1), None);
        for rule in OnDead::ALL {
            assert_eq!(OnDead::of_code(rule.code()), rule);
            assert_eq!(OnDead::parse(rule.as_str()), Some(rule));
        }
    }
}
