//! Calls: which function is meant, and what of it is done when the functions are loaded.

use super::folding::{evaluate, is_constant};
use super::{Compiler, fault, range};
use crate::diagnostic::Problem;
use crate::diagnostic::code::expr::BAD_LITERAL;
use crate::expr::ast::{self, Span};
use crate::expr::function::{self, Function};
use crate::expr::program::{Call, Node, OptionalOr};
use crate::expr::{Environment, FaultKind, signature};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn call(&mut self, span: Span, call: &ast::Call) -> Node {
        let (name, is_method) = match self.function(call) {
            Callee::Static(name) => (name, false),
            Callee::Method => (call.name.clone(), true),
        };
        let receiver = if is_method {
            call.target.as_ref()
        } else {
            None
        };
        if is_method
            && matches!(name.as_str(), "or" | "orValue")
            && let (Some(object), [other]) = (receiver, call.args.as_slice())
        {
            return Node::OptionalOr(Box::new(OptionalOr {
                object: self.node(object),
                other: self.node(other),
                unwrap: name == "orValue",
                span: call.name_span,
            }));
        }
        let args: Box<[Node]> = receiver
            .into_iter()
            .chain(&call.args)
            .map(|arg| self.node(arg))
            .collect();
        let Some(function) = function::find(&name)
            .filter(|_| signature::of(&name).any(|one| one.takes(is_method, args.len())))
        else {
            return fault(call.name_span, &name);
        };
        let prepared = match prepare(function, &args) {
            Ok(prepared) => prepared,
            Err((index, why)) => {
                let place = receiver
                    .into_iter()
                    .chain(&call.args)
                    .nth(index)
                    .map_or(span, |arg| arg.span);
                if !self.environment.is_checked() {
                    return Node::Fault(FaultKind::BadArgument, place, why.into());
                }
                self.problems
                    .push(Problem::error(BAD_LITERAL, range(place), why));
                None
            }
        };
        let node = Node::Call(Box::new(Call {
            function,
            args,
            prepared,
            span: call.name_span,
        }));
        Self::foldable_call(node, function)
    }

    /// Conversions of literals are done at load; one that fails is left to fail when it runs.
    fn foldable_call(node: Node, function: &Function) -> Node {
        let is_pure = matches!(
            function.name,
            "timestamp"
                | "duration"
                | "int"
                | "uint"
                | "double"
                | "string"
                | "bytes"
                | "bool"
                | "size"
        );
        let all_constant = matches!(&node, Node::Call(call) if call.args.iter().all(is_constant));
        if !is_pure || !all_constant {
            return node;
        }
        evaluate(&node).map_or(node, Node::Constant)
    }

    fn function(&self, call: &ast::Call) -> Callee {
        callee(call, self.environment, &self.names)
    }
}

/// How a call is meant.
pub(in crate::expr) enum Callee {
    /// A function of this name; what stands before the dot is a part of its name.
    Static(String),
    /// A function of the thing before the dot.
    Method,
}

/// Decides between `math.abs(x)` and `text.trim()`.
pub(in crate::expr) fn callee(
    call: &ast::Call,
    environment: &Environment,
    locals: &[String],
) -> Callee {
    let exists = |name: &String| {
        function::find(name).is_some() || environment.functions(name).next().is_some()
    };
    let Some(target) = &call.target else {
        let found = environment
            .candidates(&call.name, call.absolute)
            .find(exists);
        return Callee::Static(found.unwrap_or_else(|| call.name.clone()));
    };
    let Some((space, absolute)) = target.qualified() else {
        return Callee::Method;
    };
    // `name.split(" ")` is about the variable `name` where there is one, whatever functions begin
    // with `name.`; `email.normalize(email)` is not, because no value has a method `normalize`.
    let first = space.split('.').next().unwrap_or_default();
    let is_variable =
        || locals.iter().any(|local| local == first) || environment.find(first).is_some();
    if !absolute && has_method(&call.name, environment) && is_variable() {
        return Callee::Method;
    }
    let name = format!("{space}.{}", call.name);
    match environment.candidates(&name, absolute).find(exists) {
        Some(name) => Callee::Static(name),
        None => Callee::Method,
    }
}

/// Whether values have a method of this name.
fn has_method(name: &str, environment: &Environment) -> bool {
    let is_method = |signature: &str| {
        let (head, _) = signature.split_once('(').unwrap_or_default();
        head.contains('.')
    };
    function::find(name).is_some_and(|found| found.signatures.iter().any(|one| is_method(one)))
        || environment.functions(name).next().is_some()
}

fn prepare(
    function: &Function,
    args: &[Node],
) -> Result<Option<function::Prepared>, (usize, String)> {
    let Some(prepare) = function.prepare else {
        return Ok(None);
    };
    let literals: Vec<Option<Value<'_>>> = args
        .iter()
        .map(|arg| match arg {
            Node::Constant(constant) => Some(constant.value()),
            _ => None,
        })
        .collect();
    prepare(&literals)
}
