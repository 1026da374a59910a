//! Instants and durations: their fields, their text, their numbers.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Call, Function, Outcome, Prepared};
use crate::expr::{Fault, FaultKind};
use crate::value::{Value, time};

mod from_unix;
mod from_unix_ms;
mod get_date;
mod get_day_of_month;
mod get_day_of_week;
mod get_day_of_year;
mod get_full_year;
mod get_hours;
mod get_milliseconds;
mod get_minutes;
mod get_month;
mod get_seconds;
mod parse_time;
mod unix;

pub(super) const ALL: &[&Function] = &[
    &from_unix::FUNCTION,
    &from_unix_ms::FUNCTION,
    &get_date::FUNCTION,
    &get_day_of_month::FUNCTION,
    &get_day_of_week::FUNCTION,
    &get_day_of_year::FUNCTION,
    &get_full_year::FUNCTION,
    &get_hours::FUNCTION,
    &get_milliseconds::FUNCTION,
    &get_minutes::FUNCTION,
    &get_month::FUNCTION,
    &get_seconds::FUNCTION,
    &parse_time::FUNCTION,
    &unix::FUNCTION,
];

/// One field of what clocks show at an instant, in UTC or in the zone that the second argument
/// names.
fn field<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    field: fn(DateTime) -> i64,
) -> Outcome<'a> {
    let (at, zone) = match *arguments {
        [Value::Timestamp(at)] => (at, TimeZone::UTC),
        [Value::Timestamp(at), Value::String(name)] => (at, zone(call, name)?),
        _ => return Err(call.no_overload()),
    };
    let civil = at
        .civil(&zone)
        .ok_or_else(|| call.fault(FaultKind::Range, "a time outside the years 1 to 9999"))?;
    Ok(Value::Int(field(civil)))
}

fn zone<'a>(call: &Call<'_, 'a>, name: &str) -> Result<TimeZone, Fault<'a>> {
    if let Some(Prepared::Zone(zone)) = call.prepared {
        return Ok(zone.clone());
    }
    call.reads(name.len())?;
    time::zone(name).ok_or_else(|| call.fault(FaultKind::BadArgument, NO_ZONE))
}

const NO_ZONE: &str =
    "no such time zone: a name such as `Europe/Berlin`, `UTC`, or an offset such as `+01:00`";

/// Looks up at load a zone that is a literal; it is the last argument and not the first.
fn prepare_zone(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    match arguments {
        [_, .., Some(Value::String(name))] => {
            let zone = time::zone(name).ok_or_else(|| (arguments.len() - 1, NO_ZONE.to_owned()))?;
            Ok(Some(Prepared::Zone(zone)))
        }
        _ => Ok(None),
    }
}

/// `t.format(layout[, zone])`: the layouts of `strftime`.
pub(super) fn format<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (at, layout, zone) = match *arguments {
        [Value::Timestamp(at), Value::String(layout)] => (at, layout, TimeZone::UTC),
        [
            Value::Timestamp(at),
            Value::String(layout),
            Value::String(name),
        ] => (at, layout, zone(call, name)?),
        _ => return Err(call.no_overload()),
    };
    call.makes(layout.len().saturating_mul(LONGEST_DIRECTIVE))?;
    let text = jiff::fmt::strtime::format(layout, &at.to_jiff().to_zoned_datetime(zone))
        .map_err(|error| call.bad(format_args!("this layout cannot be used: {error}")))?;
    Ok(Value::String(call.arena().string(&text)))
}

/// The most that one character of a layout makes: `%255d` pads to 255, `%Q` gives a zone's name.
const LONGEST_DIRECTIVE: usize = 64;
/// Checks at load a layout that is a literal, by formatting the start of 1970 with it, and looks
/// up a literal zone.
pub(super) fn prepare_layout(
    arguments: &[Option<Value<'_>>],
) -> Result<Option<Prepared>, (usize, String)> {
    let [receiver, Some(Value::String(layout)), ..] = arguments else {
        return Ok(None);
    };
    // The receiver of CEL's `format` is its text; an instant is never a literal.
    if receiver.is_some() {
        return Ok(None);
    }
    let probe = jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    jiff::fmt::strtime::format(layout, &probe)
        .map_err(|error| (1, format!("this layout cannot be used: {error}")))?;
    if arguments.len() == 3 {
        prepare_zone(arguments)
    } else {
        Ok(None)
    }
}
