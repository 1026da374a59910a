//! JSONPath (RFC 9535): parsed by jsonpath-rust, run here.
//!
//! jsonpath-rust's own evaluator wants an owned tree, builds a path text for every node that it
//! visits and compiles a regular expression again for each; so only its parser is used. What it
//! parses is lowered to the nodes below, once, when the functions are loaded: regular expressions
//! are compiled, ill-typed queries refused (section 2.4.3 of the RFC), queries of names and indexes
//! alone become plain paths.

pub(super) mod function;
mod lower;
mod reach;
mod walk;

pub(super) use walk::element;

use std::fmt;

use regex::Regex;

use super::program::{Constant, StepKey};
use crate::value::Hint;

/// A compiled query.
#[derive(Debug, Clone)]
pub struct Query {
    segments: Vec<Segment>,
}

/// Where a query that stands in an expression begins.
pub(super) enum Root<'q> {
    /// At one of the request's own fields.
    Field(&'q str),
    /// At the whole request.
    Whole,
}

impl Query {
    /// Parses and checks a query. The error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        lower::query(text)
    }

    /// The field that the query begins with.
    pub(super) fn root(&self) -> Root<'_> {
        match self.segments.first() {
            Some(Segment {
                is_descendant: false,
                selectors,
            }) => match selectors.as_slice() {
                [Selector::Name(name, _)] => Root::Field(name),
                _ => Root::Whole,
            },
            _ => Root::Whole,
        }
    }

    /// The query that starts at what the first segment selects.
    pub(super) fn without_first(mut self) -> Self {
        if !self.segments.is_empty() {
            self.segments.remove(0);
        }
        self
    }

    /// The names and indexes of a query that selects at most one node.
    pub(super) fn singular(&self) -> Option<Vec<StepKey>> {
        self.segments
            .iter()
            .map(|segment| match segment.selectors.as_slice() {
                [Selector::Name(name, _)] if !segment.is_descendant => {
                    Some(StepKey::Name(name.clone()))
                }
                [Selector::Index(at)] if !segment.is_descendant => Some(StepKey::Element(*at)),
                _ => None,
            })
            .collect()
    }

    /// What the checker must know of it, up to where it goes to any depth.
    pub(super) fn view(&self) -> Vec<View> {
        let mut view = Vec::new();
        for segment in &self.segments {
            view.push(match segment.selectors.as_slice() {
                _ if segment.is_descendant => View::Anything,
                [Selector::Name(name, _)] => View::Name(name.to_string()),
                [Selector::Index(_)] => View::Index,
                [Selector::Wildcard | Selector::Slice { .. }] => View::Elements(Vec::new()),
                [Selector::Filter(filter)] => {
                    let mut names = Vec::new();
                    filter.each_query(&mut |nodes| {
                        if !nodes.from_root {
                            names.push(nodes.query.view());
                        }
                    });
                    View::Elements(names)
                }
                _ => View::Anything,
            });
        }
        view
    }

    /// Whether it selects at most one node, by its form.
    pub(super) fn is_singular(&self) -> bool {
        self.segments.iter().all(Segment::is_singular)
    }
}

/// A segment of a query, as far as types are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    /// A field.
    Name(String),
    /// An element.
    Index,
    /// Elements, and what a filter asks of each of them.
    Elements(Vec<Vec<View>>),
    /// Several kinds of node, or any depth.
    Anything,
}

#[derive(Debug, Clone)]
struct Segment {
    is_descendant: bool,
    selectors: Vec<Selector>,
}

impl Segment {
    fn is_singular(&self) -> bool {
        !self.is_descendant
            && matches!(
                self.selectors.as_slice(),
                [Selector::Name(..) | Selector::Index(_)]
            )
    }
}

#[derive(Debug, Clone)]
enum Selector {
    /// A name, and where it was found the last time.
    Name(Box<str>, Hint),
    Index(i64),
    Wildcard,
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    Filter(Filter),
}

#[derive(Debug, Clone)]
enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Nodes),
    Compare(Comparison, Operand, Operand),
    Matches {
        text: Operand,
        pattern: Pattern,
        whole: bool,
    },
}

impl Filter {
    /// Shows each query of the filter, in the order in which they are written.
    fn each_query<'f>(&'f self, visit: &mut impl FnMut(&'f Nodes)) {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                for part in parts {
                    part.each_query(visit);
                }
            }
            Self::Not(part) => part.each_query(visit),
            Self::Exists(nodes) => visit(nodes),
            Self::Compare(_, left, right) => {
                left.each_query(visit);
                right.each_query(visit);
            }
            Self::Matches { text, pattern, .. } => {
                text.each_query(visit);
                if let Pattern::Dynamic(pattern) = pattern {
                    pattern.each_query(visit);
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// A query inside a filter.
#[derive(Debug, Clone)]
struct Nodes {
    from_root: bool,
    query: Query,
}

/// What has one value, or none.
#[derive(Debug, Clone)]
enum Operand {
    Literal(Constant),
    /// A query that selects at most one node.
    Node(Nodes),
    Length(Box<Operand>),
    Count(Nodes),
    /// The value of a query that happens to select one node.
    Value(Nodes),
}

impl Operand {
    fn each_query<'f>(&'f self, visit: &mut impl FnMut(&'f Nodes)) {
        match self {
            Self::Literal(_) => {}
            Self::Node(nodes) | Self::Count(nodes) | Self::Value(nodes) => visit(nodes),
            Self::Length(operand) => operand.each_query(visit),
        }
    }
}

#[derive(Clone)]
enum Pattern {
    /// And how many places the expression has, which is what a search costs.
    Ready(Regex, u64),
    /// A literal that is no regular expression: matches nothing, as the RFC wants it.
    Never,
    Dynamic(Operand),
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(regex, _) => f.write_str(regex.as_str()),
            Self::Never => f.write_str("never"),
            Self::Dynamic(operand) => operand.fmt(f),
        }
    }
}

/// Builds a regular expression of the RFC's kind (RFC 9485): a dot is any character but a line
/// end, and `match` is about the whole text.
fn regex(pattern: &str, whole: bool) -> Option<Regex> {
    const SIZE: usize = 1 << 20;
    let mut out = String::with_capacity(pattern.len() + 16);
    out.push_str(if whole { r"\A(?:" } else { "(?:" });
    let (mut escaped, mut in_class) = (false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                out.push_str(r"[^\n\r]");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out.push_str(if whole { r")\z" } else { ")" });
    regex::RegexBuilder::new(&out).size_limit(SIZE).build().ok()
}
