//! What the commands over the log share: the store, without a running gateway, and filters.

use std::future::Future;
use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser as NonEmpty;
use jiff::Timestamp;

use super::console::{Console, Failure};
use super::data_dir::DataDir;
use super::keys::words::{Period, environment};
use crate::auth::Environment;
use crate::clock::SystemClock;
use crate::delivery::State;
use crate::store;
use crate::store::events::{
    DeliveryFilter, DeliveryId, DeliveryRow, EventStore, EventsError, Page,
};

/// The store's log, and a thread to wait for it.
pub(super) struct Log {
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) store: Arc<dyn EventStore>,
}

impl Log {
    /// Of a store that exists.
    pub(super) fn open(data_dir: &DataDir) -> Result<Self, Failure> {
        let store = store::open(&data_dir.location()?)?;
        let store = store.events(Arc::new(SystemClock))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
        Ok(Self { runtime, store })
    }

    /// Waits for the store.
    pub(super) fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, EventsError>>,
    ) -> Result<T, Failure> {
        Ok(self.runtime.block_on(future)?)
    }
}

/// How a list is cut.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Cut {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Go on where a list ended: the number that it says
    #[arg(long, value_name = "CURSOR")]
    before: Option<i64>,
}

impl Cut {
    pub(super) const fn page(&self) -> Page {
        Page {
            before: self.before,
            after: None,
            limit: self.limit,
        }
    }
}

/// An instant: a date and time, or a period before now.
fn instant(text: &str, console: &Console<'_>) -> Result<Timestamp, Failure> {
    if let Ok(Period(period)) = text.parse::<Period>() {
        let then = console.clock.now().saturating_sub(period);
        return Ok(then.unwrap_or(Timestamp::MIN));
    }
    text.parse().map_err(|_| {
        Failure::usage(format!("`{text}` is no time"))
            .help("write `2h`, `3d` or `2026-11-01T10:00:00Z`")
    })
}

/// `--since` and `--until`.
pub(super) fn between(
    since: Option<&str>,
    until: Option<&str>,
    console: &Console<'_>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let at = |text: Option<&str>| text.map(|text| instant(text, console)).transpose();
    Ok((at(since)?, at(until)?))
}

/// Which deliveries.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Which {
    /// Only of this function
    #[arg(long, value_name = "NAME", value_parser = NonEmpty::new())]
    function: Option<String>,
    /// Only those of this name in their function
    #[arg(long, value_name = "NAME", value_parser = NonEmpty::new())]
    name: Option<String>,
    /// Only to this connection
    #[arg(long, value_name = "NAME", value_parser = NonEmpty::new())]
    connection: Option<String>,
    /// Only of this environment
    #[arg(long, value_name = "NAME", value_parser = environment)]
    environment: Option<Environment>,
    /// Only of this event
    #[arg(long, value_name = "ID", value_parser = NonEmpty::new())]
    event: Option<String>,
    /// pending, leased, delivered, dead, cancelled, held or waiting
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// Only those accepted since: a time, or a period such as `2h`
    #[arg(long, value_name = "TIME", value_parser = NonEmpty::new())]
    since: Option<String>,
    /// Only those accepted before
    #[arg(long, value_name = "TIME", value_parser = NonEmpty::new())]
    until: Option<String>,
}

impl Which {
    pub(super) fn filter(&self, console: &Console<'_>) -> Result<DeliveryFilter, Failure> {
        let (since, until) = between(self.since.as_deref(), self.until.as_deref(), console)?;
        Ok(DeliveryFilter {
            ids: None,
            event: self.event.clone(),
            function: self.function.clone(),
            name: self.name.clone(),
            connection: self.connection.clone(),
            environment: self.environment,
            state: self.state,
            since,
            until,
        })
    }
}

pub(super) fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| {
        let all = State::ALL.map(State::as_str).join("`, `");
        format!("the states are `{all}`")
    })
}

pub(super) fn delivery_id(text: &str) -> Result<DeliveryId, String> {
    DeliveryId::parse(text).ok_or_else(|| "a delivery's id is `dlv_` and a number".to_owned())
}

/// A delivery in a line.
pub(super) fn line(row: &DeliveryRow) -> String {
    let mut line = format!(
        "{}  {}  {} {} → {} ({})  {} of {} attempts",
        row.id,
        row.state.as_str(),
        row.function,
        row.name,
        row.destination.connection,
        row.destination.environment,
        row.attempts,
        row.most_attempts
    );
    if row.state == State::Pending {
        line.push_str(&format!(", due {}", row.due.strftime("%Y-%m-%dT%H:%M:%SZ")));
    }
    if let Some(reason) = &row.reason {
        line.push_str(&format!("  {reason}"));
    }
    line
}
