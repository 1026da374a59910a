//! What a request may come without, over a whole function.
//!
//! An expression by itself knows what it reads and what it handles. Here is added what holds where
//! it runs: what `when`, `check` and the case's own `when` have asked for, and whether anybody
//! reads a value under `let` without handling its absence. Conditions themselves are not looked
//! at: a `when` that cannot be evaluated is false, and a `check` that cannot gives its own answer.

use std::collections::HashSet;
use std::sync::Arc;

use super::expressions::Expressions;
use super::report::Complete as _;
use super::root::Root;
use crate::diagnostic::{Diagnostic, Problem, Severity, code};
use crate::expr::{Access, Fact, Findings, Lack, Slot};
use crate::spec::FieldPath;

/// Where an expression runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Place {
    /// Nobody asks.
    #[default]
    Elsewhere,
    /// `when` of the function. Whatever fails there makes it false.
    When,
    /// `check[].that`, by its index. What is absent there makes it false.
    Check(usize),
    /// The message of a check that does not hold.
    Message,
    /// A value under `let`, by its index.
    Let(usize),
    /// The condition of a case of the answer.
    CaseWhen(usize),
    /// The content of a case of the answer.
    Case(usize),
    /// The condition of a delivery.
    DeliverWhen(usize),
    /// What a delivery sends, and the key of `dedupe`.
    Deliver(usize),
}

/// An expression that was compiled, and what is known of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) at: FieldPath,
    pub(super) findings: Arc<Findings>,
}

/// Reports what nothing handles, as errors where `is_strict`; gives back what is to be said only
/// when it is asked for.
pub(super) fn report(
    expressions: &mut Expressions<'_, '_>,
    names: &[&str],
    is_strict: bool,
) -> Vec<Diagnostic> {
    let (seen, report) = expressions.seen_and_report();
    if seen.iter().all(|one| one.findings.accesses.is_empty()) {
        return Vec::new();
    }
    let function = Function { seen, names };
    let contexts = function.contexts();
    let mut found: Vec<(Access, Diagnostic)> = Vec::new();
    for one in seen {
        let contexts: Vec<&Context> = match one.place {
            Place::Elsewhere | Place::When | Place::Message => continue,
            Place::Let(index) => contexts
                .iter()
                .filter(|context| context.exposed.contains(&index))
                .filter(|context| !function.is_evaluated(index, &context.facts))
                .collect(),
            Place::Check(_)
            | Place::CaseWhen(_)
            | Place::Case(_)
            | Place::DeliverWhen(_)
            | Place::Deliver(_) => contexts
                .iter()
                .filter(|context| context.place == one.place)
                .collect(),
        };
        for access in &one.findings.accesses {
            let path = access.path.as_deref().map(|path| function.full(path));
            let access = Access {
                path,
                ..access.clone()
            };
            if contexts.iter().all(|context| context.takes_care(&access)) {
                continue;
            }
            let twin = found.iter_mut().find(|(known, _)| {
                known.path.is_some()
                    && known.path == access.path
                    && known.described == access.described
                    && known.lack != access.lack
                    && [known.lack, access.lack].contains(&Lack::Field)
            });
            if let Some((known, first)) = twin {
                join(known, first, access);
                continue;
            }
            let mut diagnostic = report.diagnostic(&one.at, unhandled(&access));
            let twin = |(known, _): &&mut (Access, Diagnostic)| {
                known.lack == access.lack && known.path.is_some() && known.path == access.path
            };
            match found.iter_mut().find(twin) {
                // One word for one field; the other places are shown.
                Some((known, first)) if !is_strict || known.described == access.described => {
                    if let Some(span) = diagnostic.span
                        && first.span != Some(span)
                        && first.related.iter().all(|(other, _)| *other != span)
                    {
                        first.related(span, "and read here");
                    }
                }
                _ => {
                    if is_strict {
                        diagnostic.severity = Severity::Error;
                    }
                    found.push((access, diagnostic));
                }
            }
        }
    }
    let mut quiet = Vec::new();
    for (access, diagnostic) in found {
        if is_strict || access.described {
            report.elsewhere(diagnostic);
        } else {
            quiet.push(diagnostic);
        }
    }
    quiet
}

