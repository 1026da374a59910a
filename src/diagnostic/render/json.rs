//! For programs: `hookweir.check/v1`.

use serde_json::{Value, json};

use super::{locate, severity};
use crate::diagnostic::{Diagnostic, Sources};

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let diagnostics: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| value(diagnostic, sources))
        .collect();
    let whole = json!({ "format": "hookweir.check/v1", "diagnostics": diagnostics });
    format!("{whole:#}\n")
}

fn value(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let at = locate(diagnostic.span, sources);
    let at = at.as_ref();
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .filter_map(|(span, words)| {
            let at = locate(Some(*span), sources)?;
            Some(json!({
                "file": &*at.source.path,
                "line": at.start.line,
                "column": at.start.column,
                "end_line": at.end.line,
                "end_column": at.end.column,
                "message": words,
            }))
        })
        .collect();
    json!({
        "file": at.map(|at| &*at.source.path),
        "line": at.map(|at| at.start.line),
        "column": at.map(|at| at.start.column),
        "end_line": at.map(|at| at.end.line),
        "end_column": at.map(|at| at.end.column),
        "code": diagnostic.code.0,
        "severity": severity(diagnostic),
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "related": related,
    })
}
