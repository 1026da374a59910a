//! `hookweir keys import`: keys from elsewhere, as lines, CSV or JSON.
//!
//! Whatever is wrong with the input is told by its place and never by its text: what does not
//! read as a key may be most of one.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::view::{KeyView, json};
use super::words::{End, environment, function, scope, text};
use super::{Args, Format, Import};
use crate::auth::{Environment, KeyRecord, KeyTerms, Owner, Scope, ZapiKey};
use crate::cli::console::{Console, Exit, Failure, read_all, read_text};
use crate::store;

const COLUMNS: [&str; 9] = [
    "key",
    "environment",
    "functions",
    "label",
    "owner_id",
    "owner_email",
    "owner_name",
    "owner_org_id",
    "expires",
];

/// A key and what is said about it; what is not said is taken from the options.
#[derive(Debug, Default)]
struct Row {
    key: Option<ZapiKey>,
    environment: Option<Environment>,
    functions: Option<Scope>,
    label: Option<String>,
    owner_id: Option<String>,
    owner_email: Option<String>,
    owner_name: Option<String>,
    owner_org_id: Option<String>,
    expires: Option<End>,
}

/// A row, or what is wrong with it, and its place in the input.
type Entry = (String, Result<Row, String>);
/// What is wrong with one row: its place and words.
type Problem = (String, String);

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    imported: Vec<KeyView<'a>>,
    /// Keys that were there already, as they are.
    skipped: Vec<KeyView<'a>>,
}

impl Import {
    pub(super) fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let input = match &self.file {
            Some(path) if path != Path::new("-") => {
                let failed = |error: std::io::Error| {
                    Failure::failed(format!("cannot read `{}`: {error}", path.display()))
                };
                if std::fs::metadata(path).map_err(failed)?.is_dir() {
                    return Err(failed(std::io::ErrorKind::IsADirectory.into()));
                }
                let mut file = File::open(path).map_err(failed)?;
                read_text(&mut file)?
            }
            Some(_) | None => read_all(console)?,
        };
        let keys = self.read(&input, now)?;
        if keys.is_empty() {
            return Err(Failure::problems("there is no key in the input"));
        }
        let store = store::open_or_create(&args.data_dir.location()?)?;
        let added = store.import_keys(&keys)?;
        let all = store.keys()?;
        let (mut imported, mut skipped) = (Vec::new(), Vec::new());
        for ((record, _), was_added) in keys.iter().zip(added) {
            let kept = all
                .iter()
                .find(|kept| kept.hash == record.hash)
                .unwrap_or(record);
            if was_added {
                &mut imported
            } else {
                &mut skipped
            }
            .push(kept);
        }
        let views = |keys: &[&'_ KeyRecord]| -> Vec<String> {
            keys.iter()
                .map(|record| format!("{} ({})", record.id, record.state(now).as_str()))
                .collect()
        };
        match args.format {
            Format::Json => json(
                console.out,
                &Report {
                    format: "hookweir.import/v1",
                    imported: imported
                        .iter()
                        .map(|key| KeyView::new(key, None, now))
                        .collect(),
                    skipped: skipped
                        .iter()
                        .map(|key| KeyView::new(key, None, now))
                        .collect(),
                },
            )?,
            Format::Human => {
                writeln!(console.out, "imported {}", count(imported.len()))?;
                for line in views(&imported) {
                    writeln!(console.out, "  {line}")?;
                }
                if !skipped.is_empty() {
                    writeln!(console.out, "left {} that were there", count(skipped.len()))?;
                }
                for line in views(&skipped) {
                    writeln!(console.out, "  {line}")?;
                }
            }
        }
        Ok(Exit::Done)
    }

    /// All keys of the input, or all that is wrong with it.
    fn read(&self, input: &str, now: Timestamp) -> Result<Vec<(KeyRecord, ZapiKey)>, Failure> {
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for (place, row) in rows(input)? {
            match row.and_then(|row| self.complete(row, now)) {
                Ok((record, key)) => {
                    if seen.insert(record.hash) {
                        keys.push((record, key));
                    }
                }
                Err(words) => problems.push((place, words)),
            }
        }
        if problems.is_empty() {
            return Ok(keys);
        }
        Err(refuse(&problems))
    }

    fn complete(&self, row: Row, now: Timestamp) -> Result<(KeyRecord, ZapiKey), String> {
        let key = row.key.ok_or("there is no key")?;
        let expires = row.expires.unwrap_or(self.expires);
        let own = self.owner.owner();
        let terms = KeyTerms {
            label: row.label.unwrap_or_else(|| self.label.clone()),
            owner: Owner {
                id: row.owner_id.unwrap_or(own.id),
                email: row.owner_email.unwrap_or(own.email),
                name: row.owner_name.unwrap_or(own.name),
                org_id: row.owner_org_id.unwrap_or(own.org_id),
            },
            environment: row.environment.unwrap_or(self.environment),
            scope: row.functions.unwrap_or_else(|| scope(&self.functions)),
            expires: expires
                .at(now)
                .map_err(|_| "its end is over already, or too far away")?,
        };
        let record = KeyRecord::issue(&key, terms, now).map_err(|error| error.to_string())?;
        Ok((record, key))
    }
}

