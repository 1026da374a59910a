//! `hookweir handshakes`: what handshakes left behind, secrets and confirmations.
//!
//! Works on the store, beside a running gateway or without one; a running gateway takes a change
//! over within a second, and makes the visits.

use clap::{Args as ClapArgs, Subcommand};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::console::{Console, Exit, Failure, finish};
use super::data_dir::DataDir;
use super::keys::{Format, json};
use crate::store::{self, HandshakeSecret, Visit, VisitState};

/// List what handshakes left behind, confirm by hand, forget secrets
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir handshakes list
  hookweir handshakes visit visit_01kdw            let a confirmation go that is held or failed
  hookweir handshakes forget hs_01kdw              requests signed with it are refused from then on

Some providers give their secret in the handshake (Asana): it is kept, sealed. Some want an
address visited before they send anything (Amazon SNS): the running gateway does that, or,
with `confirm: by_hand` in `auth.signature`, waits for `visit`. An ID may be cut short.")]
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
    /// List secrets, without their text, and confirmations, without the query of their address
    #[command(after_help = "\
Examples:
  hookweir handshakes list
  hookweir handshakes list --format json")]
    List,
    /// Have the running gateway make a visit that is held, or that failed
    #[command(after_help = "\
Example:
  hookweir handshakes visit visit_01kdw")]
    Visit {
        /// The visit's id, or its beginning
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Forget a secret for good
    #[command(after_help = "\
Example:
  hookweir handshakes forget hs_01kdw")]
    Forget {
        /// The secret's id, or its beginning
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Runs `hookweir handshakes`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::List => args.list(console),
        Command::Visit { id } => args.visit(id, console),
        Command::Forget { id } => args.forget(id, console),
    })
}

#[derive(Serialize)]
struct SecretView<'a> {
    id: &'a str,
    function: &'a str,
    created: String,
}

#[derive(Serialize)]
struct VisitView<'a> {
    id: &'a str,
    function: &'a str,
    address: &'a str,
    state: &'static str,
    recorded: String,
    attempts: u32,
    outcome: Option<&'a str>,
}

#[derive(Serialize)]
struct All<'a> {
    format: &'static str,
    secrets: Vec<SecretView<'a>>,
    visits: Vec<VisitView<'a>>,
}

impl<'a> SecretView<'a> {
    fn new(secret: &'a HandshakeSecret) -> Self {
        Self {
            id: &secret.id,
            function: &secret.function,
            created: secret.created.to_string(),
        }
    }
}

impl<'a> VisitView<'a> {
    fn new(visit: &'a Visit) -> Self {
        // Who knows the query can confirm, too.
        let url = visit.url.expose_secret();
        Self {
            id: &visit.id,
            function: &visit.function,
            address: url.split_once('?').map_or(url, |(before, _)| before),
            state: visit.state.as_str(),
            recorded: visit.recorded.to_string(),
            attempts: visit.attempts,
            outcome: visit.outcome.as_deref(),
        }
    }
}

impl Args {
    fn list(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let store = store::open(&self.data_dir.location()?)?;
        let secrets: Vec<HandshakeSecret> = store
            .handshake_secrets()?
            .into_iter()
            .map(|(known, _)| known)
            .collect();
        let visits = store.visits()?;
        let all = All {
            format: "hookweir.handshakes/v1",
            secrets: secrets.iter().map(SecretView::new).collect(),
            visits: visits.iter().map(VisitView::new).collect(),
        };
        if self.format == Format::Json {
            json(console.out, &all)?;
            return Ok(Exit::Done);
        }
        for secret in &all.secrets {
            writeln!(
                console.out,
                "{}  {}  secret, since {}",
                secret.id, secret.function, secret.created
            )?;
        }
        for visit in &all.visits {
            write!(
                console.out,
                "{}  {}  {}  {}, since {}",
                visit.id, visit.function, visit.address, visit.state, visit.recorded
            )?;
            match visit.outcome {
                Some(outcome) => writeln!(console.out, "  ({outcome})")?,
                None => writeln!(console.out)?,
            }
        }
        if all.secrets.is_empty() && all.visits.is_empty() {
            writeln!(console.err, "no handshake has left anything")?;
        }
        Ok(Exit::Done)
    }

    fn visit(&self, asked: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let store = store::open(&self.data_dir.location()?)?;
        let visits = store.visits()?;
        let mut visit = only(visits, asked, "visit", |visit| &visit.id)?;
        if matches!(visit.state, VisitState::Pending | VisitState::Done) {
            let state = visit.state.as_str();
            return Err(Failure::failed(format!("`{}` is {state}", visit.id)));
        }
        visit.state = VisitState::Pending;
        visit.attempts = 0;
        visit.due = console.clock.now();
        store.update_visit(&visit)?;
        writeln!(console.err, "{} will be made", visit.id)?;
        Ok(Exit::Done)
    }

    fn forget(&self, asked: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let store = store::open(&self.data_dir.location()?)?;
        let secrets = store.handshake_secrets()?.into_iter();
        let secrets = secrets.map(|(known, _)| known).collect();
        let secret: HandshakeSecret = only(secrets, asked, "hs", |secret| &secret.id)?;
        store.forget_handshake_secret(&secret.id)?;
        writeln!(console.err, "{} is forgotten", secret.id)?;
        Ok(Exit::Done)
    }
}

/// The one whose id begins so, with its prefix or without.
fn only<T>(
    all: Vec<T>,
    asked: &str,
    prefix: &str,
    id: impl Fn(&T) -> &String,
) -> Result<T, Failure> {
    let bare = asked
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .unwrap_or(asked);
    let begins = |one: &T| {
        let rest = id(one).split_once('_').map_or("", |(_, rest)| rest);
        !bare.is_empty() && rest.starts_with(bare)
    };
    let mut fitting: Vec<T> = all.into_iter().filter(begins).collect();
    let shown: String = asked.chars().take(40).collect();
    match (fitting.pop(), fitting.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Failure::failed(format!("there is no `{shown}`"))
            .help("`hookweir handshakes list` shows all")),
        (Some(_), more) => {
            Err(Failure::failed(format!("`{shown}` fits {}", more + 1)).help("write more of it"))
        }
    }
}
