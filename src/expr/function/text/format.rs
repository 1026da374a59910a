//! `s.format(list)`: CEL's `printf`; and `t.format(layout[, zone])`, which is [`time`]'s.
//!
//! [`time`]: super::super::time

use std::fmt::Write as _;

use crate::expr::function::{Buffer, Call, Function, Outcome, Prepared, time};
use crate::expr::{Fault, FaultKind};
use crate::value::{Numeric, Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "format",
    summary: "the text with the items of a list in the place of its `%` clauses (s d f e b o x X); or an instant by a layout such as `%d.%m.%Y`",
    signatures: &[
        "string.format(list(dyn)) -> string",
        "timestamp.format(string) -> string",
        "timestamp.format(string, string) -> string",
    ],
    fails: Some(
        "an unknown clause, an item that its clause does not take, or too few items; a bad layout or zone",
    ),
    examples: &[
        (
            "'%s has %d items'.format(['cart', 3])",
            "'cart has 3 items'",
        ),
        (
            "'%.3f %e %x %b %o %%'.format([1.2345, 1052.032911275, 30, 5, 8])",
            "'1.234 1.052033e+03 1e 101 10 %'",
        ),
        (
            "'%s'.format([{'b': [1, 'x'], 'a': null}])",
            "'{a: null, b: [1, x]}'",
        ),
        (
            "timestamp('2026-11-23T23:30:00Z').format('%d.%m.%Y %H:%M', 'Europe/Berlin')",
            "'24.11.2026 00:30'",
        ),
        (
            "'%s, %d'.format([1e21, 0.1])",
            "'1000000000000000000000, 0.1'",
        ),
        (r"'%s'.format([b'a\xff\xfe.'])", r"'a\ufffd.'"),
        ("'%d'.format(['a'])", "error"),
        ("'%s'.format([])", "error"),
        ("'%y'.format([1])", "error"),
    ],
    prepare: Some(prepare),
    run,
};

/// More digits than any double has.
const MOST_DIGITS: usize = 1100;

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    time::prepare_layout(arguments)
}

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (layout, items) = match *arguments {
        [Value::String(layout), Value::List(items)] => (layout, items),
        [Value::Timestamp(_), ..] => return time::format(call, arguments),
        _ => return Err(call.no_overload()),
    };
    let mut out = Buffer::new(call);
    let mut items = items.iter();
    let mut rest = layout;
    while let Some((plain, clause)) = rest.split_once('%') {
        out.push(plain)?;
        if let Some(tail) = clause.strip_prefix('%') {
            out.push("%")?;
            rest = tail;
            continue;
        }
        let (precision, clause) = precision(call, clause)?;
        let mut clause = clause.chars();
        let Some(letter) = clause.next() else {
            return Err(call.bad(format_args!("the text ends after `%`")));
        };
        if !"sdfebxXo".contains(letter) {
            return Err(call.bad(format_args!("no such clause: `%{letter}`")));
        }
        let Some(item) = items.next() else {
            return Err(call.bad(format_args!("more clauses than items")));
        };
        substitute(call, &mut out, letter, precision, *item)?;
        rest = clause.as_str();
    }
    out.push(rest)?;
    Ok(out.finish())
}

/// The digits after the point that a clause asks for, and what follows them.
fn precision<'t, 'a>(call: &Call<'_, 'a>, clause: &'t str) -> Result<(usize, &'t str), Fault<'a>> {
    let Some(digits) = clause.strip_prefix('.') else {
        return Ok((6, clause));
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    match digits.parse() {
        Ok(precision) if precision <= MOST_DIGITS => Ok((precision, rest)),
        _ => Err(call.bad(format_args!(
            "a precision must be a number up to {MOST_DIGITS}"
        ))),
    }
}

