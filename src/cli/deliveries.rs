//! `hookweir deliveries`: what is owed, and what became of it.
//!
//! Works on the store, beside a running gateway or without one.

use clap::{Args as ClapArgs, Subcommand};

use super::console::{Console, Exit, Failure, finish};
use super::data_dir::DataDir;
use super::keys::{Format, json};
use super::log::{Cut, Log, Which, delivery_id, line};
use crate::store::events::{
    Action, DeliveriesView, DeliveryDetailView, DeliveryFilter, DeliveryId, Paused, Payload,
};

/// Look at what is delivered; retry, cancel, release, pause
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir deliveries list --state dead --since 1d
  hookweir deliveries show dlv_7
  hookweir deliveries retry dlv_7
  hookweir deliveries retry --connection crm --state dead --max 100
  hookweir deliveries pause --connection crm

States: pending (it is tried when it is due), leased (it is being tried), delivered, dead (a dead
letter: not tried again by itself), cancelled, held (until it is released), waiting (for the one
ahead of it with the same `order_by`).")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    data_dir: DataDir,
    /// How results are written
    #[arg(long, value_enum, global = true, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List deliveries, the newest first
    #[command(after_help = "\
Examples:
  hookweir deliveries list
  hookweir deliveries list --connection crm --state pending --format json")]
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        cut: Cut,
    },
    /// Show a delivery: what is sent, and each attempt
    #[command(after_help = "\
Example:
  hookweir deliveries show dlv_7")]
    Show {
        /// The delivery's id
        #[arg(value_name = "ID", value_parser = delivery_id)]
        id: DeliveryId,
    },
    /// Try pending deliveries now, and dead letters anew
    #[command(after_help = "\
Examples:
  hookweir deliveries retry dlv_7
  hookweir deliveries retry --state dead --connection crm --max 100")]
    Retry(Chosen),
    /// Take deliveries back that are not under way
    #[command(after_help = "\
Examples:
  hookweir deliveries cancel dlv_7
  hookweir deliveries cancel --function orders --state pending --max 100")]
    Cancel(Chosen),
    /// Let deliveries go that are held
    #[command(after_help = "\
Examples:
  hookweir deliveries release dlv_7
  hookweir deliveries release --connection crm --max 100")]
    Release(Chosen),
    /// Deliver nothing to a connection, or of a function, until it is resumed
    #[command(after_help = "\
Examples:
  hookweir deliveries pause --connection crm
  hookweir deliveries pause --function orders")]
    Pause(Whose),
    /// Deliver again
    #[command(after_help = "\
Example:
  hookweir deliveries resume --connection crm")]
    Resume(Whose),
}

#[derive(Debug, ClapArgs)]
struct Chosen {
    /// These; without any, those that the filters find
    #[arg(value_name = "ID", value_parser = delivery_id)]
    ids: Vec<DeliveryId>,
    #[command(flatten)]
    which: Which,
    /// With filters: how many at most
    #[arg(long, value_name = "N")]
    max: Option<u32>,
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// The function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
}

/// Runs `hookweir deliveries`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::List { which, cut } => args.list(which, cut, console),
        Command::Show { id } => args.show(*id, console),
        Command::Retry(chosen) => args.act(Action::Retry, chosen, "will be tried", console),
        Command::Cancel(chosen) => args.act(Action::Cancel, chosen, "cancelled", console),
        Command::Release(chosen) => args.act(Action::Release, chosen, "released", console),
        Command::Pause(what) => args.pause(what, true, console),
        Command::Resume(what) => args.pause(what, false, console),
    })
}

