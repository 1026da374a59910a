//! The functions of the language, one file each.
//!
//! A function's file is the only place that knows it: the checker reads its signatures, the
//! compiler its `prepare`, the evaluator its `run`, and help, completion and the reference its
//! summary and examples, which are run as tests.

mod buffer;
mod control;
mod conversion;
mod encoding;
mod format;
mod hashing;
mod list;
mod map;
mod math;
mod network;
mod optional;
mod people;
mod regular;
mod text;
mod time;

pub(super) use regular::weight;

#[cfg(test)]
mod cost;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::LazyLock;

use buffer::{Buffer, Fields, Items};

use super::{Fault, FaultKind, Scope};
use crate::value::convert::ConvertError;
use crate::value::{Arena, Value};

/// A built-in function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name, qualified where CEL's is: `startsWith`, `math.greatest`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Signatures in CEL's notation, a receiver before the dot: `string.startsWith(string) -> bool`,
    /// `size(list(A)) -> int`, `math.greatest(dyn...) -> dyn`. One capital letter is a type
    /// parameter; `...` after the last type repeats it.
    pub signatures: &'static [&'static str],
    /// How it can fail, or `None` when it cannot.
    pub fails: Option<&'static str>,
    /// Expressions with the value that each gives, as expressions: `("'abc'.startsWith('a')", "true")`.
    /// The second is `error` where it fails.
    pub examples: &'static [(&'static str, &'static str)],
    /// Makes at load what a literal argument allows to make; reports a bad one.
    pub prepare: Option<Prepare>,
    /// Does the work. The receiver, if any, is the first argument. Counts of arguments are those
    /// of a signature; kinds are not checked yet when an argument was `dyn`.
    pub run: Run,
}

/// See [`Function::run`].
pub type Run = for<'a> fn(&Call<'_, 'a>, &[Value<'a>]) -> Outcome<'a>;

/// What a function gives.
pub type Outcome<'a> = Result<Value<'a>, Fault<'a>>;

/// See [`Function::prepare`]: the literal arguments, `None` where one is not a literal; `Err` is
/// the index of the bad argument and why.
pub type Prepare = fn(&[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)>;

/// What was made of literal arguments at load.
#[derive(Debug)]
pub enum Prepared {
    /// A compiled regular expression.
    Regex(regex::Regex),
    /// A time zone.
    Zone(jiff::tz::TimeZone),
    /// A compiled JSONPath.
    Query(super::jsonpath::Query),
}

/// The surroundings of one call.
#[derive(Debug)]
pub struct Call<'c, 'a> {
    /// Arena, clock and budget.
    pub scope: &'c Scope<'a>,
    /// Which function.
    pub name: &'static str,
    /// Made at load.
    pub prepared: Option<&'a Prepared>,
    /// Where the call stands in the text.
    pub span: (u32, u32),
}

impl<'a> Call<'_, 'a> {
    /// Where new values go.
    pub fn arena(&self) -> &'a Arena {
        self.scope.arena()
    }

    /// Takes from the budget what reading `bytes` costs.
    pub fn reads(&self, bytes: usize) -> Result<(), Fault<'a>> {
        self.scope.charge_steps(bytes as u64 / 16)
    }

    /// Takes from the budget what making `bytes` costs; to be called before they are made.
    pub fn makes(&self, bytes: usize) -> Result<(), Fault<'a>> {
        self.scope.charge_memory(bytes)?;
        self.scope.charge_steps(bytes as u64 / 16)
    }

    /// These arguments are of kinds that the function does not take.
    pub fn no_overload(&self) -> Fault<'a> {
        Fault {
            kind: FaultKind::NoOverload,
            span: self.span,
            detail: self.name,
        }
    }

    /// A failure with a sentence.
    pub fn fault(&self, kind: FaultKind, detail: &'a str) -> Fault<'a> {
        Fault {
            kind,
            span: self.span,
            detail,
        }
    }

    /// An argument that the function does not accept, and why. The sentence must not hold a whole
    /// value.
    pub fn bad(&self, why: fmt::Arguments<'_>) -> Fault<'a> {
        let why = why.to_string();
        self.scope
            .explained(FaultKind::BadArgument, self.span, &why)
    }

    /// What a failed conversion means here.
    pub fn unconverted(&self, error: ConvertError) -> Fault<'a> {
        match error {
            ConvertError::NoOverload => self.no_overload(),
            ConvertError::Range(why) => self.fault(FaultKind::Range, why),
        }
    }

    /// As [`Call::makes`], for a list of so many items.
    pub fn makes_list(&self, items: usize) -> Result<(), Fault<'a>> {
        self.makes(items.saturating_mul(size_of::<Value<'_>>()))
    }

    /// As [`Call::makes`], for a map of so many entries.
    pub fn makes_map(&self, entries: usize) -> Result<(), Fault<'a>> {
        self.makes(entries.saturating_mul(2 * size_of::<Value<'_>>()))
    }

    /// New text, paid for.
    pub fn new_text(&self, text: &str) -> Outcome<'a> {
        self.makes(text.len())?;
        Ok(Value::String(self.arena().string(text)))
    }

    /// New bytes, paid for.
    pub fn new_bytes(&self, bytes: &[u8]) -> Outcome<'a> {
        self.makes(bytes.len())?;
        Ok(Value::Bytes(self.arena().bytes(bytes)))
    }

    /// A new list, paid for.
    pub fn new_list(&self, items: &[Value<'a>]) -> Outcome<'a> {
        self.makes_list(items.len())?;
        Ok(self.arena().list(items))
    }

    /// Takes from the budget what reading a text as something else costs.
    pub fn reads_scalar(&self, value: Value<'_>) -> Result<(), Fault<'a>> {
        match value {
            Value::String(text) | Value::Number(text) => self.reads(text.len()),
            _ => Ok(()),
        }
    }

    /// Takes from the budget what going over all parts of a value costs.
    pub fn reads_whole(&self, value: Value<'_>) -> Result<(), Fault<'a>> {
        self.scope.charge_steps(1)?;
        match value {
            Value::String(text) => self.reads(text.len()),
            Value::Bytes(bytes) => self.reads(bytes.len()),
            Value::List(items) => items.iter().try_for_each(|item| self.reads_whole(*item)),
            Value::Map(map) => map
                .entries()
                .try_for_each(|(_, value)| self.reads_whole(value)),
            Value::Optional(Some(value)) => self.reads_whole(*value),
            _ => Ok(()),
        }
    }
}

/// All functions, sorted by name.
pub fn all() -> &'static [&'static Function] {
    static ALL: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
        let areas = [
            control::ALL,
            &[
                &super::jsonpath::function::ALL,
                &super::jsonpath::function::ONE,
            ],
            conversion::ALL,
            encoding::ALL,
            format::ALL,
            hashing::ALL,
            list::ALL,
            map::ALL,
            math::ALL,
            network::ALL,
            optional::ALL,
            people::ALL,
            regular::ALL,
            text::ALL,
            time::ALL,
        ];
        let mut all: Vec<_> = areas.concat();
        all.sort_unstable_by_key(|function| function.name);
        all
    });
    &ALL
}

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Function> {
    let all = all();
    all.binary_search_by_key(&name, |function| function.name)
        .ok()
        .and_then(|at| all.get(at))
        .copied()
}
