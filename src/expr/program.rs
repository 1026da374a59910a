//! What a checked expression becomes: a tree in which nothing is left to look up.
//!
//! Variables are slots, `a.b.c` is one [`Path`], chains of `+` are one [`Node::Sum`], literals are
//! values, regexes and queries are built. The tree owns all its text, so a program lives as long
//! as the function that it belongs to, and values may borrow from it.

use jiff::SignedDuration;

use super::FaultKind;
use super::Slot;
use super::ast::{FoldKind, Span};
use super::function::{Function, Prepared};
use super::jsonpath::Query;
use crate::value::{Hint, Instant, Value};

/// A node of the resolved tree.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Constant),
    Variable(Slot, Span),
    /// A macro's variable: a cell of the machine.
    Local(u16),
    /// A cell that is filled at the first look, from a node of the program's `lazies`.
    Lazy {
        cell: u16,
        from: u16,
    },
    Now,
    Path(Box<Path>),
    Index(Box<Index>),
    Has(Box<Has>),
    Call(Box<Call>),
    Not(Box<Node>, Span),
    Negate(Box<Node>, Span),
    /// `a + b + c`; a place for each operator, that of the first operand is not used.
    Sum(Box<[(Node, Span)]>),
    Arithmetic(Box<(Arithmetic, Node, Node, Span)>),
    Compare(Box<(Comparison, Node, Node, Span)>),
    In(Box<(Node, Node, Span)>),
    /// `x in [a, b]`: the list is never made.
    Among(Box<(Node, Box<[Node]>)>),
    And(Box<[(Node, Span)]>),
    Or(Box<[(Node, Span)]>),
    Conditional(Box<(Node, Node, Node, Span)>),
    Coalesce(Box<(Node, Node)>),
    /// `or`, and `orValue` when `unwrap`.
    OptionalOr(Box<OptionalOr>),
    OptionalMap(Box<OptionalMap>),
    List(Box<[Item]>),
    Map(Box<MapNode>),
    Fold(Box<Fold>),
    /// Clears the cells, then the body.
    Bind(Box<[u16]>, Box<Node>),
    /// `$.body…`: a query with its own root.
    Query(Box<(Node, Query, Span)>),
    /// The variables of the environment as one map: the root of a query over the whole request.
    Everything(Box<[(Box<str>, Slot)]>),
    /// What fails when it is reached; only where the checker was left out.
    Fault(FaultKind, Span, Box<str>),
}

/// A value known at load.
#[derive(Debug, Clone)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    String(Box<str>),
    Bytes(Box<[u8]>),
    Timestamp(Instant),
    Duration(SignedDuration),
    Type(&'static str),
}

impl Constant {
    /// The value, borrowed.
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(int) => Value::Int(*int),
            Self::UInt(uint) => Value::UInt(*uint),
            Self::Double(double) => Value::Double(*double),
            Self::String(text) => Value::String(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Timestamp(at) => Value::Timestamp(*at),
            Self::Duration(span) => Value::Duration(*span),
            Self::Type(name) => Value::Type(name),
        }
    }

    /// The constant of a value, unless it has parts.
    pub(super) fn of(value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Int(int) => Self::Int(int),
            Value::UInt(uint) => Self::UInt(uint),
            Value::Double(double) => Self::Double(double),
            Value::String(text) => Self::String(text.into()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Timestamp(at) => Self::Timestamp(at),
            Value::Duration(span) => Self::Duration(span),
            Value::Type(name) => Self::Type(super::names::type_named(name)?),
            Value::Number(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Optional(_)
            | Value::Ip(_)
            | Value::Cidr(_) => return None,
        })
    }
}

/// A root and the fields and indexes that are selected from it, one after the other.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) root: Node,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) key: StepKey,
    /// Where the field was found the last time.
    pub(super) hint: Hint,
    /// `.?` or `[?`
    pub(super) optional: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum StepKey {
    Field(Box<str>),
    Index(i64),
    /// A name of a JSONPath: only of a map, whatever else is met has none.
    Name(Box<str>),
    /// An index of a JSONPath: only of a list; below zero it counts from the end.
    Element(i64),
}

#[derive(Debug)]
pub(super) struct Index {
    pub(super) object: Node,
    pub(super) key: Node,
    pub(super) optional: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Has {
    pub(super) object: Node,
    pub(super) field: Box<str>,
    pub(super) hint: Hint,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: &'static Function,
    pub(super) args: Box<[Node]>,
    pub(super) prepared: Option<Prepared>,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Arithmetic {
    Sub,
    Mul,
    Div,
    Rem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug)]
pub(super) struct OptionalOr {
    pub(super) object: Node,
    pub(super) other: Node,
    pub(super) unwrap: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct OptionalMap {
    pub(super) object: Node,
    pub(super) cell: u16,
    pub(super) body: Node,
    pub(super) flat: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) value: Node,
    pub(super) optional: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct MapNode {
    pub(super) entries: Box<[MapEntry]>,
    /// All keys are literal and different.
    pub(super) unique: bool,
    /// All keys are literal texts.
    pub(super) textual: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct MapEntry {
    pub(super) key: Node,
    pub(super) value: Node,
    pub(super) optional: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Node,
    /// The element, or the key or index where there are two.
    pub(super) first: u16,
    pub(super) second: Option<u16>,
    pub(super) filter: Option<Node>,
    pub(super) body: Node,
    pub(super) span: Span,
    /// Where the condition or the value stands.
    pub(super) body_span: Span,
}
