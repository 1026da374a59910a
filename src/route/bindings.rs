//! The values under `let`.
//!
//! They may stand in any order and need each other, but not in a circle. Each gets a slot after
//! the roots; types are inferred in the order in which the values need each other. At run time
//! each is evaluated once, when it is first asked for.

use indexmap::IndexMap;

use super::clause::Clause;
use super::expressions::{Expressions, names};
use super::fallible::Place;
use super::report::Complete;
use super::root::Root;
use crate::diagnostic::code;
use crate::expr::{Environment, Slot, Type};
use crate::spec::{Expression, FieldPath};

/// How many values may stand between an answer and the request: each level costs stack.
const MAX_DEPTH: usize = 64;

/// The values under `let`, by slot after the roots; those that did not compile are missing, and
/// then so is the function.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    pub(super) clauses: Vec<Option<Clause>>,
    uses: Vec<Vec<usize>>,
}

/// Declares the names, so that whatever is compiled afterwards knows them. Types come later.
pub(super) fn declare(bindings: &IndexMap<String, Expression>, environment: &mut Environment) {
    for name in bindings.keys() {
        environment.declare(name.as_str(), Type::Dyn);
    }
}

/// Compiles the values in the order in which they need each other.
pub(super) fn compile(
    bindings: &IndexMap<String, Expression>,
    expressions: &mut Expressions<'_, '_>,
) -> Bindings {
    let at = FieldPath::root().key("let");
    let order = order(bindings, &at, expressions);
    let mut compiled = Bindings {
        clauses: bindings.iter().map(|_| None).collect(),
        uses: vec![Vec::new(); bindings.len()],
    };
    let mut depths = vec![0_usize; bindings.len()];
    for index in order {
        let Some((name, text)) = bindings.get_index(index) else {
            continue;
        };
        expressions.at_place(Place::Let(index));
        let at = at.key(name.as_str());
        let Some((clause, of, uses)) = expressions.binding(&at, &text.0) else {
            continue;
        };
        expressions.warn_of_cents(name, &at);
        let uses: Vec<usize> = uses.iter().filter_map(|&slot| index_of(slot)).collect();
        let depth = uses
            .iter()
            .filter_map(|&used| depths.get(used))
            .max()
            .map_or(0, |depth| depth + 1);
        if depth == MAX_DEPTH {
            expressions
                .report
                .error_at_key(
                    code::route::DEEP_LET,
                    &at,
                    format!("`{name}` stands on a chain of more than {MAX_DEPTH} values"),
                )
                .help("put several steps into one expression");
        }
        expressions.environment.refine(slot_of(index), of);
        if let (Some(place), Some(needs), Some(own_depth)) = (
            compiled.clauses.get_mut(index),
            compiled.uses.get_mut(index),
            depths.get_mut(index),
        ) {
            *place = Some(clause);
            *needs = uses;
            *own_depth = depth;
        }
    }
    compiled
}

/// Warns of values that nothing reads; `used` are the slots that the rest of the function reads.
pub(super) fn warn_of_unused(
    bindings: &IndexMap<String, Expression>,
    compiled: &Bindings,
    expressions: &mut Expressions<'_, '_>,
) {
    let mut is_used = vec![false; bindings.len()];
    let mut open: Vec<usize> = expressions
        .used()
        .iter()
        .filter_map(|&slot| index_of(slot))
        .collect();
    while let Some(index) = open.pop() {
        if let Some(seen) = is_used.get_mut(index)
            && !std::mem::replace(seen, true)
        {
            open.extend(compiled.uses.get(index).into_iter().flatten());
        }
    }
    for (name, is_used) in bindings.keys().zip(is_used) {
        if !is_used {
            expressions
                .report
                .warning_at_key(
                    code::route::UNUSED_LET,
                    &FieldPath::root().key("let").key(name.as_str()),
                    format!("nothing reads `{name}`"),
                )
                .help("remove it, or use it in `when`, `check` or `respond`");
        }
    }
}

fn slot_of(index: usize) -> Slot {
    Slot(u16::try_from(Root::ALL.len() + index).unwrap_or(u16::MAX))
}

fn index_of(slot: Slot) -> Option<usize> {
    usize::from(slot.0).checked_sub(Root::ALL.len())
}

/// The values' indices, each after those that it needs. Circles are reported and left out.
fn order(
    bindings: &IndexMap<String, Expression>,
    at: &FieldPath,
    expressions: &mut Expressions<'_, '_>,
) -> Vec<usize> {
    let mut needs: Vec<Vec<usize>> = bindings
        .values()
        .map(|text| {
            names(&without_strings(&text.0))
                .filter_map(|name| bindings.get_index_of(name))
                .collect()
        })
        .collect();
    if let Ok(order) = sort(&needs) {
        return order;
    }
    // The words of a text say more than the expression reads: a macro's variable may have a
    // value's name. Now it is worth asking exactly.
    for (need, text) in needs.iter_mut().zip(bindings.values()) {
        *need = expressions
            .reads(&text.0)
            .into_iter()
            .filter_map(index_of)
            .collect();
    }
    let mut broken = vec![false; bindings.len()];
    loop {
        match sort(&needs) {
            Ok(sorted) => {
                return sorted
                    .into_iter()
                    .filter(|&index| broken.get(index) == Some(&false))
                    .collect();
            }
            Err(circle) => {
                report_circle(bindings, &circle, at, expressions);
                for index in circle {
                    if let (Some(need), Some(broken)) =
                        (needs.get_mut(index), broken.get_mut(index))
                    {
                        need.clear();
                        *broken = true;
                    }
                }
            }
        }
    }
}

