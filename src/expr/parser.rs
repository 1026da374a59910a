//! Text to tree. The only door to pest.
//!
//! Before pest sees a text, [`guard`] has counted its brackets and measured its length, so neither
//! pest nor what builds the tree can run out of stack. The first parse is the fast one; only a text
//! that fails is parsed again with pest's details on, to say what was expected.

use std::sync::LazyLock;

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};

use self::grammar::{Grammar, Rule};
use super::ast::{Ast, Binary, Call, Element, Entry, HIGHEST, Literal, Node, Span};
use super::{guard, literal};
use crate::diagnostic::Problem;
use crate::diagnostic::code::expr::{BAD_LITERAL, SYNTAX, TOO_LARGE};

#[cfg(test)]
mod tests;

mod grammar {
    //! What pest makes of the grammar's file.

    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/expr.pest"]
    pub(super) struct Grammar;
}

/// Parses one expression that [`guard`] has seen. Macros are not expanded yet.
pub(super) fn parse(text: &str) -> Result<Ast, Problem> {
    let mut pairs = Grammar::parse(Rule::program, text).map_err(|error| explain(text, &error))?;
    let expr = pairs
        .next()
        .and_then(|program| program.into_inner().next())
        .ok_or_else(|| Problem::error(SYNTAX, 0..text.len(), "there is no expression here"))?;
    Builder { text }.expr(expr)
}

type Built = Result<Ast, Problem>;
type Node_<'t> = Pair<'t, Rule>;

static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    PrattParser::new()
        .op(Op::infix(Rule::or, Assoc::Left))
        .op(Op::infix(Rule::and, Assoc::Left))
        .op(Op::infix(Rule::eq, Assoc::Left)
            | Op::infix(Rule::ne, Assoc::Left)
            | Op::infix(Rule::lt, Assoc::Left)
            | Op::infix(Rule::le, Assoc::Left)
            | Op::infix(Rule::gt, Assoc::Left)
            | Op::infix(Rule::ge, Assoc::Left)
            | Op::infix(Rule::in_, Assoc::Left))
        .op(Op::infix(Rule::coal, Assoc::Right))
        .op(Op::infix(Rule::add, Assoc::Left) | Op::infix(Rule::sub, Assoc::Left))
        .op(Op::infix(Rule::mul, Assoc::Left)
            | Op::infix(Rule::div, Assoc::Left)
            | Op::infix(Rule::rem, Assoc::Left))
});

struct Builder<'t> {
    text: &'t str,
}

