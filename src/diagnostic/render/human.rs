//! For people: rustc's look.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Code, Diagnostic, Severity, SourceId, Sources, Span};

/// Lines of a span that are drawn; a longer one is marked on its first line only.
const LINES: usize = 6;

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources, colored: bool) -> String {
    let renderer = if colored {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&renderer.render(&[group(diagnostic, sources)]));
        text.push_str("\n\n");
    }
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str());
    let mut group = Group::with_title(if diagnostic.code == Code::NONE {
        title
    } else {
        title.id(diagnostic.code.0)
    });
    if let Some(span) = diagnostic.span
        && let Some(source) = sources.get(span.source)
    {
        if source.text.is_empty() {
            group = group.element(Origin::path(&*source.path));
        } else {
            let mut primary = AnnotationKind::Primary.span(drawn(span, &source.text));
            if let Some(label) = &diagnostic.label {
                primary = primary.label(label.as_str());
            }
            let here = snippet(sources, span.source).map(|snippet| {
                snippet
                    .annotation(primary)
                    .annotations(related(diagnostic, sources, span.source))
            });
            if let Some(here) = here {
                group = group.element(here);
            }
            let mut others: Vec<SourceId> = diagnostic
                .related
                .iter()
                .map(|(related, _)| related.source)
                .filter(|source| *source != span.source)
                .collect();
            others.dedup();
            for other in others {
                if let Some(there) = snippet(sources, other) {
                    group = group.element(there.annotations(related(diagnostic, sources, other)));
                }
            }
        }
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

fn snippet(
    sources: &Sources,
    source: SourceId,
) -> Option<Snippet<'_, annotate_snippets::Annotation<'_>>> {
    let source = sources.get(source)?;
    Some(Snippet::source(&*source.text).path(&*source.path))
}

fn related<'a>(
    diagnostic: &'a Diagnostic,
    sources: &Sources,
    source: SourceId,
) -> Vec<annotate_snippets::Annotation<'a>> {
    let Some(text) = sources.get(source).map(|source| &source.text) else {
        return Vec::new();
    };
    diagnostic
        .related
        .iter()
        .filter(|(span, _)| span.source == source)
        .map(|(span, words)| {
            AnnotationKind::Context
                .span(drawn(*span, text))
                .label(words.as_str())
        })
        .collect()
}

/// A span that lies in the text, on whole characters, and is not too long to look at.
fn drawn(span: Span, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end.max(start));
    let marked = text.get(start..end).unwrap_or_default();
    if marked.lines().count() <= LINES {
        return start..end;
    }
    let first = marked.lines().next().map_or(0, str::len);
    start..start + first
}
