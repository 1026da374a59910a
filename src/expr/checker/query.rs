//! The types of what a JSONPath selects, where the type of its root is known.
//!
//! A name that does not exist selects nothing and fails nowhere, so a misspelt one is worse in a
//! query than in a plain path: it is told as any other.

use std::sync::Arc;

use super::Checker;
use super::lack::Lack;
use crate::expr::ast::{Ast, Span};
use crate::expr::jsonpath::{Query, View};
use crate::expr::types::Type;

impl Checker<'_> {
    /// The type of `$.body…`, which begins at the request.
    pub(super) fn query(&mut self, ast: &Ast, text: &str) -> Type {
        // What is wrong with it, the compiler says.
        let Ok(query) = Query::parse(text) else {
            return Type::Dyn;
        };
        let is_singular = query.is_singular();
        let steps = query.view();
        let node = match steps.split_first() {
            Some((View::Name(root), rest)) => match self.environment.find(root) {
                Some((_, of)) => {
                    let of = of.clone();
                    let mut place = Place {
                        from: text.get(1..).map_or(0, |tail| {
                            1 + tail.find(root.as_str()).unwrap_or(0) + root.len()
                        }),
                        start: ast.span.0 as usize,
                        whole: None,
                        shown: root.clone(),
                    };
                    self.select(of, rest, text, &mut place, is_singular.then_some(ast))
                }
                None => Type::Dyn,
            },
            _ => Type::Dyn,
        };
        if is_singular {
            node
        } else {
            Type::List(Arc::new(node))
        }
    }

    /// The type of the nodes that a literal query finds in a value. `literal` is its place.
    pub(super) fn nodes(&mut self, root: &Type, text: &str, literal: Span, shown: &str) -> Type {
        let Ok(query) = Query::parse(text) else {
            return Type::Dyn;
        };
        let written = self.written(literal).to_owned();
        // Where the text stands in its quotes, unless escapes make it stand otherwise.
        let start = written.find(text).map(|at| literal.0 as usize + at);
        let mut place = Place {
            from: 1,
            start: start.unwrap_or_default(),
            whole: start.is_none().then_some(literal),
            shown: shown.to_owned(),
        };
        self.select(root.clone(), &query.view(), text, &mut place, None)
    }

    fn select(
        &mut self,
        root: Type,
        steps: &[View],
        text: &str,
        place: &mut Place,
        singular: Option<&Ast>,
    ) -> Type {
        let mut of = root;
        for step in steps {
            let bare = of.bare().clone();
            of = match (step, &bare) {
                (View::Name(name), Type::Record(_)) => {
                    let found = text
                        .get(place.from..)
                        .and_then(|tail| tail.find(name.as_str()));
                    let at = place.from + found.unwrap_or(0);
                    let end = at + found.map_or(0, |_| name.len());
                    let span = place
                        .whole
                        .unwrap_or((to_u32(place.start + at), to_u32(place.start + end)));
                    place.from = end;
                    let shown = std::mem::take(&mut place.shown);
                    let field = self.named_field(&bare, name, span, &shown);
                    place.shown = format!("{shown}.{name}");
                    if let (Some(ast), true) = (singular, field.optional) {
                        self.may_lack(ast, span, Lack::Field, true);
                    }
                    field.of
                }
                (View::Name(name), Type::Map(_, value)) => {
                    place.shown = format!("{}.{name}", place.shown);
                    Type::clone(value)
                }
                (View::Index, Type::List(element)) => {
                    place.shown.push_str("[0]");
                    if let Some(ast) = singular {
                        let described = self.is_described(ast);
                        self.may_lack(ast, ast.span, Lack::Element, described);
                    }
                    Type::clone(element)
                }
                (View::Elements(filters), Type::List(element)) => {
                    place.shown.push_str("[*]");
                    for names in filters {
                        let mut inner = Place {
                            from: place.from,
                            start: place.start,
                            whole: place.whole,
                            shown: place.shown.clone(),
                        };
                        self.select(Type::clone(element), names, text, &mut inner, None);
                    }
                    Type::clone(element)
                }
                (View::Elements(_), Type::Map(_, value)) => Type::clone(value),
                _ => return Type::Dyn,
            };
        }
        of
    }
}

/// Where in a query's text the next name is looked for.
struct Place {
    from: usize,
    start: usize,
    /// The place of the whole literal, where the names have none in the expression's text.
    whole: Option<Span>,
    /// What stands before it, for messages.
    shown: String,
}

fn to_u32(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