impl Builder<'_> {
    fn expr(&self, pair: Node_<'_>) -> Built {
        let span = span(&pair);
        let mut parts = pair.into_inner();
        let first = self.binary(parts.next().ok_or_else(|| self.lost(span))?)?;
        let (Some(then), Some(otherwise)) = (parts.next(), parts.next()) else {
            return Ok(first);
        };
        let parts = [first, self.binary(then)?, self.expr(otherwise)?];
        node(span, Node::Conditional(Box::new(parts)))
    }

    fn binary(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let mut parts = pair.into_inner();
        if parts.len() == 1 {
            return self.unary(parts.next().ok_or_else(|| self.lost(place))?);
        }
        PRECEDENCE
            .map_primary(|pair| self.unary(pair))
            .map_infix(|left, operator, right| {
                let (left, right) = (left?, right?);
                let span = (left.span.0, right.span.1);
                let sign = match operator.as_rule() {
                    Rule::and => return node(span, Node::And(chain(left, right, true))),
                    Rule::or => return node(span, Node::Or(chain(left, right, false))),
                    Rule::coal => Binary::Coalesce,
                    Rule::eq => Binary::Equal,
                    Rule::ne => Binary::NotEqual,
                    Rule::lt => Binary::Less,
                    Rule::le => Binary::LessEqual,
                    Rule::gt => Binary::Greater,
                    Rule::ge => Binary::GreaterEqual,
                    Rule::in_ => Binary::In,
                    Rule::add => Binary::Add,
                    Rule::sub => Binary::Sub,
                    Rule::mul => Binary::Mul,
                    Rule::div => Binary::Div,
                    Rule::rem => Binary::Rem,
                    _ => return Err(self.lost(self::span(&operator))),
                };
                node(span, Node::Binary(sign, Box::new(left), Box::new(right)))
            })
            .parse(parts)
    }

    fn unary(&self, pair: Node_<'_>) -> Built {
        let end = span(&pair).1;
        let mut signs = Vec::new();
        let mut built = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::not | Rule::neg => signs.push((span(&part).0, part.as_rule())),
                _ => built = Some(self.member(part)?),
            }
        }
        let mut built = built.ok_or_else(|| self.lost((end, end)))?;
        for (start, sign) in signs.into_iter().rev() {
            let span = (start, built.span.1);
            let inner = Box::new(built);
            let node = if sign == Rule::not {
                Node::Not(inner)
            } else {
                Node::Negate(inner)
            };
            built = self::node(span, node)?;
        }
        Ok(built)
    }

    fn member(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let mut parts = pair.into_inner();
        let mut built = self.primary(parts.next().ok_or_else(|| self.lost(place))?)?;
        for part in parts {
            let span = (built.span.0, self::span(&part).1);
            let node = match part.as_rule() {
                Rule::select => self.select(built, part)?,
                Rule::index => {
                    let mut optional = false;
                    let mut index = None;
                    for inner in part.into_inner() {
                        match inner.as_rule() {
                            Rule::optional => optional = true,
                            _ => index = Some(self.expr(inner)?),
                        }
                    }
                    Node::Index {
                        object: Box::new(built),
                        index: Box::new(index.ok_or_else(|| self.lost(span))?),
                        optional,
                    }
                }
                _ => {
                    let Some((name, _)) = built.qualified() else {
                        return Err(Problem::error(
                            SYNTAX,
                            range(self::span(&part)),
                            "unexpected `{`",
                        )
                        .help("a map in braces cannot follow a value; is an operator missing?"));
                    };
                    Node::Message(name)
                }
            };
            built = self::node(span, node)?;
        }
        Ok(built)
    }

    fn select(&self, object: Ast, pair: Node_<'_>) -> Result<Node, Problem> {
        let place = span(&pair);
        let (mut optional, mut name, mut args) = (false, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::optional => optional = true,
                Rule::args => args = Some(self.args(part)?),
                Rule::quoted => {
                    name = Some((part.as_str().trim_matches('`').to_owned(), span(&part)));
                }
                _ => name = Some((part.as_str().to_owned(), span(&part))),
            }
        }
        let (name, name_span) = name.ok_or_else(|| self.lost(place))?;
        match args {
            Some(_) if optional => Err(Problem::error(
                SYNTAX,
                range(place),
                "`.?` selects a field, it does not call a function",
            )),
            Some(args) => Ok(Node::Call(Box::new(Call {
                target: Some(object),
                name,
                name_span,
                absolute: false,
                args,
            }))),
            None => Ok(Node::Select {
                object: Box::new(object),
                field: name,
                field_span: name_span,
                optional,
            }),
        }
    }

    fn primary(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let part = pair.into_inner().next().ok_or_else(|| self.lost(place))?;
        match part.as_rule() {
            Rule::literal => self.literal(part),
            Rule::reference => self.reference(part),
            Rule::jsonpath => Ok(Ast::leaf(place, Node::Query(part.as_str().to_owned()))),
            Rule::list => self.list(part),
            Rule::map => self.map(part),
            // The brackets belong to the expression's place, so that `(a + b).c` is marked whole.
            _ => self.expr(part).map(|built| Ast {
                span: place,
                ..built
            }),
        }
    }

    fn reference(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let (mut absolute, mut name, mut args) = (false, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::root => absolute = true,
                Rule::args => args = Some(self.args(part)?),
                _ => name = Some((part.as_str().to_owned(), span(&part))),
            }
        }
        let (name, name_span) = name.ok_or_else(|| self.lost(place))?;
        let node = match args {
            Some(args) => Node::Call(Box::new(Call {
                target: None,
                name,
                name_span,
                absolute,
                args,
            })),
            None => Node::Name { name, absolute },
        };
        self::node(place, node)
    }

    fn args(&self, pair: Node_<'_>) -> Result<Vec<Ast>, Problem> {
        pair.into_inner().map(|part| self.expr(part)).collect()
    }

    fn list(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let mut elements = Vec::new();
        for element in pair.into_inner() {
            let mut optional = false;
            for part in element.into_inner() {
                match part.as_rule() {
                    Rule::optional => optional = true,
                    _ => elements.push(Element {
                        value: self.expr(part)?,
                        optional,
                    }),
                }
            }
        }
        node(place, Node::List(elements))
    }

    fn map(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let mut entries = Vec::new();
        for entry in pair.into_inner() {
            let (mut optional, mut key) = (false, None);
            for part in entry.into_inner() {
                match (part.as_rule(), key.take()) {
                    (Rule::optional, _) => optional = true,
                    (_, None) => key = Some(self.expr(part)?),
                    (_, Some(key)) => entries.push(Entry {
                        key,
                        value: self.expr(part)?,
                        optional,
                    }),
                }
            }
        }
        node(place, Node::Map(entries))
    }

    fn literal(&self, pair: Node_<'_>) -> Built {
        let place = span(&pair);
        let mut part = pair.into_inner().next().ok_or_else(|| self.lost(place))?;
        if part.as_rule() == Rule::number {
            part = part.into_inner().next().ok_or_else(|| self.lost(place))?;
        }
        let text = part.as_str();
        let value = match part.as_rule() {
            Rule::null => Ok(Literal::Null),
            Rule::boolean => Ok(Literal::Bool(text == "true")),
            Rule::int => literal::int(text),
            Rule::uint => literal::uint(text),
            Rule::float => literal::double(text),
            Rule::bytes => literal::bytes(text),
            _ => literal::string(text),
        };
        value
            .map(|value| Ast::leaf(place, Node::Literal(value)))
            .map_err(|(at, message)| {
                let start = place.0 as usize + at.start;
                Problem::error(BAD_LITERAL, start..start + at.len(), message)
            })
    }

    /// The grammar promises a part that is not there: its rules and this file do not agree.
    fn lost(&self, span: Span) -> Problem {
        let text = self.text.get(range(span)).unwrap_or_default();
        Problem::error(SYNTAX, range(span), format!("cannot read `{text}`"))
    }
}