/// All expressions of a function.
struct Function<'f> {
    seen: &'f [Seen],
    /// The names under `let`.
    names: &'f [&'f str],
}

/// Where values are asked for, and what holds there.
struct Context {
    place: Place,
    facts: Vec<Fact>,
    /// The values under `let` whose absence makes this one fail.
    exposed: HashSet<usize>,
}

impl Context {
    /// Whether a request that lacks this comes to what the function says.
    fn takes_care(&self, access: &Access) -> bool {
        let is_refused = matches!(self.place, Place::Check(_)) && access.lack.is_absence();
        is_refused || access.is_covered(&self.facts)
    }
}

impl Function<'_> {
    fn contexts(&self) -> Vec<Context> {
        let mut places: Vec<Place> = Vec::new();
        for one in self.seen {
            let runs = matches!(
                one.place,
                Place::Check(_)
                    | Place::CaseWhen(_)
                    | Place::Case(_)
                    | Place::DeliverWhen(_)
                    | Place::Deliver(_)
            );
            if runs && !places.contains(&one.place) {
                places.push(one.place);
            }
        }
        places
            .into_iter()
            .map(|place| {
                let mut facts = Vec::new();
                for one in self.seen {
                    facts.extend_from_slice(known_at(place, one));
                }
                self.close(&mut facts);
                let own = self.seen.iter().filter(|one| one.place == place);
                let mut open: Vec<usize> = own
                    .flat_map(|one| one.findings.exposed.iter().copied())
                    .filter_map(index_of)
                    .collect();
                let mut exposed = HashSet::new();
                while let Some(index) = open.pop() {
                    if exposed.insert(index)
                        && let Some(value) = self.value(index)
                    {
                        open.extend(value.exposed.iter().copied().filter_map(index_of));
                    }
                }
                Context {
                    place,
                    facts,
                    exposed,
                }
            })
            .collect()
    }

    fn value(&self, index: usize) -> Option<&Findings> {
        let one = self
            .seen
            .iter()
            .find(|one| one.place == Place::Let(index))?;
        Some(&one.findings)
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| *known == name)
    }

    /// Whether facts say that a value under `let` was evaluated.
    fn is_evaluated(&self, index: usize, facts: &[Fact]) -> bool {
        let name = self.names.get(index);
        name.is_some_and(|name| facts.iter().any(|fact| fact.path() == *name))
    }

    /// Adds what follows: that a value was evaluated says what it has read, and a value that is a
    /// field of the request is that field.
    fn close(&self, facts: &mut Vec<Fact>) {
        let mut known: HashSet<Fact> = HashSet::new();
        while let Some(fact) = facts.pop() {
            if !known.insert(fact.clone()) {
                continue;
            }
            if let Some(value) = self.index(fact.path()).and_then(|index| self.value(index)) {
                facts.extend(value.after.iter().cloned());
            }
            let full = self.full(fact.path());
            if full != fact.path() {
                facts.push(fact.of(full));
            }
        }
        facts.extend(known);
    }

    /// A path from the request, where it begins at a value under `let` that is a field of it.
    fn full(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..self.names.len() {
            let end = path.find(['.', '[']).unwrap_or(path.len());
            let (root, rest) = path.split_at(end);
            let alias = self
                .index(root)
                .and_then(|index| self.value(index))
                .and_then(|value| value.path.as_deref());
            match alias {
                Some(alias) => path = format!("{alias}{rest}"),
                None => break,
            }
        }
        path
    }
}

