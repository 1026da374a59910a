//! How the work grows with the request.
//!
//! One macro over a list of the body takes as many rounds as the sender writes elements, and a body's
//! limit bounds that. A macro inside it that goes over the body again takes as many in each round: the
//! work grows with the square, and the budget ends it. A macro over what an element holds
//! (`order.lines`) does not count: all elements together hold no more than the body.

use std::ops::Range;

use crate::expr::ast::{Ast, Binary, Call, Element, Node};
use crate::expr::{Environment, Type};

/// Work that grows faster than the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The innermost part that makes it so.
    pub range: Range<usize>,
    /// The power of the number of values with which it grows, 2 or more.
    pub degree: u32,
}

/// What is as short as the head of a request, whatever the body.
const SHORT: [&str; 12] = [
    "headers",
    "query",
    "path",
    "cookies",
    "method",
    "auth_type",
    "user_info",
    "event",
    "env",
    "now",
    "arguments",
    "auth",
];

/// Functions that look at each element of a list.
const OVER_ALL: [&str; 12] = [
    "sum", "avg", "min", "max", "join", "distinct", "flatten", "sort", "contains", "indexOf",
    "compact", "reverse",
];

/// The part of an expression whose work grows fastest, where that is faster than the request.
pub(super) fn growth(ast: &Ast, environment: &Environment) -> Option<Growth> {
    let mut survey = Survey {
        environment,
        names: Vec::new(),
        found: None,
    };
    survey.part(ast, 0);
    survey.found
}

struct Survey<'t> {
    environment: &'t Environment,
    /// The variables of the macros around, and what is bound to a part of one.
    names: Vec<&'t str>,
    found: Option<Growth>,
}

impl<'t> Survey<'t> {
    /// `depth`: how many macros around go over something long.
    fn part(&mut self, ast: &'t Ast, depth: u32) {
        match &ast.node {
            Node::Fold(fold) => {
                self.part(&fold.range, depth);
                let inside = depth + u32::from(self.is_long(&fold.range));
                if inside > depth {
                    self.note(ast, inside);
                }
                let known = self.names.len();
                self.names.push(&fold.first);
                self.names.extend(fold.second.as_deref());
                for part in fold.filter.iter().chain([&fold.body]) {
                    self.part(part, inside);
                }
                self.names.truncate(known);
            }
            Node::Bind(name, value, body) => {
                self.part(value, depth);
                let known = self.names.len();
                if !self.is_long(value) {
                    self.names.push(name);
                }
                self.part(body, depth);
                self.names.truncate(known);
            }
            node => {
                let looks_at = match node {
                    // A map is asked for its key at once.
                    Node::Binary(Binary::In, _, list) => {
                        Some(&**list).filter(|list| !self.is_map(list))
                    }
                    Node::Call(call) => looked_at(call),
                    _ => None,
                };
                if depth > 0 && looks_at.is_some_and(|list| self.is_long(list)) {
                    self.note(ast, depth + 1);
                }
                node.each_part(&mut |part| self.part(part, depth));
            }
        }
    }

    fn note(&mut self, ast: &Ast, degree: u32) {
        let is_worse = self
            .found
            .as_ref()
            .is_none_or(|known| known.degree < degree);
        if degree >= 2 && is_worse {
            self.found = Some(Growth {
                range: ast.span.0 as usize..ast.span.1 as usize,
                degree,
            });
        }
    }

    fn is_map(&self, ast: &Ast) -> bool {
        let Node::Name { name, .. } = &ast.node else {
            return false;
        };
        let found = self.environment.find(name);
        found.is_some_and(|(_, of)| matches!(of, Type::Map(..) | Type::Record(_)))
    }

    /// Whether a value may have as many elements as the request has room for, and is not a part of
    /// what a macro around goes over.
    fn is_long(&self, ast: &Ast) -> bool {
        match &ast.node {
            Node::Name { name, .. } => {
                !self.names.contains(&name.as_str()) && !SHORT.contains(&name.as_str())
            }
            Node::Query(query) => !SHORT.iter().any(|short| {
                query
                    .strip_prefix("$.")
                    .is_some_and(|rest| rest.starts_with(short))
            }),
            Node::Select { object, .. } | Node::Index { object, .. } => self.is_long(object),
            Node::Fold(fold) => self.is_long(&fold.range),
            Node::Bind(_, _, body) | Node::Block(_, body) => self.is_long(body),
            Node::OptionalMap { object, .. } => self.is_long(object),
            Node::Call(call) => match &call.target {
                Some(target) => self.is_long(target),
                None => call.args.iter().any(|argument| self.is_long(argument)),
            },
            Node::Binary(Binary::Coalesce | Binary::Add, left, right) => {
                self.is_long(left) || self.is_long(right)
            }
            Node::Conditional(parts) => {
                let [_, yes, no] = &**parts;
                self.is_long(yes) || self.is_long(no)
            }
            Node::List(elements) => elements.iter().any(|Element { value, .. }| {
                matches!(value.node, Node::Fold(_)) && self.is_long(value)
            }),
            Node::Literal(_)
            | Node::Not(_)
            | Node::Negate(_)
            | Node::Binary(..)
            | Node::And(_)
            | Node::Or(_)
            | Node::Map(_)
            | Node::Message(_)
            | Node::Has(..) => false,
        }
    }
}

/// The list that a function looks at whole.
fn looked_at(call: &Call) -> Option<&Ast> {
    let name = call.name.as_str();
    OVER_ALL
        .contains(&name)
        .then(|| call.target.as_ref().or_else(|| call.args.first()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::compile;
    use std::sync::Arc;

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, &str)>) {
        let mut environment = Environment::new();
        for name in ["body", "headers", "ids"] {
            environment.declare(name, Type::Dyn);
        }
        let map = Type::Map(Arc::new(Type::String), Arc::new(Type::Dyn));
        environment.declare("known", map);
        let growth = compile(text, &environment).unwrap().findings.growth;
        let found =
            growth.map(|growth| (growth.degree, text.get(growth.range).unwrap().to_owned()));
        let expected = expected.map(|(degree, part)| (degree, part.to_owned()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn one_round_for_each_value_is_no_growth() {
        for text in [
            "body.a.map(x, x.id)",
            "body.orders.map(o, o.lines.map(l, l.price * o.rate))",
            "body.a.filter(x, x.ok).map(x, x.id).join(',')",
            "body.a.map(x, ['a', 'b'].exists(y, y == x))",
            "body.a.map(x, x.kind in ['a', 'b'])",
            "body.a.filter(x, headers['x-kind'] == x.kind)",
            "body.a.map(x, x.tags.join(','))",
            "body.a.map(x, cel.bind(t, x.tags, t.map(y, y)))",
            "body.a.map(x, x) + body.b.map(x, x)",
            "body.a.filter(x, x.id in known)",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_request_inside_the_request_is() {
        check(
            "body.a.all(x, body.b.exists(y, y == x))",
            Some((2, "body.b.exists(y, y == x)")),
        );
        check("body.a.filter(x, x.id in ids)", Some((2, "x.id in ids")));
        check(
            "body.a.map(x, body.b.map(y, body.c.map(z, z)))",
            Some((3, "body.c.map(z, z)")),
        );
        check("body.a.map(x, ids.sum())", Some((2, "ids.sum()")));
        check(
            "body.a.map(x, $.body.b[*].id.exists(y, y == x))",
            Some((2, "$.body.b[*].id.exists(y, y == x)")),
        );
        check(
            "body.a.map(x, body.b.filter(y, y.id == x.id).map(y, y))",
            Some((2, "body.b.filter(y, y.id == x.id)")),
        );
    }
}
