//! Types, before anything runs.
//!
//! Follows CEL's reference checker, and reports all problems of a tree, not the first: a part that
//! has one counts as `dyn` for what stands around it, so that one mistake is said once.

mod call;
mod operator;
mod unify;

use std::sync::Arc;

use super::ast::{Ast, Binary, Fold, FoldKind, Literal, Node, Span};
use super::jsonpath::Query;
use super::names::{self, Meaning};
use super::types::Record;
use super::{Environment, Type};
use crate::diagnostic::code::expr::{
    CONSTANT_CONDITION, MESSAGE, UNKNOWN_FIELD, UNKNOWN_NAME, WRONG_TYPE,
};
use crate::diagnostic::{Problem, suggest};
use unify::Unifier;

/// Finds the type of a tree, and all that is wrong with it.
pub(super) fn check(
    ast: &Ast,
    text: &str,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Type {
    let mut checker = Checker {
        text,
        environment,
        problems,
        names: Vec::new(),
        types: Vec::new(),
        unifier: Unifier::default(),
    };
    let of = checker.of(ast);
    checker.unifier.known(&of, true)
}

struct Checker<'e> {
    text: &'e str,
    environment: &'e Environment,
    problems: &'e mut Vec<Problem>,
    /// Macro variables in sight, with their types.
    names: Vec<String>,
    types: Vec<Type>,
    unifier: Unifier,
}

