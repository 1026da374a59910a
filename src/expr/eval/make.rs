//! Lists and maps that are written out.

use std::collections::HashSet;

use super::{Machine, Outcome, no_overload, placed};
use crate::expr::ast::Span;
use crate::expr::program::{Item, MapNode};
use crate::expr::{Fault, FaultKind, Slot};
use crate::value::{Key, Value};

impl<'a> Machine<'_, 'a> {
    #[inline(never)]
    pub(super) fn list(&self, items: &'a [Item]) -> Outcome<'a> {
        self.scope
            .charge_memory(items.len() * size_of::<Value<'a>>())?;
        let mut values = self.scope.arena().list_buffer(items.len());
        for item in items {
            let value = self.run(&item.value)?;
            if let Some(value) = present(value, item.optional, item.span)? {
                values.push(value);
            }
        }
        Ok(Value::List(values.into_bump_slice()))
    }

    #[inline(never)]
    pub(super) fn map(&self, map: &'a MapNode) -> Outcome<'a> {
        let arena = self.scope.arena();
        self.scope
            .charge_memory(map.entries.len() * 2 * size_of::<Value<'a>>())?;
        if map.textual && map.unique {
            let mut entries = arena.list_buffer(map.entries.len());
            for entry in &map.entries {
                let key = self.run(&entry.key)?.as_str().unwrap_or_default();
                let value = self.run(&entry.value)?;
                if let Some(value) = present(value, entry.optional, entry.span)? {
                    entries.push((key, value));
                }
            }
            return Ok(arena.object(entries.into_bump_slice()));
        }
        let mut entries = arena.list_buffer(map.entries.len());
        for entry in &map.entries {
            let key = self.run(&entry.key)?;
            let Some(key) = Key::of(key) else {
                return Err(no_overload(entry.span, key.type_name()));
            };
            let value = self.run(&entry.value)?;
            if let Some(value) = present(value, entry.optional, entry.span)? {
                entries.push((key, value));
            }
        }
        self.keyed(entries.into_bump_slice(), map.span)
    }

    /// A map of these entries; a key that is there twice is an error.
    #[inline(never)]
    pub(super) fn keyed(&self, entries: &'a [(Key<'a>, Value<'a>)], span: Span) -> Outcome<'a> {
        const FEW: usize = 16;
        let twice = |key: Key<'a>| {
            let detail = format!("the key `{key}` is there twice");
            Err(self.scope.explained(FaultKind::BadArgument, span, &detail))
        };
        let long: usize = entries
            .iter()
            .map(|(key, _)| key.as_str().map_or(0, str::len) / 16)
            .sum();
        self.scope.charge_steps(long as u64)?;
        if entries.len() <= FEW {
            for (index, (key, _)) in entries.iter().enumerate() {
                let before = entries.get(..index).unwrap_or_default();
                if before.iter().any(|(other, _)| other == key) {
                    return twice(*key);
                }
            }
        } else {
            self.scope.charge_steps(entries.len() as u64)?;
            let mut seen = HashSet::with_capacity(entries.len());
            for (key, _) in entries {
                if !seen.insert(*key) {
                    return twice(*key);
                }
            }
        }
        Ok(self.scope.arena().keyed(entries))
    }

    /// All variables that have a value, as one map.
    #[inline(never)]
    pub(super) fn everything(&self, variables: &'a [(Box<str>, Slot)]) -> Outcome<'a> {
        self.scope
            .charge_memory(variables.len() * 2 * size_of::<Value<'a>>())?;
        let mut entries = self.scope.arena().list_buffer(variables.len());
        for (name, slot) in variables {
            match self.scope.variable(*slot) {
                Ok(value) => entries.push((&**name, value)),
                Err(fault) if fault.kind.is_absence() => {}
                Err(fault) => return Err(placed(fault, (0, 0))),
            }
        }
        Ok(self.scope.arena().object(entries.into_bump_slice()))
    }
}

/// What an optional element or entry holds, or the value itself where it is not optional.
fn present(value: Value<'_>, optional: bool, span: Span) -> Result<Option<Value<'_>>, Fault<'_>> {
    match value {
        value if !optional => Ok(Some(value)),
        Value::Optional(inner) => Ok(inner.copied()),
        other => Err(no_overload(span, other.type_name())),
    }
}
