//! Instants and durations: text, fields, arithmetic.
//!
//! An [`Instant`] covers the years 1 to 9999 whole, which is CEL's range and a day more than
//! jiff's own. Calendar, offsets and zones are jiff's. A duration is within ten thousand years.

use std::fmt::{self, Write};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A point in time, in nanoseconds: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(SignedDuration);

const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;
/// Ten thousand years, as protobuf counts them.
const LONGEST: i64 = 315_576_000_000;

impl Instant {
    /// So long after the start of 1970, UTC; `None` outside the range.
    pub fn from_epoch(since: SignedDuration) -> Option<Self> {
        // The second before an instant decides: -0.5 s lies in second -1.
        let second = since.as_secs() - i64::from(since.subsec_nanos() < 0);
        (FIRST_SECOND..=LAST_SECOND)
            .contains(&second)
            .then_some(Self(since))
    }

    /// How long after the start of 1970, UTC; negative before it.
    pub const fn since_epoch(self) -> SignedDuration {
        self.0
    }

    /// Whole seconds since the start of 1970, rounded down.
    pub const fn unix(self) -> i64 {
        self.0.as_secs() - if self.0.subsec_nanos() < 0 { 1 } else { 0 }
    }

    /// Nanoseconds within the second, 0 to 999,999,999.
    pub const fn subsecond(self) -> i32 {
        self.0.subsec_nanos().rem_euclid(1_000_000_000)
    }

    /// Reads RFC 3339: `2026-11-23T09:05:00Z`, `2026-11-23T10:05:00.25+01:00`. Digits after the
    /// ninth of a fraction are dropped. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        parse_rfc3339(text.as_bytes())
    }

    /// jiff's timestamp; its last day comes some hours before ours.
    pub fn to_jiff(self) -> Timestamp {
        Timestamp::from_duration(self.0).unwrap_or(Timestamp::MAX)
    }

    /// What clocks in `zone` show. `None` where that is outside jiff's calendar.
    pub fn civil(self, zone: &TimeZone) -> Option<DateTime> {
        let offset = zone.to_offset(self.to_jiff());
        self.at_offset(offset)
    }

    fn at_offset(self, offset: Offset) -> Option<DateTime> {
        let local = self
            .0
            .checked_add(SignedDuration::from_secs(i64::from(offset.seconds())))?;
        DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
            .checked_add(local)
            .ok()
    }

    /// Later by a duration, which may be negative; `None` outside the range.
    pub fn plus(self, duration: SignedDuration) -> Option<Self> {
        self.0.checked_add(duration).and_then(Self::from_epoch)
    }

    /// How long after `earlier`. `None` beyond 292 years, as everywhere in CEL: what 64 bits of
    /// nanoseconds hold.
    pub fn minus(self, earlier: Self) -> Option<SignedDuration> {
        let difference = self.0.checked_sub(earlier.0)?;
        i64::try_from(difference.as_nanos())
            .is_ok()
            .then_some(difference)
    }
}

impl From<Timestamp> for Instant {
    /// Times before the year 1 become its start.
    fn from(at: Timestamp) -> Self {
        Self::from_epoch(at.as_duration()).unwrap_or(Self(SignedDuration::from_secs(FIRST_SECOND)))
    }
}

/// RFC 3339 in UTC, with as many digits of the fraction as are needed.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.at_offset(Offset::UTC) else {
            return Err(fmt::Error);
        };
        write!(f, "{:04}-{:02}-{:02}T", at.year(), at.month(), at.day())?;
        write!(f, "{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())?;
        fraction(f, at.subsec_nanosecond().unsigned_abs())?;
        f.write_char('Z')
    }
}

/// Ends a decimal with `.5`, `.123456789`, or nothing.
fn fraction(f: &mut impl Write, nanoseconds: u32) -> fmt::Result {
    if nanoseconds == 0 {
        return Ok(());
    }
    let (mut digits, mut width) = (nanoseconds, 9);
    while digits.is_multiple_of(10) {
        digits /= 10;
        width -= 1;
    }
    write!(f, ".{digits:0width$}")
}

