//! Compiles the expressions of one function.
//!
//! Functions that write the same expression share one program, as long as every name in it has the
//! same slot and type in both: folders of many functions repeat themselves a lot, and compiling a
//! regular expression costs more than all the rest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::clause::{Clause, Runs};
use super::fallible::{Place, Seen};
use super::function::bytes;
use super::report::{Complete, Report};
use crate::diagnostic::{Problem, code};
use crate::expr::{self, Environment, Findings, Growth, Slot, Type};
use crate::spec::FieldPath;

/// What a compiled text gave, shared by all that write it alike.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) program: Arc<Runs>,
    pub(super) text: Arc<str>,
    pub(super) result: Type,
    uses: Arc<[Slot]>,
    warnings: Arc<[Problem]>,
    findings: Arc<Findings>,
}

/// The expressions that many functions may share.
#[derive(Debug, Default)]
pub(super) struct Cache {
    known: HashMap<(Language, Box<str>), Vec<Variant>>,
}

/// A text compiled where its names had these meanings.
#[derive(Debug)]
struct Variant {
    meanings: Vec<(Slot, Type)>,
    outcome: Result<Shared, Vec<Problem>>,
}

/// How many meanings of one text are remembered.
const VARIANTS: usize = 8;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Language {
    /// One expression.
    Expression,
    /// Text with `${ }`.
    Text,
    /// Text with `${ }` that stands for bytes.
    Bytes,
}

/// The expressions of one function.
#[derive(Debug)]
pub(super) struct Expressions<'c, 'd> {
    /// Where problems go.
    pub(super) report: Report<'d>,
    pub(super) environment: Environment,
    /// Names that mean something else in each function.
    own: HashSet<String>,
    cache: &'c mut Cache,
    /// By slot: whether anything that runs reads it.
    used: Vec<Slot>,
    /// Where what is compiled next runs.
    place: Place,
    /// Whether what was compiled last reads nothing, and nothing else was said of it.
    last_is_constant: bool,
    /// How many bytes a body may have, and how many steps a request.
    limits: Option<(u64, u64)>,
    /// What was compiled, in places where somebody asks what a request may come without.
    seen: Vec<Seen>,
}

impl<'c, 'd> Expressions<'c, 'd> {
    /// In `environment`, in which the names of `own` differ from function to function.
    pub(super) fn new(
        report: Report<'d>,
        environment: Environment,
        own: impl IntoIterator<Item = String>,
        cache: &'c mut Cache,
    ) -> Self {
        Self {
            report,
            environment,
            own: own.into_iter().collect(),
            cache,
            used: Vec::new(),
            place: Place::default(),
            last_is_constant: false,
            limits: None,
            seen: Vec::new(),
        }
    }

    /// Says how large a body may be, in bytes, and how many steps a request has.
    pub(super) fn held_to(&mut self, body: u64, steps: u64) {
        self.limits = Some((body, steps));
    }

    /// Says where what is compiled from now on runs.
    pub(super) fn at_place(&mut self, place: Place) {
        self.place = place;
    }

    /// What was compiled so far, each with its place, and where problems go.
    pub(super) fn seen_and_report(&mut self) -> (&[Seen], &mut Report<'d>) {
        (&self.seen, &mut self.report)
    }

    /// Compiles an expression and notes what it reads.
    pub(super) fn expression(&mut self, at: &FieldPath, text: &str) -> Option<(Clause, Type)> {
        let shared = self.compile(Language::Expression, at, text)?;
        self.used.extend_from_slice(&shared.uses);
        Some(self.clause(at, shared))
    }

    /// As [`expression`](Self::expression), for a value under `let`, which may never be asked
    /// for: what it reads is given back.
    pub(super) fn binding(
        &mut self,
        at: &FieldPath,
        text: &str,
    ) -> Option<(Clause, Type, Arc<[Slot]>)> {
        let shared = self.compile(Language::Expression, at, text)?;
        let uses = Arc::clone(&shared.uses);
        let (clause, of) = self.clause(at, shared);
        Some((clause, of, uses))
    }

    /// Compiles text that holds `${ }`: one hole alone keeps its value's type, all else is text.
    pub(super) fn text(&mut self, at: &FieldPath, text: &str) -> Option<(Clause, Type)> {
        let shared = self.compile(Language::Text, at, text)?;
        self.used.extend_from_slice(&shared.uses);
        Some(self.clause(at, shared))
    }

    /// Compiles text that holds `${ }` and stands for bytes; also tells what it reads.
    pub(super) fn bytes(&mut self, at: &FieldPath, text: &str) -> Option<(Clause, Arc<[Slot]>)> {
        let shared = self.compile(Language::Bytes, at, text)?;
        let uses = Arc::clone(&shared.uses);
        let (clause, _) = self.clause(at, shared);
        Some((clause, uses))
    }

