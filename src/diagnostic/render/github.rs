//! For GitHub Actions: workflow commands, which show beside the lines of a pull request.

use std::fmt::Write as _;

use super::{locate, severity};
use crate::diagnostic::{Diagnostic, Sources};

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let mut properties = String::new();
        if let Some(at) = locate(diagnostic.span, sources) {
            let _ = write!(
                properties,
                "file={},line={},endLine={},col={}",
                property(&at.source.path),
                at.start.line,
                at.end.line,
                at.start.column
            );
            // Columns are only looked at when a problem stays on its line.
            if at.start.line == at.end.line {
                let _ = write!(properties, ",endColumn={}", at.end.column);
            }
            properties.push(',');
        }
        let mut message = diagnostic.message.clone();
        for help in &diagnostic.help {
            let _ = write!(message, "\nhelp: {help}");
        }
        let _ = writeln!(
            text,
            "::{} {properties}title={}::{}",
            severity(diagnostic),
            property(diagnostic.code.0),
            data(&message)
        );
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
