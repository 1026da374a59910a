//! Runs a query over values. Every node that is looked at costs a step.

use std::cell::RefCell;

use regex::Regex;

use super::{Comparison, Filter, Nodes, Operand, Pattern, Query, Segment, Selector};
use crate::expr::function::weight;
use crate::expr::{Fault, Scope};
use crate::value::Value;

type Done<'a, T = ()> = Result<T, Fault<'a>>;
/// Nodes where they lie.
type Found<'a> = bumpalo::collections::Vec<'a, &'a Value<'a>>;

impl Query {
    /// The nodes that the query selects, in the RFC's order. Nothing borrows from the query.
    pub fn select<'a>(&self, root: Value<'a>, scope: &Scope<'a>) -> Done<'a, &'a [Value<'a>]> {
        scope.charge_memory(size_of::<Value<'a>>())?;
        let root = scope.arena().alloc(root);
        let walk = Walk {
            root,
            scope,
            regex: RefCell::new(None),
        };
        let nodes = walk.nodes(self, root)?;
        scope.charge_memory(nodes.len() * size_of::<Value<'a>>())?;
        let mut values = scope.arena().list_buffer(nodes.len());
        values.extend(nodes.into_iter().copied());
        Ok(values.into_bump_slice())
    }
}

struct Walk<'s, 'a> {
    root: &'a Value<'a>,
    scope: &'s Scope<'a>,
    /// The last pattern that was not known at load, and what it compiled to.
    regex: RefCell<Option<Compiled>>,
}

/// A pattern of the data, and what it compiled to.
struct Compiled {
    pattern: Box<str>,
    whole: bool,
    regex: Option<Regex>,
}

impl Compiled {
    fn is_match(&self, text: &str) -> bool {
        self.regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }
}

impl<'a> Walk<'_, 'a> {
    fn nodes(&self, query: &Query, from: &'a Value<'a>) -> Done<'a, Found<'a>> {
        let mut found = self.scope.arena().list_buffer(0);
        let Some((first, others)) = query.segments.split_first() else {
            found.push(from);
            return Ok(found);
        };
        self.segment(first, from, &mut found)?;
        for segment in others {
            let mut next = self.scope.arena().list_buffer(0);
            for node in found {
                self.segment(segment, node, &mut next)?;
            }
            found = next;
        }
        Ok(found)
    }

    fn keep(&self, value: &'a Value<'a>, found: &mut Found<'a>) -> Done<'a> {
        self.scope.charge_memory(size_of::<&Value<'a>>())?;
        found.push(value);
        Ok(())
    }

    fn segment(&self, segment: &Segment, node: &'a Value<'a>, found: &mut Found<'a>) -> Done<'a> {
        self.scope.charge_steps(1)?;
        if segment.is_descendant {
            self.descend(&segment.selectors, node, found)
        } else {
            self.selectors(&segment.selectors, node, found)
        }
    }

    /// What is selected from a node and from all below it.
    fn descend(
        &self,
        selectors: &[Selector],
        node: &'a Value<'a>,
        found: &mut Found<'a>,
    ) -> Done<'a> {
        self.selectors(selectors, node, found)?;
        // Below a text or a number there is nothing, and nothing is selected from it.
        let mut below = |value: &'a Value<'a>| match value {
            Value::List(_) | Value::Map(_) => self.descend(selectors, value, found),
            _ => Ok(()),
        };
        match node {
            Value::List(items) => {
                self.scope.charge_steps(items.len() as u64)?;
                items.iter().try_for_each(below)
            }
            Value::Map(map) => match map.as_object() {
                Some(entries) => {
                    self.scope.charge_steps(entries.len() as u64)?;
                    entries.iter().try_for_each(|(_, item)| below(item))
                }
                None => map.values().try_for_each(|item| {
                    self.scope.charge_steps(1)?;
                    below(item)
                }),
            },
            _ => Ok(()),
        }
    }

    fn selectors(
        &self,
        selectors: &[Selector],
        node: &'a Value<'a>,
        found: &mut Found<'a>,
    ) -> Done<'a> {
        selectors
            .iter()
            .try_for_each(|selector| self.selector(selector, node, found))
    }

    fn selector(
        &self,
        selector: &Selector,
        node: &'a Value<'a>,
        found: &mut Found<'a>,
    ) -> Done<'a> {
        match (selector, node) {
            (Selector::Name(name, hint), Value::Map(map)) => match map.near(name, hint) {
                Some(value) => self.keep(value, found),
                None => Ok(()),
            },
            (Selector::Index(at), Value::List(items)) => match element(items, *at) {
                Some(value) => self.keep(value, found),
                None => Ok(()),
            },
            (Selector::Wildcard, _) => self.children(node, &mut |value| self.keep(value, found)),
            (Selector::Slice { start, end, step }, Value::List(items)) => {
                self.slice(items, *start, *end, *step, found)
            }
            (Selector::Filter(filter), _) => self.children(node, &mut |value| {
                if self.holds(filter, value)? {
                    self.keep(value, found)?;
                }
                Ok(())
            }),
            (Selector::Name(..) | Selector::Index(_) | Selector::Slice { .. }, _) => Ok(()),
        }
    }

    fn children(
        &self,
        node: &'a Value<'a>,
        visit: &mut dyn FnMut(&'a Value<'a>) -> Done<'a>,
    ) -> Done<'a> {
        match node {
            Value::List(items) => {
                self.scope.charge_steps(items.len() as u64)?;
                items.iter().try_for_each(visit)
            }
            Value::Map(map) => {
                self.scope.charge_steps(map.len() as u64)?;
                map.values().try_for_each(visit)
            }
            _ => Ok(()),
        }
    }

    fn slice(
        &self,
        items: &'a [Value<'a>],
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
        found: &mut Found<'a>,
    ) -> Done<'a> {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let normal = |at: i64| {
            if at >= 0 {
                at
            } else {
                length.saturating_add(at)
            }
        };
        if step == 0 {
            return Ok(());
        }
        let mut at = if step > 0 {
            normal(start.unwrap_or(0)).clamp(0, length)
        } else {
            normal(start.unwrap_or(length - 1)).clamp(-1, length - 1)
        };
        let end = if step > 0 {
            normal(end.unwrap_or(length)).clamp(0, length)
        } else {
            end.map_or(-1, |end| normal(end).clamp(-1, length - 1))
        };
        while (step > 0 && at < end) || (step < 0 && at > end) {
            self.scope.charge_steps(1)?;
            if let Some(value) = element(items, at) {
                self.keep(value, found)?;
            }
            at = at.saturating_add(step);
        }
        Ok(())
    }

    fn holds(&self, filter: &Filter, node: &'a Value<'a>) -> Done<'a, bool> {
        self.scope.charge_steps(1)?;
        match filter {
            Filter::Or(parts) => {
                for part in parts {
                    if self.holds(part, node)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::And(parts) => {
                for part in parts {
                    if !self.holds(part, node)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(part) => Ok(!self.holds(part, node)?),
            Filter::Exists(nodes) => match self.single(nodes, node) {
                Single::Node(_) => Ok(true),
                Single::Missing => Ok(false),
                Single::No => Ok(!self.many(nodes, node)?.is_empty()),
            },
            Filter::Compare(sign, left, right) => {
                let (mut left_room, mut right_room) = (Value::Null, Value::Null);
                let left = self.operand(left, node, &mut left_room)?;
                let right = self.operand(right, node, &mut right_room)?;
                Ok(compare(*sign, left, right))
            }
            Filter::Matches {
                text,
                pattern,
                whole,
            } => {
                let mut room = Value::Null;
                let Some(Value::String(text)) = self.operand(text, node, &mut room)? else {
                    return Ok(false);
                };
                match pattern {
                    Pattern::Ready(regex, places) => {
                        self.scope
                            .charge_steps(weight::search_of(*places, text.len()))?;
                        Ok(regex.is_match(text))
                    }
                    Pattern::Never => Ok(false),
                    Pattern::Dynamic(operand) => {
                        match self.operand(operand, node, &mut Value::Null)? {
                            Some(Value::String(pattern)) => self.dynamic(pattern, *whole, text),
                            _ => Ok(false),
                        }
                    }
                }
            }
        }
    }

    /// Matches against a pattern that stands in the data: compiled when it changes, and dear.
    fn dynamic(&self, pattern: &str, whole: bool, text: &str) -> Done<'a, bool> {
        self.scope
            .charge_steps(weight::search(pattern, text.len()))?;
        let mut last = self.regex.borrow_mut();
        if let Some(last) = &*last
            && *last.pattern == *pattern
            && last.whole == whole
        {
            return Ok(last.is_match(text));
        }
        self.scope.charge_steps(weight::compile(pattern))?;
        let compiled = last.insert(Compiled {
            pattern: pattern.into(),
            whole,
            regex: super::regex(pattern, whole),
        });
        Ok(compiled.is_match(text))
    }

    /// The value of an operand, where it lies or else in `room`.
    fn operand<'r, 'v>(
        &self,
        operand: &'v Operand,
        node: &'a Value<'a>,
        room: &'r mut Value<'v>,
    ) -> Done<'a, Option<&'r Value<'v>>>
    where
        'a: 'v,
    {
        let made = match operand {
            Operand::Literal(constant) => Some(constant.value()),
            Operand::Node(nodes) => {
                return Ok(match self.single(nodes, node) {
                    Single::Node(found) => Some(found),
                    Single::Missing => None,
                    Single::No => self.many(nodes, node)?.first().copied(),
                });
            }
            Operand::Length(inner) => match self.operand(inner, node, &mut Value::Null)? {
                Some(Value::String(text)) => {
                    self.scope.charge_steps(text.len() as u64 / 16)?;
                    Some(int(text.chars().count()))
                }
                Some(Value::List(items)) => Some(int(items.len())),
                Some(Value::Map(map)) => Some(int(map.len())),
                _ => None,
            },
            Operand::Count(nodes) => Some(int(self.many(nodes, node)?.len())),
            Operand::Value(nodes) => match self.many(nodes, node)?.as_slice() {
                [one] => return Ok(Some(*one)),
                _ => None,
            },
        };
        Ok(made.map(|value| {
            *room = value;
            &*room
        }))
    }

    fn start(&self, nodes: &Nodes, node: &'a Value<'a>) -> &'a Value<'a> {
        if nodes.from_root { self.root } else { node }
    }

    fn many(&self, nodes: &Nodes, node: &'a Value<'a>) -> Done<'a, Found<'a>> {
        self.nodes(&nodes.query, self.start(nodes, node))
    }

    /// The node of a query of names and indexes, found without a list.
    fn single(&self, nodes: &Nodes, node: &'a Value<'a>) -> Single<'a> {
        if !nodes.query.is_singular() {
            return Single::No;
        }
        let mut node = self.start(nodes, node);
        for segment in &nodes.query.segments {
            let next = match (segment.selectors.first(), node) {
                (Some(Selector::Name(name, hint)), Value::Map(map)) => map.near(name, hint),
                (Some(Selector::Index(at)), Value::List(items)) => element(items, *at),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return Single::Missing,
            }
        }
        Single::Node(node)
    }
}