/// A node, unless that makes the tree too high.
fn node(span: Span, node: Node) -> Built {
    let built = Ast::new(span, node);
    if built.height > HIGHEST {
        return Err(Problem::error(
            TOO_LARGE,
            range(span),
            format!("this expression is nested deeper than {HIGHEST} levels"),
        )
        .help("give a part of it a name of its own under `let`"));
    }
    Ok(built)
}

/// Joins two operands of `&&` or of `||`, keeping chains flat.
fn chain(left: Ast, right: Ast, and: bool) -> Vec<Ast> {
    match left.node {
        Node::And(mut parts) if and => {
            parts.push(right);
            parts
        }
        Node::Or(mut parts) if !and => {
            parts.push(right);
            parts
        }
        _ => vec![left, right],
    }
}

fn span(pair: &Node_<'_>) -> Span {
    let span = pair.as_span();
    // pest counts the blanks after a rule to it when optional parts follow.
    let end = span.start() + span.as_str().trim_end().len();
    (position(span.start()), position(end))
}

fn position(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.0 as usize..span.1 as usize
}

/// Says in the user's words what pest stumbled on.
fn explain(text: &str, error: &pest::error::Error<Rule>) -> Problem {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let rest = text.get(at..).unwrap_or_default();
    let found = guard::word(rest);
    let mut expected: Vec<&str> = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => {
            positives.iter().map(|rule| words(*rule)).collect()
        }
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    expected.sort_unstable();
    expected.dedup();
    expected.retain(|words| !words.is_empty());
    let wants_value = expected.contains(&"a value");
    if wants_value {
        expected = vec!["a value"];
    }
    let message = match (found, expected.as_slice()) {
        (_, _) if text.trim().is_empty() => "there is no expression here".to_owned(),
        ("", [one]) => format!("the expression ends where {one} is expected"),
        ("", _) => "the expression ends too early".to_owned(),
        (found, [one]) => format!("expected {one}, found `{found}`"),
        (found, _) => format!("unexpected `{found}`"),
    };
    let problem = Problem::error(SYNTAX, at..at + found.len(), message);
    guard::help(rest, text)
        .into_iter()
        .fold(problem, Problem::help)
}

/// A rule's name, as a user would say it; empty where it would not help.
fn words(rule: Rule) -> &'static str {
    match rule {
        Rule::expr
        | Rule::binary
        | Rule::unary
        | Rule::member
        | Rule::primary
        | Rule::literal
        | Rule::number
        | Rule::float
        | Rule::int
        | Rule::uint
        | Rule::string
        | Rule::bytes
        | Rule::list
        | Rule::map
        | Rule::reference
        | Rule::jsonpath
        | Rule::ident
        | Rule::null
        | Rule::boolean => "a value",
        Rule::selector | Rule::quoted => "a field's name",
        Rule::args => "arguments in brackets",
        Rule::entry | Rule::field => "an entry `key: value`",
        Rule::element => "an element",
        _ => "",
    }
}
