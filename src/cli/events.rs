//! `hookweir events`: what has come, and what became of it.
//!
//! Works on the store, beside a running gateway or without one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::admin::Target;
use super::console::{Console, Exit, Failure, finish};
use super::keys::words::environment;
use super::keys::{Format, json};
use super::log::{Cut, DeliveryView, Log, between, line, state};
use crate::auth::Environment;
use crate::delivery::State;
use crate::store::events::{
    Action, Attempt, DeliveryFilter, EventDetail, EventFilter, EventRow, HeaderLines,
};

/// Look at what has come, and deliver it again
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir events list --since 2h
  hookweir events list --function orders --state dead
  hookweir events show evt_01a21defabb472208aed18c33eec22df
  hookweir events replay evt_01a21defabb472208aed18c33eec22df

Events are kept by functions that deliver, that have `dedupe`, or that say `keep: events`. Keys and
secrets are not in them. A running gateway sees within a second what is to be delivered again.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    target: Target,
    /// How results are written
    #[arg(long, value_enum, global = true, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List events, the newest first
    #[command(after_help = "\
Examples:
  hookweir events list
  hookweir events list --function orders --since 3d --text ada@example.com
  hookweir events list --failed --format json")]
    List(List),
    /// Show an event: its request, its answer, its deliveries with their attempts
    #[command(after_help = "\
Examples:
  hookweir events show evt_01a21defabb472208aed18c33eec22df
  hookweir events show evt_01a21defabb472208aed18c33eec22df --format json")]
    Show {
        /// The event's id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Deliver an event again, past `dedupe`: each of its deliveries anew
    #[command(after_help = "\
Examples:
  hookweir events replay evt_01a21defabb472208aed18c33eec22df
  hookweir events replay evt_01a21defabb472208aed18c33eec22df --delivery lead

What is sent is what was sent the first time, with the same `webhook-id`, so that a receiver
can tell a repeat. An event that its function failed for is taken through the function once
more, by the running gateway: after the function was mended.")]
    Replay {
        /// The event's id
        #[arg(value_name = "ID")]
        id: String,
        /// Only the delivery of this name
        #[arg(long, value_name = "NAME")]
        delivery: Option<String>,
    },
}

#[derive(Debug, ClapArgs)]
struct List {
    /// Only of this function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Only of this environment
    #[arg(long, value_name = "NAME", value_parser = environment)]
    environment: Option<Environment>,
    /// Only let in by the key of this id
    #[arg(long, value_name = "ID")]
    caller: Option<String>,
    /// Only taken by this generation
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u64>,
    /// Only those that their function failed for
    #[arg(long)]
    failed: bool,
    /// Only with a delivery in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// Only with a delivery to this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Only those that came since: a time, or a period such as `2h`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those that came before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only with this text in the body
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only with this `dedupe` key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    cut: Cut,
}

/// Runs `hookweir events`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::List(list) => args.list(list, console),
        Command::Show { id } => args.show(id, console),
        Command::Replay { id, delivery } => args.replay(id, delivery.as_deref(), console),
    })
}

#[derive(Serialize)]
struct EventView<'a> {
    id: &'a str,
    function: &'a str,
    environment: &'static str,
    generation: u64,
    version: &'a str,
    received: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    verified: &'a str,
    request_id: &'a str,
    method: &'a str,
    target: &'a str,
    size: u64,
    redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    deliveries: Vec<Count>,
}

#[derive(Serialize)]
struct Count {
    state: &'static str,
    count: u64,
}

