//! Leaves a destination alone that is down.
//!
//! After [`Breaker::FAULTS`] outages in a row nothing is sent to it for a while, then one delivery
//! is, to see whether it is back. Each time that it is not the pause doubles. Deliveries lose no
//! attempt meanwhile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// So long it is open at most.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);

/// What is known of a destination's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Outages in a row.
    pub faults: u32,
    /// Until when nothing is sent; `None` while it is closed.
    pub open_until: Option<Timestamp>,
}

/// What a breaker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Everything goes.
    Closed,
    /// Nothing goes.
    Open,
    /// One goes, to see.
    HalfOpen,
}

impl Breaker {
    /// So many outages in a row open it.
    pub const FAULTS: u32 = 5;
    const FIRST: Duration = Duration::from_secs(5);

    /// What it does now.
    pub fn stands(&self, now: Timestamp) -> Stands {
        match self.open_until {
            None => Stands::Closed,
            // It is never open for longer; if it seems so, the clock was set back.
            Some(until) if now < until && until.duration_since(now) <= LONGEST => Stands::Open,
            Some(_) => Stands::HalfOpen,
        }
    }

    /// How many deliveries may be sent now, of `free` that there is room for, while `in_flight`
    /// are being sent.
    pub fn admits(&self, free: u32, in_flight: u32, now: Timestamp) -> u32 {
        match self.stands(now) {
            Stands::Closed => free,
            Stands::Open => 0,
            Stands::HalfOpen => free.min(1_u32.saturating_sub(in_flight)),
        }
    }

    /// Takes note of an attempt.
    pub fn note(&mut self, is_outage: bool, now: Timestamp) {
        if !is_outage {
            *self = Self::default();
            return;
        }
        // Those that were sent before it opened say nothing new.
        if self.stands(now) == Stands::Open {
            return;
        }
        self.faults = self.faults.saturating_add(1);
        if self.faults >= Self::FAULTS {
            let doublings = (self.faults - Self::FAULTS).min(16);
            let pause = Self::FIRST * 2_u32.pow(doublings);
            let until = now.saturating_add(pause.min(LONGEST.unsigned_abs()));
            self.open_until = Some(until.unwrap_or(Timestamp::MAX));
        }
    }
}

impl Stands {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn outages_in_a_row_open_it_and_one_success_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..Breaker::FAULTS - 1 {
            breaker.note(true, at(0));
        }
        assert_eq!(breaker.admits(10, 3, at(0)), 10);
        breaker.note(false, at(0));
        for _ in 0..Breaker::FAULTS {
            assert_eq!(breaker.stands(at(0)), Stands::Closed);
            breaker.note(true, at(0));
        }
        assert_eq!(breaker.admits(10, 0, at(4)), 0);
        // A straggler that was sent before.
        breaker.note(true, at(1));
        assert_eq!(breaker.admits(10, 0, at(5)), 1);
        assert_eq!(breaker.admits(10, 1, at(5)), 0);
        breaker.note(true, at(5));
        assert_eq!(breaker.stands(at(14)), Stands::Open);
        assert_eq!(breaker.stands(at(15)), Stands::HalfOpen);
        breaker.note(false, at(15));
        assert_eq!(breaker.admits(10, 0, at(15)), 10);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_it_open() {
        let mut breaker = Breaker::default();
        for _ in 0..Breaker::FAULTS {
            breaker.note(true, at(0));
        }
        assert_eq!(breaker.stands(at(0)), Stands::Open);
        assert_eq!(breaker.stands(at(-3600)), Stands::HalfOpen);
        breaker.note(true, at(-3600));
        assert_eq!(breaker.stands(at(-3600)), Stands::Open);
        assert_eq!(breaker.stands(at(-3590)), Stands::HalfOpen);
    }

    #[test]
    fn the_pause_has_an_end() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        for _ in 0..100 {
            breaker.note(true, now);
            now = breaker.open_until.unwrap_or(now);
        }
        let before = now;
        breaker.note(true, now);
        let pause = breaker.open_until.unwrap().duration_since(before);
        assert_eq!(pause.as_secs(), 300);
    }
}
