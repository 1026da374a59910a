//! Tree to program: names become slots, literals values, constant parts are computed.
//!
//! The checker has been here before, or was told to stay away; then what it would have found
//! becomes a node that fails when it is reached, as CEL wants it.

mod call;
mod folding;
mod query;

pub(super) use call::{Callee, callee};

use std::collections::HashSet;

use super::ast::{self, Ast, Binary, Span};
use super::names::{self, Meaning};
use super::program::{
    Arithmetic, Comparison, Constant, Fold, Has, Index, Item, MapEntry, MapNode, Node, OptionalMap,
    Path, Step, StepKey,
};
use super::{Environment, FaultKind, Slot};
use crate::diagnostic::Problem;
use crate::value::Hint;

use folding::{constant, fold, is_literal};

/// What the compiler made.
pub(super) struct Output {
    pub(super) root: Node,
    pub(super) lazies: Vec<Node>,
    pub(super) cells: u16,
    pub(super) uses: Vec<Slot>,
}

/// Compiles a tree. Problems are those that only building things shows: a regex, a query.
pub(super) fn compile(ast: &Ast, environment: &Environment, problems: &mut Vec<Problem>) -> Output {
    let mut compiler = Compiler {
        environment,
        problems,
        names: Vec::new(),
        bound: Vec::new(),
        lazies: Vec::new(),
        cells: 0,
        uses: Vec::new(),
    };
    let root = compiler.node(ast);
    let (lazies, cells) = (compiler.lazies, compiler.cells);
    let mut uses = compiler.uses;
    uses.sort_unstable();
    uses.dedup();
    Output {
        root,
        lazies,
        cells,
        uses,
    }
}

struct Compiler<'e> {
    environment: &'e Environment,
    problems: &'e mut Vec<Problem>,
    /// Macro variables in sight, and what each is.
    names: Vec<String>,
    bound: Vec<Bound>,
    lazies: Vec<Node>,
    cells: u16,
    uses: Vec<Slot>,
}

#[derive(Clone, Copy)]
enum Bound {
    Cell(u16),
    Lazy { cell: u16, from: u16 },
}

