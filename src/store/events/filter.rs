//! The `WHERE` of looks at the log.

use jiff::Timestamp;

use super::rows::stamp;
use super::{DeliveryFilter, EventFilter, Page};
use crate::delivery::State;

/// A value of a statement.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// How an engine says that bytes are part of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    const fn contains(self) -> &'static str {
        match self {
            Self::Sqlite => "instr(unpacked(p.body, p.packed), ?) > 0",
            Self::Postgres => "position(? in p.body) > 0",
        }
    }
}

/// Terms that must all hold, over `events e` and `deliveries d`.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// A term with a `?` for each value.
    pub(super) fn add(&mut self, term: &str, values: &[Value]) {
        self.terms.push(term.to_owned());
        self.values.extend_from_slice(values);
    }

    fn equal<T: Into<Value>>(&mut self, column: &str, value: Option<T>) {
        if let Some(value) = value {
            self.add(&format!("{column} = ?"), &[value.into()]);
        }
    }

    fn between(&mut self, column: &str, since: Option<Timestamp>, until: Option<Timestamp>) {
        if let Some(since) = since {
            self.add(&format!("{column} >= ?"), &[stamp(since).into()]);
        }
        if let Some(until) = until {
            self.add(&format!("{column} < ?"), &[stamp(until).into()]);
        }
    }

    /// The part of a list that a page is cut from; `column` gives its order.
    pub(super) fn within(&mut self, column: &str, page: Page) {
        if let Some(before) = page.before {
            self.add(&format!("{column} < ?"), &[before.into()]);
        }
        if let Some(after) = page.after {
            self.add(&format!("{column} > ?"), &[after.into()]);
        }
    }

    pub(super) fn of_deliveries(filter: &DeliveryFilter) -> Self {
        let mut all = Self::default();
        if let Some(ids) = &filter.ids {
            let list: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
            let term = match list.as_slice() {
                [] => "1 = 0".to_owned(),
                list => format!("d.id IN ({})", list.join(", ")),
            };
            all.add(&term, &[]);
        }
        all.equal("e.id", filter.event.clone());
        all.equal("d.function", filter.function.clone());
        all.equal("d.name", filter.name.clone());
        all.equal("d.connection", filter.connection.clone());
        let environment = filter.environment.map(|of| of.as_str().to_owned());
        all.equal("d.environment", environment);
        all.equal("d.state", filter.state.map(State::code));
        all.between("d.accepted", filter.since, filter.until);
        all
    }

    pub(super) fn of_events(filter: &EventFilter, dialect: Dialect) -> Self {
        let mut all = Self::default();
        all.equal("e.function", filter.function.clone());
        let environment = filter.environment.map(|of| of.as_str().to_owned());
        all.equal("e.environment", environment);
        all.equal("e.caller", filter.caller.clone());
        let generation = filter
            .generation
            .map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        all.equal("e.generation", generation);
        match filter.is_failed {
            Some(true) => all.add("e.failure IS NOT NULL", &[]),
            Some(false) => all.add("e.failure IS NULL", &[]),
            None => {}
        }
        if filter.state.is_some() || filter.connection.is_some() {
            let mut of = Self::default();
            of.equal("d.state", filter.state.map(State::code));
            of.equal("d.connection", filter.connection.clone());
            let term = format!(
                "EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.seq AND {})",
                of.terms.join(" AND ")
            );
            all.add(&term, &of.values);
        }
        all.between("e.received", filter.since, filter.until);
        if let Some(text) = &filter.text {
            let term = format!(
                "EXISTS (SELECT 1 FROM payloads p WHERE p.event = e.seq AND {})",
                dialect.contains()
            );
            all.add(&term, &[Value::Bytes(text.as_bytes().to_vec())]);
        }
        all.equal("e.key", filter.key.clone());
        all
    }

    /// With a `?` for each value.
    pub(super) fn sql(&self) -> String {
        if self.terms.is_empty() {
            return String::new();
        }
        format!("WHERE {}", self.terms.join(" AND "))
    }

    /// With `$1` for the first value, and so on.
    pub(super) fn numbered_sql(&self) -> String {
        let mut numbered = String::new();
        for (number, part) in self.sql().split('?').enumerate() {
            if number > 0 {
                numbered.push_str(&format!("${number}"));
            }
            numbered.push_str(part);
        }
        numbered
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}
