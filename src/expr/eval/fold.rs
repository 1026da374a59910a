//! Macros that go over a list or a map.

use std::cmp::Ordering;

use indexmap::IndexMap;

use super::{Bound, Item, Machine, Outcome, is_final, no_overload};
use crate::expr::ast::FoldKind;
use crate::expr::program::Fold;
use crate::expr::{Fault, FaultKind};
use crate::value::{Key, Value};

impl<'a> Machine<'_, 'a> {
    #[inline(never)]
    pub(super) fn fold(&self, fold: &'a Fold) -> Outcome<'a> {
        let range = self.run(&fold.range)?;
        match range {
            Value::List(items) => {
                let length = items.len();
                let pairs = items.iter().enumerate().map(|(index, item)| {
                    let item = Item::Place(item);
                    if fold.second.is_some() {
                        let index = i64::try_from(index).unwrap_or(i64::MAX);
                        (Item::Made(Value::Int(index)), item)
                    } else {
                        (item, item)
                    }
                });
                self.over(fold, length, pairs)
            }
            Value::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(key, value)| (Item::Made(key.value()), Item::Made(value)));
                self.over(fold, map.len(), pairs)
            }
            other => Err(no_overload(fold.span, other.type_name())),
        }
    }

    fn over(
        &self,
        fold: &'a Fold,
        length: usize,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
    ) -> Outcome<'a> {
        match fold.kind {
            FoldKind::All => self.decide(fold, pairs, false),
            FoldKind::Exists => self.decide(fold, pairs, true),
            FoldKind::ExistsOne => self.exactly_one(fold, pairs),
            FoldKind::Filter => {
                let mut kept = self.scope.arena().list_buffer(0);
                for (first, second) in pairs {
                    self.bind(fold, first, second)?;
                    if self.truth(&fold.body, fold.body_span)? {
                        self.scope.charge_memory(size_of::<Value<'a>>())?;
                        kept.push(first.value());
                    }
                }
                Ok(Value::List(kept.into_bump_slice()))
            }
            FoldKind::Map => {
                let mut made = self.scope.arena().list_buffer(if fold.filter.is_none() {
                    self.scope.charge_memory(length * size_of::<Value<'a>>())?;
                    length
                } else {
                    0
                });
                for (first, second) in pairs {
                    self.bind(fold, first, second)?;
                    if self.passes(fold)? {
                        if fold.filter.is_some() {
                            self.scope.charge_memory(size_of::<Value<'a>>())?;
                        }
                        made.push(self.run(&fold.body)?);
                    }
                }
                Ok(Value::List(made.into_bump_slice()))
            }
            FoldKind::TransformMap | FoldKind::TransformMapEntry => self.transform(fold, pairs),
            FoldKind::SortBy => self.sort_by(fold, length, pairs),
            FoldKind::GroupBy => self.group_by(fold, pairs),
            FoldKind::KeyBy => self.key_by(fold, pairs),
        }
    }

    fn bind(&self, fold: &Fold, first: Item<'a>, second: Item<'a>) -> Result<(), Fault<'a>> {
        self.scope.charge_steps(1)?;
        self.set(fold.first, Bound::Item(first));
        if let Some(cell) = fold.second {
            self.set(cell, Bound::Item(second));
        }
        Ok(())
    }

    fn passes(&self, fold: &'a Fold) -> Result<bool, Fault<'a>> {
        match &fold.filter {
            Some(condition) => self.truth(condition, fold.body_span),
            None => Ok(true),
        }
    }

    /// `all` and `exists`: one deciding element wins over the errors of others.
    fn decide(
        &self,
        fold: &'a Fold,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
        decides: bool,
    ) -> Outcome<'a> {
        let mut failed = None;
        for (first, second) in pairs {
            self.bind(fold, first, second)?;
            match self.truth(&fold.body, fold.body_span) {
                Ok(flag) if flag == decides => return Ok(Value::Bool(decides)),
                Ok(_) => {}
                Err(fault) if is_final(&fault) => return Err(fault),
                Err(fault) => failed = failed.or(Some(fault)),
            }
        }
        failed.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn exactly_one(
        &self,
        fold: &'a Fold,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
    ) -> Outcome<'a> {
        let mut count = 0_usize;
        for (first, second) in pairs {
            self.bind(fold, first, second)?;
            count += usize::from(self.truth(&fold.body, fold.body_span)?);
        }
        Ok(Value::Bool(count == 1))
    }

    fn transform(
        &self,
        fold: &'a Fold,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
    ) -> Outcome<'a> {
        let mut entries = self.scope.arena().list_buffer(0);
        for (first, second) in pairs {
            self.bind(fold, first, second)?;
            if !self.passes(fold)? {
                continue;
            }
            let value = self.run(&fold.body)?;
            self.scope.charge_memory(2 * size_of::<Value<'a>>())?;
            if fold.kind == FoldKind::TransformMap {
                let first = first.value();
                let key = Key::of(first).ok_or(no_overload(fold.span, first.type_name()))?;
                entries.push((key, value));
            } else {
                let Value::Map(map) = value else {
                    return Err(no_overload(fold.body_span, value.type_name()));
                };
                for entry in map.iter() {
                    self.scope.charge_memory(2 * size_of::<Value<'a>>())?;
                    entries.push(entry);
                }
            }
        }
        self.keyed(entries.into_bump_slice(), fold.span)
    }

    /// The elements by what the body makes of each, in lists.
    fn group_by(
        &self,
        fold: &'a Fold,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
    ) -> Outcome<'a> {
        let mut groups: IndexMap<Key<'a>, Vec<Value<'a>>> = IndexMap::new();
        for pair in pairs {
            let (key, item) = self.key_and_item(fold, pair)?;
            groups.entry(key).or_default().push(item);
        }
        let arena = self.scope.arena();
        let groups = groups
            .into_iter()
            .map(|(key, items)| (key, arena.list(&items)));
        Ok(arena.map(&groups.collect::<Vec<_>>()))
    }

    /// The elements by what the body makes of each; of those with one key the last.
    fn key_by(
        &self,
        fold: &'a Fold,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
    ) -> Outcome<'a> {
        let mut items: IndexMap<Key<'a>, Value<'a>> = IndexMap::new();
        for pair in pairs {
            let (key, item) = self.key_and_item(fold, pair)?;
            items.insert(key, item);
        }
        let items: Vec<_> = items.into_iter().collect();
        Ok(self.scope.arena().map(&items))
    }

    /// An element with its key, its place in a map paid for.
    fn key_and_item(
        &self,
        fold: &'a Fold,
        (first, second): (Item<'a>, Item<'a>),
    ) -> Result<(Key<'a>, Value<'a>), Fault<'a>> {
        self.bind(fold, first, second)?;
        let made = self.run(&fold.body)?;
        let Some(key) = Key::of(made) else {
            return Err(no_overload(fold.body_span, made.type_name()));
        };
        self.scope.charge_memory(3 * size_of::<Value<'a>>())?;
        self.scope
            .charge_steps(key.as_str().map_or(0, str::len) as u64 / 16)?;
        let item = if fold.second.is_some() { second } else { first };
        Ok((key, item.value()))
    }

    /// A stable sort by what the body makes of each element.
    fn sort_by(
        &self,
        fold: &'a Fold,
        length: usize,
        pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>,
    ) -> Outcome<'a> {
        self.scope
            .charge_memory(3 * length * size_of::<Value<'a>>())?;
        let mut keyed = self.scope.arena().list_buffer(length);
        for (first, second) in pairs {
            self.bind(fold, first, second)?;
            keyed.push((self.run(&fold.body)?, first.value()));
        }
        let rounds = u64::from(length.checked_ilog2().unwrap_or(0)) + 1;
        // Each round may compare every key as far as it goes.
        let texts = keyed.iter().map(|(key, _)| match key {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        });
        let bytes = texts.fold(0_u64, |sum, length| sum.saturating_add(length as u64));
        self.scope
            .charge_steps((length as u64 + bytes / 16).saturating_mul(rounds))?;
        if let Some((key, _)) = keyed.first().copied()
            && let Some((odd, _)) = keyed.iter().find(|(other, _)| !key.is_ordered_with(*other))
        {
            return Err(Fault {
                kind: FaultKind::NoOverload,
                span: fold.body_span,
                detail: odd.type_name(),
            });
        }
        keyed.sort_by(|(a, _), (b, _)| a.compare(*b).unwrap_or(Ordering::Equal));
        let mut sorted = self.scope.arena().list_buffer(length);
        sorted.extend(keyed.iter().map(|(_, item)| *item));
        Ok(Value::List(sorted.into_bump_slice()))
    }
}
