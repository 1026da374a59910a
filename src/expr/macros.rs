//! Calls that are not calls: `has`, `all`, `map`, `cel.bind` and their like.
//!
//! They are recognised by name, shape and number of arguments, before anything is known about
//! types, and become nodes of their own. `default` and `coalesce` are here because they must not
//! evaluate what they do not need: they are spelt-out `??`.

use super::ast::{Ast, Binary, Call, Fold, FoldKind, Literal, Node, Span};
use crate::diagnostic::Problem;
use crate::diagnostic::code::expr::BAD_MACRO;

/// Expands all macros of a tree; problems are added to `problems`, and what has one stays a call.
pub(super) fn expand(ast: Ast, problems: &mut Vec<Problem>) -> Ast {
    let span = ast.span;
    let node = match ast.node {
        Node::Call(call) => return expand_call(span, *call, problems),
        Node::Select {
            object,
            field,
            field_span,
            optional,
        } => Node::Select {
            object: boxed(*object, problems),
            field,
            field_span,
            optional,
        },
        Node::Index {
            object,
            index,
            optional,
        } => Node::Index {
            object: boxed(*object, problems),
            index: boxed(*index, problems),
            optional,
        },
        Node::Not(part) => Node::Not(boxed(*part, problems)),
        Node::Negate(part) => Node::Negate(boxed(*part, problems)),
        Node::Binary(sign, left, right) => {
            Node::Binary(sign, boxed(*left, problems), boxed(*right, problems))
        }
        Node::And(parts) => Node::And(each(parts, problems)),
        Node::Or(parts) => Node::Or(each(parts, problems)),
        Node::Conditional(parts) => {
            Node::Conditional(Box::new(parts.map(|part| expand(part, problems))))
        }
        Node::List(mut elements) => {
            for element in &mut elements {
                replace(&mut element.value, problems);
            }
            Node::List(elements)
        }
        Node::Map(mut entries) => {
            for entry in &mut entries {
                replace(&mut entry.key, problems);
                replace(&mut entry.value, problems);
            }
            Node::Map(entries)
        }
        // Leaves, and nodes that only this module makes.
        node @ (Node::Literal(_)
        | Node::Name { .. }
        | Node::Message(_)
        | Node::Query(_)
        | Node::Has(..)
        | Node::Fold(_)
        | Node::Bind(..)
        | Node::Block(..)
        | Node::OptionalMap { .. }) => node,
    };
    Ast::new(span, node)
}

fn boxed(ast: Ast, problems: &mut Vec<Problem>) -> Box<Ast> {
    Box::new(expand(ast, problems))
}

fn each(parts: Vec<Ast>, problems: &mut Vec<Problem>) -> Vec<Ast> {
    parts
        .into_iter()
        .map(|part| expand(part, problems))
        .collect()
}

fn replace(place: &mut Ast, problems: &mut Vec<Problem>) {
    let null = Ast::leaf((0, 0), Node::Literal(Literal::Null));
    *place = expand(std::mem::replace(place, null), problems);
}

fn expand_call(span: Span, mut call: Call, problems: &mut Vec<Problem>) -> Ast {
    call.target = call.target.map(|target| expand(target, problems));
    call.args = each(call.args, problems);
    match shape(span, call) {
        Shape::Macro(node) => Ast::new(span, node),
        Shape::Call(call) => Ast::new(span, Node::Call(Box::new(call))),
        Shape::Broken(call, problem) => {
            problems.push(problem);
            Ast::new(span, Node::Call(Box::new(call)))
        }
    }
}

enum Shape {
    Macro(Node),
    Call(Call),
    Broken(Call, Problem),
}

