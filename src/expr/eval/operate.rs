//! Operators.

use std::cmp::Ordering;

use super::{Machine, Outcome, is_final, no_overload};
use crate::expr::ast::Span;
use crate::expr::program::{Arithmetic, Comparison, Node};
use crate::expr::{Fault, FaultKind};
use crate::value::arithmetic::{self, ArithmeticError};
use crate::value::{Key, Value};

impl<'a> Machine<'_, 'a> {
    /// `&&` and `||`: the deciding value wins over errors on either side.
    pub(super) fn logic(
        &self,
        parts: &'a [(Node, Span)],
        decides: bool,
    ) -> Result<bool, Fault<'a>> {
        let mut failed = None;
        for (part, span) in parts {
            match self.truth(part, *span) {
                Ok(flag) if flag == decides => return Ok(decides),
                Ok(_) => {}
                Err(fault) if is_final(&fault) => return Err(fault),
                Err(fault) => failed = failed.or(Some(fault)),
            }
        }
        match failed {
            None => Ok(!decides),
            Some(fault) => Err(fault),
        }
    }

    #[inline(never)]
    pub(super) fn negate(&self, part: &'a Node, span: Span) -> Outcome<'a> {
        arithmetic::neg(self.run(part)?).map_err(|error| calculation(error, span, "-"))
    }

    #[inline(never)]
    pub(super) fn arithmetic(
        &self,
        sign: Arithmetic,
        left: &'a Node,
        right: &'a Node,
        span: Span,
    ) -> Outcome<'a> {
        let (left, right) = (self.run(left)?, self.run(right)?);
        let (outcome, sign) = match sign {
            Arithmetic::Sub => (arithmetic::sub(left, right), "-"),
            Arithmetic::Mul => (arithmetic::mul(left, right), "*"),
            Arithmetic::Div => (arithmetic::div(left, right), "/"),
            Arithmetic::Rem => (arithmetic::rem(left, right), "%"),
        };
        outcome.map_err(|error| calculation(error, span, sign))
    }

    /// A chain of `+`. Neighbouring texts are joined in one buffer of the right size.
    #[inline(never)]
    pub(super) fn sum(&self, terms: &'a [(Node, Span)]) -> Outcome<'a> {
        const ON_STACK: usize = 16;
        if terms.len() > ON_STACK {
            self.scope
                .charge_memory(terms.len() * size_of::<Value<'a>>())?;
            let mut values = self.scope.arena().list_buffer(terms.len());
            for (term, _) in terms {
                values.push(self.run(term)?);
            }
            return self.join(&values, terms);
        }
        let mut values = [Value::Null; ON_STACK];
        for (place, (term, _)) in values.iter_mut().zip(terms) {
            *place = self.run(term)?;
        }
        self.join(values.get(..terms.len()).unwrap_or_default(), terms)
    }

    fn join(&self, values: &[Value<'a>], terms: &'a [(Node, Span)]) -> Outcome<'a> {
        let mut rest = values.iter().zip(terms).peekable();
        let Some((first, _)) = rest.next() else {
            return Ok(Value::Null);
        };
        let mut sum = *first;
        let mut done = 1;
        while let Some((value, (_, span))) = rest.next() {
            sum = match (sum, *value) {
                (Value::String(start), Value::String(_)) => {
                    let texts = || {
                        values
                            .get(done..)
                            .unwrap_or_default()
                            .iter()
                            .map_while(|value| value.as_str())
                    };
                    let length = start.len() + texts().map(str::len).sum::<usize>();
                    self.scope.charge_memory(length)?;
                    self.scope.charge_steps(length as u64 / 16)?;
                    let mut joined = self.scope.arena().text_buffer(length);
                    joined.push_str(start);
                    let mut count = 0;
                    for text in texts() {
                        joined.push_str(text);
                        count += 1;
                    }
                    for _ in 1..count {
                        rest.next();
                    }
                    done += count;
                    sum = Value::String(joined.into_bump_str());
                    continue;
                }
                (Value::Bytes(a), Value::Bytes(b)) => {
                    let length = a.len() + b.len();
                    self.scope.charge_memory(length)?;
                    self.scope.charge_steps(length as u64 / 16)?;
                    let mut joined = self.scope.arena().list_buffer(length);
                    joined.extend_from_slice_copy(a);
                    joined.extend_from_slice_copy(b);
                    Value::Bytes(joined.into_bump_slice())
                }
                (Value::List(a), Value::List(b)) => {
                    let length = a.len() + b.len();
                    self.scope.charge_memory(length * size_of::<Value<'a>>())?;
                    self.scope.charge_steps(length as u64)?;
                    let mut joined = self.scope.arena().list_buffer(length);
                    joined.extend_from_slice_copy(a);
                    joined.extend_from_slice_copy(b);
                    Value::List(joined.into_bump_slice())
                }
                (a, b) => arithmetic::add(a, b).map_err(|error| calculation(error, *span, "+"))?,
            };
            done += 1;
        }
        Ok(sum)
    }

    pub(super) fn compare(
        &self,
        sign: Comparison,
        left: &'a Node,
        right: &'a Node,
        span: Span,
    ) -> Result<bool, Fault<'a>> {
        let (mut left_room, mut right_room) = (Value::Null, Value::Null);
        let left = self.look(left, &mut left_room)?;
        let right = self.look(right, &mut right_room)?;
        let is_equal = match (left, right) {
            (Value::String(a), Value::String(b)) => {
                self.scope.charge_steps(a.len().min(b.len()) as u64 / 16)?;
                a == b
            }
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            _ => {
                self.reads(*left, *right)?;
                left.equals(*right)
            }
        };
        let order = || {
            if left.is_ordered_with(*right) {
                Ok(left.compare(*right))
            } else {
                Err(no_overload(span, "<"))
            }
        };
        Ok(match sign {
            Comparison::Equal => is_equal,
            Comparison::NotEqual => !is_equal,
            Comparison::Less => order()? == Some(Ordering::Less),
            Comparison::LessEqual => {
                matches!(order()?, Some(Ordering::Less | Ordering::Equal))
            }
            Comparison::Greater => order()? == Some(Ordering::Greater),
            Comparison::GreaterEqual => {
                matches!(order()?, Some(Ordering::Greater | Ordering::Equal))
            }
        })
    }

    /// Pays for a comparison: nothing for small things.
    fn reads(&self, left: Value<'a>, right: Value<'a>) -> Result<(), Fault<'a>> {
        match (left, right) {
            (Value::String(a), Value::String(b)) => {
                self.scope.charge_steps(a.len().min(b.len()) as u64 / 16)
            }
            (Value::Bytes(a), Value::Bytes(b)) => {
                self.scope.charge_steps(a.len().min(b.len()) as u64 / 16)
            }
            (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => self.walk(left),
            _ => Ok(()),
        }
    }

    fn walk(&self, value: Value<'a>) -> Result<(), Fault<'a>> {
        match value {
            Value::String(text) => self.scope.charge_steps(text.len() as u64 / 16),
            Value::List(items) => {
                self.scope.charge_steps(items.len() as u64)?;
                items.iter().try_for_each(|item| self.walk(*item))
            }
            Value::Map(map) => {
                self.scope.charge_steps(map.len() as u64)?;
                map.iter().try_for_each(|(_, item)| self.walk(item))
            }
            _ => Ok(()),
        }
    }

    #[inline(never)]
    pub(super) fn contains(&self, needle: &'a Node, hay: &'a Node, span: Span) -> Outcome<'a> {
        let (needle, hay) = (self.run(needle)?, self.run(hay)?);
        Ok(Value::Bool(match hay {
            Value::List(items) => {
                self.scope.charge_steps(items.len() as u64)?;
                let mut found = false;
                for item in items {
                    self.reads(needle, *item)?;
                    if item.equals(needle) {
                        found = true;
                        break;
                    }
                }
                found
            }
            Value::Map(map) => {
                self.seeks(needle)?;
                Key::sought(needle).is_some_and(|key| map.contains(key))
            }
            other => return Err(no_overload(span, other.type_name())),
        }))
    }

    #[inline(never)]
    pub(super) fn among(&self, needle: &'a Node, items: &'a [Node]) -> Outcome<'a> {
        let needle = self.run(needle)?;
        self.scope.charge_steps(items.len() as u64)?;
        for item in items {
            let item = match item {
                Node::Constant(constant) => constant.value(),
                other => self.run(other)?,
            };
            self.reads(needle, item)?;
            if needle.equals(item) {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }
}

fn calculation(error: ArithmeticError, span: Span, sign: &str) -> Fault<'_> {
    Fault {
        kind: match error {
            ArithmeticError::NoOverload => FaultKind::NoOverload,
            ArithmeticError::Overflow => FaultKind::Overflow,
            ArithmeticError::DivideByZero => FaultKind::DivideByZero,
        },
        span,
        detail: sign,
    }
}