fn refuse(problems: &[Problem]) -> Failure {
    const SHOWN: usize = 20;
    let mut failure = Failure::problems(format!(
        "nothing was imported: {} wrong",
        match problems.len() {
            1 => "one entry is".to_owned(),
            many => format!("{many} entries are"),
        }
    ));
    for (place, words) in problems.iter().take(SHOWN) {
        failure = failure.help(format!("{place}: {words}"));
    }
    if problems.len() > SHOWN {
        failure = failure.help(format!("and {} more", problems.len() - SHOWN));
    }
    failure
}

fn count(keys: usize) -> String {
    match keys {
        1 => "1 key".to_owned(),
        many => format!("{many} keys"),
    }
}

/// The entries of an input with their places; which of the three forms it has is told by its
/// first line.
fn rows(input: &str) -> Result<Vec<Entry>, Failure> {
    let input = input.strip_prefix('\u{feff}').unwrap_or(input);
    let first = input.trim_start();
    if first.starts_with(['[', '{']) {
        return json_rows(input);
    }
    let head = first.lines().next().unwrap_or("");
    let has_columns = head.contains(',') || matches!(head.trim(), "key" | "zapikey" | "\"key\"");
    if has_columns {
        return csv_rows(input);
    }
    let line = |(number, line): (usize, &str)| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let mut row = Row::default();
        let read = row.set("key", line).map(|()| row);
        Some((format!("line {}", number + 1), read))
    };
    Ok(input.lines().enumerate().filter_map(line).collect())
}

fn csv_rows(input: &str) -> Result<Vec<Entry>, Failure> {
    // What the reader finds wrong may quote the input, so only the place is told.
    let unreadable = |error: &csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        Failure::problems(format!("line {line} is not CSV like the first line"))
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(input.as_bytes());
    let columns = reader
        .headers()
        .map_err(|error| unreadable(&error))?
        .clone();
    for (index, column) in columns.iter().enumerate() {
        if !COLUMNS.contains(&column) && column != "zapikey" {
            // A file without names has a key here.
            return Err(Failure::problems(format!(
                "column {} of the first line has no known name",
                index + 1
            ))
            .help(format!("the names are: {}", COLUMNS.join(", "))));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row::default();
        let read = columns
            .iter()
            .zip(&record)
            .filter(|(_, value)| !value.is_empty())
            .try_for_each(|(column, value)| row.set(column, value))
            .map(|()| row);
        rows.push((format!("line {line}"), read));
    }
    Ok(rows)
}

fn json_rows(input: &str) -> Result<Vec<Entry>, Failure> {
    let document: Value = serde_json::from_str(input).map_err(|error| {
        Failure::problems(format!(
            "the input is not JSON: something is wrong at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    let entries = match document {
        Value::Array(entries) => entries,
        single @ Value::Object(_) => vec![single],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let read = |(index, entry): (usize, &Value)| {
        let mut row = Row::default();
        (
            format!("entry {}", index + 1),
            row.set_all(entry).map(|()| row),
        )
    };
    Ok(entries.iter().enumerate().map(read).collect())
}

impl Row {
    fn set_all(&mut self, entry: &Value) -> Result<(), String> {
        if let Value::String(key) = entry {
            return self.set("key", key);
        }
        let fields = entry
            .as_object()
            .ok_or("it is neither an object nor a key")?;
        for (name, value) in fields {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("owner", Value::Object(owner)) => {
                    for (part, value) in owner {
                        let value = value.as_str().ok_or("`owner` holds what is not a text")?;
                        self.set(&format!("owner_{part}"), value)?;
                    }
                }
                ("functions", Value::Array(names)) => {
                    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                    self.set_functions(&names.ok_or("`functions` is a list of names")?)?;
                }
                (name, Value::String(value)) => self.set(name, value)?,
                (name, _) if COLUMNS.contains(&name) => {
                    return Err(format!("`{name}` is not a text"));
                }
                _ => return Err(unknown_field()),
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let words = |error| format!("`{name}`: {error}");
        match name {
            "key" | "zapikey" => {
                let key = ZapiKey::parse(value);
                self.key = Some(key.ok_or(
                    "this is not a key: four digits and twice 32 of `0-9a-f`, joined by `.`",
                )?);
            }
            "environment" => self.environment = Some(environment(value).map_err(words)?),
            "functions" => {
                let names: Vec<&str> = value.split([' ', ';', ',']).collect();
                self.set_functions(&names)?;
            }
            "label" => self.label = Some(text(value).map_err(words)?),
            "owner_id" => self.owner_id = Some(text(value).map_err(words)?),
            "owner_email" => self.owner_email = Some(text(value).map_err(words)?),
            "owner_name" => self.owner_name = Some(text(value).map_err(words)?),
            "owner_org_id" => self.owner_org_id = Some(text(value).map_err(words)?),
            "expires" => self.expires = Some(value.parse().map_err(words)?),
            _ => return Err(unknown_field()),
        }
        Ok(())
    }

    /// An empty list opens nothing, where an empty text has said nothing.
    fn set_functions(&mut self, names: &[&str]) -> Result<(), String> {
        let names = names
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| function(name).map_err(|error| format!("`functions`: {error}")))
            .collect::<Result<Vec<String>, String>>()?;
        self.functions = Some(if names.is_empty() {
            Scope::Functions(names)
        } else {
            scope(&names)
        });
        Ok(())
    }
}

fn unknown_field() -> String {
    // Its name is not repeated: it may be a key in the wrong place.
    format!(
        "it has an unknown field; the names are: {}",
        COLUMNS.join(", ")
    )
}