fn shape(span: Span, mut call: Call) -> Shape {
    let is_cel = call.target.as_ref().is_some_and(
        |target| matches!(&target.node, Node::Name { name, absolute: false } if name == "cel"),
    );
    if is_cel {
        return cel(span, call);
    }
    let Some(target) = call.target.take() else {
        return global(span, call);
    };
    let Some((kind, names, steps)) = fold_shape(&call.name, call.args.len()) else {
        if matches!(call.name.as_str(), "optMap" | "optFlatMap") && call.args.len() == 2 {
            return optional_map(call, target);
        }
        // `query.all(name)` is the function that gives each value of a repeated name.
        let is_function = call.name == "all" && call.args.len() == 1;
        let usage = usage(&call.name).filter(|_| !is_function);
        call.target = Some(target);
        return match usage {
            Some(usage) => {
                let problem = Problem::error(
                    BAD_MACRO,
                    range(call.name_span),
                    format!("`{}` is not used like this", call.name),
                )
                .help(format!("write {usage}"));
                Shape::Broken(call, problem)
            }
            None => Shape::Call(call),
        };
    };
    let mut variables = Vec::new();
    for arg in call.args.iter().take(names) {
        match variable(arg) {
            Ok(name) => variables.push(name),
            Err(problem) => {
                call.target = Some(target);
                return Shape::Broken(call, problem);
            }
        }
    }
    if let [first, second] = variables.as_slice()
        && first == second
    {
        let problem = Problem::error(
            BAD_MACRO,
            range(call.args.get(1).map_or(span, |arg| arg.span)),
            format!("`{first}` names two things here"),
        );
        call.target = Some(target);
        return Shape::Broken(call, problem);
    }
    let mut args = call.args.into_iter().skip(names);
    let filter = if steps == 2 { args.next() } else { None };
    let mut variables = variables.into_iter();
    match (variables.next(), args.next()) {
        (Some(first), Some(body)) => Shape::Macro(Node::Fold(Box::new(Fold {
            kind,
            range: target,
            first,
            second: variables.next(),
            filter,
            body,
        }))),
        // `fold_shape` has counted the arguments.
        _ => Shape::Macro(Node::Literal(Literal::Null)),
    }
}

/// Which fold a method is, how many names it binds, and how many expressions follow.
fn fold_shape(name: &str, args: usize) -> Option<(FoldKind, usize, usize)> {
    Some(match (name, args) {
        ("all", 2) => (FoldKind::All, 1, 1),
        ("all", 3) => (FoldKind::All, 2, 1),
        ("exists", 2) => (FoldKind::Exists, 1, 1),
        ("exists", 3) => (FoldKind::Exists, 2, 1),
        ("exists_one" | "existsOne", 2) => (FoldKind::ExistsOne, 1, 1),
        ("exists_one" | "existsOne", 3) => (FoldKind::ExistsOne, 2, 1),
        ("filter", 2) => (FoldKind::Filter, 1, 1),
        ("map", 2) => (FoldKind::Map, 1, 1),
        ("map", 3) => (FoldKind::Map, 1, 2),
        ("transformList", 3) => (FoldKind::Map, 2, 1),
        ("transformList", 4) => (FoldKind::Map, 2, 2),
        ("transformMap", 3) => (FoldKind::TransformMap, 2, 1),
        ("transformMap", 4) => (FoldKind::TransformMap, 2, 2),
        ("transformMapEntry", 3) => (FoldKind::TransformMapEntry, 2, 1),
        ("transformMapEntry", 4) => (FoldKind::TransformMapEntry, 2, 2),
        ("sortBy" | "sort_by", 2) => (FoldKind::SortBy, 1, 1),
        ("group_by", 2) => (FoldKind::GroupBy, 1, 1),
        ("group_by", 3) => (FoldKind::GroupBy, 2, 1),
        ("key_by" | "index_by", 2) => (FoldKind::KeyBy, 1, 1),
        ("key_by" | "index_by", 3) => (FoldKind::KeyBy, 2, 1),
        _ => return None,
    })
}

/// How each macro that is written as a method is used.
pub const METHODS: [(&str, &str); 16] = [
    ("all", "`list.all(x, condition)`"),
    ("exists", "`list.exists(x, condition)`"),
    ("exists_one", "`list.exists_one(x, condition)`"),
    ("existsOne", "`list.exists_one(x, condition)`"),
    ("filter", "`list.filter(x, condition)`"),
    (
        "map",
        "`list.map(x, value)` or `list.map(x, condition, value)`",
    ),
    ("transformList", "`list.transformList(index, x, value)`"),
    ("transformMap", "`map.transformMap(key, x, value)`"),
    (
        "transformMapEntry",
        "`map.transformMapEntry(key, x, {key: value})`",
    ),
    ("sortBy", "`list.sortBy(x, key)`"),
    ("sort_by", "`list.sortBy(x, key)`"),
    ("group_by", "`list.group_by(x, key)`"),
    ("key_by", "`list.key_by(x, key)`"),
    ("index_by", "`list.key_by(x, key)`"),
    ("optMap", "`optional.optMap(x, value)`"),
    ("optFlatMap", "`optional.optFlatMap(x, optional)`"),
];

