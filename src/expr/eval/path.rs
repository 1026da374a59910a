//! Fields and indexes.
//!
//! Selecting on `null` finds nothing, as selecting a key that is not there. An optional is looked
//! through: what is selected from it is an optional again, empty where there is nothing.

use super::{Bound, Item, Machine, Outcome, absent, no_overload};
use crate::expr::ast::Span;
use crate::expr::jsonpath::element;
use crate::expr::program::{Has, Index, Node, Path, Step, StepKey};
use crate::expr::{Fault, FaultKind};
use crate::value::{Key, Value};

/// A name longer than this is paid for when it is compared.
const LONG: usize = 64;

impl<'a> Machine<'_, 'a> {
    /// Where the value that a path leads to lies; in `room` where it lies nowhere else.
    pub(super) fn place<'r>(
        &self,
        path: &'a Path,
        room: &'r mut Value<'a>,
    ) -> Result<&'r Value<'a>, Fault<'a>> {
        let mut value: &'r Value<'a> = match &path.root {
            // The two usual roots, without the way through all kinds of nodes.
            Node::Variable(slot, span) => {
                self.scope.charge_steps(1)?;
                *room = self.variable(*slot, *span)?;
                room
            }
            Node::Local(cell) => {
                self.scope.charge_steps(1)?;
                if let Bound::Item(Item::Place(value)) = self.get(*cell) {
                    value
                } else {
                    *room = self.local(*cell)?;
                    room
                }
            }
            root => {
                *room = self.run(root)?;
                room
            }
        };
        for step in &path.steps {
            value = self.step(value, step)?;
        }
        Ok(value)
    }

    #[inline]
    fn step(&self, value: &Value<'a>, step: &'a Step) -> Result<&'a Value<'a>, Fault<'a>> {
        let found = match (value, &step.key) {
            (Value::Map(map), StepKey::Field(name) | StepKey::Name(name)) => {
                if name.len() > LONG {
                    self.scope.charge_steps(name.len() as u64 / 16)?;
                }
                map.near(name, &step.hint)
            }
            (Value::List(items), StepKey::Index(at)) => {
                usize::try_from(*at).ok().and_then(|at| items.get(at))
            }
            (Value::List(items), StepKey::Element(at)) => element(items, *at),
            // A query selects nothing there; that is no mistake of whoever wrote it.
            (_, StepKey::Name(_) | StepKey::Element(_)) => None,
            _ => return self.odd_step(*value, step),
        };
        match found {
            Some(value) if !step.optional => Ok(value),
            None if !step.optional => Err(self.missing(value, step)),
            found => self.optional(found),
        }
    }

    /// An optional that holds what was found.
    #[inline(never)]
    fn optional(&self, found: Option<&'a Value<'a>>) -> Result<&'a Value<'a>, Fault<'a>> {
        self.scope.charge_memory(size_of::<Value<'a>>())?;
        Ok(self.scope.arena().alloc(Value::Optional(found)))
    }

    #[cold]
    fn missing(&self, value: &Value<'a>, step: &'a Step) -> Fault<'a> {
        match (&step.key, value) {
            (StepKey::Field(name) | StepKey::Name(name), _) => absent(step.span, name),
            (StepKey::Index(at) | StepKey::Element(at), Value::List(items)) => {
                self.too_short(items.len(), *at, step.span)
            }
            (StepKey::Index(at) | StepKey::Element(at), _) => {
                let detail = at.to_string();
                self.scope.explained(FaultKind::Absent, step.span, &detail)
            }
        }
    }

    #[cold]
    fn too_short(&self, length: usize, at: i64, span: Span) -> Fault<'a> {
        let items = if length == 1 { "item" } else { "items" };
        let detail = format!("{at}, and the list has {length} {items}");
        self.scope.explained(FaultKind::Index, span, &detail)
    }

    #[cold]
    fn odd_step(&self, value: Value<'a>, step: &'a Step) -> Result<&'a Value<'a>, Fault<'a>> {
        let key = match &step.key {
            StepKey::Field(name) | StepKey::Name(name) => Value::String(name),
            StepKey::Index(at) | StepKey::Element(at) => Value::Int(*at),
        };
        let found = self.look_up(value, key, step.optional, step.span)?;
        self.scope.charge_memory(size_of::<Value<'a>>())?;
        Ok(self.scope.arena().alloc(found))
    }

    pub(super) fn index(&self, index: &'a Index) -> Outcome<'a> {
        let object = self.run(&index.object)?;
        let key = self.run(&index.key)?;
        self.look_up(object, key, index.optional, index.span)
    }

    /// Pays for a key that is hashed and compared.
    pub(super) fn seeks(&self, key: Value<'a>) -> Result<(), Fault<'a>> {
        match key.as_str() {
            Some(text) => self.scope.charge_steps(text.len() as u64 / 16),
            None => Ok(()),
        }
    }

    /// A key in a value of any kind.
    fn look_up(
        &self,
        object: Value<'a>,
        key: Value<'a>,
        optional: bool,
        span: Span,
    ) -> Outcome<'a> {
        let (object, optional) = match object {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => (*inner, true),
            other => (other, optional),
        };
        let found = match object {
            Value::Null => return Err(self.absent_key(span, key)),
            Value::Map(map) => match Key::sought(key) {
                Some(sought) => {
                    self.seeks(key)?;
                    map.get(sought)
                }
                None if key.is_number() => None,
                None => return Err(no_overload(span, key.type_name())),
            },
            Value::List(items) => match key.as_int() {
                Some(at) => usize::try_from(at)
                    .ok()
                    .and_then(|at| items.get(at))
                    .copied(),
                None if key.is_number() => {
                    return Err(Fault {
                        kind: FaultKind::BadArgument,
                        span,
                        detail: "an index of a list is an integer",
                    });
                }
                None => return Err(no_overload(span, key.type_name())),
            },
            other => return Err(no_overload(span, other.type_name())),
        };
        match found {
            Some(value) if optional => self.some(value),
            Some(value) => Ok(value),
            None if optional => Ok(Value::Optional(None)),
            None => Err(match (object, key.as_int()) {
                (Value::List(items), Some(at)) => self.too_short(items.len(), at, span),
                _ => self.absent_key(span, key),
            }),
        }
    }

    fn absent_key(&self, span: Span, key: Value<'a>) -> Fault<'a> {
        match (key, Key::of(key)) {
            (Value::String(text), _) => {
                let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
                absent(span, text.get(..end).unwrap_or(text))
            }
            (_, Some(key)) => {
                let detail = key.to_string();
                self.scope.explained(FaultKind::Absent, span, &detail)
            }
            _ => absent(span, "key"),
        }
    }

    pub(super) fn has(&self, has: &'a Has) -> Outcome<'a> {
        let mut object = *self.look(&has.object, &mut Value::Null)?;
        loop {
            object = match object {
                Value::Map(map) => {
                    return Ok(Value::Bool(map.near(&has.field, &has.hint).is_some()));
                }
                Value::Null | Value::Optional(None) => return Ok(Value::Bool(false)),
                Value::Optional(Some(inner)) => *inner,
                other => return Err(no_overload(has.span, other.type_name())),
            };
        }
    }
}
