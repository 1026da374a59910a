//! Constants, and what can be computed of them when the functions are loaded.

use crate::expr::ast::{self, Ast, Literal};
use crate::expr::program::{Constant, Node};
use crate::expr::{Budget, Fault, Provide, Scope, Slot, eval};
use crate::value::{Arena, Value};

pub(super) fn constant(literal: &Literal) -> Constant {
    match literal {
        Literal::Null => Constant::Null,
        Literal::Bool(flag) => Constant::Bool(*flag),
        Literal::Int(int) => Constant::Int(*int),
        Literal::UInt(uint) => Constant::UInt(*uint),
        Literal::Double(double) => Constant::Double(*double),
        Literal::String(text) => Constant::String(text.as_str().into()),
        Literal::Bytes(bytes) => Constant::Bytes(bytes.as_slice().into()),
    }
}

pub(super) fn is_literal(ast: &Ast) -> bool {
    matches!(ast.node, ast::Node::Literal(_))
}

pub(super) fn is_constant(node: &Node) -> bool {
    matches!(node, Node::Constant(_))
}

/// Computes a node whose parts are constants; one that fails is left to fail when it runs.
pub(super) fn fold(node: Node) -> Node {
    let is_constant_node = match &node {
        Node::Not(part, _) | Node::Negate(part, _) => is_constant(part),
        Node::Sum(terms) => terms.iter().all(|(term, _)| is_constant(term)),
        Node::Arithmetic(parts) => is_constant(&parts.1) && is_constant(&parts.2),
        Node::Compare(parts) => is_constant(&parts.1) && is_constant(&parts.2),
        Node::Among(parts) => is_constant(&parts.0),
        Node::And(parts) | Node::Or(parts) => parts.iter().all(|(part, _)| is_constant(part)),
        Node::Conditional(parts) => {
            is_constant(&parts.0) && is_constant(&parts.1) && is_constant(&parts.2)
        }
        _ => false,
    };
    if !is_constant_node {
        return node;
    }
    evaluate(&node).map_or(node, Node::Constant)
}

/// The value of a node that has no variables, unless it fails or has parts.
pub(super) fn evaluate(node: &Node) -> Option<Constant> {
    let arena = Arena::new();
    let provider = Nothing;
    let scope = Scope::new(
        &arena,
        &provider,
        0,
        jiff::Timestamp::UNIX_EPOCH,
        Budget::default(),
    );
    let value = eval::run(node, &[], 0, &scope).ok()?;
    Constant::of(value)
}

struct Nothing;

impl<'a> Provide<'a> for Nothing {
    fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(Value::Null)
    }
}