fn substitute<'a>(
    call: &Call<'_, 'a>,
    out: &mut Buffer<'_, '_, 'a>,
    letter: char,
    precision: usize,
    item: Value<'a>,
) -> Result<(), Fault<'a>> {
    let number = item.number();
    let special = match number {
        Some(Numeric::Double(double)) if double.is_nan() => Some("NaN"),
        Some(Numeric::Double(double)) if double.is_infinite() => Some(if double < 0.0 {
            "-Infinity"
        } else {
            "Infinity"
        }),
        _ => None,
    };
    match (letter, number, item) {
        ('s', ..) => any(call, out, item),
        ('d' | 'f' | 'e', ..) if special.is_some() => out.push(special.unwrap_or("")),
        ('d', Some(Numeric::Double(double)), _) => out.print(format_args!("{double}")),
        ('d', Some(_), _) => {
            convert::write_scalar(item, out).map_err(|_| call.fault(FaultKind::Budget, "memory"))
        }
        ('f', Some(number), _) => out.print(format_args!("{:.precision$}", number.as_double())),
        ('e', Some(number), _) => {
            let text = format!("{:.precision$e}", number.as_double());
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = exponent
                .strip_prefix('-')
                .map_or(("+", exponent), |exponent| ("-", exponent));
            out.print(format_args!("{digits}e{sign}{exponent:0>2}"))
        }
        ('b', _, Value::Bool(flag)) => out.push(if flag { "1" } else { "0" }),
        ('b', Some(number), _) => integer(call, out, number, |size| format!("{size:b}")),
        ('o', Some(number), _) => integer(call, out, number, |size| format!("{size:o}")),
        ('x', Some(number), _) => integer(call, out, number, |size| format!("{size:x}")),
        ('X', Some(number), _) => integer(call, out, number, |size| format!("{size:X}")),
        ('x' | 'X', _, Value::String(_) | Value::Bytes(_)) => {
            let bytes = convert::bytes(item).map_err(|error| call.unconverted(error))?;
            call.makes(bytes.len().saturating_mul(2))?;
            let digits = hex::encode(bytes);
            out.push(&if letter == 'X' {
                digits.to_ascii_uppercase()
            } else {
                digits
            })
        }
        _ => Err(unsuited(call, letter, item)),
    }
}

fn integer<'a>(
    call: &Call<'_, 'a>,
    out: &mut Buffer<'_, '_, 'a>,
    number: Numeric,
    digits: fn(u64) -> String,
) -> Result<(), Fault<'a>> {
    let (sign, size) = match number {
        Numeric::Int(int) => (if int < 0 { "-" } else { "" }, int.unsigned_abs()),
        Numeric::UInt(uint) => ("", uint),
        Numeric::Double(_) => {
            return Err(call.bad(format_args!("this clause takes integers, not a double")));
        }
    };
    out.push(sign)?;
    out.push(&digits(size))
}

/// `%s`: any value but optionals. Maps are in the order of their keys' texts.
fn any<'a>(
    call: &Call<'_, 'a>,
    out: &mut Buffer<'_, '_, 'a>,
    item: Value<'a>,
) -> Result<(), Fault<'a>> {
    call.scope.charge_steps(1)?;
    match item {
        Value::List(items) => {
            out.push("[")?;
            for (at, item) in items.iter().enumerate() {
                out.push(if at > 0 { ", " } else { "" })?;
                any(call, out, *item)?;
            }
            out.push("]")
        }
        Value::Map(map) => {
            call.makes_map(map.len())?;
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.to_string(), value))
                .collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push("{")?;
            for (at, (key, value)) in entries.into_iter().enumerate() {
                out.push(if at > 0 { ", " } else { "" })?;
                out.push(&key)?;
                out.push(": ")?;
                any(call, out, value)?;
            }
            out.push("}")
        }
        Value::Optional(_) => Err(unsuited(call, 's', item)),
        Value::Bytes(bytes) => lossy(out, bytes),
        // In digits alone, however many: an exponent is `%e`'s.
        Value::Double(double) if double.is_finite() => out.print(format_args!("{double}")),
        _ => {
            let mut text = String::new();
            // A string takes everything.
            let _ = convert::write_scalar(item, &mut text).and_then(|()| text.write_str(""));
            out.push(&text)
        }
    }
}

/// The text of bytes; where they are not UTF-8, one sign for each run of those that are not.
fn lossy<'a>(out: &mut Buffer<'_, '_, 'a>, bytes: &[u8]) -> Result<(), Fault<'a>> {
    let mut was_broken = false;
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            out.push(chunk.valid())?;
            was_broken = false;
        }
        if !chunk.invalid().is_empty() && !was_broken {
            out.push("\u{fffd}")?;
            was_broken = true;
        }
    }
    Ok(())
}

fn unsuited<'a>(call: &Call<'_, 'a>, letter: char, item: Value<'_>) -> Fault<'a> {
    call.bad(format_args!(
        "`%{letter}` does not take {}",
        item.type_name()
    ))
}