fn parse_rfc3339(text: &[u8]) -> Result<Instant, &'static str> {
    const SHAPE: &str = "not a time as RFC 3339 writes it, such as `2026-11-23T09:05:00Z`";
    const RANGE: &str = "a time outside the years 1 to 9999";
    let (day, rest) = text.split_at_checked(10).ok_or(SHAPE)?;
    let (clock, rest) = rest.split_at_checked(9).ok_or(SHAPE)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *day else {
        return Err(SHAPE);
    };
    let [b'T' | b't', h1, h2, b':', n1, n2, b':', s1, s2] = *clock else {
        return Err(SHAPE);
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |sum, digit| {
            Some(sum * 10 + i16::from(decimal(*digit)?))
        })
    };
    let two = |a, b| {
        number(&[a, b])
            .and_then(|number| i8::try_from(number).ok())
            .ok_or(SHAPE)
    };
    let year = number(&[y1, y2, y3, y4]).ok_or(SHAPE)?;
    if year == 0 {
        return Err(RANGE);
    }
    let date =
        Date::new(year, two(m1, m2)?, two(d1, d2)?).map_err(|_| "no such day in the calendar")?;
    let (nanoseconds, rest) = parse_fraction(rest).ok_or(SHAPE)?;
    let time = Time::new(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?, nanoseconds)
        .map_err(|_| "no such time of day")?;
    let offset = match *rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (i64::from(two(h1, h2)?), i64::from(two(m1, m2)?));
            if hours > 23 || minutes > 59 {
                return Err("no such offset from UTC");
            }
            (hours * 3600 + minutes * 60) * if sign == b'-' { -1 } else { 1 }
        }
        [] => return Err("a time without `Z` or an offset such as `+01:00` at its end"),
        _ => return Err(SHAPE),
    };
    let local =
        DateTime::from_parts(date, time).duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    local
        .checked_sub(SignedDuration::from_secs(offset))
        .and_then(Instant::from_epoch)
        .ok_or(RANGE)
}

fn decimal(digit: u8) -> Option<u8> {
    digit.is_ascii_digit().then(|| digit - b'0')
}

/// The nanoseconds of `.25…` and what follows it.
fn parse_fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let [b'.', digits @ ..] = text else {
        return Some((0, text));
    };
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let padded = digits
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(9);
    let nanoseconds = padded.fold(0_i32, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    Some((nanoseconds, rest))
}

/// Reads a duration: `90s`, `1h30m`, `-1.5h`, `250ms`, `0`. Units are h, m, s, ms, us (µs) and ns.
pub fn parse_duration(text: &str) -> Result<SignedDuration, &'static str> {
    const SHAPE: &str =
        "not a duration such as `90s` or `1h30m`; its units are h, m, s, ms, us and ns";
    const RANGE: &str = "a duration beyond ten thousand years";
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(SHAPE);
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .ok_or(SHAPE)?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return Err(SHAPE),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') {
            return Err(SHAPE);
        }
        // Past 18 digits nothing is within the range, nor within a nanosecond.
        let whole: i64 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| RANGE)?
        };
        total += i128::from(whole) * unit;
        let (mut scale, mut digits) = (1_i128, 0_i128);
        for digit in part.bytes().take(18) {
            digits = digits * 10 + i128::from(digit - b'0');
            scale *= 10;
        }
        total += digits * unit / scale;
        if total > i128::from(LONGEST) * 1_000_000_000 {
            return Err(RANGE);
        }
        rest = tail;
    }
    let total = if negative { -total } else { total };
    in_range(SignedDuration::from_nanos_i128(total)).ok_or(RANGE)
}

/// The sum; `None` beyond ten thousand years.
pub fn add_durations(a: SignedDuration, b: SignedDuration) -> Option<SignedDuration> {
    a.checked_add(b).and_then(in_range)
}

/// The difference; `None` beyond ten thousand years.
pub fn subtract_durations(a: SignedDuration, b: SignedDuration) -> Option<SignedDuration> {
    a.checked_sub(b).and_then(in_range)
}

fn in_range(duration: SignedDuration) -> Option<SignedDuration> {
    (duration.abs() <= SignedDuration::from_secs(LONGEST)).then_some(duration)
}

/// A duration as CEL and protobuf's JSON write it: `5400s`, `-0.25s`.
#[derive(Debug, Clone, Copy)]
pub struct Seconds(pub SignedDuration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_negative() {
            f.write_char('-')?;
        }
        write!(f, "{}", self.0.as_secs().unsigned_abs())?;
        fraction(f, self.0.subsec_nanos().unsigned_abs())?;
        f.write_char('s')
    }
}