fn usage(name: &str) -> Option<&'static str> {
    let found = METHODS.iter().find(|(known, _)| *known == name);
    found.map(|(_, usage)| *usage)
}

fn global(span: Span, mut call: Call) -> Shape {
    match (call.name.as_str(), call.args.len()) {
        ("has", 1) => match call.args.pop() {
            Some(Ast {
                node:
                    Node::Select {
                        object,
                        field,
                        field_span,
                        optional: false,
                    },
                ..
            }) => Shape::Macro(Node::Has(object, field, field_span)),
            other => {
                call.args.extend(other);
                let problem = Problem::error(
                    BAD_MACRO,
                    range(call.args.first().map_or(span, |arg| arg.span)),
                    "`has` asks for a field: `has(body.name)`",
                )
                .help("for a key that is no name, write `\"key\" in body`");
                Shape::Broken(call, problem)
            }
        },
        ("default", 2) | ("coalesce", 1..) => {
            let mut args = call.args.into_iter().rev();
            let Some(last) = args.next() else {
                return Shape::Macro(Node::Literal(Literal::Null));
            };
            let chain = args.fold(last, |right, left| {
                let span = (left.span.0, right.span.1);
                let sides = (Box::new(left), Box::new(right));
                Ast::new(span, Node::Binary(Binary::Coalesce, sides.0, sides.1))
            });
            Shape::Macro(chain.node)
        }
        _ => Shape::Call(call),
    }
}

fn cel(span: Span, mut call: Call) -> Shape {
    let number = |arg: Option<&Ast>| match arg.map(|arg| &arg.node) {
        Some(Node::Literal(Literal::Int(number))) => Some(*number),
        _ => None,
    };
    match (call.name.as_str(), call.args.len()) {
        ("bind", 3) => {
            let name = match call.args.first().map(variable) {
                Some(Ok(name)) => name,
                Some(Err(problem)) => return Shape::Broken(call, problem),
                None => return Shape::Call(call),
            };
            match (call.args.pop(), call.args.pop()) {
                (Some(body), Some(value)) => {
                    Shape::Macro(Node::Bind(name, Box::new(value), Box::new(body)))
                }
                _ => Shape::Call(call),
            }
        }
        ("block", 2) => match (call.args.pop(), call.args.pop()) {
            (
                Some(body),
                Some(Ast {
                    node: Node::List(slots),
                    ..
                }),
            ) => {
                let slots = slots.into_iter().map(|slot| slot.value).collect();
                Shape::Macro(Node::Block(slots, Box::new(body)))
            }
            (body, slots) => {
                call.args.extend(slots);
                call.args.extend(body);
                let problem = Problem::error(
                    BAD_MACRO,
                    range(span),
                    "`cel.block` takes a list of expressions and an expression",
                );
                Shape::Broken(call, problem)
            }
        },
        ("index", 1) => match number(call.args.first()) {
            Some(index) => Shape::Macro(hidden(format!("@index{index}"))),
            None => Shape::Call(call),
        },
        ("iterVar" | "accuVar", 2) => match (number(call.args.first()), number(call.args.get(1))) {
            (Some(a), Some(b)) => Shape::Macro(hidden(format!("@{}:{a}:{b}", call.name))),
            _ => Shape::Call(call),
        },
        _ => Shape::Call(call),
    }
}

/// A name that no text can spell.
fn hidden(name: String) -> Node {
    Node::Name {
        name,
        absolute: false,
    }
}

fn optional_map(mut call: Call, target: Ast) -> Shape {
    let name = match call.args.first().map(variable) {
        Some(Ok(name)) => name,
        Some(Err(problem)) => {
            call.target = Some(target);
            return Shape::Broken(call, problem);
        }
        None => return Shape::Call(call),
    };
    match call.args.pop() {
        Some(body) => Shape::Macro(Node::OptionalMap {
            object: Box::new(target),
            name,
            body: Box::new(body),
            flat: call.name == "optFlatMap",
        }),
        None => Shape::Call(call),
    }
}

fn variable(arg: &Ast) -> Result<String, Problem> {
    match &arg.node {
        Node::Name {
            name,
            absolute: false,
        } => Ok(name.clone()),
        _ => Err(Problem::error(
            BAD_MACRO,
            range(arg.span),
            "here stands the name of a variable of your choice",
        )
        .help("as in `items.filter(item, item.price > 10)`")),
    }
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.0 as usize..span.1 as usize
}
