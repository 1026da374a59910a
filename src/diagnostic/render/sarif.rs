//! For code scanning: SARIF 2.1.0.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Located, locate, severity};
use crate::diagnostic::{Code, Diagnostic, Sources, code};

/// What cannot stand in the path of a relative URI.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let codes: BTreeSet<Code> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect();
    let rules: Vec<Value> = codes.into_iter().map(rule).collect();
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| result(diagnostic, sources))
        .collect();
    let whole = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

fn rule(code: Code) -> Value {
    let page = code::explain(code.0).unwrap_or_default();
    let title = page
        .lines()
        .next()
        .map_or(code.0, |line| line.trim_start_matches(['#', ' ']));
    json!({
        "id": code.0,
        "shortDescription": { "text": title },
        "help": { "text": page, "markdown": page },
    })
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut message = diagnostic.message.clone();
    for help in &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let locations: Vec<Value> = locate(diagnostic.span, sources)
        .iter()
        .map(|at| json!({ "physicalLocation": physical(at) }))
        .collect();
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .filter_map(|(span, words)| {
            let at = locate(Some(*span), sources)?;
            Some(json!({ "physicalLocation": physical(&at), "message": { "text": words } }))
        })
        .collect();
    json!({
        "ruleId": diagnostic.code.0,
        "level": severity(diagnostic),
        "message": { "text": message },
        "locations": locations,
        "relatedLocations": related,
    })
}

fn physical(at: &Located<'_>) -> Value {
    let path = at.source.path.replace('\\', "/");
    json!({
        "artifactLocation": { "uri": utf8_percent_encode(&path, PATH).to_string() },
        "region": {
            "startLine": at.start.line,
            "startColumn": at.start.column,
            "endLine": at.end.line,
            "endColumn": at.end.column,
        },
    })
}
