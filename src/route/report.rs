//! Problems of one document, on their way to the list of all.

use std::sync::Arc;

use super::clause::Site;
use crate::diagnostic::{Code, Diagnostic, Problem, Severity, Source, Span};
use crate::spec::{Document, FieldPath, Places, Step};

/// Collects the problems of one document, and knows the lines of its file.
#[derive(Debug)]
pub(super) struct Report<'d> {
    places: &'d Places,
    file: Arc<str>,
    lines: &'d Lines,
    found: Vec<Diagnostic>,
}

/// Where the lines of a file begin.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|&start| start <= at) + 1).unwrap_or(u32::MAX)
    }
}

impl<'d> Report<'d> {
    pub(super) fn new(document: &'d Document, source: &Source, lines: &'d Lines) -> Self {
        Self {
            places: &document.places,
            file: Arc::clone(&source.path),
            lines,
            found: Vec::new(),
        }
    }

    /// Lends this report to somebody who must own one.
    pub(super) fn lend<T>(&mut self, to: impl FnOnce(Self) -> (T, Self)) -> T {
        let lent = Self {
            places: self.places,
            file: Arc::clone(&self.file),
            lines: self.lines,
            found: std::mem::take(&mut self.found),
        };
        let (value, back) = to(lent);
        *self = back;
        value
    }

    /// An error about a field's value.
    pub(super) fn error(
        &mut self,
        code: Code,
        at: &FieldPath,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let span = self.places.value(at);
        self.add(code, Severity::Error, span, message.into())
    }

    /// An error about a field itself.
    pub(super) fn error_at_key(
        &mut self,
        code: Code,
        at: &FieldPath,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let span = self.places.key(at);
        self.add(code, Severity::Error, span, message.into())
    }

    /// A warning about a field's value.
    pub(super) fn warning(
        &mut self,
        code: Code,
        at: &FieldPath,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let span = self.places.value(at);
        self.add(code, Severity::Warning, span, message.into())
    }

    /// A warning about a field itself.
    pub(super) fn warning_at_key(
        &mut self,
        code: Code,
        at: &FieldPath,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let span = self.places.key(at);
        self.add(code, Severity::Warning, span, message.into())
    }

    /// Problems inside the text of the scalar at `at`.
    pub(super) fn inside(&mut self, at: &FieldPath, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.found.push(self.places.place(at, problem));
        }
    }

    /// A problem inside the text of the scalar at `at`, with its place but not yet reported.
    pub(super) fn diagnostic(&self, at: &FieldPath, problem: Problem) -> Diagnostic {
        self.places.place(at, problem)
    }

    /// A problem whose place is known already.
    pub(super) fn elsewhere(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// The span of a field's value.
    pub(super) fn value(&self, at: &FieldPath) -> Span {
        self.places.value(at)
    }

    /// The span of a field's key.
    pub(super) fn key(&self, at: &FieldPath) -> Span {
        self.places.key(at)
    }

    /// Whether the field is written at all.
    pub(super) fn is_written(&self, at: &FieldPath) -> bool {
        self.places.has(at)
    }

    /// Where a field stands, for the operator.
    pub(super) fn site(&self, at: &FieldPath) -> Site {
        let field = match at.steps() {
            [Step::Key(first), Step::Key(name)] if first == "let" => format!("let {name}"),
            _ => at.to_string(),
        };
        Site {
            file: Arc::clone(&self.file),
            line: self.lines.line(self.places.value(at).start),
            field: field.into(),
        }
    }

    /// Whether anything was found that forbids to load the document.
    pub(super) fn has_errors(&self) -> bool {
        self.found
            .iter()
            .any(|found| found.severity == Severity::Error)
    }

    /// How many such things were found.
    pub(super) fn errors(&self) -> usize {
        let errors = self.found.iter();
        errors
            .filter(|found| found.severity == Severity::Error)
            .count()
    }

    pub(super) fn finish(self) -> Vec<Diagnostic> {
        self.found
    }

    fn add(
        &mut self,
        code: Code,
        severity: Severity,
        span: Span,
        message: String,
    ) -> &mut Diagnostic {
        self.found.push(Diagnostic {
            code,
            severity,
            message,
            span: Some(span),
            label: None,
            related: Vec::new(),
            help: Vec::new(),
        });
        let last = self.found.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed the line before")]
        &mut self.found[last]
    }
}

/// What [`Report`] hands out, to be completed in place.
pub(super) trait Complete {
    /// Says what to do.
    fn help(&mut self, help: impl Into<String>) -> &mut Self;
    /// Puts words under the marked place.
    fn label(&mut self, label: impl Into<String>) -> &mut Self;
    /// Marks another place.
    fn related(&mut self, span: Span, words: impl Into<String>) -> &mut Self;
}

impl Complete for Diagnostic {
    fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help.push(help.into());
        self
    }

    fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(label.into());
        self
    }

    fn related(&mut self, span: Span, words: impl Into<String>) -> &mut Self {
        self.related.push((span, words.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let lines = Lines::of("a\n\nbc\n");
        assert_eq!(
            [0, 1, 2, 3, 5, 6].map(|at| lines.line(at)),
            [1, 1, 2, 3, 3, 4]
        );
        assert_eq!(Lines::of("").line(0), 1);
    }
}
