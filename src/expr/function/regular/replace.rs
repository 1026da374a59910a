//! `regex.replace(s, re, new[, limit])`.

use super::{STEPS_PER_MATCH, prepare_second, with};
use crate::expr::Fault;
use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "regex.replace",
    summary: "the text with matches replaced, everywhere or so many times; `\\1` to `\\9` stand for groups, `\\0` for the match, `\\\\` for a backslash",
    signatures: &[
        "regex.replace(string, string, string) -> string",
        "regex.replace(string, string, string, int) -> string",
    ],
    fails: Some(
        "a regular expression that does not compile, or a replacement that names a group it does not have",
    ),
    examples: &[
        (
            "regex.replace('foo bar', r'(fo)o (ba)r', r'\\2 \\1')",
            "'ba fo'",
        ),
        ("regex.replace('banana', 'a', 'x', 2)", "'bxnxna'"),
        ("regex.replace('banana', 'a', 'x', 0)", "'banana'"),
        ("regex.replace('a', 'a', r'\\1')", "error"),
        ("regex.replace('a', '(', 'x')", "error"),
    ],
    prepare: Some(prepare_second),
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, pattern, new, limit) = match *arguments {
        [
            Value::String(text),
            Value::String(pattern),
            Value::String(new),
        ] => (text, pattern, new, -1),
        [
            Value::String(text),
            Value::String(pattern),
            Value::String(new),
            Value::Int(limit),
        ] => (text, pattern, new, limit),
        _ => return Err(call.no_overload()),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    with(call, text, pattern, |regex| {
        let pieces = pieces(call, new, regex.captures_len())?;
        let mut replaced = Buffer::new(call);
        let mut end = 0;
        for found in regex.captures_iter(text).take(limit) {
            call.scope.charge_steps(STEPS_PER_MATCH)?;
            let whole = found.get_match().range();
            replaced.push(text.get(end..whole.start).unwrap_or(""))?;
            for piece in &pieces {
                replaced.push(match *piece {
                    Piece::Text(text) => text,
                    Piece::Group(group) => found.get(group).map_or("", |group| group.as_str()),
                })?;
            }
            end = whole.end;
        }
        replaced.push(text.get(end..).unwrap_or(""))?;
        Ok(replaced.finish())
    })
}

enum Piece<'t> {
    Text(&'t str),
    Group(usize),
}

fn pieces<'t, 'a>(
    call: &Call<'_, 'a>,
    new: &'t str,
    groups: usize,
) -> Result<Vec<Piece<'t>>, Fault<'a>> {
    let mut pieces = Vec::new();
    let mut rest = new;
    while let Some((plain, escape)) = rest.split_once('\\') {
        pieces.push(Piece::Text(plain));
        let mut escape = escape.chars();
        match escape.next() {
            Some('\\') => pieces.push(Piece::Text("\\")),
            Some(digit) if digit.is_ascii_digit() => {
                let group =
                    usize::try_from(u32::from(digit) - u32::from('0')).unwrap_or(usize::MAX);
                if group >= groups {
                    return Err(
                        call.bad(format_args!("the regular expression has no group {group}"))
                    );
                }
                pieces.push(Piece::Group(group));
            }
            _ => {
                return Err(call.bad(format_args!(
                    "a backslash in the replacement stands before a digit or a backslash"
                )));
            }
        }
        rest = escape.as_str();
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}
