//! One expression of a function, compiled, and where it stands.
//!
//! The place is kept for the operator: a failure at run time names the file, the line and the
//! field, as a mistake found at load does.

use std::fmt;
use std::sync::Arc;

use crate::expr::{Fault, Program, Scope, TextProgram};
use crate::value::Value;

/// Where an expression stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The file, as the user knows it.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
    /// The field: `let repo`, `respond[0].body.lead_id`.
    pub field: Box<str>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}, {}", self.file, self.line, self.field)
    }
}

/// What a clause is.
#[derive(Debug)]
pub enum Runs {
    /// One expression.
    Expression(Program),
    /// Text with `${ }`.
    Text(TextProgram),
}

/// A compiled expression, or text with expressions, with its place.
#[derive(Debug)]
pub struct Clause {
    /// What runs. Functions that say the same share it.
    pub program: Arc<Runs>,
    /// The text, to show the part of it that failed.
    pub text: Arc<str>,
    /// Where it stands.
    pub site: Site,
}

impl Clause {
    /// Runs it.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        match &*self.program {
            Runs::Expression(program) => program.evaluate(scope),
            Runs::Text(program) => program.evaluate(scope),
        }
    }
}
