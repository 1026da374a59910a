//! What is known of the request's fields where an expression is evaluated.
//!
//! A place is written as a path: `body.commits[0].id`. That an expression gave a value says that
//! all it had to read was there; that a condition is true says what it asked for. So inside
//! `has(a.b) && …`, behind `a.b != null ? …` and after a `check` the access is safe.

use super::Checker;
use crate::expr::ast::{Ast, Binary, FoldKind, Literal, Node};
use crate::expr::jsonpath::Query;
use crate::expr::names::{self, Meaning};
use crate::expr::program::StepKey;

/// Something that holds of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// It is there; it may be null.
    Present(String),
    /// It is there and not null.
    Filled(String),
    /// It is there, and of a type that was asked for, or that something took.
    Typed(String),
}

impl Fact {
    /// The same of another path.
    #[must_use]
    pub fn of(&self, path: String) -> Self {
        match self {
            Self::Present(_) => Self::Present(path),
            Self::Filled(_) => Self::Filled(path),
            Self::Typed(_) => Self::Typed(path),
        }
    }

    /// The path that it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::Present(path) | Self::Filled(path) | Self::Typed(path) => path,
        }
    }
}

/// Whether the facts say that the path is there.
pub(super) fn has(facts: &[Fact], path: &str) -> bool {
    facts.iter().any(|fact| fact.path() == path)
}

/// Whether the facts say that the path is there and not null.
pub(super) fn is_filled(facts: &[Fact], path: &str) -> bool {
    facts
        .iter()
        .any(|fact| matches!(fact, Fact::Filled(known) | Fact::Typed(known) if known == path))
}

/// Whether the facts say that the path is of the type that is wanted.
pub(super) fn is_typed(facts: &[Fact], path: &str) -> bool {
    facts
        .iter()
        .any(|fact| matches!(fact, Fact::Typed(known) if known == path))
}

/// Whether evaluating what cannot fail counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Only what a condition asks for by its sense.
    Asking,
    /// Also what it read on the way.
    Reading,
}

/// Adds a path that is there, and those above it, which cannot be null.
fn present(path: String, out: &mut Vec<Fact>) {
    above(&path, out);
    out.push(Fact::Present(path));
}

fn filled(path: String, out: &mut Vec<Fact>) {
    above(&path, out);
    out.push(Fact::Filled(path));
}

fn typed(path: String, out: &mut Vec<Fact>) {
    above(&path, out);
    out.push(Fact::Typed(path));
}

fn above(path: &str, out: &mut Vec<Fact>) {
    let mut rest = path;
    while let Some(end) = rest.rfind(['.', '[']).filter(|&end| end > 0) {
        rest = rest.get(..end).unwrap_or_default();
        out.push(Fact::Filled(rest.to_owned()));
    }
}

/// The path of a field of a path.
pub(super) fn field_of(path: &str, field: &str) -> String {
    let is_name = field
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    if is_name {
        format!("{path}.{field}")
    } else {
        format!("{path}[{:?}]", field.replace(['.', '['], "\u{1}"))
    }
}