impl<'a> EventView<'a> {
    fn new(row: &'a EventRow) -> Self {
        let counts = row.deliveries.iter().map(|(state, count)| Count {
            state: state.as_str(),
            count: *count,
        });
        Self {
            id: &row.id,
            function: &row.function,
            environment: row.environment.as_str(),
            generation: row.generation,
            version: &row.version,
            received: row.received.to_string(),
            peer: row.peer.as_deref(),
            caller: row.caller.as_deref(),
            verified: &row.verified,
            request_id: &row.request_id,
            method: &row.method,
            target: &row.target,
            size: row.size,
            redacted: row.is_redacted,
            failure: row.failure.as_deref(),
            key: row.key.as_deref(),
            status: row.status,
            deliveries: counts.collect(),
        }
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    format: &'static str,
    events: Vec<EventView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

#[derive(Serialize)]
struct Shown<'a> {
    format: &'static str,
    event: EventView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Of a body that is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    attempts: Vec<Tried<'a>>,
}

#[derive(Serialize)]
struct Tried<'a> {
    delivery: DeliveryView<'a>,
    attempts: Vec<AttemptView<'a>>,
}

/// An attempt for machines.
#[derive(Serialize)]
pub(super) struct AttemptView<'a> {
    number: u32,
    at: String,
    milliseconds: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    outcome: &'a str,
    answer: String,
}

impl<'a> AttemptView<'a> {
    pub(super) fn new(attempt: &'a Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at.to_string(),
            milliseconds: attempt.duration.as_millis(),
            status: attempt.status,
            outcome: &attempt.outcome,
            answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
        }
    }
}

/// Header lines as texts.
pub(super) fn texts(headers: &HeaderLines) -> Vec<(String, String)> {
    let lines = headers.0.iter();
    lines
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value).into_owned(),
            )
        })
        .collect()
}

impl Args {
    fn list(&self, list: &List, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (since, until) = between(list.since.as_deref(), list.until.as_deref(), console)?;
        let filter = EventFilter {
            function: list.function.clone(),
            environment: list.environment,
            caller: list.caller.clone(),
            generation: list.generation,
            is_failed: list.failed.then_some(true),
            state: list.state,
            connection: list.connection.clone(),
            since,
            until,
            text: list.text.clone(),
            key: list.key.clone(),
        };
        let log = Log::open(self.target.data_dir())?;
        let found = log.wait(log.store.events(filter, list.cut.page()))?;
        if self.format == Format::Json {
            let all = Listed {
                format: "hookweir.events/v1",
                events: found.rows.iter().map(EventView::new).collect(),
                next: found.next,
            };
            json(console.out, &all)?;
            return Ok(Exit::Done);
        }
        for row in &found.rows {
            let counts: Vec<String> = row
                .deliveries
                .iter()
                .map(|(state, count)| format!("{count} {}", state.as_str()))
                .collect();
            writeln!(
                console.out,
                "{}  {}  {} ({})  {}  {}",
                row.id,
                row.received.strftime("%Y-%m-%dT%H:%M:%SZ"),
                row.function,
                row.environment,
                row.status
                    .map_or_else(|| "failed".to_owned(), |status| status.to_string()),
                counts.join(", ")
            )?;
        }
        if found.rows.is_empty() {
            writeln!(console.err, "no event fits")?;
        }
        if let Some(next) = found.next {
            writeln!(console.err, "there are more: --before {next}")?;
        }
        Ok(Exit::Done)
    }

    fn detail(log: &Log, id: &str) -> Result<EventDetail, Failure> {
        let shown: String = id.chars().take(60).collect();
        log.wait(log.store.event(id))?.ok_or_else(|| {
            Failure::failed(format!("there is no event `{shown}`"))
                .help("`hookweir events list` shows what there is")
        })
    }

