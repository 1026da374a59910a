//! What is written in the arguments of `keys`: ends, periods, names, owners.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};

use crate::auth::{Environment, Owner, Scope};
use crate::cli::console::Failure;

/// When a key ends, as it is written: `90d`, `2027-01-01`, `2027-01-01T12:00:00Z`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It does not.
    Never,
    /// So long from now.
    After(Duration),
    /// Then; a date is its first instant in UTC.
    At(Timestamp),
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        // A text with a time and no zone would be read as a date, and the time be lost.
        if let (10, Ok(date)) = (text.len(), text.parse::<Date>()) {
            let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
            return midnight.map(Self::At).map_err(|_| NO_END.to_owned());
        }
        match text.parse::<Period>() {
            Ok(Period(Duration::ZERO)) => Err("a key must live for some time".to_owned()),
            Ok(Period(after)) => Ok(Self::After(after)),
            Err(_) => Err(NO_END.to_owned()),
        }
    }
}

const NO_END: &str = "write a period such as `90d` or `12h`, a date such as `2027-01-01`, a time \
                      such as `2027-01-01T12:00:00Z`, or `never`";

impl End {
    /// The instant; `Err` when it is over already.
    pub fn at(self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        match self {
            Self::Never => Ok(None),
            Self::After(after) => now
                .checked_add(after)
                .map(Some)
                .map_err(|_| Failure::usage("the end lies too far away; `never` is no end")),
            Self::At(end) if end <= now => {
                Err(Failure::usage(format!("the end, {end}, is over already")))
            }
            Self::At(end) => Ok(Some(end)),
        }
    }
}

/// A span of time with its unit: `24h`, `90d`, `1h 30m`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

impl FromStr for Period {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const NO_PERIOD: &str = "write a number with its unit, such as `30m`, `24h` or `7d`";
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let span: Span = text.parse().map_err(|_| NO_PERIOD)?;
        if span.get_months() != 0 || span.get_years() != 0 {
            return Err("months and years differ in length: write days, such as `90d`");
        }
        let length = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| NO_PERIOD)?;
        Duration::try_from(length)
            .map(Self)
            .map_err(|_| "a period cannot be negative")
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(length) => write!(f, "{length:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

/// Reads `sandbox` or `production`.
pub fn environment(text: &str) -> Result<Environment, String> {
    text.parse()
        .map_err(|error: crate::auth::UnknownEnvironment| error.to_string())
}

/// Reads the name of a function, or `*` for all.
pub fn function(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    let is_name = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_name || text == "*" {
        Ok(text.to_owned())
    } else {
        Err("a function's name has letters, digits and `_`; `*` is all of them".to_owned())
    }
}

/// What names open: nothing written, or `*` among them, is everything.
pub fn scope(names: &[String]) -> Scope {
    if names.is_empty() || names.iter().any(|name| name == "*") {
        return Scope::All;
    }
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(name) {
            kept.push(name.clone());
        }
    }
    Scope::Functions(kept)
}

/// Reads a text for people. Control characters could rewrite the terminal that shows them.
pub fn text(text: &str) -> Result<String, String> {
    const LIMIT: usize = 200;
    if text.chars().any(char::is_control) {
        Err("control characters cannot be shown".to_owned())
    } else if text.chars().count() > LIMIT {
        Err(format!("{LIMIT} characters are enough"))
    } else {
        Ok(text.to_owned())
    }
}

/// Whose a key is: what its functions see as `user_info`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Owner (what functions see as user_info)")]
pub struct OwnerArgs {
    /// User id
    #[arg(long, value_name = "ID", value_parser = text, default_value = "", hide_default_value = true)]
    pub owner_id: String,
    /// E-mail address
    #[arg(long, value_name = "EMAIL", value_parser = text, default_value = "", hide_default_value = true)]
    pub owner_email: String,
    /// Name
    #[arg(long, value_name = "NAME", value_parser = text, default_value = "", hide_default_value = true)]
    pub owner_name: String,
    /// Organisation id
    #[arg(long, value_name = "ID", value_parser = text, default_value = "", hide_default_value = true)]
    pub owner_org_id: String,
}

impl OwnerArgs {
    pub(super) fn owner(&self) -> Owner {
        Owner {
            id: self.owner_id.clone(),
            email: self.owner_email.clone(),
            name: self.owner_name.clone(),
            org_id: self.owner_org_id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit_and_a_length_that_does_not_vary() {
        let rows: &[(&str, Option<u64>)] = &[
            ("24h", Some(86_400)),
            ("90d", Some(90 * 86_400)),
            ("1h 30m", Some(5400)),
            ("2w", Some(14 * 86_400)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("90", None),
            ("", None),
            ("-1h", None),
            ("1mo", None),
            ("1y", None),
            ("soon", None),
            ("99999999999999999999d", None),
        ];
        for (text, seconds) in rows {
            let read = text.parse::<Period>().ok().map(|period| period.0.as_secs());
            assert_eq!(read, *seconds, "{text}");
        }
    }

    #[test]
    fn an_end_is_a_period_a_date_a_time_or_never() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let rows: &[(&str, Option<&str>)] = &[
            ("never", None),
            ("90d", Some("2026-04-01T12:00:00Z")),
            ("2027-01-01", Some("2027-01-01T00:00:00Z")),
            ("2027-01-01T01:00:00+02:00", Some("2026-12-31T23:00:00Z")),
        ];
        for (text, end) in rows {
            let read = text.parse::<End>().unwrap().at(now).unwrap();
            assert_eq!(read, end.map(|end| end.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2027-13-01",
            "2027-01-01T12:00",
            "0s",
            "-3d",
            "2026-01-01T12",
        ] {
            assert!(text.parse::<End>().is_err(), "{text}");
        }
        for text in ["2026-01-01", "2026-01-01T12:00:00Z"] {
            assert!(text.parse::<End>().unwrap().at(now).is_err(), "{text}");
        }
        assert!(
            "9000000d"
                .parse::<End>()
                .map_or(true, |end| end.at(now).is_err())
        );
    }

    #[test]
    fn names_that_no_function_can_have_are_refused() {
        for good in ["lead", "ns__lead", "A1", "*"] {
            assert_eq!(function(good).as_deref(), Ok(good));
        }
        for bad in ["", "1lead", "le-ad", "lead*", "é", "a b", "../a"] {
            assert!(function(bad).is_err(), "{bad}");
        }
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(scope(&[]), Scope::All);
        assert_eq!(scope(&names(&["a", "*"])), Scope::All);
        assert_eq!(
            scope(&names(&["b", "a", "b"])),
            Scope::Functions(names(&["b", "a"]))
        );
    }
}