    /// Compiles an expression that must be true or false.
    pub(super) fn condition(&mut self, at: &FieldPath, text: &str) -> Option<Clause> {
        let (clause, of) = self.expression(at, text)?;
        if self.last_is_constant {
            let message = "this condition is always the same: it reads nothing of the request";
            let problem = Problem::warning(code::expr::CONSTANT_CONDITION, 0..text.len(), message);
            self.report.inside(at, [problem]);
        }
        if matches!(of.unless_null(), Type::Bool | Type::Dyn) {
            return Some(clause);
        }
        self.report
            .error(
                code::route::NOT_BOOLEAN,
                at,
                format!("a condition must be true or false, this is `{of}`"),
            )
            .help("compare it with something: `x == \"y\"`, `size(x) > 0`, `has(x.y)`");
        None
    }

    /// Warns of whole numbers that the last expression divided, where its name is one of money.
    pub(super) fn warn_of_cents(&mut self, name: &str, at: &FieldPath) {
        let Some(last) = self.seen.last().filter(|_| expr::is_of_money(name)) else {
            return;
        };
        let divisions = last.findings.divisions.iter();
        let problems = divisions.map(|range| expr::whole_division(range.clone(), name, false));
        self.report.inside(at, problems);
    }

    /// Notes that a template reads these.
    pub(super) fn uses(&mut self, at: &FieldPath, slots: &[Slot]) {
        self.used.extend_from_slice(slots);
        let findings = Findings {
            exposed: slots.to_vec(),
            ..Findings::default()
        };
        self.see(at, Arc::new(findings));
    }

    /// What everything that always may run reads, repeats included.
    pub(super) fn used(&self) -> &[Slot] {
        &self.used
    }

    /// Which names an expression reads, when it can be told without its types.
    pub(super) fn reads(&self, text: &str) -> Vec<Slot> {
        expr::compile(text, &self.environment)
            .map(|compiled| compiled.uses)
            .unwrap_or_default()
    }

    fn see(&mut self, at: &FieldPath, findings: Arc<Findings>) {
        if self.place != Place::Elsewhere {
            self.seen.push(Seen {
                place: self.place,
                at: at.clone(),
                findings,
            });
        }
    }

    fn clause(&self, at: &FieldPath, shared: Shared) -> (Clause, Type) {
        let clause = Clause {
            program: shared.program,
            text: shared.text,
            site: self.report.site(at),
        };
        (clause, shared.result)
    }

    fn compile(&mut self, language: Language, at: &FieldPath, text: &str) -> Option<Shared> {
        let environment = &self.environment;
        let meanings: Vec<(Slot, &Type)> = names(text)
            .filter(|name| self.own.contains(*name))
            .filter_map(|name| environment.find(name))
            .collect();
        let variants = self.cache.known.entry((language, text.into())).or_default();
        let is_same = |variant: &Variant| {
            let known = variant.meanings.iter().map(|(slot, of)| (*slot, of));
            known.eq(meanings.iter().copied())
        };
        let outcome = if let Some(known) = variants.iter().find(|variant| is_same(variant)) {
            known.outcome.clone()
        } else {
            let outcome = compile(language, text, environment);
            if variants.len() < VARIANTS {
                variants.push(Variant {
                    meanings: meanings
                        .iter()
                        .map(|&(slot, of)| (slot, of.clone()))
                        .collect(),
                    outcome: outcome.clone(),
                });
            }
            outcome
        };
        match outcome {
            Ok(shared) => {
                self.report.inside(at, shared.warnings.iter().cloned());
                if let (Some((body, steps)), Some(growth)) = (self.limits, &shared.findings.growth)
                {
                    self.report.inside(at, too_dear(growth, body, steps));
                }
                self.see(at, Arc::clone(&shared.findings));
                self.last_is_constant = shared.findings.is_constant && shared.warnings.is_empty();
                Some(shared)
            }
            Err(problems) => {
                self.report.inside(at, problems);
                None
            }
        }
    }
}

fn compile(
    language: Language,
    text: &str,
    environment: &Environment,
) -> Result<Shared, Vec<Problem>> {
    let (runs, result, uses, warnings, findings) = match language {
        Language::Expression => {
            let compiled = expr::compile(text, environment)?;
            let runs = Runs::Expression(compiled.program);
            let warnings = compiled.warnings;
            (
                runs,
                compiled.result,
                compiled.uses,
                warnings,
                compiled.findings,
            )
        }
        Language::Text | Language::Bytes => {
            let compiled = if language == Language::Text {
                expr::compile_text(text, environment)?
            } else {
                expr::compile_bytes(text, environment)?
            };
            let runs = Runs::Text(compiled.program);
            let warnings = compiled.warnings;
            (
                runs,
                compiled.result,
                compiled.uses,
                warnings,
                compiled.findings,
            )
        }
    };
    Ok(Shared {
        program: Arc::new(runs),
        text: text.into(),
        result,
        uses: uses.into(),
        warnings: warnings.into(),
        findings: Arc::new(findings),
    })
}