    fn show(&self, id: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let log = Log::open(self.target.data_dir())?;
        let detail = Self::detail(&log, id)?;
        let row = &detail.row;
        let body = detail.payload.as_ref().map(|(_, body)| body);
        let text = body.and_then(|body| std::str::from_utf8(body).ok());
        if self.format == Format::Json {
            let attempts = detail.deliveries.iter().map(|(row, attempts)| Tried {
                delivery: DeliveryView::new(row),
                attempts: attempts.iter().map(AttemptView::new).collect(),
            });
            let shown = Shown {
                format: "hookweir.event/v1",
                event: EventView::new(row),
                headers: detail.payload.as_ref().map(|(headers, _)| texts(headers)),
                body: text.map(str::to_owned),
                body_base64: body
                    .filter(|_| text.is_none())
                    .map(|body| STANDARD.encode(body)),
                answer: detail
                    .answer
                    .as_ref()
                    .map(|answer| String::from_utf8_lossy(&answer.body).into_owned()),
                attempts: attempts.collect(),
            };
            json(console.out, &shown)?;
            return Ok(Exit::Done);
        }
        writeln!(
            console.out,
            "{}  {}  {} ({}), generation {} ({}), by {}",
            row.id,
            row.received,
            row.function,
            row.environment,
            row.generation,
            row.version,
            row.caller.as_deref().unwrap_or(&row.verified)
        )?;
        if let Some(failure) = &row.failure {
            writeln!(console.out, "failed: {failure}")?;
        }
        writeln!(console.out, "\n{} {}", row.method, row.target)?;
        match &detail.payload {
            Some((headers, body)) => {
                for (name, value) in texts(headers) {
                    writeln!(console.out, "{name}: {value}")?;
                }
                match text {
                    Some(text) => writeln!(console.out, "\n{text}")?,
                    None => writeln!(console.out, "\n({} bytes that are no text)", body.len())?,
                }
            }
            None => writeln!(console.out, "(headers and body are forgotten)")?,
        }
        if let Some(answer) = &detail.answer {
            let text = String::from_utf8_lossy(&answer.body);
            writeln!(console.out, "\nanswered with {}: {text}", answer.status)?;
        }
        for (row, attempts) in &detail.deliveries {
            writeln!(console.out, "\n{}", line(row))?;
            for attempt in attempts {
                writeln!(
                    console.out,
                    "  {}. {}  {} ms  {}",
                    attempt.number,
                    attempt.at,
                    attempt.duration.as_millis(),
                    attempt.outcome
                )?;
            }
        }
        Ok(Exit::Done)
    }

    fn replay(
        &self,
        id: &str,
        name: Option<&str>,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let log = Log::open(self.target.data_dir())?;
        let detail = Self::detail(&log, id)?;
        let ids: Vec<_> = detail
            .deliveries
            .iter()
            .map(|(row, _)| row)
            .filter(|row| row.replay_of.is_none())
            .filter(|row| name.is_none_or(|name| name == row.name))
            .map(|row| row.id)
            .collect();
        if detail.row.failure.is_some() {
            return self.take_again(id, console);
        }
        if ids.is_empty() {
            return Err(Failure::failed(format!("`{id}` has no delivery that fits"))
                .help("`hookweir events show` says what it has"));
        }
        if detail.payload.is_none() {
            return Err(Failure::failed(format!("what `{id}` held is forgotten"))
                .help("`retention` of the document `gateway:` says how long it is kept"));
        }
        let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let filter = DeliveryFilter {
            ids: Some(ids),
            ..DeliveryFilter::default()
        };
        let count = log.wait(log.store.act(Action::Replay, filter, most))?;
        writeln!(console.err, "{count} will be delivered again")?;
        Ok(Exit::Done)
    }

    /// Of an event that its function failed for: by the running gateway, which has the function.
    fn take_again(&self, id: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let path = format!("/admin/v1/events/{id}/replay");
        let answer = self.target.post(&path, Duration::from_mins(1))?;
        let text = |key: &str| answer.body.get(key).and_then(serde_json::Value::as_str);
        if answer.status != 200 {
            let why = text("message").unwrap_or("the gateway did not say why");
            return Err(Failure::failed(format!("`{id}` is not delivered: {why}"))
                .help("mend the function, `hookweir reload`, and replay it then"));
        }
        let event = text("event").unwrap_or_default();
        let count = answer
            .body
            .get("deliveries")
            .and_then(serde_json::Value::as_u64);
        let count = count.unwrap_or_default();
        writeln!(
            console.err,
            "taken again as {event}; {count} will be delivered"
        )?;
        Ok(Exit::Done)
    }
}