impl Checker<'_> {
    /// The path of a plain access; of anything else there is none.
    pub(super) fn path(&self, ast: &Ast) -> Option<String> {
        match names::resolve(ast, self.environment, &self.names) {
            Some(Meaning::Variable(slot, _)) => {
                let name = self.environment.variables().nth(usize::from(slot.0))?.0;
                return Some(name.to_owned());
            }
            Some(Meaning::Local(index)) => {
                return Some(format!("{}#{index}", self.names.get(index)?));
            }
            Some(Meaning::Type(_) | Meaning::Now) => return None,
            None => {}
        }
        match &ast.node {
            Node::Select {
                object,
                field,
                optional: false,
                ..
            } => Some(field_of(&self.path(object)?, field)),
            Node::Index {
                object,
                index,
                optional: false,
            } => {
                let path = self.path(object)?;
                match &index.node {
                    Node::Literal(Literal::String(field)) => Some(field_of(&path, field)),
                    Node::Literal(Literal::Int(at)) if *at >= 0 => Some(format!("{path}[{at}]")),
                    _ => None,
                }
            }
            Node::Query(text) => {
                let keys = Query::parse(text).ok()?.singular()?;
                let mut keys = keys.iter();
                let Some(StepKey::Field(root)) = keys.next() else {
                    return None;
                };
                keys.try_fold(root.to_string(), |path, key| match key {
                    StepKey::Field(field) => Some(field_of(&path, field)),
                    StepKey::Index(at) => Some(format!("{path}[{at}]")),
                    _ => None,
                })
            }
            _ => None,
        }
    }

    /// What holds once the expression has given a value.
    pub(super) fn after(&self, ast: &Ast, out: &mut Vec<Fact>) {
        if let Some(path) = self.path(ast) {
            present(path, out);
        }
        match &ast.node {
            Node::Binary(Binary::Coalesce, ..)
            | Node::And(_)
            | Node::Or(_)
            | Node::Bind(..)
            | Node::Block(..)
            | Node::OptionalMap { .. } => {}
            Node::Conditional(parts) => {
                let [condition, ..] = &**parts;
                self.after(condition, out);
            }
            Node::Fold(fold) => {
                self.after(&fold.range, out);
                self.takes(&fold.range, out);
            }
            Node::Call(call) if matches!(call.name.as_str(), "or" | "orValue") => {
                call.target
                    .iter()
                    .for_each(|target| self.after(target, out));
            }
            Node::Call(call) => {
                if let Some(target) = &call.target {
                    self.takes(target, out);
                }
                ast.node.each_part(&mut |part| self.after(part, out));
            }
            Node::Binary(sign, left, right) => {
                self.after(left, out);
                self.after(right, out);
                if !matches!(sign, Binary::Equal | Binary::NotEqual | Binary::In) {
                    self.takes(left, out);
                    self.takes(right, out);
                }
            }
            _ => ast.node.each_part(&mut |part| self.after(part, out)),
        }
    }

    /// What holds where the condition is true.
    pub(super) fn if_true(&self, ast: &Ast, by: By, out: &mut Vec<Fact>) {
        match &ast.node {
            Node::And(parts) => parts.iter().for_each(|part| self.if_true(part, by, out)),
            Node::Or(parts) => in_all(parts, out, |part, out| self.if_true(part, by, out)),
            Node::Not(part) => self.if_false(part, by, out),
            Node::Has(object, field, _) => {
                if let Some(path) = self.path(object) {
                    present(field_of(&path, field), out);
                }
            }
            Node::Binary(Binary::In, key, map) => {
                if let (Node::Literal(Literal::String(key)), Some(map)) =
                    (&key.node, self.path(map))
                {
                    present(field_of(&map, key), out);
                }
            }
            Node::Binary(sign, left, right) => {
                self.compared(*sign, left, right, true, out);
                self.counted(*sign, left, right, out);
            }
            Node::Call(call) if call.name == "hasValue" => {
                if let Some(path) = call.target.as_ref().and_then(|target| self.asked(target)) {
                    present(path, out);
                }
            }
            Node::Fold(fold) if fold.kind == FoldKind::Exists => {
                if let Some(path) = self.path(&fold.range) {
                    present(format!("{path}[0]"), out);
                }
            }
            _ => {}
        }
        if by == By::Reading && !matches!(ast.node, Node::Or(_) | Node::Not(_)) {
            self.after(ast, out);
        }
    }

    /// What holds where the condition is false.
    pub(super) fn if_false(&self, ast: &Ast, by: By, out: &mut Vec<Fact>) {
        match &ast.node {
            Node::Or(parts) => parts.iter().for_each(|part| self.if_false(part, by, out)),
            Node::And(parts) => in_all(parts, out, |part, out| self.if_false(part, by, out)),
            Node::Not(part) => self.if_true(part, by, out),
            Node::Binary(sign, left, right) => self.compared(*sign, left, right, false, out),
            _ => {}
        }
        if by == By::Reading && !matches!(ast.node, Node::And(_) | Node::Not(_)) {
            self.after(ast, out);
        }
    }

    /// `x != null`, `x == "y"`.
    fn compared(&self, sign: Binary, left: &Ast, right: &Ast, is_true: bool, out: &mut Vec<Fact>) {
        for (one, other) in [(left, right), (right, left)] {
            if let Some(path) = self.type_asked(one)
                && matches!(
                    (sign, is_true),
                    (Binary::Equal, true) | (Binary::NotEqual, false)
                )
            {
                typed(path, out);
            }
            let Node::Literal(literal) = &other.node else {
                continue;
            };
            let fills = match sign {
                Binary::Equal => is_true != (*literal == Literal::Null),
                Binary::NotEqual => is_true == (*literal == Literal::Null),
                _ => false,
            };
            if fills && let Some(path) = self.path(one) {
                if *literal == Literal::Null {
                    filled(path, out);
                } else {
                    typed(path, out);
                }
            }
        }
    }

    /// The path of `x` in `type(x)`.
    fn type_asked(&self, ast: &Ast) -> Option<String> {
        match &ast.node {
            Node::Call(call) if call.name == "type" && call.target.is_none() => {
                self.path(call.args.first()?)
            }
            _ => None,
        }
    }

    /// `size(x) > 0`: the list has elements.
    fn counted(&self, sign: Binary, left: &Ast, right: &Ast, out: &mut Vec<Fact>) {
        let (list, count) = match (self.sized(left), &right.node, self.sized(right), &left.node) {
            (Some(list), Node::Literal(Literal::Int(count)), _, _) => {
                let least = match sign {
                    Binary::Greater => count.saturating_add(1),
                    Binary::GreaterEqual | Binary::Equal => *count,
                    Binary::NotEqual if *count == 0 => 1,
                    _ => return,
                };
                (list, least)
            }
            (_, _, Some(list), Node::Literal(Literal::Int(count))) => {
                let least = match sign {
                    Binary::Less => count.saturating_add(1),
                    Binary::LessEqual | Binary::Equal => *count,
                    Binary::NotEqual if *count == 0 => 1,
                    _ => return,
                };
                (list, least)
            }
            _ => return,
        };
        for at in 0..count.min(16) {
            present(format!("{list}[{at}]"), out);
        }
    }

    /// The path of `x` in `size(x)` and `x.size()`.
    fn sized(&self, ast: &Ast) -> Option<String> {
        match &ast.node {
            Node::Call(call) if call.name == "size" => {
                self.path(call.target.as_ref().or(call.args.first())?)
            }
            _ => None,
        }
    }

    /// The path of `a.b` in `a.?b`.
    fn asked(&self, ast: &Ast) -> Option<String> {
        match &ast.node {
            Node::Select { object, field, .. } => {
                let object = self.path(object).or_else(|| self.asked(object))?;
                Some(field_of(&object, field))
            }
            _ => None,
        }
    }

    /// Something took it as what it is.
    fn takes(&self, ast: &Ast, out: &mut Vec<Fact>) {
        if let Some(path) = self.path(ast) {
            typed(path, out);
        }
    }
}

/// What holds whichever of the parts decides.
fn in_all(parts: &[Ast], out: &mut Vec<Fact>, facts_of: impl Fn(&Ast, &mut Vec<Fact>)) {
    let mut all = parts.iter().map(|part| {
        let mut facts = Vec::new();
        facts_of(part, &mut facts);
        facts
    });
    let Some(mut common) = all.next() else { return };
    for other in all {
        common.retain(|fact| match fact {
            Fact::Present(path) => has(&other, path),
            Fact::Filled(path) => is_filled(&other, path),
            Fact::Typed(path) => is_typed(&other, path),
        });
    }
    out.append(&mut common);
}
