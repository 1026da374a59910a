//! `parse_time(s, layout[, zone])`.

use super::{prepare_zone, zone};
use crate::expr::Fault;
use crate::expr::function::Prepared;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use jiff::civil::Time;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

pub(super) const FUNCTION: Function = Function {
    name: "parse_time",
    summary: "the instant of a text by a `strftime` layout; without an offset in it, of the zone (UTC); without a time of day, midnight",
    signatures: &[
        "parse_time(string, string) -> timestamp",
        "parse_time(string, string, string) -> timestamp",
    ],
    fails: Some("text that is not by the layout, or no such zone"),
    examples: &[
        (
            "parse_time('23.11.2026 10:05', '%d.%m.%Y %H:%M', 'Europe/Berlin')",
            "timestamp('2026-11-23T09:05:00Z')",
        ),
        (
            "parse_time('2026-11-23', '%Y-%m-%d')",
            "timestamp('2026-11-23T00:00:00Z')",
        ),
        (
            "parse_time('23/Nov/2026:10:05:00 +0100', '%d/%b/%Y:%H:%M:%S %z')",
            "timestamp('2026-11-23T09:05:00Z')",
        ),
        ("parse_time('x', '%Y')", "error"),
        ("parse_time('2026', '%Y')", "error"),
    ],
    prepare: Some(prepare),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, layout, zone) = match *arguments {
        [Value::String(text), Value::String(layout)] => (text, layout, TimeZone::UTC),
        [
            Value::String(text),
            Value::String(layout),
            Value::String(name),
        ] => (text, layout, zone(call, name)?),
        _ => return Err(call.no_overload()),
    };
    call.reads(text.len().saturating_add(layout.len()).saturating_mul(16))?;
    let parsed = BrokenDownTime::parse(layout, text).map_err(|error| refused(call, &error))?;
    if let Ok(at) = parsed.to_timestamp() {
        return Ok(Value::Timestamp(at.into()));
    }
    let date = parsed.to_date().map_err(|error| refused(call, &error))?;
    let time = if parsed.hour().is_some() {
        parsed.to_time().map_err(|error| refused(call, &error))?
    } else {
        Time::midnight()
    };
    // Where clocks go back the first of the two times is meant, where they go forward the later one.
    let local = date.to_datetime(time);
    let at = zone
        .to_ambiguous_timestamp(local)
        .compatible()
        .map_err(|error| refused(call, &error))?;
    Ok(Value::Timestamp(at.into()))
}

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    if arguments.len() == 3 {
        prepare_zone(arguments)
    } else {
        Ok(None)
    }
}

fn refused<'a>(call: &Call<'_, 'a>, error: &jiff::Error) -> Fault<'a> {
    call.bad(format_args!("not a time by this layout: {error}"))
}
