//! Where the fields of one document stand.

use std::sync::Arc;

use super::aligner;
use super::layout::{Layout, NodeId, Shape, Style};
use super::path::FieldPath;
use crate::diagnostic::{Diagnostic, Problem, SourceId, Span};

/// Where the fields of one document stand.
#[derive(Debug, Clone)]
pub struct Places {
    source: SourceId,
    text: Arc<str>,
    layout: Arc<Layout>,
}

impl Places {
    pub(super) fn new(source: SourceId, text: Arc<str>, layout: Layout) -> Self {
        Self {
            source,
            text,
            layout: Arc::new(layout),
        }
    }

    /// The same file, looked into through another layout of the document.
    pub(super) fn of(&self, layout: Layout) -> Self {
        Self::new(self.source, Arc::clone(&self.text), layout)
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The span of a field's value; of its key where the value is left empty; of the nearest
    /// enclosing field that exists when this one does not.
    pub fn value(&self, at: &FieldPath) -> Span {
        let found = self.layout.find(at);
        match found.key {
            Some(key) if !found.whole || self.is_empty(found.value) => self.node(key),
            _ => self.node(found.value),
        }
    }

    /// The span of a field's key; of an item of a list the item's; of the nearest enclosing key
    /// when the field does not exist.
    pub fn key(&self, at: &FieldPath) -> Span {
        let found = self.layout.find(at);
        let is_item = matches!(at.steps().last(), Some(super::Step::Index(_)));
        match found.key {
            Some(key) if !(is_item && found.whole) => self.node(key),
            _ => self.node(found.value),
        }
    }

    /// Whether the field is written at all.
    pub fn has(&self, at: &FieldPath) -> bool {
        self.layout.find(at).whole
    }

    /// How the scalar at `at` is written; `None` if there is no scalar.
    pub fn style(&self, at: &FieldPath) -> Option<Style> {
        let found = self.layout.find(at);
        if !found.whole {
            return None;
        }
        self.layout.scalar(found.value).map(|scalar| scalar.style)
    }

    /// Puts a problem that was found inside the text of the scalar at `at` into the file, to the
    /// exact byte, whatever the scalar's style.
    pub fn place(&self, at: &FieldPath, problem: Problem) -> Diagnostic {
        self.place_within(at, 0, problem)
    }

    /// As [`place`](Self::place), for a text that begins `offset` bytes into the scalar's text,
    /// such as one `${…}`.
    pub fn place_within(&self, at: &FieldPath, offset: usize, problem: Problem) -> Diagnostic {
        let found = self.layout.find(at);
        let range = problem.range.start + offset..problem.range.end + offset;
        let exact = found
            .whole
            .then(|| self.aligned(found.value, range))
            .flatten();
        Diagnostic {
            code: problem.code,
            severity: problem.severity,
            message: problem.message,
            span: Some(exact.unwrap_or_else(|| self.value(at))),
            label: problem.label,
            related: Vec::new(),
            help: problem.help,
        }
    }

    /// The span of a range of a scalar's text.
    pub(super) fn aligned(&self, id: NodeId, range: std::ops::Range<usize>) -> Option<Span> {
        let id = self.layout.resolve(id);
        let node = self.layout.node(id)?;
        let Shape::Scalar(scalar) = &node.shape else {
            return None;
        };
        let bytes = node.start as usize..node.end as usize;
        let bytes = aligner::align(&self.text, bytes, scalar.style, &scalar.text)?.map(range)?;
        Some(Span {
            source: self.source,
            start: bytes.start,
            end: bytes.end,
        })
    }

    /// The file's text of a span.
    pub(super) fn text(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The span of a node, without the blanks behind it.
    pub(super) fn node(&self, id: NodeId) -> Span {
        let bytes = self.layout.bytes(id);
        let length = self
            .text
            .get(bytes.clone())
            .map_or(0, |text| text.trim_end().len());
        Span {
            source: self.source,
            start: bytes.start,
            end: bytes.start + length,
        }
    }

    fn is_empty(&self, id: NodeId) -> bool {
        self.layout.bytes(id).is_empty()
    }
}
