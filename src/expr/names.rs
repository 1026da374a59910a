//! What a name means, for the checker and the compiler alike.
//!
//! A dotted name is the longest prefix that is declared, in the container first; what remains are
//! fields. A variable of a macro hides all others of its first name.

use super::ast::{Ast, Node};
use super::{Environment, Slot, Type};

/// What a name means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning<'e> {
    /// A variable of the environment.
    Variable(Slot, &'e Type),
    /// A variable of a macro: its index among those that are visible, outermost first.
    Local(usize),
    /// A type, by CEL's name.
    Type(&'static str),
    /// `now`
    Now,
}

/// The type whose name this is.
pub(super) fn type_named(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 15] = [
        "int",
        "uint",
        "double",
        "bool",
        "string",
        "bytes",
        "list",
        "map",
        "null_type",
        "type",
        "optional_type",
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "net.IP",
        "net.CIDR",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

/// The meaning of a whole node that is a dotted name, if all of it is one. `locals` are the names
/// of the macro variables in sight, outermost first.
pub(super) fn resolve<'e>(
    ast: &Ast,
    environment: &'e Environment,
    locals: &[String],
) -> Option<Meaning<'e>> {
    let single;
    let (name, absolute): (&str, bool) = match &ast.node {
        Node::Name { name, absolute } => (name, *absolute),
        Node::Select { .. } => {
            single = ast.qualified()?;
            (&single.0, single.1)
        }
        _ => return None,
    };
    if !absolute {
        let first = name.split('.').next().unwrap_or(name);
        if let Some(index) = locals.iter().rposition(|local| local == first) {
            return (first.len() == name.len()).then_some(Meaning::Local(index));
        }
    }
    for candidate in environment.candidates(name, absolute) {
        if let Some((slot, of)) = environment.find(&candidate) {
            return Some(Meaning::Variable(slot, of));
        }
        if let Some(name) = type_named(&candidate) {
            return Some(Meaning::Type(name));
        }
    }
    (name == "now").then_some(Meaning::Now)
}
