//! `hookweir events`: what has come, and what became of it.
//!
//! Works on the store, beside a running gateway or without one.

mod replay;
mod tail;

use clap::builder::NonEmptyStringValueParser as NonEmpty;
use clap::{Args as ClapArgs, Subcommand};

use super::admin::Target;
use super::console::{Console, Exit, Failure, finish};
use super::keys::words::environment;
use super::keys::{Format, json};
use super::log::{Cut, Log, between, line as delivery_line, state};
use crate::auth::Environment;
use crate::delivery::State;
use crate::store::events::{EventDetail, EventDetailView, EventFilter, EventRow, EventsView};

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
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        cut: Cut,
    },
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
    /// Show events as they come, until it is interrupted
    #[command(after_help = "\
Examples:
  hookweir events tail
  hookweir events tail --function orders --failed
  hookweir events tail --last 0 --count 1 --format json

With `--format json`, one object a line.")]
    Tail {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        how: tail::How,
    },
    /// Deliver events again, past `dedupe`
    #[command(after_help = "\
Examples:
  hookweir events replay evt_01a21defabb472208aed18c33eec22df
  hookweir events replay evt_01a21defabb472208aed18c33eec22df --delivery lead
  hookweir events replay --function orders --since 2h --max 100
  hookweir events replay --failed --since 1d --max 100
  hookweir events replay --function orders --since 2h --max 100 --reevaluate

What is sent is what was sent the first time, with the same `webhook-id`, so that a receiver
can tell a repeat. An event that its function failed for, and any event with `--reevaluate`, is
taken through its function once more by the running gateway, as a new event: after the function
was mended. If more events fit than `--max`, none is delivered.")]
    Replay(replay::Chosen),
}

/// Which events.
#[derive(Debug, ClapArgs)]
struct Which {
    /// Only of this function
    #[arg(long, value_name = "NAME", value_parser = NonEmpty::new())]
    function: Option<String>,
    /// Only of this environment
    #[arg(long, value_name = "NAME", value_parser = environment)]
    environment: Option<Environment>,
    /// Only let in by the key of this id
    #[arg(long, value_name = "ID", value_parser = NonEmpty::new())]
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
    #[arg(long, value_name = "NAME", value_parser = NonEmpty::new())]
    connection: Option<String>,
    /// Only those that came since: a time, or a period such as `2h`
    #[arg(long, value_name = "TIME", value_parser = NonEmpty::new())]
    since: Option<String>,
    /// Only those that came before
    #[arg(long, value_name = "TIME", value_parser = NonEmpty::new())]
    until: Option<String>,
    /// Only with this text in the body
    #[arg(long, value_name = "TEXT", value_parser = NonEmpty::new())]
    text: Option<String>,
    /// Only with this `dedupe` key
    #[arg(long, value_name = "KEY", value_parser = NonEmpty::new())]
    key: Option<String>,
}

impl Which {
    fn filter(&self, console: &Console<'_>) -> Result<EventFilter, Failure> {
        let (since, until) = between(self.since.as_deref(), self.until.as_deref(), console)?;
        Ok(EventFilter {
            function: self.function.clone(),
            environment: self.environment,
            caller: self.caller.clone(),
            generation: self.generation,
            is_failed: self.failed.then_some(true),
            state: self.state,
            connection: self.connection.clone(),
            since,
            until,
            text: self.text.clone(),
            key: self.key.clone(),
        })
    }
}

/// Runs `hookweir events`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::List { which, cut } => args.list(which, cut, console),
        Command::Show { id } => args.show(id, console),
        Command::Tail { which, how } => args.tail(which, how, console),
        Command::Replay(chosen) => args.replay(chosen, console),
    })
}

impl Args {
    fn list(&self, which: &Which, cut: &Cut, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let filter = which.filter(console)?;
        let log = Log::open(self.target.data_dir())?;
        let found = log.wait(log.store.events(filter, cut.page()))?;
        if self.format == Format::Json {
            json(console.out, &EventsView::from(&found))?;
            return Ok(Exit::Done);
        }
        for row in &found.rows {
            writeln!(console.out, "{}", line(row))?;
        }
        if found.rows.is_empty() {
            writeln!(console.err, "no event fits")?;
        }
        if let Some(next) = found.next {
            writeln!(console.err, "there are more: --before {next}")?;
        }
        Ok(Exit::Done)
    }

    /// An event that is there.
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
        if self.format == Format::Json {
            json(console.out, &EventDetailView::from(&detail))?;
            return Ok(Exit::Done);
        }
        let body = detail.payload.as_ref().map(|(_, body)| body);
        let text = body.and_then(|body| std::str::from_utf8(body).ok());
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
                for (name, value) in headers.texts() {
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
            writeln!(console.out, "\n{}", delivery_line(row))?;
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
}

/// An event in a line.
fn line(row: &EventRow) -> String {
    let counts: Vec<String> = row
        .deliveries
        .iter()
        .map(|(state, count)| format!("{count} {}", state.as_str()))
        .collect();
    let status = row
        .status
        .map_or_else(|| "failed".to_owned(), |status| status.to_string());
    format!(
        "{}  {}  {} ({})  {status}  {}",
        row.id,
        row.received.strftime("%Y-%m-%dT%H:%M:%SZ"),
        row.function,
        row.environment,
        counts.join(", ")
    )
}
