//! Which type fits where, and what type parameters turn out to be.
//!
//! The rules are those of CEL's reference checker: `dyn` fits everywhere; a parameter becomes the
//! first type that it meets, or a more general one later; `null` fits optionals, times and opaque
//! types.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Type;

/// Parameters below this are a signature's letters; from here on each is one use of one.
const FRESH: u32 = 26;

/// What is known about type parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Unifier {
    bindings: HashMap<u32, Type>,
    next: u32,
}

impl Unifier {
    /// A parameter that nothing is known about yet.
    pub(super) fn fresh(&mut self) -> Type {
        self.next += 1;
        Type::Parameter(FRESH + self.next)
    }

    /// A signature's types with its letters replaced by fresh parameters.
    pub(super) fn instantiate(&mut self, of: &Type, letters: &mut HashMap<u32, Type>) -> Type {
        rebuild(of, &mut |letter| {
            letters
                .entry(letter)
                .or_insert_with(|| {
                    self.next += 1;
                    Type::Parameter(FRESH + self.next)
                })
                .clone()
        })
    }

    /// A type with all that is known filled in; what is still open stays a parameter, or becomes
    /// `dyn` at the end.
    pub(super) fn known(&self, of: &Type, at_end: bool) -> Type {
        rebuild(of, &mut |id| match self.bindings.get(&id) {
            Some(bound) => self.known(bound, at_end),
            None if at_end => Type::Dyn,
            None => Type::Parameter(id),
        })
    }

    /// Whether all types fit, each in its place; learns from it only when they do.
    pub(super) fn fit_all<'t>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'t Type, &'t Type)>,
    ) -> bool {
        let before = self.bindings.clone();
        let fits = pairs
            .into_iter()
            .all(|(given, wanted)| self.try_fit(given, wanted));
        if !fits {
            self.bindings = before;
        }
        fits
    }

    /// Whether a type fits where another is wanted.
    pub(super) fn fits(&mut self, given: &Type, wanted: &Type) -> bool {
        self.fit_all([(given, wanted)])
    }

    /// The type of a place that holds both; `dyn` where nothing else does.
    pub(super) fn join(&mut self, a: &Type, b: &Type) -> Type {
        if self.fits(a, b) {
            general(a, b)
        } else {
            Type::Dyn
        }
    }

    fn try_fit(&mut self, given: &Type, wanted: &Type) -> bool {
        if given == wanted {
            return true;
        }
        if let Type::Parameter(id) = wanted {
            let (valid, bound) = self.bind(*id, given);
            if valid || bound {
                return valid;
            }
        }
        if let Type::Parameter(id) = given {
            return self.bind(*id, wanted).0;
        }
        match (given, wanted) {
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Nullable(of), other) | (other, Type::Nullable(of)) => {
                *other == Type::Null || self.try_fit(of, other)
            }
            (Type::Several(parts), other) | (other, Type::Several(parts)) => {
                parts.iter().any(|part| self.try_fit(part, other))
            }
            (Type::Word(_), other) | (other, Type::Word(_)) => {
                matches!(other, Type::Word(_)) || self.try_fit(&Type::String, other)
            }
            (Type::Number, other) | (other, Type::Number) => other.is_number(),
            (Type::Null, other) | (other, Type::Null) => is_nullable(other),
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.try_fit(a, b)
            }
            (Type::Type(_), Type::Type(_)) => true,
            (Type::Map(k1, v1), Type::Map(k2, v2)) => self.try_fit(k1, k2) && self.try_fit(v1, v2),
            (Type::Record(_), Type::Map(key, _)) | (Type::Map(key, _), Type::Record(_)) => {
                self.try_fit(&Type::String, key)
            }
            (Type::Record(_), Type::Record(_)) => true,
            (Type::Opaque(a, of_a), Type::Opaque(b, of_b)) => {
                a == b
                    && of_a.len() == of_b.len()
                    && of_a
                        .iter()
                        .zip(of_b.iter())
                        .all(|(a, b)| self.try_fit(a, b))
            }
            _ => false,
        }
    }

    /// Whether the parameter may stand for the type, and whether it stood for something before.
    fn bind(&mut self, id: u32, to: &Type) -> (bool, bool) {
        if *to == Type::Parameter(id) {
            return (true, true);
        }
        if let Some(bound) = self.bindings.get(&id).cloned() {
            if *to == bound {
                return (true, true);
            }
            if !self.try_fit(to, &bound) {
                return (false, true);
            }
            let general = general(to, &bound);
            if !self.mentions(&general, id) {
                self.bindings.insert(id, general);
            }
            return (true, true);
        }
        if self.mentions(to, id) {
            return (false, false);
        }
        self.bindings.insert(id, to.clone());
        (true, false)
    }

    fn mentions(&self, of: &Type, id: u32) -> bool {
        let mut found = false;
        rebuild(of, &mut |other| {
            found |= other == id
                || self
                    .bindings
                    .get(&other)
                    .is_some_and(|bound| self.mentions(bound, id));
            Type::Parameter(other)
        });
        found
    }
}

fn is_nullable(of: &Type) -> bool {
    matches!(
        of,
        Type::Optional(_) | Type::Opaque(..) | Type::Timestamp | Type::Duration
    )
}

/// The more general of two types that fit each other, or one that holds both.
fn general(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Dyn | Type::Parameter(_), _) => a.clone(),
        (_, Type::Dyn | Type::Parameter(_)) => b.clone(),
        (Type::List(a), Type::List(b)) => Type::List(Arc::new(general(a, b))),
        (Type::Optional(a), Type::Optional(b)) => Type::Optional(Arc::new(general(a, b))),
        (Type::Map(k1, v1), Type::Map(k2, v2)) => {
            Type::Map(Arc::new(general(k1, k2)), Arc::new(general(v1, v2)))
        }
        (
            Type::Nullable(_) | Type::Several(_) | Type::Word(_) | Type::Number | Type::Record(_),
            _,
        )
        | (
            _,
            Type::Nullable(_) | Type::Several(_) | Type::Word(_) | Type::Number | Type::Record(_),
        ) => a.union(b),
        _ if is_general(a, b) => a.clone(),
        _ => b.clone(),
    }
}

fn is_general(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Parameter(_), _) => true,
        (_, Type::Dyn | Type::Parameter(_)) => false,
        (_, Type::Null) => true,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => is_general(a, b),
        (Type::Map(k1, v1), Type::Map(k2, v2)) => is_general(k1, k2) && is_general(v1, v2),
        (Type::Opaque(a, of_a), Type::Opaque(b, of_b)) => {
            a == b && of_a.iter().zip(of_b.iter()).all(|(a, b)| is_general(a, b))
        }
        _ => a == b,
    }
}

fn rebuild(of: &Type, parameter: &mut dyn FnMut(u32) -> Type) -> Type {
    match of {
        Type::Parameter(id) => parameter(*id),
        Type::List(of) => Type::List(Arc::new(rebuild(of, parameter))),
        Type::Optional(of) => Type::Optional(Arc::new(rebuild(of, parameter))),
        Type::Nullable(of) => rebuild(of, parameter).or_null(),
        Type::Type(of) => Type::Type(Arc::new(rebuild(of, parameter))),
        Type::Map(key, value) => Type::Map(
            Arc::new(rebuild(key, parameter)),
            Arc::new(rebuild(value, parameter)),
        ),
        Type::Opaque(name, of) => Type::Opaque(
            name.clone(),
            of.iter().map(|of| rebuild(of, parameter)).collect(),
        ),
        other => other.clone(),
    }
}
