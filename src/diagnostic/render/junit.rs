//! For test reports: the XML of `JUnit`. Each file is a suite; one without errors has a case that passed.

use std::fmt::Write as _;

use super::{locate, severity};
use crate::diagnostic::{Diagnostic, Severity, SourceId, Sources};

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let errors = |diagnostics: &[&Diagnostic]| {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    };
    let all: Vec<&Diagnostic> = diagnostics.iter().collect();
    let mut suites = String::new();
    let mut cases = 0;
    let files = sources
        .iter()
        .map(|(id, source)| (Some(id), &*source.path))
        .chain([(None, "the project")]);
    for (id, path) in files {
        let own: Vec<&Diagnostic> = all
            .iter()
            .copied()
            .filter(|diagnostic| source_of(diagnostic, sources) == id)
            .collect();
        if id.is_none() && own.is_empty() {
            continue;
        }
        let tests = own.len().max(1);
        cases += tests;
        let _ = writeln!(
            suites,
            r#"  <testsuite name="{}" tests="{tests}" failures="{}">"#,
            escape(path),
            errors(&own)
        );
        if own.is_empty() {
            let _ = writeln!(
                suites,
                r#"    <testcase classname="{}" name="check"/>"#,
                escape(path)
            );
        }
        for diagnostic in own {
            case(&mut suites, diagnostic, path, sources);
        }
        suites.push_str("  </testsuite>\n");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{cases}\" failures=\"{}\">\n{suites}</testsuites>\n",
        env!("CARGO_PKG_NAME"),
        errors(&all)
    )
}

fn source_of(diagnostic: &Diagnostic, sources: &Sources) -> Option<SourceId> {
    let source = diagnostic.span?.source;
    sources.get(source).map(|_| source)
}

fn case(text: &mut String, diagnostic: &Diagnostic, path: &str, sources: &Sources) {
    let place = locate(diagnostic.span, sources).map_or_else(String::new, |at| {
        format!(":{}:{}", at.start.line, at.start.column)
    });
    let _ = writeln!(
        text,
        r#"    <testcase classname="{}" name="{} {}">"#,
        escape(path),
        diagnostic.code.0,
        escape(&place)
    );
    let mut words = format!("{path}{place}: {}", diagnostic.message);
    for help in &diagnostic.help {
        words.push_str("\nhelp: ");
        words.push_str(help);
    }
    let _ = match diagnostic.severity {
        Severity::Error => writeln!(
            text,
            r#"      <failure type="{}" message="{}">{}</failure>"#,
            diagnostic.code.0,
            escape(&diagnostic.message),
            escape(&words)
        ),
        Severity::Warning => writeln!(
            text,
            "      <system-out>{}: {}</system-out>",
            severity(diagnostic),
            escape(&words)
        ),
    };
    text.push_str("    </testcase>\n");
}

/// XML 1.0 has no way at all to write most control characters.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
