//! Regular expressions: RE2's syntax, by an engine whose time is linear in the text.
//!
//! A literal expression is compiled at load. Others are compiled when they run, kept in a small
//! cache of the thread, and paid for by steps. Whatever one says, it may not compile to more than
//! [`SIZE_LIMIT`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::{Call, Function, Prepared};
use crate::expr::Fault;
use crate::value::Value;

mod captures;
mod dialect;
mod extract;
mod extract_all;
mod matches;
mod replace;
pub(in crate::expr) mod weight;

pub(super) const ALL: &[&Function] = &[
    &captures::FUNCTION,
    &extract::FUNCTION,
    &extract_all::FUNCTION,
    &matches::FUNCTION,
    &replace::FUNCTION,
];

const SIZE_LIMIT: usize = 1 << 20;
const CACHED: usize = 32;

thread_local! {
    /// The most recently used last.
    static CACHE: RefCell<VecDeque<(String, Rc<Regex>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Each match that is taken out costs so many steps: its groups are found by a second search.
const STEPS_PER_MATCH: u64 = 3;

/// Compiles the expression in argument `index` at load, if it is a literal.
fn prepare(
    index: usize,
    arguments: &[Option<Value<'_>>],
) -> Result<Option<Prepared>, (usize, String)> {
    match arguments.get(index) {
        Some(Some(Value::String(pattern))) => compile(pattern)
            .map(|regex| Some(Prepared::Regex(regex)))
            .map_err(|why| (index, why)),
        _ => Ok(None),
    }
}

/// For a function whose expression is the second argument: the receiver comes first.
fn prepare_second(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    prepare(1, arguments)
}

/// Gives the work the expression: the prepared one, a cached one, or a new one. Searching `text`
/// is paid for here.
fn with<'a, T>(
    call: &Call<'_, 'a>,
    text: &str,
    pattern: &str,
    work: impl FnOnce(&Regex) -> Result<T, Fault<'a>>,
) -> Result<T, Fault<'a>> {
    call.scope
        .charge_steps(weight::search(pattern, text.len()))?;
    if let Some(Prepared::Regex(regex)) = call.prepared {
        return work(regex);
    }
    let cached = CACHE.with_borrow_mut(|cache| {
        let at = cache.iter().position(|(known, _)| known == pattern)?;
        let entry = cache.remove(at)?;
        let regex = Rc::clone(&entry.1);
        cache.push_back(entry);
        Some(regex)
    });
    if let Some(regex) = cached {
        return work(&regex);
    }
    call.scope.charge_steps(weight::compile(pattern))?;
    let regex = Rc::new(compile(pattern).map_err(|why| call.bad(format_args!("{why}")))?);
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= CACHED {
            cache.pop_front();
        }
        cache.push_back((pattern.to_owned(), Rc::clone(&regex)));
    });
    work(&regex)
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&dialect::translate(pattern)?)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::Syntax(text) => {
                // The engine draws the place over several lines; its last one says why.
                let why = text
                    .lines()
                    .last()
                    .unwrap_or("")
                    .trim_start_matches("error: ");
                format!("not a regular expression: {why}")
            }
            regex::Error::CompiledTooBig(_) => "this regular expression is too large".to_owned(),
            other => other.to_string(),
        })
}

/// Which group of a match to give: the only one, or the whole match where there is none.
fn only_group<'a>(call: &Call<'_, 'a>, regex: &Regex) -> Result<usize, Fault<'a>> {
    match regex.captures_len() - 1 {
        groups @ (0 | 1) => Ok(groups),
        groups => Err(call.bad(format_args!(
            "the regular expression has {groups} groups; one at most is taken out"
        ))),
    }
}