/// A zone by its IANA name (`Europe/Berlin`), `UTC`, or an offset (`+01:00`, `-02:30`, `02:00`).
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() {
        return None;
    }
    if name.contains(':') {
        let (sign, digits) = match name.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, name.strip_prefix('+').unwrap_or(name)),
        };
        let [h1, h2, b':', m1, m2] = *digits.as_bytes() else {
            return None;
        };
        let two = |a, b| Some(i32::from(decimal(a)?) * 10 + i32::from(decimal(b)?));
        let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        return Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
            .ok()
            .map(TimeZone::fixed);
    }
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_read_and_written() {
        let check = |text: &str, want: &str| {
            assert_eq!(
                Instant::parse(text).map(|at| at.to_string()).as_deref(),
                Ok(want),
                "{text}"
            );
        };
        check("2009-02-13T23:31:30Z", "2009-02-13T23:31:30Z");
        check("2023-02-03T23:31:20+00:00", "2023-02-03T23:31:20Z");
        check("2026-11-23T10:05:00.250+01:00", "2026-11-23T09:05:00.25Z");
        check("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z");
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
        check(
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T23:59:59.999999999Z",
        );
        check(
            "9999-12-31T23:59:59.9999999999999Z",
            "9999-12-31T23:59:59.999999999Z",
        );
        check("2024-02-29t00:00:00z", "2024-02-29T00:00:00Z");
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "2009-02-13",
            "2009-02-13T23:31:30",
            "2009-02-30T00:00:00Z",
            "2009-02-13T24:00:00Z",
            "2009-02-13T23:31:60Z",
            "2009-02-13T23:31:30.Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2009-02-13T23:31:30+25:00",
            "2009-02-13T23:31:30Zé",
            "２009-02-13T23:31:30Z",
        ] {
            assert!(Instant::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        let check = |text: &str, want: &str| {
            let got = parse_duration(text).map(|duration| Seconds(duration).to_string());
            assert_eq!(got.as_deref(), Ok(want), "{text}");
        };
        check("1000000s", "1000000s");
        check("1h45m47s", "6347s");
        check("1h2m3.5s", "3723.5s");
        check("-1.5h", "-5400s");
        check("-250ms", "-0.25s");
        check("1us", "0.000001s");
        check("1µs", "0.000001s");
        check("1ns", "0.000000001s");
        check("0", "0s");
        check(".5s", "0.5s");
        check("315576000000s", "315576000000s");
        for text in [
            "",
            "1",
            "s",
            "1d",
            "1.s.",
            ".s",
            "1h2",
            "- 1s",
            "320000000000s",
            "-320000000000s",
            "99999999999999999999h",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sums_stay_in_range() {
        let last = Instant::parse("9999-12-31T23:59:59.999999999Z").unwrap();
        let first = Instant::parse("0001-01-01T00:00:00Z").unwrap();
        assert!(last.plus(SignedDuration::from_nanos(1)).is_none());
        assert!(first.plus(SignedDuration::from_nanos(-1)).is_none());
        assert!(first.minus(last).is_none() && last.minus(first).is_none());
        assert_eq!(
            last.plus(SignedDuration::from_nanos(-1)).map(Instant::unix),
            Some(LAST_SECOND)
        );
        let half = SignedDuration::from_secs(200_000_000_000);
        assert!(subtract_durations(half, -half).is_none());
        assert_eq!(
            Instant::parse("1969-12-31T23:59:59.5Z").map(|at| (at.unix(), at.subsecond())),
            Ok((-1, 500_000_000))
        );
    }

    #[test]
    fn zones_are_names_or_offsets() {
        let at = Instant::parse("2009-02-13T23:31:30Z").unwrap();
        let hour = |name: &str| {
            zone(name)
                .and_then(|zone| at.civil(&zone))
                .map(|civil| (civil.day(), civil.hour()))
        };
        assert_eq!(hour("UTC"), Some((13, 23)));
        assert_eq!(hour("Australia/Sydney"), Some((14, 10)));
        assert_eq!(hour("-02:30"), Some((13, 21)));
        assert_eq!(hour("02:00"), Some((14, 1)));
        for name in ["", "Mars/Olympus", "+2:00", "24:00", "+0200:"] {
            assert!(zone(name).is_none(), "{name}");
        }
        let last = Instant::parse("9999-12-31T23:59:59Z").unwrap();
        assert!(last.civil(&TimeZone::UTC).is_some());
        assert!(zone("+01:00").is_some_and(|zone| last.civil(&zone).is_none()));
    }
}
