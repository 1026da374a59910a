//! Types, before anything runs.
//!
//! Follows CEL's reference checker, and reports all problems of a tree, not the first: a part that
//! has one counts as `dyn` for what stands around it, so that one mistake is said once.

mod call;
mod flow;
mod growth;
mod lack;
mod lint;
mod operator;
mod query;
mod unify;

use std::ops::Range;
use std::sync::Arc;

use super::ast::{Ast, Binary, Fold, FoldKind, Literal, Node, Span};
use super::names::{self, Meaning};
use super::types::{Field, Others, Record};
use super::{Environment, Slot, Type};
use crate::diagnostic::code::expr::{
    DOUBTFUL_FIELD, MESSAGE, UNKNOWN_FIELD, UNKNOWN_NAME, WRONG_TYPE,
};
use crate::diagnostic::{Problem, Severity, suggest};
use flow::By;
use unify::Unifier;

pub use flow::Fact;
pub use growth::Growth;
pub use lack::{Access, Lack};
pub use lint::{is_of_money, whole_division};

/// What the checker found out beside the types: for whoever knows where the expression stands.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// What a request may not have, and the expression does not handle.
    pub accesses: Vec<Access>,
    /// What holds once it gave a value.
    pub after: Vec<Fact>,
    /// What holds once it was true.
    pub if_true: Vec<Fact>,
    /// What holds where it is false by its sense.
    pub if_false: Vec<Fact>,
    /// The path that it is, when it is a plain access.
    pub path: Option<String>,
    /// Nothing of the request is in it.
    pub is_constant: bool,
    /// Divisions of whole numbers, of which nothing says that cents matter.
    pub divisions: Vec<Range<usize>>,
    /// The variables without whose value it has none.
    pub exposed: Vec<Slot>,
    /// Where its work grows faster than the request.
    pub growth: Option<Growth>,
}

