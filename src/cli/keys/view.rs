//! How keys are shown: `1003.3f9c…`, never the whole text, unless somebody asked for it.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::auth::{KeyRecord, Scope, ZapiKey};

/// A key for machines. New fields may come; none goes.
#[derive(Debug, Serialize)]
pub(super) struct KeyView<'a> {
    id: &'a str,
    /// The whole text: only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    zapikey: Option<&'a str>,
    masked: String,
    label: &'a str,
    environment: &'static str,
    /// `["*"]` is all.
    functions: Vec<&'a str>,
    state: &'static str,
    owner: OwnerView<'a>,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    last_used: Option<String>,
    replaced_by: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct OwnerView<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    org_id: &'a str,
}

impl<'a> KeyView<'a> {
    pub(super) fn new(record: &'a KeyRecord, key: Option<&'a ZapiKey>, now: Timestamp) -> Self {
        let text = |time: Timestamp| time.to_string();
        Self {
            id: &record.id,
            zapikey: key.map(ZapiKey::expose),
            masked: masked(record),
            label: &record.label,
            environment: record.environment.as_str(),
            functions: names(&record.scope),
            state: record.state(now).as_str(),
            owner: OwnerView {
                id: &record.owner.id,
                email: &record.owner.email,
                name: &record.owner.name,
                org_id: &record.owner.org_id,
            },
            created: text(record.created),
            expires: record.expires.map(text),
            revoked: record.revoked.map(text),
            last_used: record.last_used.map(text),
            replaced_by: record.replaced_by.as_deref(),
        }
    }
}

/// What a key may be shown as: `1003.3f9c…`.
pub(in crate::cli) fn masked(record: &KeyRecord) -> String {
    format!("{}…", record.hint)
}

fn names(scope: &Scope) -> Vec<&str> {
    match scope {
        Scope::All => vec!["*"],
        Scope::Functions(names) => names.iter().map(String::as_str).collect(),
    }
}

/// Writes one JSON document and a line feed.
pub(in crate::cli) fn json(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// One key, a line a field.
pub(super) fn details(
    out: &mut dyn Write,
    record: &KeyRecord,
    key: Option<&ZapiKey>,
    now: Timestamp,
) -> io::Result<()> {
    let shown = key.map_or_else(|| masked(record), |key| key.expose().to_owned());
    let owner: Vec<&str> = [
        &record.owner.name,
        &record.owner.email,
        &record.owner.id,
        &record.owner.org_id,
    ]
    .into_iter()
    .map(String::as_str)
    .filter(|part| !part.is_empty())
    .collect();
    let rows = [
        ("id", Some(record.id.clone())),
        ("key", Some(shown)),
        ("label", Some(record.label.clone())),
        ("environment", Some(record.environment.to_string())),
        ("opens", Some(opens(&record.scope))),
        ("owner", Some(owner.join(", "))),
        ("state", Some(record.state(now).as_str().to_owned())),
        ("created", Some(minute(record.created))),
        (
            "expires",
            Some(record.expires.map_or_else(|| "never".to_owned(), minute)),
        ),
        ("revoked", record.revoked.map(minute)),
        (
            "last used",
            Some(record.last_used.map_or_else(|| "never".to_owned(), minute)),
        ),
        ("replaced by", record.replaced_by.clone()),
    ];
    for (name, value) in rows {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            writeln!(out, "{name:<12} {}", printable(&value))?;
        }
    }
    Ok(())
}

/// Many keys, one a line.
pub(super) fn table(out: &mut dyn Write, records: &[&KeyRecord], now: Timestamp) -> io::Result<()> {
    const HEAD: [&str; 8] = [
        "ID",
        "KEY",
        "ENVIRONMENT",
        "STATE",
        "OPENS",
        "EXPIRES",
        "LAST USED",
        "LABEL",
    ];
    let row = |record: &&KeyRecord| {
        [
            record.id.clone(),
            masked(record),
            record.environment.to_string(),
            record.state(now).as_str().to_owned(),
            opens(&record.scope),
            record.expires.map_or_else(|| "never".to_owned(), minute),
            record.last_used.map_or_else(|| "never".to_owned(), minute),
            printable(&record.label),
        ]
    };
    let rows: Vec<[String; 8]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(records.iter().map(row))
        .collect();
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<String>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The functions that a key opens, in words.
pub(super) fn opens(scope: &Scope) -> String {
    match scope {
        Scope::All => "all functions".to_owned(),
        Scope::Functions(names) => names.join(", "),
    }
}

/// To the minute, in UTC: `2026-01-01 12:00Z`.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// What came in by another door may hold what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}
