//! Drawing diagnostics, for people and for machines.
//!
//! All formats say the same. Lines and columns count from 1, columns in characters; an end is one
//! past the last character. What a user wrote appears in messages, so each format escapes what
//! would be a command to whoever reads it.

mod github;
mod human;
mod json;
mod junit;
mod sarif;

pub(crate) use junit::escape as escape_xml;

use super::code::yaml::MORE;
use super::{Diagnostic, Severity, Source, SourceId, Sources, Span};

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Excerpts with marks, as rustc draws them.
    Human {
        /// With ANSI colours.
        colored: bool,
    },
    /// One JSON object, `hookweir.check/v1`.
    Json,
    /// Workflow commands of GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
    /// The XML of `JUnit`, one suite a file.
    Junit,
}

/// Errors of one file that are shown.
pub const SHOWN: usize = 50;

/// Draws all diagnostics, in the order in which they are given (see [`arrange`]). Ends with a line
/// break unless there is nothing to say.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, format: Format) -> String {
    match format {
        Format::Human { colored } => human::render(diagnostics, sources, colored),
        Format::Json => json::render(diagnostics, sources),
        Format::Github => github::render(diagnostics, sources),
        Format::Sarif => sarif::render(diagnostics, sources),
        Format::Junit => junit::render(diagnostics, sources),
    }
}

/// Sorts by file and place, drops repetitions, and keeps the first [`SHOWN`] errors of each file;
/// where there are more, a last one says so. Doing it twice changes nothing.
pub fn arrange(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |diagnostic: &Diagnostic| {
        diagnostic
            .span
            .map(|span| (span.source, diagnostic.code == MORE, span.start, span.end))
    };
    diagnostics.sort_by(|one, other| {
        place(one)
            .cmp(&place(other))
            .then_with(|| other.severity.cmp(&one.severity))
            .then_with(|| one.code.cmp(&other.code))
    });
    diagnostics.dedup();
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(diagnostics.len());
    let mut file = None;
    let mut shown = 0;
    let mut hidden = 0;
    for diagnostic in diagnostics {
        let source = diagnostic.span.map(|span| span.source);
        if source != file {
            kept.extend(more(file, hidden));
            (file, shown, hidden) = (source, 0, 0);
        }
        let counts = diagnostic.severity == Severity::Error && diagnostic.code != MORE;
        if counts && shown == SHOWN && source.is_some() {
            hidden += 1;
            continue;
        }
        shown += usize::from(counts);
        kept.push(diagnostic);
    }
    kept.extend(more(file, hidden));
    kept
}

fn more(source: Option<SourceId>, hidden: usize) -> Option<Diagnostic> {
    let source = source.filter(|_| hidden > 0)?;
    let plural = if hidden == 1 { "" } else { "s" };
    Some(Diagnostic {
        code: MORE,
        severity: Severity::Error,
        message: format!("{hidden} more error{plural} in this file not shown"),
        span: Some(Span {
            source,
            start: 0,
            end: 0,
        }),
        label: None,
        related: Vec::new(),
        help: Vec::new(),
    })
}

/// A diagnostic's file, and where its span starts and ends in it.
struct Located<'a> {
    source: &'a Source,
    start: Position,
    end: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
}

fn locate(span: Option<Span>, sources: &Sources) -> Option<Located<'_>> {
    let span = span?;
    let source = sources.get(span.source)?;
    let (line, column) = source.position(span.start);
    let start = Position { line, column };
    let (line, column) = source.position(span.end.max(span.start));
    let end = Position { line, column };
    Some(Located { source, start, end })
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, SHOWN, arrange, render};
    use crate::diagnostic::code::yaml as code;
    use crate::diagnostic::{Diagnostic, Severity, Sources, Span};

    fn diagnostic(source: u32, start: usize, end: usize) -> Diagnostic {
        Diagnostic {
            code: code::SYNTAX,
            severity: Severity::Error,
            message: format!("at {start}"),
            span: Some(Span {
                source: crate::diagnostic::SourceId(source),
                start,
                end,
            }),
            label: None,
            related: Vec::new(),
            help: Vec::new(),
        }
    }

    #[test]
    fn many_errors_of_one_file_are_cut_and_counted() {
        let many = (0..SHOWN + 3)
            .rev()
            .map(|at| diagnostic(0, at, at + 1))
            .chain([diagnostic(1, 0, 1), diagnostic(1, 0, 1)])
            .collect();
        let arranged = arrange(many);
        assert_eq!(arranged.len(), SHOWN + 2);
        assert_eq!(arranged[0].message, "at 0");
        assert_eq!(
            arranged[SHOWN].message,
            "3 more errors in this file not shown"
        );
        assert_eq!(arrange(arranged.clone()), arranged);
    }

    #[test]
    fn no_place_makes_a_renderer_panic() {
        let mut sources = Sources::default();
        sources.add("é\u{1b}<&\n.yaml", "é\r\n\tx: \u{1b}[31m€\n\n\u{0}");
        sources.add("empty.yaml", "");
        let formats = [
            Format::Human { colored: true },
            Format::Human { colored: false },
            Format::Json,
            Format::Github,
            Format::Sarif,
            Format::Junit,
        ];
        for source in 0..3 {
            for start in 0..24 {
                for length in [0, 1, 2, 30] {
                    let mut one = diagnostic(source, start, start + length);
                    one.label = Some("l\u{1b}".to_owned());
                    one.help = vec!["h\nh".to_owned()];
                    one.related = diagnostic(0, length, start)
                        .span
                        .map(|span| (span, "r".to_owned()))
                        .into_iter()
                        .collect();
                    for format in formats {
                        let drawn = render(&[one.clone()], &sources, format);
                        assert!(drawn.ends_with('\n'));
                    }
                }
            }
        }
    }

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        sources.add("a.yaml", "x: y\né€: 𝄞 wrong\n");
        let text = "x: y\né€: 𝄞 wrong\n";
        let start = text.find("wrong").unwrap();
        let drawn = render(&[diagnostic(0, start, start + 5)], &sources, Format::Json);
        let json: serde_json::Value = serde_json::from_str(&drawn).unwrap();
        let found = &json["diagnostics"][0];
        assert_eq!(
            (&found["line"], &found["column"], &found["end_column"]),
            (&2.into(), &7.into(), &12.into())
        );
    }
}