/// Fewest bytes of a value in a list of JSON: a digit and a comma.
const BYTES_A_VALUE: u64 = 2;

/// A warning where the longest body would need more steps than there are.
fn too_dear(growth: &Growth, body: u64, steps: u64) -> Option<Problem> {
    let rounds = |body: u64| {
        (body / BYTES_A_VALUE)
            .checked_pow(growth.degree)
            .unwrap_or(u64::MAX)
    };
    if rounds(body) <= steps {
        return None;
    }
    // The longest body that is safe, by halves: it need not be exact.
    let mut safe = 1_u64;
    while rounds(safe * 2) <= steps {
        safe *= 2;
    }
    let shape = match growth.degree {
        2 => "the square".to_owned(),
        3 => "the cube".to_owned(),
        degree => format!("the power {degree}"),
    };
    let message = format!(
        "the work grows with {shape} of the body: above about {} it may need more than the {steps} steps of a request",
        bytes(safe)
    );
    let problem = Problem::warning(code::expr::GROWTH, growth.range.clone(), message);
    Some(
        problem
            .help("make a map of the inner list once, under `let`, and look values up in it: `list.key_by(x, x.id)`, `id in map`")
            .help(format!(
                "or take no longer bodies: `accept: {{ max_body: {} }}`",
                bytes(safe)
            )),
    )
}

/// Words of a text that could be names: fields that are selected from a value are not, be it by
/// `.` or by `.?`. More than an expression reads (the variables of its macros, the words of its
/// strings), never less: a dot that follows no value is the root's, as in `.name` and `$.name`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut before = Before::Other;
    std::iter::from_fn(move || {
        loop {
            let first = rest.chars().next()?;
            if first == '_' || first.is_alphabetic() {
                let end = rest
                    .find(|c: char| c != '_' && !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                let (name, tail) = rest.split_at(end);
                rest = tail;
                let next = if name == "in" {
                    Before::Other
                } else {
                    Before::Value
                };
                if std::mem::replace(&mut before, next) != Before::Dot {
                    return Some(name);
                }
            } else {
                before = match (first, before) {
                    // A comment may have ended here.
                    ('\n', _) => Before::Other,
                    (c, before) if c.is_whitespace() => before,
                    ('.', Before::Value) => Before::Dot,
                    ('?', Before::Dot) => Before::Dot,
                    (')' | ']' | '}' | '"' | '\'' | '`', _) => Before::Value,
                    (c, _) if c.is_numeric() => Before::Value,
                    _ => Before::Other,
                };
                rest = rest.get(first.len_utf8()..)?;
            }
        }
    })
}

/// What stands before a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The end of a value: a dot after it selects.
    Value,
    /// A dot that selects.
    Dot,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bodies_for_which_the_steps_are_not_enough_are_too_dear() {
        let told = |degree, body, steps| {
            let growth = Growth {
                range: 0..1,
                degree,
            };
            too_dear(&growth, body, steps).map(|problem| problem.help[1].clone())
        };
        let help = |size: &str| {
            Some(format!(
                "or take no longer bodies: `accept: {{ max_body: {size} }}`"
            ))
        };
        assert_eq!(told(2, 10 << 20, 1_000_000), help("1KiB"));
        assert_eq!(told(3, 10 << 20, 1_000_000), help("128B"));
        // A thousand values, each looked at a thousand times: just enough.
        assert_eq!(told(2, 2000, 1_000_000), None);
        assert_eq!(told(2, 2002, 1_000_000), help("1KiB"));
        assert_eq!(told(40, u64::MAX, u64::MAX - 1), help("4B"));
    }

    #[test]
    fn every_name_that_is_read_is_among_the_words() {
        let words = |text| names(text).collect::<Vec<_>>();
        assert_eq!(
            words("body.a .b + size(c) ?? _d2"),
            ["body", "size", "c", "_d2"]
        );
        assert_eq!(words("x[y].z ? 1.5 : é"), ["x", "y", "é"]);
        assert_eq!(words("a.?b . ? c ?? d ? e : f"), ["a", "d", "e", "f"]);
        assert_eq!(words("Lead ${a.b}: ${c}"), ["Lead", "a", "c"]);
        assert_eq!(words("a.?b.c ? d : e"), ["a", "d", "e"]);
        assert_eq!(words("f(x) .y + z[0].?b"), ["f", "x", "z"]);
        assert_eq!(words(".a + $.b.c"), ["a", "b"]);
        assert_eq!(words("a + // b\n .c"), ["a", "b", "c"]);
        assert_eq!(
            words("x in .y || 'k' in z"),
            ["x", "in", "y", "k", "in", "z"]
        );
        assert!(words("").is_empty());
    }
}
