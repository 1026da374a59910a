//! The expression language: text in, checked [`Program`] out, value at the end.
//!
//! ```text
//! text ─parser─▶ Ast (every node with its span) ─checker─▶ types, problems
//!                                               ─compiler─▶ Program (names are slots, constants
//!                                                           folded, regexes and queries built)
//! Program + Scope ─eval─▶ Value, or a Fault
//! ```
//!
//! Everything that can be decided at load is decided at load, and all problems of a text are
//! reported at once. Evaluation does no I/O, cannot loop without end, and stops when its
//! [`Scope`]'s budget is spent. A value is never copied on its way through: it borrows from the
//! body, from the arena or from the program.

pub mod function;
pub mod jsonpath;
pub mod tagged;

mod ast;
mod checker;
mod compiler;
mod environment;
mod eval;
mod fault;
mod guard;
mod literal;
mod macros;
mod names;
mod parser;
mod program;
mod reach;
mod scope;
mod signature;
mod text;
mod types;

#[cfg(test)]
mod tests;

pub use checker::{Access, Fact, Findings, Growth, Lack, is_of_money, whole_division};
pub use environment::{Declaration, Environment, Slot};
pub use fault::{Fault, FaultKind};
pub use macros::METHODS as MACROS;
pub use reach::Survey;
pub use scope::{Budget, Provide, Scope};
pub use text::{CompiledText, TextProgram, compile_bytes, compile_text};
pub use types::{Field, Others, Record, Type};

use crate::diagnostic::{Problem, Severity};
use crate::value::Value;

/// A checked expression, ready to run, without borrowed parts.
#[derive(Debug)]
pub struct Program {
    root: program::Node,
    lazies: Vec<program::Node>,
    cells: u16,
}

/// What compiling gave.
#[derive(Debug)]
pub struct Compiled {
    /// What runs.
    pub program: Program,
    /// The type that the checker inferred.
    pub result: Type,
    /// The variables it reads, so that nobody parses a body that nobody asks for.
    pub uses: Vec<Slot>,
    /// Warnings.
    pub warnings: Vec<Problem>,
    /// What else is known of it, for whoever knows where it stands.
    pub findings: Findings,
}

/// Compiles one expression. `Err` holds at least one error, and all that were found.
pub fn compile(text: &str, environment: &Environment) -> Result<Compiled, Vec<Problem>> {
    let depth = guard::check(text).map_err(|problem| vec![problem])?;
    if depth <= SHALLOW {
        return compile_here(text, environment);
    }
    // pest and the builder of the tree take some kilobytes of stack a bracket; whoever calls may
    // not have them.
    std::thread::scope(|threads| {
        std::thread::Builder::new()
            .stack_size(DEEP_STACK)
            .spawn_scoped(threads, || compile_here(text, environment))
            .ok()
            .and_then(|thread| thread.join().ok())
    })
    .unwrap_or_else(|| {
        let message = "this expression is nested too deep to be read now";
        Err(vec![Problem::error(
            crate::diagnostic::code::expr::TOO_LARGE,
            0..text.len(),
            message,
        )])
    })
}

/// So many brackets in each other fit every thread's stack.
const SHALLOW: usize = 40;

/// Enough for the deepest expression that is allowed.
const DEEP_STACK: usize = 64 << 20;

fn compile_here(text: &str, environment: &Environment) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut ast = parser::parse(text).map_err(|problem| vec![problem])?;
    if environment.has_macros() {
        ast = macros::expand(ast, &mut problems);
    }
    let (result, findings) = if environment.is_checked() {
        checker::check(&ast, text, environment, &mut problems)
    } else {
        (Type::Dyn, Findings::default())
    };
    let output = compiler::compile(&ast, environment, &mut problems);
    problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
    // What is odd about a part that is wrong may not be so once it has been put right.
    let wrong: Vec<_> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.range.clone())
        .collect();
    problems
        .retain(|problem| problem.severity == Severity::Error || !wrong.contains(&problem.range));
    if problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return Err(problems);
    }
    Ok(Compiled {
        program: Program {
            root: output.root,
            lazies: output.lazies,
            cells: output.cells,
        },
        result,
        uses: output.uses,
        warnings: problems,
        findings,
    })
}

impl Program {
    /// Runs the program. Values in the result borrow from the scope's arena, the request and the
    /// program itself.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        eval::run(&self.root, &self.lazies, self.cells, scope)
    }
}
