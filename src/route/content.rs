//! What an answer holds: trees with `${ }` and templates, compiled.
//!
//! A tree is written straight to JSON: what is constant was written at load, and only the holes
//! are evaluated. A hole that is an empty optional leaves its entry out of a map. A template's
//! text is a value like any other, so nothing that it holds can break the JSON around it.

use std::borrow::Cow;

use super::clause::{Clause, Site};
use crate::expr::{Fault, Scope};
use crate::template::Template;
use crate::value::{Value, json};

/// What stands in an answer's body or in the envelope's `output`.
#[derive(Debug)]
pub enum Content {
    /// Text without holes.
    Text(Box<str>),
    /// Text with holes. One hole alone may give any value: text and bytes are sent as they are,
    /// all else as JSON.
    Computed(Clause),
    /// A template.
    Template(Filling),
    /// A tree, sent as JSON.
    Tree(Node),
}

/// A part of a tree.
#[derive(Debug)]
pub enum Node {
    /// Nothing to compute: its JSON.
    Fixed(Box<[u8]>),
    /// A text with holes, or one hole.
    Value(Clause),
    /// A template's text.
    Template(Filling),
    /// A list that holds something to compute.
    List(Vec<Node>),
    /// A map that holds something to compute; each key as JSON, with its colon.
    Map(Vec<(Box<[u8]>, Node)>),
}

/// A template with its place.
#[derive(Debug)]
pub struct Filling {
    /// What is filled in.
    pub template: Template,
    /// Where it stands.
    pub site: Site,
}

/// Why an answer could not be made.
#[derive(Debug)]
pub enum Failure<'a> {
    /// An expression failed.
    Clause(&'a Clause, Fault<'a>),
    /// A template failed.
    Template(&'a Filling, Fault<'a>),
    /// A value that the answer cannot hold.
    Value {
        /// Where the value comes from.
        clause: &'a Clause,
        /// Why not.
        message: String,
    },
    /// The answer grew beyond its limit, in bytes.
    TooLarge(usize),
}

impl Content {
    /// Whether it is a tree or a value that would be sent as JSON by itself.
    pub const fn is_tree(&self) -> bool {
        matches!(self, Self::Tree(_))
    }

    /// Appends what is sent. `limit` is the longest that `out` may become, within a value's
    /// rounding.
    pub fn write<'a>(
        &'a self,
        scope: &Scope<'a>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure<'a>> {
        match self {
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Computed(clause) => match clause
                .evaluate(scope)
                .map_err(|fault| Failure::Clause(clause, fault))?
            {
                Value::String(text) => out.extend_from_slice(text.as_bytes()),
                Value::Bytes(bytes) => out.extend_from_slice(bytes),
                Value::Optional(None) => {}
                value => write_value(clause, value, limit, out)?,
            },
            Self::Template(filling) => {
                let text = filling.render(scope)?;
                out.extend_from_slice(text.as_bytes());
            }
            Self::Tree(node) => {
                node.write(scope, limit, out)?;
            }
        }
        within(limit, out)
    }
}

impl Filling {
    fn render<'a>(&'a self, scope: &Scope<'a>) -> Result<Cow<'a, str>, Failure<'a>> {
        self.template
            .render(scope)
            .map(Cow::from)
            .map_err(|fault| Failure::Template(self, fault))
    }
}

impl Node {
    /// Appends the JSON of the whole; false, with nothing appended, for an empty optional.
    pub fn write_to<'a>(
        &'a self,
        scope: &Scope<'a>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, Failure<'a>> {
        self.write(scope, limit, out)
    }

    /// Appends JSON; false, with nothing appended, for an empty optional.
    fn write<'a>(
        &'a self,
        scope: &Scope<'a>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, Failure<'a>> {
        match self {
            Self::Fixed(bytes) => out.extend_from_slice(bytes),
            Self::Value(clause) => {
                let value = clause
                    .evaluate(scope)
                    .map_err(|fault| Failure::Clause(clause, fault))?;
                if matches!(value, Value::Optional(None)) {
                    return Ok(false);
                }
                write_value(clause, value, limit, out)?;
            }
            Self::Template(filling) => json::write_string(&filling.render(scope)?, out),
            Self::List(items) => {
                out.push(b'[');
                let start = out.len();
                for item in items {
                    let mark = out.len();
                    if mark > start {
                        out.push(b',');
                    }
                    if !item.write(scope, limit, out)? {
                        out.truncate(mark);
                    }
                }
                out.push(b']');
            }
            Self::Map(entries) => {
                out.push(b'{');
                let start = out.len();
                for (key, item) in entries {
                    let mark = out.len();
                    if mark > start {
                        out.push(b',');
                    }
                    out.extend_from_slice(key);
                    if !item.write(scope, limit, out)? {
                        out.truncate(mark);
                    }
                }
                out.push(b'}');
            }
        }
        within(limit, out)?;
        Ok(true)
    }
}

fn within<'a>(limit: usize, out: &[u8]) -> Result<(), Failure<'a>> {
    if out.len() > limit {
        return Err(Failure::TooLarge(limit));
    }
    Ok(())
}

fn write_value<'a>(
    clause: &'a Clause,
    value: Value<'a>,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure<'a>> {
    // Values share their parts, so a small one can stand for a huge text: it is weighed before
    // it is written.
    let mut left = limit.saturating_sub(out.len());
    if !weigh(value, &mut left) {
        return Err(Failure::TooLarge(limit));
    }
    json::write(value, out).map_err(|error| Failure::Value {
        clause,
        message: error.to_string(),
    })
}

/// Takes from `left` the least that a value's JSON can be long; false when that is too much.
fn weigh(value: Value<'_>, left: &mut usize) -> bool {
    let mut take = |bytes: usize| match left.checked_sub(bytes) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    };
    match value {
        Value::String(text) => take(text.len() + 2),
        Value::Bytes(bytes) => take(bytes.len() / 3 * 4 + 2),
        Value::Number(text) => take(text.len()),
        Value::Optional(Some(value)) => weigh(*value, left),
        Value::List(items) => take(2) && items.iter().all(|&item| weigh(item, left)),
        Value::Map(map) => {
            take(2)
                && map.entries().all(|(key, item)| {
                    let key = key.as_str().map_or(1, str::len);
                    weigh(item, left)
                        && left.checked_sub(key + 3).is_some_and(|rest| {
                            *left = rest;
                            true
                        })
                })
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Optional(None)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Type(_) => take(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_parts_are_weighed_as_often_as_they_would_be_written() {
        let text = "x".repeat(98);
        let one = [Value::String(&text); 10];
        let two = [Value::List(&one); 10];
        let mut left = 20_000;
        assert!(weigh(Value::List(&two), &mut left));
        assert_eq!(left, 20_000 - 10_000 - 20 - 2);
        let mut left = 10_000;
        assert!(!weigh(Value::List(&two), &mut left));
    }
}
