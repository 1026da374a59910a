//! JSONPath literals: a plain path where one leads to a single place, else a query.

use super::{Compiler, fault, step};
use crate::diagnostic::code::expr::{BAD_LITERAL, UNKNOWN_NAME};
use crate::diagnostic::{Problem, suggest};
use crate::expr::Slot;
use crate::expr::ast::Span;
use crate::expr::jsonpath::{Query, Root};
use crate::expr::program::Node;

impl Compiler<'_> {
    pub(super) fn query(&mut self, span: Span, text: &str) -> Node {
        let query = match Query::parse(text) {
            Ok(query) => query,
            Err(error) => {
                let start = span.0 as usize;
                let problem = Problem::error(BAD_LITERAL, start..span.1 as usize, error);
                self.problems.push(problem.help(
                    "a JSONPath holds only literal names and indexes; for a calculated one write `body[name]`",
                ));
                return fault(span, text);
            }
        };
        let (root, query) = match query.root() {
            Root::Field(name) => match self.environment.find(name) {
                Some((slot, _)) => {
                    self.uses.push(slot);
                    (Node::Variable(slot, span), query.without_first())
                }
                None => return self.no_root(span, name),
            },
            Root::Whole => {
                let all: Box<[_]> = self
                    .environment
                    .variables()
                    .enumerate()
                    .filter_map(|(index, (name, _))| {
                        Some((name.into(), Slot(u16::try_from(index).ok()?)))
                    })
                    .collect();
                self.uses.extend(all.iter().map(|(_, slot)| *slot));
                (Node::Everything(all), query)
            }
        };
        match query.singular() {
            // A plain path needs no walker.
            Some(keys) => keys
                .into_iter()
                .fold(root, |root, key| step(root, key, false, span)),
            None => Node::Query(Box::new((root, query, span))),
        }
    }

    fn no_root(&mut self, span: Span, name: &str) -> Node {
        if self.environment.is_checked() {
            let start = span.0 as usize + 2;
            let known = self.environment.variables().map(|(name, _)| name);
            let near = suggest::nearest(name, known).map(|near| format!("did you mean `{near}`?"));
            let message = format!("the request has no `{name}`");
            let problem = Problem::error(UNKNOWN_NAME, start..start + name.len(), message);
            self.problems
                .push(near.into_iter().fold(problem, Problem::help));
        }
        fault(span, name)
    }
}