/// Depth first: each index after all that it needs, or the first circle that is met.
fn sort(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; needs.len()];
    let mut order = Vec::with_capacity(needs.len());
    for start in 0..needs.len() {
        let mut way: Vec<(usize, std::slice::Iter<'_, usize>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(index) = next.take() {
                match marks.get_mut(index) {
                    Some(mark @ Mark::New) => {
                        *mark = Mark::Open;
                        way.push((
                            index,
                            needs.get(index).map_or([].iter(), |need| need.iter()),
                        ));
                    }
                    Some(Mark::Open) => {
                        return Err(way
                            .iter()
                            .map(|(index, _)| *index)
                            .skip_while(|&on_way| on_way != index)
                            .collect());
                    }
                    Some(Mark::Done) | None => {}
                }
            }
            let Some((index, rest)) = way.last_mut() else {
                break;
            };
            if let Some(&need) = rest.next() {
                next = Some(need);
            } else {
                if let Some(mark) = marks.get_mut(*index) {
                    *mark = Mark::Done;
                }
                order.push(*index);
                way.pop();
            }
        }
    }
    Ok(order)
}

fn report_circle(
    bindings: &IndexMap<String, Expression>,
    circle: &[usize],
    at: &FieldPath,
    expressions: &mut Expressions<'_, '_>,
) {
    let names: Vec<&str> = circle
        .iter()
        .filter_map(|&index| bindings.get_index(index))
        .map(|(name, _)| name.as_str())
        .collect();
    let Some((&first, others)) = names.split_first() else {
        return;
    };
    let drawn = names
        .iter()
        .chain([&first])
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(" → ");
    let spans: Vec<_> = others
        .iter()
        .zip(others.iter().skip(1).chain([&first]))
        .map(|(&name, needed)| {
            (
                expressions.report.value(&at.key(name)),
                format!("needs `{needed}`"),
            )
        })
        .collect();
    let diagnostic = expressions.report.error(
        code::route::LET_CYCLE,
        &at.key(first),
        if others.is_empty() {
            format!("`{first}` needs itself")
        } else {
            format!("values that need each other: {drawn}")
        },
    );
    if let Some(second) = others.first() {
        diagnostic.label(format!("needs `{second}`"));
    }
    for (span, words) in spans {
        diagnostic.related(span, words);
    }
    diagnostic.help("let one of them read the request instead");
}

/// The text with the content of its string literals and comments blanked. A text that CEL cannot
/// read may come out wrong: then only the order is, and the mistake is reported anyway.
fn without_strings(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quote| rest.starts_with(quote))
        else {
            if rest.starts_with("//") {
                rest = rest
                    .find('\n')
                    .and_then(|end| rest.get(end..))
                    .unwrap_or("");
                continue;
            }
            kept.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or("");
            continue;
        };
        let is_raw = raw_prefix(&kept);
        kept.push(' ');
        rest = rest.get(quote.len()..).unwrap_or("");
        let mut end = rest.len();
        let mut is_escaped = false;
        for (at, c) in rest.char_indices() {
            if is_escaped {
                is_escaped = false;
            } else if c == '\\' && !is_raw {
                is_escaped = true;
            } else if rest.get(at..).is_some_and(|rest| rest.starts_with(quote)) {
                end = at + quote.len();
                break;
            }
        }
        rest = rest.get(end..).unwrap_or("");
    }
    kept
}

/// Whether a quote that follows this text begins a raw string: `r"`, `br'`, `Rb"`.
fn raw_prefix(before: &str) -> bool {
    let start = before
        .rfind(|c: char| c != '_' && !c.is_alphanumeric())
        .map_or(0, |at| at + 1);
    let prefix = before.get(start..).unwrap_or("");
    ["r", "br", "rb"]
        .iter()
        .any(|raw| prefix.eq_ignore_ascii_case(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(needs: &[&[usize]], expected: Result<&[usize], &[usize]>) {
        let needs: Vec<Vec<usize>> = needs.iter().map(|need| need.to_vec()).collect();
        assert_eq!(
            sort(&needs).as_deref().map_err(Vec::as_slice),
            expected,
            "{needs:?}"
        );
    }

    #[test]
    fn each_value_comes_after_those_that_it_needs() {
        check(&[], Ok(&[]));
        check(&[&[1], &[2], &[]], Ok(&[2, 1, 0]));
        check(&[&[1, 2], &[2], &[]], Ok(&[2, 1, 0]));
        check(&[&[0]], Err(&[0]));
        check(&[&[1], &[2], &[1]], Err(&[1, 2]));
    }

    #[test]
    fn a_long_chain_does_not_use_the_stack() {
        let needs: Vec<Vec<usize>> = (1..=60_000).map(|next| vec![next]).collect();
        assert_eq!(sort(&needs).map(|order| order.len()), Ok(60_000));
    }

    #[test]
    fn words_in_strings_are_no_names() {
        for (text, expected) in [
            (r#"body["token"] + a"#, "body[ ] + a"),
            (r"'it\'s b' + c", "  + c"),
            (r"r'\' + c", "r  + c"),
            (r#""""a "b" c""" + d"#, "  + d"),
            ("a // b\n+ c", "a \n+ c"),
            ("'open", " "),
            ("xr'\\' + c'", "xr "),
        ] {
            assert_eq!(without_strings(text), expected, "{text}");
        }
    }
}
