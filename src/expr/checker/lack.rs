//! Accesses that a request may not have: fields that may be absent, lists that may be too short,
//! values that may be null or of another type.
//!
//! Here they are only found, unless the expression itself handles them. Whether one is worth a
//! word is for whoever knows the function: what its conditions have asked for, what an answer of
//! 422 means there.

use super::flow::{Fact, has, is_filled, is_typed};
use super::{Checker, article, range};
use crate::expr::Type;
use crate::expr::ast::{Ast, Span};

/// An access that a request may not have, and that nothing in its expression handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Where it stands, in bytes of the text.
    pub range: std::ops::Range<usize>,
    /// What may be missing, as a path from a variable: `body.commits[0]`; `None` when it is
    /// reached otherwise.
    pub path: Option<String>,
    /// The same as it is written.
    pub shown: String,
    /// In which way.
    pub lack: Lack,
    /// What it is then, where that needs words: `an int`, `not a string`.
    pub instead: Option<String>,
    /// A schema or a sample says so. Else nothing is known of what is read.
    pub described: bool,
}

/// How something that is read may not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lack {
    /// The field may be absent.
    Field,
    /// The list may be too short.
    Element,
    /// The value of which a field or an element is read may be null, which is as if the field were
    /// absent.
    Parent,
    /// The value may be null, which what is done with it does not take.
    Null,
    /// The value may be of another type.
    Kind,
}

impl Lack {
    /// Whether it is what `??` and `check` take care of.
    pub fn is_absence(self) -> bool {
        match self {
            Self::Field | Self::Element | Self::Parent => true,
            Self::Null | Self::Kind => false,
        }
    }
}

impl Access {
    /// Whether another says as much.
    fn is_in(&self, other: &Self) -> bool {
        if self.lack != other.lack {
            return false;
        }
        match (&self.path, &other.path) {
            (Some(path), Some(other)) => path == other || is_below(other, path),
            _ => self.range == other.range,
        }
    }

    /// Whether it stands on the way to another, which lacks it in the same way.
    fn is_above(&self, other: &Self) -> bool {
        let is_way = self.lack.is_absence() && other.lack.is_absence();
        let paths = self.path.as_deref().zip(other.path.as_deref());
        is_way
            && self.described == other.described
            && self.range.end <= other.range.end
            && other.shown.starts_with(&self.shown)
            && paths.is_some_and(|(path, other)| path == other || is_below(other, path))
    }

    /// Whether these facts say that it is there.
    pub fn is_covered(&self, facts: &[Fact]) -> bool {
        self.path.as_deref().is_some_and(|path| match self.lack {
            Lack::Field | Lack::Element => has(facts, path),
            Lack::Parent | Lack::Null => is_filled(facts, path),
            Lack::Kind => is_typed(facts, path),
        })
    }
}

/// Whether a path leads through another.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.starts_with(['.', '[']))
}

impl Checker<'_> {
    /// Notes that a request may come without what `ast` reads.
    pub(super) fn may_lack(&mut self, ast: &Ast, place: Span, lack: Lack, described: bool) {
        self.note(ast, place, lack, described, None);
    }

    /// Notes that a value may be of another type than what is done with it takes. `fits` tells of
    /// a type whether it is taken; `wanted` says what is.
    pub(super) fn may_mismatch(
        &mut self,
        ast: &Ast,
        of: &Type,
        wanted: &str,
        mut fits: impl FnMut(&mut Self, &Type) -> bool,
    ) {
        match of.unless_null() {
            Type::Several(parts) => {
                let parts = parts.iter().filter(|part| !fits(self, part));
                let parts: Vec<String> = parts.map(|part| article(part.bare())).collect();
                if !parts.is_empty() {
                    let instead = parts.join(" or ");
                    self.note(ast, ast.span, Lack::Kind, true, Some(instead));
                }
            }
            Type::Dyn if self.path(ast).is_some() => {
                let instead = format!("not {wanted}");
                self.note(ast, ast.span, Lack::Kind, false, Some(instead));
            }
            _ => {}
        }
    }

    fn note(
        &mut self,
        ast: &Ast,
        place: Span,
        lack: Lack,
        described: bool,
        instead: Option<String>,
    ) {
        if self.handled > 0 && lack.is_absence() {
            return;
        }
        let access = Access {
            range: range(place),
            shown: self.written(ast.span).to_owned(),
            path: self.path(ast),
            lack,
            instead,
            described,
        };
        if access.is_covered(&self.facts) || self.accesses.iter().any(|known| access.is_in(known)) {
            return;
        }
        // Who takes care of `a.b.c` has taken care of `a.b`.
        self.accesses.retain(|known| !known.is_above(&access));
        self.accesses.push(access);
    }

    /// Whether a path begins at a variable that a schema or a sample describes.
    pub(super) fn is_described(&self, ast: &Ast) -> bool {
        let Some(path) = self.path(ast) else {
            return false;
        };
        let root = path.split(['.', '[']).next().unwrap_or_default();
        let Some((_, of)) = self.environment.find(root) else {
            return false;
        };
        is_described(of)
    }

    /// The type of a part whose null is a failure here.
    pub(super) fn filled(&mut self, ast: &Ast) -> Type {
        let of = self.of(ast);
        self.must_be_filled(ast, &of);
        of.bare().clone()
    }

    /// As [`filled`](Self::filled), of a part that must be of a type, too.
    pub(super) fn taken(
        &mut self,
        ast: &Ast,
        wanted: &str,
        fits: impl FnMut(&mut Self, &Type) -> bool,
    ) -> Type {
        let of = self.of(ast);
        self.must_be_filled(ast, &of);
        self.may_mismatch(ast, &of, wanted, fits);
        of.bare().clone()
    }

    /// Notes a part that may be null.
    pub(super) fn must_be_filled(&mut self, ast: &Ast, of: &Type) {
        if let Type::Nullable(_) = of {
            self.may_lack(ast, ast.span, Lack::Null, true);
        }
    }

    /// As `inside`, where what is absent is taken care of.
    pub(super) fn handling<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.handled += 1;
        let made = inside(self);
        self.handled -= 1;
        made
    }

    /// As `inside`, where more is known.
    pub(super) fn knowing<T>(
        &mut self,
        mut facts: Vec<Fact>,
        inside: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let keep = self.facts.len();
        self.facts.append(&mut facts);
        let made = inside(self);
        self.facts.truncate(keep);
        made
    }
}

/// Whether a type comes from a schema or a sample, in whole or in part.
pub(super) fn is_described(of: &Type) -> bool {
    match of.unless_null() {
        Type::Record(record) => record.source.is_some(),
        Type::List(of) | Type::Map(_, of) | Type::Optional(of) => is_described(of),
        _ => false,
    }
}
