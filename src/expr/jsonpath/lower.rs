//! jsonpath-rust's tree to ours, with the checks of types that its parser leaves out.

use jsonpath_rust::parser::model::{
    self, Comparable, FilterAtom, FnArg, JpQuery, Literal, SingularQuery, SingularQuerySegment,
    Test, TestFunction,
};
use jsonpath_rust::parser::parse_json_path;

use super::{Comparison, Constant, Filter, Nodes, Operand, Pattern, Query, Segment, Selector};
use crate::expr::function::weight;
use crate::value::Hint;

type Lowered<T> = Result<T, String>;

/// Bounds what its parser may be asked to do.
const LONGEST: usize = 4 << 10;

pub(super) fn query(text: &str) -> Lowered<Query> {
    if text.len() > LONGEST {
        return Err(format!(
            "this JSONPath is longer than {} KiB",
            LONGEST >> 10
        ));
    }
    let parsed = parse_json_path(text).map_err(|_| match text.chars().next() {
        Some('$') => format!("`{}` is no JSONPath", short(text)),
        _ => "a JSONPath starts with `$`".to_owned(),
    })?;
    segments(parsed)
}

fn short(text: &str) -> &str {
    let end = text.char_indices().nth(80).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

fn segments(query: JpQuery) -> Lowered<Query> {
    let segments = query.segments.into_iter().map(segment);
    Ok(Query {
        segments: segments.collect::<Lowered<_>>()?,
    })
}

fn segment(segment: model::Segment) -> Lowered<Segment> {
    Ok(match segment {
        model::Segment::Descendant(inner) => Segment {
            is_descendant: true,
            selectors: self::segment(*inner)?.selectors,
        },
        model::Segment::Selector(one) => Segment {
            is_descendant: false,
            selectors: vec![selector(one)?],
        },
        model::Segment::Selectors(many) => Segment {
            is_descendant: false,
            selectors: many.into_iter().map(selector).collect::<Lowered<_>>()?,
        },
    })
}

fn selector(selector: model::Selector) -> Lowered<Selector> {
    Ok(match selector {
        model::Selector::Name(name) => Selector::Name(name.into(), Hint::default()),
        model::Selector::Wildcard => Selector::Wildcard,
        model::Selector::Index(at) => Selector::Index(at),
        model::Selector::Slice(start, end, step) => Selector::Slice {
            start,
            end,
            step: step.unwrap_or(1),
        },
        model::Selector::Filter(inner) => Selector::Filter(filter(inner)?),
    })
}

fn filter(filter: model::Filter) -> Lowered<Filter> {
    let all = |parts: Vec<model::Filter>| {
        parts
            .into_iter()
            .map(self::filter)
            .collect::<Lowered<Vec<_>>>()
    };
    Ok(match filter {
        model::Filter::Or(parts) => Filter::Or(all(parts)?),
        model::Filter::And(parts) => Filter::And(all(parts)?),
        model::Filter::Atom(FilterAtom::Filter { expr, not }) => negated(self::filter(*expr)?, not),
        model::Filter::Atom(FilterAtom::Test { expr, not }) => negated(test(*expr)?, not),
        model::Filter::Atom(FilterAtom::Comparison(comparison)) => compare(*comparison)?,
    })
}

fn negated(filter: Filter, not: bool) -> Filter {
    if not {
        Filter::Not(Box::new(filter))
    } else {
        filter
    }
}

fn test(test: Test) -> Lowered<Filter> {
    match test {
        Test::Function(function) => match *function {
            TestFunction::Match(text, pattern) => matches(text, pattern, true),
            TestFunction::Search(text, pattern) => matches(text, pattern, false),
            TestFunction::Length(_) | TestFunction::Count(_) | TestFunction::Value(_) => Err(
                "`length`, `count` and `value` give a value: compare it with another".to_owned(),
            ),
            TestFunction::Custom(name, _) => Err(unknown(&name)),
        },
        query => Ok(Filter::Exists(nodes(query)?)),
    }
}

fn unknown(name: &str) -> String {
    format!("JSONPath has no function `{name}`")
}

fn nodes(test: Test) -> Lowered<Nodes> {
    match test {
        Test::RelQuery(segments) => Ok(Nodes {
            from_root: false,
            query: self::segments(JpQuery::new(segments))?,
        }),
        Test::AbsQuery(query) => Ok(Nodes {
            from_root: true,
            query: segments(query)?,
        }),
        Test::Function(_) => Err("here stands a query: `@.name`".to_owned()),
    }
}

fn compare(comparison: model::Comparison) -> Lowered<Filter> {
    let (sign, left, right) = match comparison {
        model::Comparison::Eq(left, right) => (Comparison::Equal, left, right),
        model::Comparison::Ne(left, right) => (Comparison::NotEqual, left, right),
        model::Comparison::Lt(left, right) => (Comparison::Less, left, right),
        model::Comparison::Lte(left, right) => (Comparison::LessEqual, left, right),
        model::Comparison::Gt(left, right) => (Comparison::Greater, left, right),
        model::Comparison::Gte(left, right) => (Comparison::GreaterEqual, left, right),
    };
    Ok(Filter::Compare(sign, comparable(left)?, comparable(right)?))
}

fn comparable(comparable: Comparable) -> Lowered<Operand> {
    match comparable {
        Comparable::Literal(literal) => Ok(Operand::Literal(constant(literal))),
        Comparable::Function(function) => operand_of(function),
        Comparable::SingularQuery(query) => {
            let (from_root, segments) = match query {
                SingularQuery::Current(segments) => (false, segments),
                SingularQuery::Root(segments) => (true, segments),
            };
            let segments = segments.into_iter().map(|segment| Segment {
                is_descendant: false,
                selectors: vec![match segment {
                    SingularQuerySegment::Index(at) => Selector::Index(at),
                    SingularQuerySegment::Name(name) => {
                        Selector::Name(name.into(), Hint::default())
                    }
                }],
            });
            Ok(Operand::Node(Nodes {
                from_root,
                query: Query {
                    segments: segments.collect(),
                },
            }))
        }
    }
}

fn operand_of(function: TestFunction) -> Lowered<Operand> {
    match function {
        TestFunction::Length(argument) => Ok(Operand::Length(Box::new(value(*argument)?))),
        TestFunction::Count(argument) => Ok(Operand::Count(argument_nodes(argument)?)),
        TestFunction::Value(argument) => Ok(Operand::Value(argument_nodes(argument)?)),
        TestFunction::Match(..) | TestFunction::Search(..) => {
            Err("`match` and `search` are conditions, they cannot be compared".to_owned())
        }
        TestFunction::Custom(name, _) => Err(unknown(&name)),
    }
}

/// An argument that must have one value.
fn value(argument: FnArg) -> Lowered<Operand> {
    match argument {
        FnArg::Literal(literal) => Ok(Operand::Literal(constant(literal))),
        FnArg::Test(test) => match *test {
            Test::Function(function) => operand_of(*function),
            query => {
                let nodes = nodes(query)?;
                if nodes.query.is_singular() {
                    Ok(Operand::Node(nodes))
                } else {
                    Err(
                        "this argument must be a query for one node, of names and indexes"
                            .to_owned(),
                    )
                }
            }
        },
        FnArg::Filter(_) => Err("this argument must be a value, not a condition".to_owned()),
    }
}

/// An argument that must be a query.
fn argument_nodes(argument: FnArg) -> Lowered<Nodes> {
    match argument {
        FnArg::Test(test) => nodes(*test),
        FnArg::Literal(_) | FnArg::Filter(_) => Err("this argument must be a query".to_owned()),
    }
}

fn matches(text: FnArg, pattern: FnArg, whole: bool) -> Lowered<Filter> {
    let text = value(text)?;
    let pattern = match value(pattern)? {
        Operand::Literal(Constant::String(pattern)) => super::regex(&pattern, whole)
            .map_or(Pattern::Never, |regex| {
                Pattern::Ready(regex, weight::places(&pattern))
            }),
        Operand::Literal(_) => Pattern::Never,
        operand => Pattern::Dynamic(operand),
    };
    Ok(Filter::Matches {
        text,
        pattern,
        whole,
    })
}

fn constant(literal: Literal) -> Constant {
    match literal {
        Literal::Null => Constant::Null,
        Literal::Bool(flag) => Constant::Bool(flag),
        Literal::Int(int) => Constant::Int(int),
        Literal::Float(double) => Constant::Double(double),
        Literal::String(text) => Constant::String(text.into()),
    }
}