impl Checker<'_> {
    fn of(&mut self, ast: &Ast) -> Type {
        let of = self.plain(ast);
        self.unifier.known(&of, false)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm a kind of node; the long ones are functions already"
    )]
    fn plain(&mut self, ast: &Ast) -> Type {
        match &ast.node {
            Node::Literal(literal) => literal_type(literal),
            Node::Name { name, .. } => self.meaning(ast).unwrap_or_else(|| {
                self.unknown_name(name, ast.span);
                Type::Dyn
            }),
            Node::Select {
                object,
                field,
                field_span,
                optional,
            } => {
                if let Some(of) = self.meaning(ast) {
                    return of;
                }
                let object = self.of(object);
                let of = self.field(&object, field, *field_span);
                match (optional, &object) {
                    (true, Type::Optional(_)) | (false, _) => of,
                    (true, _) => Type::Optional(Arc::new(of)),
                }
            }
            Node::Index {
                object,
                index,
                optional,
            } => {
                let object_type = self.of(object);
                let of = self.element(&object_type, index);
                match (optional, &object_type) {
                    (true, Type::Optional(_)) | (false, _) => of,
                    (true, _) => Type::Optional(Arc::new(of)),
                }
            }
            Node::Call(call) => self.call(ast.span, call),
            Node::Not(part) => {
                self.condition(part, "!");
                Type::Bool
            }
            Node::Negate(part) => self.negate(part),
            Node::Binary(Binary::Coalesce, left, right) => self.coalesce(left, right),
            Node::Binary(sign, left, right) => self.operator(ast.span, *sign, left, right),
            Node::And(parts) => self.logic(parts, "&&"),
            Node::Or(parts) => self.logic(parts, "||"),
            Node::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.condition(condition, "? :");
                self.constant_condition(condition);
                let (then_type, otherwise_type) = (self.of(then), self.of(otherwise));
                self.branches(ast.span, &then_type, &otherwise_type)
            }
            Node::List(elements) => {
                let mut joined = None;
                for element in elements {
                    let mut of = self.of(&element.value);
                    if element.optional {
                        of = self.unwrapped(&of, element.value.span);
                    }
                    joined = Some(match joined {
                        Some(joined) => self.unifier.join(&joined, &of),
                        None => of,
                    });
                }
                Type::List(Arc::new(joined.unwrap_or_else(|| self.unifier.fresh())))
            }
            Node::Map(entries) => {
                let mut joined: Option<(Type, Type)> = None;
                for entry in entries {
                    let key = self.key(&entry.key);
                    let mut value = self.of(&entry.value);
                    if entry.optional {
                        value = self.unwrapped(&value, entry.value.span);
                    }
                    joined = Some(match joined {
                        Some((k, v)) => {
                            (self.unifier.join(&k, &key), self.unifier.join(&v, &value))
                        }
                        None => (key, value),
                    });
                }
                let (key, value) =
                    joined.unwrap_or_else(|| (self.unifier.fresh(), self.unifier.fresh()));
                Type::Map(Arc::new(key), Arc::new(value))
            }
            Node::Message(name) => {
                self.problems.push(
                    Problem::error(
                        MESSAGE,
                        range(ast.span),
                        format!("there is no message type `{name}`"),
                    )
                    .help("protobuf messages are not supported; write a map: `{\"field\": value}`"),
                );
                Type::Dyn
            }
            Node::Query(query) => match Query::parse(query) {
                Ok(query) if query.is_singular() => Type::Dyn,
                _ => Type::List(Arc::new(Type::Dyn)),
            },
            Node::Has(object, field, span) => {
                let object = self.of(object);
                self.field(&object, field, *span);
                Type::Bool
            }
            Node::Fold(fold) => self.fold(fold),
            Node::Bind(name, value, body) => {
                let value = self.of(value);
                self.with(&[(name, value)], |checker| checker.of(body))
            }
            Node::Block(slots, body) => {
                let keep = self.names.len();
                for (index, slot) in slots.iter().enumerate() {
                    let of = self.of(slot);
                    self.names.push(format!("@index{index}"));
                    self.types.push(of);
                }
                let of = self.of(body);
                self.names.truncate(keep);
                self.types.truncate(keep);
                of
            }
            Node::OptionalMap {
                object,
                name,
                body,
                flat,
            } => {
                let of = self.of(object);
                let inner = self.unwrapped(&of, object.span);
                let made = self.with(&[(name, inner)], |checker| checker.of(body));
                if *flat {
                    Type::Optional(Arc::new(self.unwrapped(&made, body.span)))
                } else {
                    Type::Optional(Arc::new(made))
                }
            }
        }
    }

    fn with(
        &mut self,
        variables: &[(&String, Type)],
        inside: impl FnOnce(&mut Self) -> Type,
    ) -> Type {
        let keep = self.names.len();
        for (name, of) in variables {
            self.names.push((*name).clone());
            self.types.push(of.clone());
        }
        let of = inside(self);
        self.names.truncate(keep);
        self.types.truncate(keep);
        of
    }

    fn meaning(&self, ast: &Ast) -> Option<Type> {
        Some(match names::resolve(ast, self.environment, &self.names)? {
            Meaning::Variable(_, of) => of.clone(),
            Meaning::Local(index) => self.types.get(index)?.clone(),
            Meaning::Type(name) => Type::Type(Arc::new(named(name))),
            Meaning::Now => Type::Timestamp,
        })
    }

    fn unknown_name(&mut self, name: &str, span: Span) {
        let known = self.environment.variables().map(|(name, _)| name).chain(
            self.names
                .iter()
                .map(String::as_str)
                .filter(|name| !name.starts_with('@')),
        );
        let near = suggest::nearest(name, known).map(str::to_owned);
        let mut problem = Problem::error(
            UNKNOWN_NAME,
            range(span),
            format!("nothing is called `{name}` here"),
        );
        problem = match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("if it is a text, write it in quotes: `\"{name}\"`")),
        };
        self.problems.push(problem);
    }

    /// The type of a field.
    fn field(&mut self, object: &Type, field: &str, span: Span) -> Type {
        match object {
            Type::Dyn | Type::Parameter(_) | Type::Null => Type::Dyn,
            Type::Map(_, value) => Type::clone(value),
            Type::Record(record) => self.record_field(record, field, span),
            Type::Optional(inner) => match self.field(inner, field, span) {
                inner @ Type::Optional(_) => inner,
                inner => Type::Optional(Arc::new(inner)),
            },
            other => {
                let message = format!("{} has no fields", article(other));
                let problem = Problem::error(WRONG_TYPE, range(span), message);
                self.problems.push(match super::function::find(field) {
                    Some(_) => problem.help(format!("to call the function, write `{field}()`")),
                    None => problem,
                });
                Type::Dyn
            }
        }
    }

    fn record_field(&mut self, record: &Record, field: &str, span: Span) -> Type {
        if let Some((_, of)) = record.fields.iter().find(|(name, _)| name == field) {
            return of.clone();
        }
        let near = suggest::nearest(field, record.fields.iter().map(|(name, _)| name.as_str()));
        if !record.closed && near.is_none() {
            return Type::Dyn;
        }
        let message = format!("no field `{field}` in `{}`", record.name);
        let problem = Problem::error(UNKNOWN_FIELD, range(span), message);
        let help = if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else {
            let names: Vec<_> = record
                .fields
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            format!("it has {}", names.join(", "))
        };
        self.problems.push(problem.help(help));
        Type::Dyn
    }

    /// The type of an element or of a key's value.
    fn element(&mut self, object: &Type, index: &Ast) -> Type {
        let key = self.of(index);
        match object {
            Type::Dyn | Type::Parameter(_) | Type::Null => Type::Dyn,
            Type::List(of) => {
                if !matches!(key, Type::Dyn | Type::Parameter(_)) && !operator::is_number(&key) {
                    let message = format!("an index of a list is an int, not {}", article(&key));
                    self.problems
                        .push(Problem::error(WRONG_TYPE, range(index.span), message));
                }
                Type::clone(of)
            }
            Type::Map(wanted, value) => {
                let numbers = operator::is_number(&key) && operator::is_number(wanted);
                if !numbers && !self.unifier.fits(&key, wanted) {
                    let message = format!(
                        "a key of this map is {}, not {}",
                        article(wanted),
                        article(&key)
                    );
                    self.problems
                        .push(Problem::error(WRONG_TYPE, range(index.span), message));
                }
                Type::clone(value)
            }
            Type::Record(record) => match &index.node {
                Node::Literal(Literal::String(name)) => record
                    .fields
                    .iter()
                    .find(|(field, _)| field == name)
                    .map_or(Type::Dyn, |(_, of)| of.clone()),
                _ => Type::Dyn,
            },
            Type::Optional(inner) => {
                let inner = Type::clone(inner);
                match self.element(&inner, index) {
                    inner @ Type::Optional(_) => inner,
                    inner => Type::Optional(Arc::new(inner)),
                }
            }
            other => {
                let message = format!("{} has no elements", article(other));
                self.problems
                    .push(Problem::error(WRONG_TYPE, range(index.span), message));
                Type::Dyn
            }
        }
    }

    /// The type of a map's key.
    fn key(&mut self, key: &Ast) -> Type {
        let of = self.of(key);
        if !matches!(
            of,
            Type::Dyn | Type::Parameter(_) | Type::String | Type::Int | Type::UInt | Type::Bool
        ) {
            let message = format!("a key is a string, int, uint or bool, not {}", article(&of));
            self.problems
                .push(Problem::error(WRONG_TYPE, range(key.span), message));
            return Type::Dyn;
        }
        of
    }

    /// What an optional holds.
    fn unwrapped(&mut self, of: &Type, span: Span) -> Type {
        match of {
            Type::Optional(inner) => Type::clone(inner),
            Type::Dyn | Type::Parameter(_) => Type::Dyn,
            other => {
                let message = format!("this must be an optional, not {}", article(other));
                self.problems.push(
                    Problem::error(WRONG_TYPE, range(span), message)
                        .help("an optional is `a.?b` or `optional.of(a)`"),
                );
                Type::Dyn
            }
        }
    }

    fn fold(&mut self, fold: &Fold) -> Type {
        let range_type = self.of(&fold.range);
        let int = || Type::Int;
        let (first, second) = match (&range_type, fold.second.is_some()) {
            (Type::List(of), false) => (Type::clone(of), Type::Dyn),
            (Type::List(of), true) => (int(), Type::clone(of)),
            (Type::Map(key, value), _) => (Type::clone(key), Type::clone(value)),
            (Type::Record(_), _) => (Type::String, Type::Dyn),
            (Type::Dyn | Type::Parameter(_), _) => (Type::Dyn, Type::Dyn),
            (other, _) => {
                let message = format!("this goes over a list or a map, not {}", article(other));
                self.problems
                    .push(Problem::error(WRONG_TYPE, range(fold.range.span), message));
                (Type::Dyn, Type::Dyn)
            }
        };
        let mut variables = vec![(&fold.first, first.clone())];
        let mut item = first.clone();
        if let Some(name) = &fold.second {
            item = second.clone();
            variables.push((name, second));
        }
        self.with(&variables, |checker| {
            if let Some(filter) = &fold.filter {
                checker.condition(filter, "a filter");
            }
            match fold.kind {
                FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => {
                    checker.condition(&fold.body, "this macro");
                    Type::Bool
                }
                FoldKind::Filter => {
                    checker.condition(&fold.body, "`filter`");
                    Type::List(Arc::new(first))
                }
                FoldKind::Map => Type::List(Arc::new(checker.of(&fold.body))),
                FoldKind::TransformMap => {
                    let value = checker.of(&fold.body);
                    Type::Map(Arc::new(first), Arc::new(value))
                }
                FoldKind::TransformMapEntry => checker.of(&fold.body),
                FoldKind::GroupBy | FoldKind::KeyBy => {
                    let key = checker.key(&fold.body);
                    let value = if fold.kind == FoldKind::GroupBy {
                        Type::List(Arc::new(item))
                    } else {
                        item
                    };
                    Type::Map(Arc::new(key), Arc::new(value))
                }
                FoldKind::SortBy => {
                    checker.of(&fold.body);
                    Type::List(Arc::new(first))
                }
            }
        })
    }

    /// A part that must be a bool.
    fn condition(&mut self, part: &Ast, whose: &str) {
        let of = self.of(part);
        if self.unifier.fits(&of, &Type::Bool) {
            return;
        }
        let message = format!("{whose} takes a bool, not {}", article(&of));
        let problem = Problem::error(WRONG_TYPE, range(part.span), message);
        let written = self.written(part.span).to_owned();
        self.problems.push(match of {
            Type::String => problem.help(format!(
                "to ask whether there is text, write `{written} != \"\"`"
            )),
            Type::Int | Type::UInt | Type::Double => {
                problem.help(format!("write `{written} != 0`"))
            }
            Type::Optional(_) => problem.help(format!("write `{written}.hasValue()`")),
            _ => problem,
        });
    }

    fn logic(&mut self, parts: &[Ast], sign: &str) -> Type {
        for part in parts {
            self.condition(part, &format!("`{sign}`"));
            self.constant_condition(part);
        }
        Type::Bool
    }

    fn constant_condition(&mut self, part: &Ast) {
        if let Node::Literal(Literal::Bool(flag)) = part.node {
            let message = format!("this condition is always {flag}");
            self.problems.push(Problem::warning(
                CONSTANT_CONDITION,
                range(part.span),
                message,
            ));
        }
    }

    fn branches(&mut self, span: Span, then: &Type, otherwise: &Type) -> Type {
        if *then == Type::Null || *otherwise == Type::Null {
            return self.unifier.join(then, otherwise);
        }
        if self.unifier.fits(then, otherwise) {
            return self.unifier.join(then, otherwise);
        }
        let message = format!(
            "the two sides of `? :` are {} and {}",
            article(then),
            article(otherwise)
        );
        self.problems.push(
            Problem::error(WRONG_TYPE, range(span), message)
                .help("make them one type, or write `dyn(…)` around one of them"),
        );
        Type::Dyn
    }

    fn coalesce(&mut self, left: &Ast, right: &Ast) -> Type {
        let left = match self.of(left) {
            Type::Optional(inner) => Type::clone(&inner),
            other => other,
        };
        let right = self.of(right);
        match left {
            Type::Null => right,
            left => self.unifier.join(&left, &right),
        }
    }

    /// What the user wrote at a place.
    fn written(&self, span: Span) -> &str {
        self.text.get(range(span)).unwrap_or_default()
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::UInt(_) => Type::UInt,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}

/// The type that a type's name stands for.
fn named(name: &str) -> Type {
    let any = || Arc::new(Type::Dyn);
    match name {
        "int" => Type::Int,
        "uint" => Type::UInt,
        "double" => Type::Double,
        "bool" => Type::Bool,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "list" => Type::List(any()),
        "map" => Type::Map(any(), any()),
        "null_type" => Type::Null,
        "type" => Type::Type(any()),
        "optional_type" => Type::Optional(any()),
        "google.protobuf.Timestamp" => Type::Timestamp,
        "google.protobuf.Duration" => Type::Duration,
        _ => Type::Opaque(name.into(), Arc::new([])),
    }
}

/// A type in a sentence.
fn article(of: &Type) -> String {
    let name = match of {
        Type::Null => return "null".to_owned(),
        Type::Dyn | Type::Parameter(_) => return "anything".to_owned(),
        Type::Bytes => return "bytes".to_owned(),
        Type::Optional(inner) => return format!("an optional of {inner}"),
        Type::List(inner) => return format!("a list of {inner}"),
        other => other.to_string(),
    };
    let article = if name.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.0 as usize..span.1 as usize
}
