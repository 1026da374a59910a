//! Runs a program's tree.
//!
//! One recursive `match`. A field access, a comparison and a condition allocate nothing; texts and
//! lists are made in the request's arena, and paid for before they are made. Every node costs a
//! step. A spent budget is never absorbed: not by `||`, not by `??`.

mod fold;
mod make;
mod operate;
mod path;

use std::cell::Cell;

use super::ast::Span;
use super::function;
use super::program::{Call, Node, OptionalMap, OptionalOr};
use super::{Fault, FaultKind, Scope, Slot};
use crate::value::Value;

type Outcome<'a> = Result<Value<'a>, Fault<'a>>;

/// Runs `root` with so many cells for macro variables.
pub(super) fn run<'a>(
    root: &'a Node,
    lazies: &'a [Node],
    cells: u16,
    scope: &Scope<'a>,
) -> Outcome<'a> {
    let cells: &'a [Cell<Bound<'a>>] = if cells == 0 {
        &[]
    } else {
        scope.charge_memory(usize::from(cells) * size_of::<Bound<'a>>())?;
        scope
            .arena()
            .bump()
            .alloc_slice_fill_with(usize::from(cells), |_| Cell::new(Bound::Unset))
    };
    Machine {
        scope,
        cells,
        lazies,
    }
    .run(root)
}

/// What a cell holds.
#[derive(Clone, Copy)]
enum Bound<'a> {
    Unset,
    Item(Item<'a>),
    Fault(Fault<'a>),
}

/// What a variable of a macro is: an item where it lies, or a value that was made.
#[derive(Clone, Copy)]
enum Item<'a> {
    Place(&'a Value<'a>),
    Made(Value<'a>),
}

impl<'a> Item<'a> {
    fn value(self) -> Value<'a> {
        match self {
            Self::Place(value) => *value,
            Self::Made(value) => value,
        }
    }
}

struct Machine<'s, 'a> {
    scope: &'s Scope<'a>,
    cells: &'a [Cell<Bound<'a>>],
    lazies: &'a [Node],
}