/// What an expression says of a request that has come to a place.
fn known_at(place: Place, one: &Seen) -> &[Fact] {
    let findings = &one.findings;
    match (place, one.place) {
        (_, Place::When) => &findings.if_true,
        (Place::Check(index), Place::Check(before)) if before >= index => &[],
        (_, Place::Check(_)) => &findings.if_true,
        (Place::Case(case), Place::CaseWhen(asked)) if asked == case => &findings.if_true,
        (Place::Deliver(of), Place::DeliverWhen(asked)) if asked == of => &findings.if_true,
        (Place::Case(case) | Place::CaseWhen(case), Place::CaseWhen(asked)) if asked < case => {
            &findings.if_false
        }
        _ => &[],
    }
}

fn index_of(slot: Slot) -> Option<usize> {
    usize::from(slot.0).checked_sub(Root::ALL.len())
}

/// What is said of an access that nothing handles.
fn unhandled(access: &Access) -> Problem {
    let shown = named(access);
    let message = match access.lack {
        Lack::Field => format!("a request without `{shown}` is answered 422"),
        Lack::Element => match shown.rsplit_once('[') {
            Some((list, index)) => format!(
                "a request in which `{list}` has no element {} is answered 422",
                index.trim_end_matches(']')
            ),
            None => format!("a request without `{shown}` is answered 422"),
        },
        Lack::Parent => format!("a request in which `{shown}` is null is answered 422"),
        Lack::Null => format!("a request in which `{shown}` is null is answered 500"),
        Lack::Kind => {
            let instead = access.instead.as_deref().unwrap_or("of another type");
            format!("a request in which `{shown}` is {instead} is answered 500")
        }
    };
    let problem = Problem::warning(code::expr::UNHANDLED, access.range.clone(), message);
    helps(access).into_iter().fold(problem, Problem::help)
}

/// Puts what is said of a field that may be absent and what is said of its value into one: whoever
/// takes care of the value takes care of both.
fn join(known: &mut Access, first: &mut Diagnostic, other: Access) {
    let of_value = if known.lack == Lack::Field {
        other
    } else {
        known.clone()
    };
    let shown = named(&of_value);
    first.message = match of_value.lack {
        Lack::Null => {
            format!("a request without `{shown}` is answered 422, and one in which it is null 500")
        }
        Lack::Kind => format!(
            "a request without `{shown}` is answered 422, and one in which it is {} 500",
            of_value.instead.as_deref().unwrap_or("of another type")
        ),
        // Both are as if it were absent.
        Lack::Field | Lack::Element | Lack::Parent => return,
    };
    first.help = helps(&of_value);
    known.lack = Lack::Field;
}

/// What a request may lack, from the request where that can be said.
fn named(access: &Access) -> &str {
    // A path through a macro's variable has a name that only the checker understands.
    let path = access.path.as_deref();
    path.filter(|path| !path.contains(['#', '\u{1}']))
        .unwrap_or(&access.shown)
}

/// What to do about it.
fn helps(access: &Access) -> Vec<String> {
    let written = &access.shown;
    if access.lack == Lack::Kind {
        let mut helps = vec![format!("ask for its type first: `type({written}) == …`")];
        if !access.described {
            helps.push("or say what the body is like: `request: { schema: … }`".to_owned());
        }
        return helps;
    }
    let mut helps = vec![format!("give another value: `{written} ?? …`")];
    let path = access.path.as_deref();
    if written.contains(['(', ' ']) || path.is_some_and(|path| path.contains('#')) {
        return helps;
    }
    let question = match access.lack {
        Lack::Field | Lack::Kind => match written.rsplit_once('[') {
            Some((map, key)) if key.ends_with(']') => {
                format!("{} in {map}", key.trim_end_matches(']'))
            }
            _ if written.contains('.') => format!("has({written})"),
            _ => return helps,
        },
        Lack::Element => {
            let list = written
                .rsplit_once('[')
                .map_or(written.as_str(), |(list, _)| list);
            format!("size({list}) > 0")
        }
        Lack::Parent | Lack::Null => format!("{written} != null"),
    };
    helps.push(format!(
        "or ask for it first, in `when` or `check`: `{question}`"
    ));
    helps
}
