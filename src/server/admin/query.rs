//! What stands behind the `?` of an admin request: read name by name, so that a wrong one is named.

use std::convert::Infallible;
use std::str::FromStr;

use jiff::Timestamp;
use warp::Filter;

use crate::auth::Environment;
use crate::delivery::State;
use crate::store::events::{DeliveryFilter, EventFilter, LONGEST_PAGE, Page};

/// What is wrong with it.
#[derive(Debug)]
pub(super) struct BadQuery(pub(super) String);

/// A query of which parts have been taken.
#[derive(Debug)]
pub(super) struct Query {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

/// The query's text; empty without one.
pub(super) fn raw() -> impl Filter<Extract = (String,), Error = Infallible> + Clone + Send {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        Self {
            left: form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
            known: Vec::new(),
        }
    }

    /// The value of a name that may stand once. One that is empty is refused: it comes of a variable
    /// that was not set, and would leave nothing out. PostgreSQL has no NUL in its texts.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, BadQuery> {
        self.known.push(name);
        let mut found = None;
        while let Some(index) = self.left.iter().position(|(given, _)| given == name) {
            let (_, value) = self.left.swap_remove(index);
            if found.replace(value).is_some() {
                return Err(BadQuery(format!("`{name}` stands twice")));
            }
        }
        if found.as_deref().is_some_and(str::is_empty) {
            return Err(BadQuery(format!("`{name}` is empty: leave it away")));
        }
        if found.as_deref().is_some_and(|value| value.contains('\0')) {
            return Err(BadQuery(format!("`{name}` holds the character NUL")));
        }
        Ok(found)
    }

    /// The same, read as something that is written as `example` says.
    fn read<T>(
        &mut self,
        name: &'static str,
        example: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BadQuery> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(BadQuery(format!("`{name}` is {example}"))),
        }
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, BadQuery> {
        self.read(name, "a number", |text| text.parse().ok())
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, BadQuery> {
        self.read(name, "`true` or `false`", |text| text.parse().ok())
    }

    fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, BadQuery> {
        self.read(name, "a time such as `2026-11-01T10:00:00Z`", |text| {
            text.parse().ok()
        })
    }

    fn environment(&mut self) -> Result<Option<Environment>, BadQuery> {
        self.read("environment", "`sandbox` or `production`", |text| {
            text.parse().ok()
        })
    }

    fn state(&mut self) -> Result<Option<State>, BadQuery> {
        let all = State::ALL.map(State::as_str).join("`, `");
        self.read("state", &format!("one of `{all}`"), State::parse)
    }

    /// Which events.
    pub(super) fn events(&mut self) -> Result<EventFilter, BadQuery> {
        Ok(EventFilter {
            function: self.text("function")?,
            environment: self.environment()?,
            caller: self.text("caller")?,
            generation: self.number("generation")?,
            is_failed: self.flag("failed")?,
            state: self.state()?,
            connection: self.text("connection")?,
            since: self.time("since")?,
            until: self.time("until")?,
            text: self.text("text")?,
            key: self.text("key")?,
        })
    }

    /// Which deliveries.
    pub(super) fn deliveries(&mut self) -> Result<DeliveryFilter, BadQuery> {
        Ok(DeliveryFilter {
            ids: None,
            event: self.text("event")?,
            function: self.text("function")?,
            name: self.text("name")?,
            connection: self.text("connection")?,
            environment: self.environment()?,
            state: self.state()?,
            since: self.time("since")?,
            until: self.time("until")?,
        })
    }

    /// How a list is cut.
    pub(super) fn page(&mut self) -> Result<Page, BadQuery> {
        let before = self.number("before")?;
        let of_limits = format!("a number from 1 to {LONGEST_PAGE}");
        let limit = self.read("limit", &of_limits, |text| {
            let limit = text.parse().ok();
            limit.filter(|limit| (1..=LONGEST_PAGE).contains(limit))
        })?;
        Ok(Page {
            before,
            limit: limit.unwrap_or(Page::default().limit),
            ..Page::default()
        })
    }

    /// Nothing else stands there.
    pub(super) fn end(self) -> Result<(), BadQuery> {
        let Some((name, _)) = self.left.first() else {
            return Ok(());
        };
        let shown: String = name.chars().take(60).collect();
        let mut message = format!("the query says `{shown}`, which this address does not know");
        if !self.known.is_empty() {
            message.push_str(&format!("; it knows `{}`", self.known.join("`, `")));
        }
        Err(BadQuery(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Result<EventFilter, String> {
        let mut query = Query::new(text);
        let read = query.events().and_then(|filter| {
            query.end()?;
            Ok(filter)
        });
        read.map_err(|BadQuery(why)| why)
    }

    #[test]
    fn a_query_is_read_whole_or_what_is_wrong_is_named() {
        let filter = events("function=orders&failed=true&text=a%20b&since=2026-11-01T10:00:00Z");
        let filter = filter.unwrap();
        assert_eq!(filter.function.as_deref(), Some("orders"));
        assert_eq!(filter.is_failed, Some(true));
        assert_eq!(filter.text.as_deref(), Some("a b"));
        assert!(filter.since.is_some());
        assert!(events("").unwrap().is_everything());
        for (text, why) in [
            ("functoin=orders", "`functoin`"),
            ("function=a&function=b", "stands twice"),
            ("text=", "`text` is empty"),
            ("since=", "`since` is empty"),
            ("function=%00", "NUL"),
            ("failed=maybe", "`true` or `false`"),
            ("since=2h", "`2026-11-01T10:00:00Z`"),
            ("generation=-1", "a number"),
            ("state=lost", "`dead`"),
            ("environment=test", "`sandbox`"),
        ] {
            let said = events(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