/// Finds the type of a tree, and all that is wrong with it.
pub(super) fn check(
    ast: &Ast,
    text: &str,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> (Type, Findings) {
    let mut checker = Checker {
        text,
        environment,
        problems,
        names: Vec::new(),
        types: Vec::new(),
        unifier: Unifier::default(),
        facts: Vec::new(),
        handled: 0,
        accesses: Vec::new(),
        divisions: Vec::new(),
        exposed: Vec::new(),
    };
    let of = checker.of(ast);
    let of = checker.unifier.known(&of, true);
    let (mut after, mut if_true, mut if_false) = (Vec::new(), Vec::new(), Vec::new());
    checker.after(ast, &mut after);
    checker.if_true(ast, By::Reading, &mut if_true);
    checker.if_false(ast, By::Asking, &mut if_false);
    let path = checker.path(ast);
    let findings = Findings {
        accesses: checker.accesses,
        after,
        if_true,
        if_false,
        path,
        is_constant: lint::is_constant(ast),
        divisions: checker.divisions,
        exposed: checker.exposed,
        growth: growth::growth(ast, environment),
    };
    (of, findings)
}

struct Checker<'e> {
    text: &'e str,
    environment: &'e Environment,
    problems: &'e mut Vec<Problem>,
    /// Macro variables in sight, with their types.
    names: Vec<String>,
    types: Vec<Type>,
    unifier: Unifier,
    /// What is known here of the request.
    facts: Vec<Fact>,
    /// How many parts around this one take care of what is absent.
    handled: usize,
    accesses: Vec<Access>,
    divisions: Vec<Range<usize>>,
    exposed: Vec<Slot>,
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
                let object_type = self.object(object);
                let of = self.selected(ast, object, &object_type, (field, *field_span), *optional);
                match (optional, &object_type) {
                    (true, Type::Optional(_)) | (false, _) => of,
                    (true, _) => Type::Optional(Arc::new(of)),
                }
            }
            Node::Index {
                object,
                index,
                optional,
            } => {
                let object_type = self.object(object);
                let of = self.indexed(ast, object, &object_type, index, *optional);
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
                let (mut yes, mut no) = (Vec::new(), Vec::new());
                self.if_true(condition, By::Reading, &mut yes);
                self.if_false(condition, By::Reading, &mut no);
                let then_type = self.knowing(yes, |checker| checker.of(then));
                let otherwise_type = self.knowing(no, |checker| checker.of(otherwise));
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
            Node::Query(query) => self.query(ast, query),
            Node::Has(object, field, span) => {
                let of = self.object(object);
                let shown = self.written(object.span).to_owned();
                self.field(&of, field, *span, &shown);
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
                let of = self.filled(object);
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

    fn meaning(&mut self, ast: &Ast) -> Option<Type> {
        Some(match names::resolve(ast, self.environment, &self.names)? {
            Meaning::Variable(slot, of) => {
                if self.handled == 0 && !self.exposed.contains(&slot) {
                    self.exposed.push(slot);
                }
                of.clone()
            }
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

    /// The type of what a field or an element is taken of.
    fn object(&mut self, object: &Ast) -> Type {
        let of = self.of(object);
        // Selecting from null is as if the field were absent.
        if let Type::Nullable(_) = of {
            self.may_lack(object, object.span, Lack::Parent, true);
        }
        of.bare().clone()
    }

    /// The type of `object.field`, and whether a request may come without it.
    fn selected(
        &mut self,
        ast: &Ast,
        object: &Ast,
        object_type: &Type,
        (name, span): (&str, Span),
        optional: bool,
    ) -> Type {
        let is_own = |record: &Record| record.source.is_none();
        if let Type::Record(record) = object_type
            && optional
            && !is_own(record)
            && record.field(name).is_none()
        {
            // Whoever writes `.?` knows that it may not be there.
            return Type::Dyn;
        }
        let shown = self.written(object.span).to_owned();
        let field = self.field(object_type, name, span, &shown);
        if !optional {
            match object_type {
                Type::Record(record) if is_own(record) || !field.optional => {}
                Type::Record(record) => {
                    let described = record.field(name).is_some();
                    self.may_lack(ast, span, Lack::Field, described);
                }
                Type::Map(..) | Type::Dyn => self.may_lack(ast, span, Lack::Field, false),
                _ => {}
            }
        }
        field.of
    }

    /// A field of a type.
    fn field(&mut self, object: &Type, field: &str, span: Span, shown: &str) -> Field {
        let plain = |of: Type| Field::required(field, of);
        match object {
            Type::Dyn | Type::Parameter(_) | Type::Null => plain(Type::Dyn),
            Type::Map(_, value) => plain(Type::clone(value)),
            Type::Record(_) => self.named_field(object, field, span, shown),
            Type::Nullable(of) => self.field(of, field, span, shown),
            Type::Optional(inner) => {
                let inner = inner.bare().clone();
                match self.field(&inner, field, span, shown).of {
                    inner @ Type::Optional(_) => plain(inner),
                    inner => plain(Type::Optional(Arc::new(inner))),
                }
            }
            other => {
                let message = format!("{} has no fields", article(other));
                let problem = Problem::error(WRONG_TYPE, range(span), message);
                self.problems
                    .push(match (super::function::find(field), other) {
                        (Some(_), _) => {
                            problem.help(format!("to call the function, write `{field}()`"))
                        }
                        (None, Type::List(_) | Type::String) if field == "length" => {
                            problem.help(format!("write `{shown}.size()`"))
                        }
                        (None, Type::List(of)) if has_field(of, field) => problem
                            .help(format!("take one element: `{shown}[0].{field}`"))
                            .help(format!("or that of each: `{shown}.map(x, x.{field})`")),
                        (None, _) => problem,
                    });
                plain(Type::Dyn)
            }
        }
    }

    /// A field of a record, or what is wrong with its name. `shown` is what the record is called
    /// that has no name.
    fn named_field(&mut self, object: &Type, name: &str, span: Span, shown: &str) -> Field {
        let Type::Record(record) = object else {
            return Field::required(name, Type::Dyn);
        };
        if let Some(field) = record.field(name) {
            return field.clone();
        }
        let unknown = |of: Type| Field {
            optional: true,
            ..Field::required(name, of)
        };
        let near = suggest::nearest(name, record.names());
        let whose = record.name.as_deref().unwrap_or(shown);
        let (problem, escapes) = match &record.others {
            Others::Of(of) => return unknown(of.clone()),
            Others::Doubtful if near.is_none() => {
                let message = format!("no sample has the field `{name}` in `{whose}`");
                let problem = Problem::warning(DOUBTFUL_FIELD, range(span), message);
                (problem, true)
            }
            Others::Wrong | Others::Doubtful => {
                let message = format!("no field `{name}` in `{whose}`");
                let problem = Problem::error(UNKNOWN_FIELD, range(span), message);
                (problem, false)
            }
        };
        let mut problem = match &record.source {
            Some(source) => problem.label(format!("described by `{source}`")),
            None => problem,
        };
        problem = match (near, &record.hint) {
            (Some(near), _) => problem.help(format!("did you mean `{near}`?")),
            (None, Some(hint)) => problem.help(hint.replace("{}", name)),
            (None, None) => problem.help(listed(record)),
        };
        if escapes {
            problem = problem.help(format!(
                "add a sample that has it; or write `{shown}.?{name}`, or `{shown}[\"{name}\"]`, which no sample describes"
            ));
        }
        self.problems.push(problem);
        unknown(Type::Dyn)
    }

    /// The type of `object[index]`, and whether a request may come without it.
    fn indexed(
        &mut self,
        ast: &Ast,
        object: &Ast,
        object_type: &Type,
        index: &Ast,
        optional: bool,
    ) -> Type {
        let of = self.element(object_type, index);
        if optional {
            return of;
        }
        match (object_type, &index.node) {
            (Type::Record(record), Node::Literal(Literal::String(name))) => {
                match record.field(name) {
                    Some(field) if field.optional => {
                        self.may_lack(ast, index.span, Lack::Field, true);
                    }
                    Some(_) => {}
                    None => self.may_lack(ast, index.span, Lack::Field, false),
                }
            }
            (Type::List(_), Node::Literal(Literal::Int(at))) => {
                let least = self.least(object);
                if u64::try_from(*at).is_ok_and(|at| at >= least) {
                    let described = self.is_described(object);
                    self.may_lack(ast, index.span, Lack::Element, described);
                }
            }
            (Type::Map(..) | Type::Dyn, Node::Literal(Literal::String(_))) => {
                self.may_lack(ast, index.span, Lack::Field, false);
            }
            (Type::Dyn, Node::Literal(Literal::Int(_))) => {
                self.may_lack(ast, index.span, Lack::Element, false);
            }
            // Whoever calculates a key knows what it may be.
            _ => {}
        }
        of
    }

    /// How long a list that is a described field is at least.
    fn least(&mut self, list: &Ast) -> u64 {
        let Node::Select { object, field, .. } = &list.node else {
            return 0;
        };
        if self.meaning(list).is_some() {
            return 0;
        }
        let (problems, accesses) = (self.problems.len(), self.accesses.len());
        let of = self.of(object);
        self.problems.truncate(problems);
        self.accesses.truncate(accesses);
        match of.bare() {
            Type::Record(record) => record.field(field).map_or(0, |field| field.least),
            _ => 0,
        }
    }

    /// The type of an element or of a key's value.
    fn element(&mut self, object: &Type, index: &Ast) -> Type {
        let key = self.of(index).bare().clone();
        match object {
            Type::Dyn | Type::Parameter(_) | Type::Null => Type::Dyn,
            Type::List(of) => {
                if !matches!(key, Type::Dyn | Type::Parameter(_)) && !key.is_number() {
                    let message = format!("an index of a list is an int, not {}", article(&key));
                    self.problems
                        .push(Problem::error(WRONG_TYPE, range(index.span), message));
                }
                Type::clone(of)
            }
            Type::Map(wanted, value) => {
                let numbers = key.is_number() && wanted.is_number();
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
                Node::Literal(Literal::String(name)) => {
                    match (record.field(name), &record.others) {
                        (Some(field), _) => field.of.clone(),
                        (None, Others::Of(of)) => of.clone(),
                        (None, Others::Wrong | Others::Doubtful) => Type::Dyn,
                    }
                }
                _ => Type::Dyn,
            },
            Type::Nullable(of) => self.element(of, index),
            Type::Optional(inner) => {
                let inner = inner.bare().clone();
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
        let of = self.filled(key);
        if !matches!(
            of,
            Type::Dyn
                | Type::Parameter(_)
                | Type::String
                | Type::Int
                | Type::UInt
                | Type::Number
                | Type::Bool
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
        match of.bare() {
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
        let range_type = self.taken(&fold.range, "a list", |_, of| {
            matches!(of, Type::List(_) | Type::Map(..) | Type::Record(_))
        });
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
            let mut facts = Vec::new();
            if let Some(filter) = &fold.filter {
                checker.condition(filter, "a filter");
                checker.if_true(filter, By::Reading, &mut facts);
            }
            checker.knowing(facts, |checker| match fold.kind {
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
            })
        })
    }

    /// A part that must be a bool.
    fn condition(&mut self, part: &Ast, whose: &str) {
        let of = self.taken(part, "a bool", |_, of| *of == Type::Bool);
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
            Type::Int | Type::UInt | Type::Double | Type::Number => {
                problem.help(format!("write `{written} != 0`"))
            }
            Type::Optional(_) => problem.help(format!("write `{written}.hasValue()`")),
            _ => problem,
        });
    }

    fn logic(&mut self, parts: &[Ast], sign: &str) -> Type {
        let is_and = sign == "&&";
        let before = self.problems.len();
        for (index, part) in parts.iter().enumerate() {
            // Errors do not mind the order: `a.b == 1 && has(a.b)` is as safe as the reverse.
            let mut facts = Vec::new();
            for (other, around) in parts.iter().enumerate() {
                let by = if other < index {
                    By::Reading
                } else {
                    By::Asking
                };
                if other == index {
                } else if is_and {
                    self.if_true(around, by, &mut facts);
                } else {
                    self.if_false(around, by, &mut facts);
                }
            }
            self.knowing(facts, |checker| {
                checker.condition(part, &format!("`{sign}`"));
            });
        }
        // Once what is wrong has been put right, it may not be constant.
        let mut new = self.problems.iter().skip(before);
        if new.all(|problem| problem.severity < Severity::Error) {
            for part in parts {
                self.constant_condition(part);
            }
            self.contradictions(parts, is_and);
        }
        Type::Bool
    }

    fn branches(&mut self, span: Span, then: &Type, otherwise: &Type) -> Type {
        if *then == Type::Null || *otherwise == Type::Null {
            return self.unifier.join(then, otherwise);
        }
        if let (Type::Record(_), Type::Record(_)) = (then, otherwise) {
            return then.union(otherwise);
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
        let left = match self.handling(|checker| checker.of(left)) {
            Type::Optional(inner) => Type::clone(&inner),
            other => other,
        };
        let right = self.of(right);
        match left.unless_null() {
            Type::Null => right,
            left => self.unifier.join(left, &right),
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
        Type::Nullable(inner) => return format!("{} or null", article(inner)),
        Type::Word(_) => return format!("one of {of}"),
        Type::Record(record) if record.name.is_none() => return format!("a map {of}"),
        other => other.to_string(),
    };
    let article = if name.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// Whether a type is a map that is known to have a field.
fn has_field(of: &Type, field: &str) -> bool {
    matches!(of.bare(), Type::Record(record) if record.field(field).is_some())
}

/// What a record has, as a help.
fn listed(record: &Record) -> String {
    const SHOWN: usize = 12;
    if record.fields.is_empty() {
        return "it has no fields".to_owned();
    }
    let names: Vec<_> = record
        .names()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = record.fields.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("it has {}{more}", names.join(", "))
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.0 as usize..span.1 as usize
}
