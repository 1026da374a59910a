//! What is wrong with a text that a person wrote, where, and what to do about it.
//!
//! Two types on purpose. A [`Problem`] is found by somebody who sees one text only (an
//! expression, a template): its range counts bytes of that text. A [`Diagnostic`] is a problem
//! with its place in a file. Only `spec`, which knows how the text stood in the YAML, turns the
//! one into the other.
//!
//! Messages are lower case without a full stop, in the user's words, with names in backticks;
//! the cure stands apart, in `help`. Rendering lives beside; nobody else draws.

pub mod code;
pub mod render;
mod source;
pub mod suggest;

pub use render::{Format, arrange, render};
pub use source::{Source, SourceId, Sources, Span};

use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, but is probably not what was meant.
    Warning,
    /// Cannot be loaded.
    Error,
}

/// A stable name of a kind of problem, such as `E0203`; `hookweir explain E0203` tells more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl Code {
    /// Of what has no page to explain it: what becomes of an expression that runs.
    pub const NONE: Self = Self("");
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A problem in one text, which may be a scalar somewhere inside a YAML file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where: bytes of the text.
    pub range: Range<usize>,
    /// A few words to stand under the marked place.
    pub label: Option<String>,
    /// What to do.
    pub help: Vec<String>,
}

impl Problem {
    /// An error at `range`.
    pub fn error(code: Code, range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            range,
            label: None,
            help: Vec::new(),
        }
    }

    /// A warning at `range`.
    pub fn warning(code: Code, range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, range, message)
        }
    }

    /// Puts words under the marked place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// A problem with its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; `None` when the problem is of a whole folder.
    pub span: Option<Span>,
    /// A few words to stand under the marked place.
    pub label: Option<String>,
    /// Other places that belong to it, each with words.
    pub related: Vec<(Span, String)>,
    /// What to do.
    pub help: Vec<String>,
}