impl Compiler<'_> {
    fn node(&mut self, ast: &Ast) -> Node {
        let node = self.plain(ast);
        fold(node)
    }

    fn boxed(&mut self, ast: &Ast) -> Box<Node> {
        Box::new(self.node(ast))
    }

    fn plain(&mut self, ast: &Ast) -> Node {
        let span = ast.span;
        match &ast.node {
            ast::Node::Literal(literal) => Node::Constant(constant(literal)),
            ast::Node::Name { name, .. } => match self.meaning(ast) {
                Some(node) => node,
                None => fault(span, &format!("undeclared name {name}")),
            },
            ast::Node::Select {
                object,
                field,
                field_span,
                optional,
            } => {
                if let Some(node) = self.meaning(ast) {
                    node
                } else {
                    let root = self.node(object);
                    let key = StepKey::Field(field.as_str().into());
                    step(root, key, *optional, *field_span)
                }
            }
            ast::Node::Index {
                object,
                index,
                optional,
            } => self.index(object, index, *optional),
            ast::Node::Call(call) => self.call(span, call),
            ast::Node::Not(part) => Node::Not(self.boxed(part), span),
            ast::Node::Negate(part) => Node::Negate(self.boxed(part), span),
            ast::Node::Binary(sign, left, right) => self.binary(span, *sign, left, right),
            ast::Node::And(parts) => Node::And(self.places(parts)),
            ast::Node::Or(parts) => Node::Or(self.places(parts)),
            ast::Node::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                let place = condition.span;
                let parts = (self.node(condition), self.node(then), self.node(otherwise));
                Node::Conditional(Box::new((parts.0, parts.1, parts.2, place)))
            }
            ast::Node::List(elements) => Node::List(
                elements
                    .iter()
                    .map(|element| Item {
                        value: self.node(&element.value),
                        optional: element.optional,
                        span: element.value.span,
                    })
                    .collect(),
            ),
            ast::Node::Map(entries) => self.map(span, entries),
            ast::Node::Message(name) => fault(span, &format!("no message type {name}")),
            ast::Node::Query(text) => self.query(span, text),
            ast::Node::Has(object, field, place) => Node::Has(Box::new(Has {
                object: self.node(object),
                field: field.as_str().into(),
                hint: Hint::default(),
                span: *place,
            })),
            ast::Node::Fold(fold) => self.fold(span, fold),
            ast::Node::Bind(name, value, body) => {
                let cell = self.bind_lazily(name.clone(), value);
                let body = self.boxed(body);
                self.forget(1);
                Node::Bind([cell].into(), body)
            }
            ast::Node::Block(slots, body) => {
                let cells: Vec<u16> = slots
                    .iter()
                    .enumerate()
                    .map(|(index, slot)| self.bind_lazily(format!("@index{index}"), slot))
                    .collect();
                let body = self.boxed(body);
                self.forget(cells.len());
                Node::Bind(cells.into(), body)
            }
            ast::Node::OptionalMap {
                object,
                name,
                body,
                flat,
            } => {
                let object = self.node(object);
                let cell = self.cell();
                self.remember(name.clone(), Bound::Cell(cell));
                let body = self.node(body);
                self.forget(1);
                Node::OptionalMap(Box::new(OptionalMap {
                    object,
                    cell,
                    body,
                    flat: *flat,
                    span,
                }))
            }
        }
    }

    fn places(&mut self, parts: &[Ast]) -> Box<[(Node, Span)]> {
        parts
            .iter()
            .map(|part| (self.node(part), part.span))
            .collect()
    }

    /// The node of a dotted name, if all of it is declared.
    fn meaning(&mut self, ast: &Ast) -> Option<Node> {
        Some(match names::resolve(ast, self.environment, &self.names)? {
            Meaning::Variable(slot, _) => {
                self.uses.push(slot);
                Node::Variable(slot, ast.span)
            }
            Meaning::Local(index) => match *self.bound.get(index)? {
                Bound::Cell(cell) => Node::Local(cell),
                Bound::Lazy { cell, from } => Node::Lazy { cell, from },
            },
            Meaning::Type(name) => Node::Constant(Constant::Type(name)),
            Meaning::Now => Node::Now,
        })
    }

    fn cell(&mut self) -> u16 {
        let cell = self.cells;
        self.cells = self.cells.saturating_add(1);
        cell
    }

    fn remember(&mut self, name: String, bound: Bound) {
        self.names.push(name);
        self.bound.push(bound);
    }

    fn forget(&mut self, count: usize) {
        let keep = self.names.len().saturating_sub(count);
        self.names.truncate(keep);
        self.bound.truncate(keep);
    }

    fn bind_lazily(&mut self, name: String, value: &Ast) -> u16 {
        let value = self.node(value);
        let from = u16::try_from(self.lazies.len()).unwrap_or(u16::MAX);
        self.lazies.push(value);
        let cell = self.cell();
        self.remember(name, Bound::Lazy { cell, from });
        cell
    }

    fn index(&mut self, object: &Ast, index: &Ast, optional: bool) -> Node {
        let (object, span) = (self.node(object), index.span);
        match self.node(index) {
            Node::Constant(Constant::String(field)) => {
                step(object, StepKey::Field(field), optional, span)
            }
            Node::Constant(Constant::Int(at)) => step(object, StepKey::Index(at), optional, span),
            key => Node::Index(Box::new(Index {
                object,
                key,
                optional,
                span,
            })),
        }
    }

    fn binary(&mut self, span: Span, sign: Binary, left: &Ast, right: &Ast) -> Node {
        let comparison = match sign {
            Binary::Add => return self.sum(span, left, right),
            Binary::Coalesce => {
                let sides = (self.node(left), self.node(right));
                return Node::Coalesce(Box::new(sides));
            }
            Binary::In => return self.contains(span, left, right),
            Binary::Sub => return self.arithmetic(Arithmetic::Sub, span, left, right),
            Binary::Mul => return self.arithmetic(Arithmetic::Mul, span, left, right),
            Binary::Div => return self.arithmetic(Arithmetic::Div, span, left, right),
            Binary::Rem => return self.arithmetic(Arithmetic::Rem, span, left, right),
            Binary::Equal => Comparison::Equal,
            Binary::NotEqual => Comparison::NotEqual,
            Binary::Less => Comparison::Less,
            Binary::LessEqual => Comparison::LessEqual,
            Binary::Greater => Comparison::Greater,
            Binary::GreaterEqual => Comparison::GreaterEqual,
        };
        let (left, right) = (self.node(left), self.node(right));
        Node::Compare(Box::new((comparison, left, right, span)))
    }

    fn arithmetic(&mut self, sign: Arithmetic, span: Span, left: &Ast, right: &Ast) -> Node {
        let (left, right) = (self.node(left), self.node(right));
        Node::Arithmetic(Box::new((sign, left, right, span)))
    }

    fn sum(&mut self, span: Span, left: &Ast, right: &Ast) -> Node {
        let (left_node, right_node) = (self.node(left), self.node(right));
        let mut terms = match left_node {
            Node::Sum(terms) => terms.into_vec(),
            term => vec![(term, left.span)],
        };
        terms.push((right_node, span));
        Node::Sum(terms.into())
    }

    fn contains(&mut self, span: Span, left: &Ast, right: &Ast) -> Node {
        let left = self.node(left);
        if let ast::Node::List(elements) = &right.node
            && elements
                .iter()
                .all(|element| !element.optional && is_literal(&element.value))
        {
            let items = elements
                .iter()
                .map(|element| self.node(&element.value))
                .collect();
            return Node::Among(Box::new((left, items)));
        }
        let right = self.node(right);
        Node::In(Box::new((left, right, span)))
    }

    fn map(&mut self, span: Span, entries: &[ast::Entry]) -> Node {
        let entries: Box<[MapEntry]> = entries
            .iter()
            .map(|entry| MapEntry {
                key: self.node(&entry.key),
                value: self.node(&entry.value),
                optional: entry.optional,
                span: entry.key.span,
            })
            .collect();
        let mut seen = HashSet::new();
        let unique = entries.iter().all(|entry| match &entry.key {
            Node::Constant(Constant::String(text)) => seen.insert((0, text.to_string())),
            Node::Constant(Constant::Int(int)) => seen.insert((1, int.to_string())),
            Node::Constant(Constant::UInt(uint)) => seen.insert((1, uint.to_string())),
            _ => false,
        });
        let textual = entries
            .iter()
            .all(|entry| matches!(entry.key, Node::Constant(Constant::String(_))));
        Node::Map(Box::new(MapNode {
            entries,
            unique,
            textual,
            span,
        }))
    }

    fn fold(&mut self, span: Span, fold: &ast::Fold) -> Node {
        let mut range = self.node(&fold.range);
        // `filter(x, p).map(y, f)` goes over the list once, with one cell for `x` and `y`.
        let mut filter = None;
        let mut first = None;
        if fold.kind == ast::FoldKind::Map && fold.second.is_none() && fold.filter.is_none() {
            range = match range {
                Node::Fold(inner)
                    if inner.kind == ast::FoldKind::Filter && inner.second.is_none() =>
                {
                    filter = Some(inner.body);
                    first = Some(inner.first);
                    inner.range
                }
                other => other,
            };
        }
        let first = first.unwrap_or_else(|| self.cell());
        let second = fold.second.as_ref().map(|_| self.cell());
        self.remember(fold.first.clone(), Bound::Cell(first));
        if let (Some(name), Some(cell)) = (&fold.second, second) {
            self.remember(name.clone(), Bound::Cell(cell));
        }
        if let Some(condition) = &fold.filter {
            filter = Some(self.node(condition));
        }
        let body = self.node(&fold.body);
        self.forget(1 + usize::from(second.is_some()));
        Node::Fold(Box::new(Fold {
            kind: fold.kind,
            range,
            first,
            second,
            filter,
            body,
            span,
            body_span: fold.body.span,
        }))
    }
}

fn step(root: Node, key: StepKey, optional: bool, span: Span) -> Node {
    let step = Step {
        key,
        hint: Hint::default(),
        optional,
        span,
    };
    match root {
        Node::Path(mut path) => {
            path.steps.push(step);
            Node::Path(path)
        }
        root => Node::Path(Box::new(Path {
            root,
            steps: vec![step],
        })),
    }
}

fn fault(span: Span, detail: &str) -> Node {
    Node::Fault(FaultKind::NoOverload, span, detail.into())
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.0 as usize..span.1 as usize
}