impl Args {
    fn list(&self, which: &Which, cut: &Cut, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let filter = which.filter(console)?;
        let log = Log::open(&self.data_dir)?;
        let found = log.wait(log.store.deliveries(filter, cut.page()))?;
        if self.format == Format::Json {
            json(console.out, &DeliveriesView::from(&found))?;
            return Ok(Exit::Done);
        }
        for row in &found.rows {
            writeln!(console.out, "{}", line(row))?;
        }
        if found.rows.is_empty() {
            writeln!(console.err, "no delivery fits")?;
        }
        if let Some(next) = found.next {
            writeln!(console.err, "there are more: --before {next}")?;
        }
        for paused in log.wait(log.store.paused())? {
            let (kind, name) = match &paused {
                Paused::Connection(name) => ("connection", name),
                Paused::Function(name) => ("function", name),
            };
            writeln!(console.err, "the {kind} `{name}` is paused")?;
        }
        Ok(Exit::Done)
    }

    fn show(&self, id: DeliveryId, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let log = Log::open(&self.data_dir)?;
        let found = log.wait(log.store.delivery(id))?;
        let detail = found.ok_or_else(|| {
            Failure::failed(format!("there is no delivery `{id}`"))
                .help("`hookweir deliveries list` shows what there is")
        })?;
        if self.format == Format::Json {
            json(console.out, &DeliveryDetailView::from(&detail))?;
            return Ok(Exit::Done);
        }
        writeln!(
            console.out,
            "{}\nevent {}",
            line(&detail.row),
            detail.row.event
        )?;
        match &detail.request {
            Some(request) => {
                writeln!(console.out, "\n{} {}", request.method, request.target)?;
                for (name, value) in request.headers.texts() {
                    writeln!(console.out, "{name}: {value}")?;
                }
                let body = match &request.body {
                    Payload::Own(body) => String::from_utf8_lossy(body),
                    Payload::OfEvent => "(the event's)".into(),
                    Payload::AtDelivery => "(made when it is sent)".into(),
                };
                writeln!(console.out, "\n{body}\n")?;
            }
            None => writeln!(console.out, "(what is sent is forgotten)")?,
        }
        for attempt in &detail.attempts {
            writeln!(
                console.out,
                "{}. {}  {} ms  {}",
                attempt.number,
                attempt.at,
                attempt.duration.as_millis(),
                attempt.outcome
            )?;
        }
        Ok(Exit::Done)
    }

    fn act(
        &self,
        action: Action,
        chosen: &Chosen,
        done: &str,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let mut filter = chosen.which.filter(console)?;
        let most = if chosen.ids.is_empty() {
            // A filter that was forgotten must not touch everything.
            let most = chosen.max.filter(|_| !filter.is_everything());
            most.ok_or_else(|| {
                Failure::usage("say which deliveries").help(
                    "name their ids, or filter them and say how many at most: `--state dead --max 100`",
                )
            })?
        } else {
            filter = DeliveryFilter {
                ids: Some(chosen.ids.clone()),
                ..filter
            };
            u32::try_from(chosen.ids.len()).unwrap_or(u32::MAX)
        };
        let log = Log::open(&self.data_dir)?;
        let count = log.wait(log.store.act(action, filter, most))?;
        if count == 0 {
            return Err(
                Failure::failed("no delivery fits, or its state does not allow it")
                    .help("`hookweir deliveries list` shows their states"),
            );
        }
        writeln!(console.err, "{count} {done}")?;
        Ok(Exit::Done)
    }

    fn pause(
        &self,
        what: &Whose,
        is_paused: bool,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let paused = match (&what.connection, &what.function) {
            (Some(name), _) => Paused::Connection(name.clone()),
            (None, Some(name)) => Paused::Function(name.clone()),
            (None, None) => return Err(Failure::usage("say what: a connection or a function")),
        };
        let log = Log::open(&self.data_dir)?;
        let is_changed = log.wait(log.store.pause(paused, is_paused))?;
        let word = match (is_changed, is_paused) {
            (true, true) => "paused",
            (true, false) => "resumed",
            (false, true) => "paused already",
            (false, false) => "not paused",
        };
        writeln!(console.err, "{word}")?;
        Ok(Exit::Done)
    }
}