impl<'a> Machine<'_, 'a> {
    fn run(&self, node: &'a Node) -> Outcome<'a> {
        self.scope.charge_steps(1)?;
        match node {
            Node::Constant(constant) => Ok(constant.value()),
            Node::Variable(slot, span) => self.variable(*slot, *span),
            Node::Local(cell) => self.local(*cell),
            Node::Lazy { cell, from } => self.lazy(*cell, *from),
            Node::Now => Ok(Value::Timestamp(self.scope.now().into())),
            Node::Path(path) => self.place(path, &mut Value::Null).copied(),
            Node::Index(index) => self.index(index),
            Node::Has(has) => self.has(has),
            Node::Call(call) => self.call(call),
            Node::Not(..) | Node::Compare(_) | Node::And(_) | Node::Or(_) => {
                self.holds(node).map(Value::Bool)
            }
            Node::Negate(part, span) => self.negate(part, *span),
            Node::Sum(terms) => self.sum(terms),
            Node::Arithmetic(parts) => {
                let (sign, left, right, span) = &**parts;
                self.arithmetic(*sign, left, right, *span)
            }
            Node::In(parts) => {
                let (needle, hay, span) = &**parts;
                self.contains(needle, hay, *span)
            }
            Node::Among(parts) => {
                let (needle, items) = &**parts;
                self.among(needle, items)
            }
            Node::Conditional(parts) => {
                let (condition, then, otherwise, span) = &**parts;
                if self.truth(condition, *span)? {
                    self.run(then)
                } else {
                    self.run(otherwise)
                }
            }
            Node::Coalesce(parts) => {
                let (left, right) = &**parts;
                self.coalesce(left, right)
            }
            Node::OptionalOr(parts) => self.optional_or(parts),
            Node::OptionalMap(parts) => self.optional_map(parts),
            Node::List(items) => self.list(items),
            Node::Map(map) => self.map(map),
            Node::Fold(fold) => self.fold(fold),
            Node::Bind(cells, body) => {
                for cell in cells {
                    self.set(*cell, Bound::Unset);
                }
                self.run(body)
            }
            Node::Query(parts) => {
                let (root, query, span) = &**parts;
                let root = self.run(root)?;
                query
                    .select(root, self.scope)
                    .map(Value::List)
                    .map_err(|fault| Fault {
                        span: *span,
                        ..fault
                    })
            }
            Node::Everything(variables) => self.everything(variables),
            Node::Fault(kind, span, detail) => Err(Fault {
                kind: *kind,
                span: *span,
                detail,
            }),
        }
    }

    fn variable(&self, slot: Slot, span: Span) -> Outcome<'a> {
        self.scope
            .variable(slot)
            .map_err(|fault| Fault { span, ..fault })
    }

    /// The value of a condition.
    fn truth(&self, node: &'a Node, span: Span) -> Result<bool, Fault<'a>> {
        if matches!(
            node,
            Node::Not(..) | Node::Compare(_) | Node::And(_) | Node::Or(_)
        ) {
            self.scope.charge_steps(1)?;
            return self.holds(node);
        }
        match self.look(node, &mut Value::Null)? {
            Value::Bool(flag) => Ok(*flag),
            other => Err(no_overload(span, other.type_name())),
        }
    }

    /// A node that gives true or false and nothing else.
    fn holds(&self, node: &'a Node) -> Result<bool, Fault<'a>> {
        match node {
            Node::Not(part, span) => Ok(!self.truth(part, *span)?),
            Node::Compare(parts) => {
                let (sign, left, right, span) = &**parts;
                self.compare(*sign, left, right, *span)
            }
            Node::And(parts) => self.logic(parts, false),
            Node::Or(parts) => self.logic(parts, true),
            _ => Err(no_overload((0, 0), "a condition")),
        }
    }

    /// The value of a node, where it lies already, or else in `room`. To read a value where it is
    /// takes less than to carry it there and back.
    #[inline]
    fn look<'r>(
        &self,
        node: &'a Node,
        room: &'r mut Value<'a>,
    ) -> Result<&'r Value<'a>, Fault<'a>> {
        match node {
            Node::Path(path) => {
                self.scope.charge_steps(1)?;
                self.place(path, room)
            }
            Node::Constant(constant) => {
                self.scope.charge_steps(1)?;
                *room = constant.value();
                Ok(room)
            }
            node => {
                *room = self.run(node)?;
                Ok(room)
            }
        }
    }

    fn argument(&self, node: &'a Node) -> Outcome<'a> {
        self.look(node, &mut Value::Null).copied()
    }

    fn set(&self, cell: u16, bound: Bound<'a>) {
        if let Some(cell) = self.cells.get(usize::from(cell)) {
            cell.set(bound);
        }
    }

    fn get(&self, cell: u16) -> Bound<'a> {
        self.cells
            .get(usize::from(cell))
            .map_or(Bound::Unset, Cell::get)
    }

    fn local(&self, cell: u16) -> Outcome<'a> {
        match self.get(cell) {
            Bound::Item(item) => Ok(item.value()),
            Bound::Fault(fault) => Err(fault),
            Bound::Unset => Err(no_overload((0, 0), "a variable without a value")),
        }
    }

    #[inline(never)]
    fn lazy(&self, cell: u16, from: u16) -> Outcome<'a> {
        match self.get(cell) {
            Bound::Item(item) => Ok(item.value()),
            Bound::Fault(fault) => Err(fault),
            Bound::Unset => {
                let Some(node) = self.lazies.get(usize::from(from)) else {
                    return Err(no_overload((0, 0), "a variable without a value"));
                };
                let outcome = self.run(node);
                self.set(
                    cell,
                    match outcome {
                        Ok(value) => Bound::Item(Item::Made(value)),
                        Err(fault) => Bound::Fault(fault),
                    },
                );
                outcome
            }
        }
    }

    fn call(&self, call: &'a Call) -> Outcome<'a> {
        let surroundings = function::Call {
            scope: self.scope,
            name: call.function.name,
            prepared: call.prepared.as_ref(),
            span: call.span,
        };
        let run = call.function.run;
        let outcome = match &*call.args {
            [] => run(&surroundings, &[]),
            [a] => run(&surroundings, &[self.argument(a)?]),
            [a, b] => run(&surroundings, &[self.argument(a)?, self.argument(b)?]),
            [a, b, c] => run(
                &surroundings,
                &[self.argument(a)?, self.argument(b)?, self.argument(c)?],
            ),
            many => {
                self.scope.charge_memory(size_of_val(many))?;
                let mut values = self.scope.arena().list_buffer(many.len());
                for arg in many {
                    values.push(self.run(arg)?);
                }
                run(&surroundings, &values)
            }
        };
        outcome.map_err(|fault| placed(fault, call.span))
    }

    /// `??`: only what is absent, null or an empty optional is replaced.
    #[inline(never)]
    fn coalesce(&self, left: &'a Node, right: &'a Node) -> Outcome<'a> {
        match self.run(left) {
            Ok(Value::Null | Value::Optional(None)) => self.run(right),
            Ok(Value::Optional(Some(value))) => Ok(*value),
            Err(fault) if fault.kind.is_absence() => self.run(right),
            other => other,
        }
    }

    #[inline(never)]
    fn optional_or(&self, parts: &'a OptionalOr) -> Outcome<'a> {
        match self.run(&parts.object)? {
            value @ Value::Optional(Some(inner)) => Ok(if parts.unwrap { *inner } else { value }),
            Value::Optional(None) => match self.run(&parts.other)? {
                value if parts.unwrap || matches!(value, Value::Optional(_)) => Ok(value),
                other => Err(no_overload(parts.span, other.type_name())),
            },
            other => Err(no_overload(parts.span, other.type_name())),
        }
    }

    #[inline(never)]
    fn optional_map(&self, parts: &'a OptionalMap) -> Outcome<'a> {
        match self.run(&parts.object)? {
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => {
                self.set(parts.cell, Bound::Item(Item::Place(inner)));
                match self.run(&parts.body)? {
                    value if !parts.flat => self.some(value),
                    value @ Value::Optional(_) => Ok(value),
                    other => Err(no_overload(parts.span, other.type_name())),
                }
            }
            other => Err(no_overload(parts.span, other.type_name())),
        }
    }

    fn some(&self, value: Value<'a>) -> Outcome<'a> {
        self.scope.charge_memory(size_of::<Value<'a>>())?;
        Ok(self.scope.arena().some(value))
    }
}

/// A spent budget, or too deep a nesting: nothing absorbs it.
fn is_final(fault: &Fault<'_>) -> bool {
    matches!(fault.kind, FaultKind::Budget | FaultKind::Depth)
}

fn placed(fault: Fault<'_>, span: Span) -> Fault<'_> {
    if fault.span == (0, 0) {
        Fault { span, ..fault }
    } else {
        fault
    }
}

fn no_overload(span: Span, detail: &str) -> Fault<'_> {
    Fault {
        kind: FaultKind::NoOverload,
        span,
        detail,
    }
}

fn absent(span: Span, detail: &str) -> Fault<'_> {
    Fault {
        kind: FaultKind::Absent,
        span,
        detail,
    }
}
