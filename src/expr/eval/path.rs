//! Fields and indexes.
//!
//! Selecting on `null` finds nothing, as selecting a key that is not there. An optional is looked
//! through: what is selected from it is an optional again, empty where there is nothing.

use super::{Machine, Outcome, absent, no_overload};
use crate::expr::ast::Span;
use crate::expr::jsonpath::element;
use crate::expr::program::{Has, Index, Path, Step, StepKey};
use crate::expr::{Fault, FaultKind};
use crate::value::{Key, Value};

impl<'a> Machine<'_, 'a> {
    pub(super) fn path(&self, path: &'a Path) -> Outcome<'a> {
        let mut value = self.run(&path.root)?;
        for step in &path.steps {
            value = self.step(value, step)?;
        }
        Ok(value)
    }

    #[inline]
    fn step(&self, value: Value<'a>, step: &'a Step) -> Outcome<'a> {
        let found = match (value, &step.key) {
            (Value::Map(map), StepKey::Field(name)) => map.get_str(name),
            (Value::List(items), StepKey::Index(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| items.get(at))
                .copied(),
            (Value::Map(map), StepKey::Name(name)) => map.get_str(name),
            (Value::List(items), StepKey::Element(at)) => element(items, *at),
            // A query selects nothing there; that is no mistake of whoever wrote it.
            (_, StepKey::Name(_) | StepKey::Element(_)) => None,
            _ => return self.odd_step(value, step),
        };
        match found {
            Some(value) if step.optional => self.some(value),
            Some(value) => Ok(value),
            None if step.optional => Ok(Value::Optional(None)),
            None => Err(self.missing(step)),
        }
    }

    #[cold]
    fn missing(&self, step: &'a Step) -> Fault<'a> {
        match &step.key {
            StepKey::Field(name) | StepKey::Name(name) => absent(step.span, name),
            StepKey::Index(at) | StepKey::Element(at) => {
                absent(step.span, self.scope.arena().string(&at.to_string()))
            }
        }
    }

    fn odd_step(&self, value: Value<'a>, step: &'a Step) -> Outcome<'a> {
        let key = match &step.key {
            StepKey::Field(name) | StepKey::Name(name) => Value::String(name),
            StepKey::Index(at) | StepKey::Element(at) => Value::Int(*at),
        };
        self.look_up(value, key, step.optional, step.span)
    }

    pub(super) fn index(&self, index: &'a Index) -> Outcome<'a> {
        let object = self.run(&index.object)?;
        let key = self.run(&index.key)?;
        self.look_up(object, key, index.optional, index.span)
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
            Value::Null => return Err(absent(span, self.key_text(key))),
            Value::Map(map) => match Key::sought(key) {
                Some(key) => map.get(key),
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
            None => Err(absent(span, self.key_text(key))),
        }
    }

    fn key_text(&self, key: Value<'a>) -> &'a str {
        match (key, Key::of(key)) {
            (Value::String(text), _) => {
                let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
                text.get(..end).unwrap_or(text)
            }
            (_, Some(key)) => self.scope.arena().string(&key.to_string()),
            _ => "key",
        }
    }

    pub(super) fn has(&self, has: &'a Has) -> Outcome<'a> {
        let mut object = self.run(&has.object)?;
        loop {
            object = match object {
                Value::Map(map) => return Ok(Value::Bool(map.get_str(&has.field).is_some())),
                Value::Null | Value::Optional(None) => return Ok(Value::Bool(false)),
                Value::Optional(Some(inner)) => *inner,
                other => return Err(no_overload(has.span, other.type_name())),
            };
        }
    }
}