/// What a query finds that is of names and indexes only.
enum Single<'a> {
    /// It is not such a query.
    No,
    /// Nothing.
    Missing,
    /// A node.
    Node(&'a Value<'a>),
}

/// The item at an index; one below zero counts from the end.
pub(in crate::expr) fn element<'a>(items: &'a [Value<'a>], at: i64) -> Option<&'a Value<'a>> {
    let at = match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => items
            .len()
            .checked_sub(usize::try_from(at.unsigned_abs()).ok()?)?,
    };
    items.get(at)
}

fn int(length: usize) -> Value<'static> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The RFC's comparison: nothing equals nothing, only numbers and texts have an order.
fn compare(sign: Comparison, left: Option<&Value<'_>>, right: Option<&Value<'_>>) -> bool {
    let equal = || match (left, right) {
        (Some(Value::String(left)), Some(Value::String(right))) => left == right,
        (Some(Value::Bool(left)), Some(Value::Bool(right))) => left == right,
        (Some(left), Some(right)) => left.equals(*right),
        (None, None) => true,
        _ => false,
    };
    let less = |a: Option<&Value<'_>>, b: Option<&Value<'_>>| match (a, b) {
        (Some(a @ Value::String(_)), Some(b @ Value::String(_))) => {
            a.compare(*b) == Some(std::cmp::Ordering::Less)
        }
        (Some(a), Some(b)) if a.is_number() && b.is_number() => {
            a.compare(*b) == Some(std::cmp::Ordering::Less)
        }
        _ => false,
    };
    match sign {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => less(left, right),
        Comparison::LessEqual => less(left, right) || equal(),
        Comparison::Greater => less(right, left),
        Comparison::GreaterEqual => less(right, left) || equal(),
    }
}
