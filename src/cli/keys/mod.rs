//! `hookweir keys`: making, showing, replacing and ending keys.
//!
//! Works on the store, beside a running gateway or without one; a running gateway takes a change
//! over within a second. A key's text goes in by standard input or a file, never by the command
//! line, which other users of the machine can see; it comes out where it is made (`create`,
//! `rotate`) and where it is asked for (`show --reveal`).

mod import;
mod view;
pub mod words;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::console::{Console, Exit, Failure, finish, read_all};
use super::data_dir::DataDir;
use crate::auth::{Environment, KeyRecord, KeyRefusal, KeyTerms, Keyring, Lifetime, ZapiKey};
use crate::store;
use view::{KeyView, details, opens, table};
pub(in crate::cli) use view::{json, masked};
use words::{End, OwnerArgs, Period, environment, function, scope, text};

/// Make, show, rotate and revoke the keys that open functions
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir keys create --label typeform --function typeform_lead --environment production
  hookweir keys list
  hookweir keys rotate key_01kdw --overlap 24h
  hookweir keys revoke key_01kdw
  hookweir keys import zoho-keys.txt --environment production

A running gateway takes each change over within a second. A key is shown whole when it
is made; later `hookweir keys show ID --reveal` or `hookweir urls` shows it again.
An ID may be cut short as long as it fits one key only.

Keys lie sealed in DIR/hookweir.db. What opens them is DIR/master.key or, where the
environment has it, HOOKWEIR_MASTER_KEY (64 hexadecimal digits): keep a copy apart from
the database's.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    data_dir: DataDir,
    /// How results are written
    #[arg(long, value_enum, global = true, default_value_t)]
    format: Format,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document, for machines
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    List(List),
    Show(Show),
    Rotate(Rotate),
    Revoke(Revoke),
    Import(Import),
    Verify(Verify),
}

/// Make a key and show it
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir keys create --label 'try it out'
  hookweir keys create --label stripe --function stripe_event --environment production \\
      --expires 90d --owner-id 4150868000000225013 --owner-email ada@example.com")]
struct Create {
    /// A function that the key opens; may be repeated. Without it, or with `*`: every function
    #[arg(long = "function", value_name = "NAME", value_parser = function)]
    functions: Vec<String>,
    /// `sandbox` or `production`
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment, default_value = "sandbox")]
    environment: Environment,
    /// A name for people: who has the key, what it is for
    #[arg(long, value_name = "TEXT", value_parser = text, default_value = "")]
    label: String,
    /// When it ends: `90d`, `2027-01-01`, a time, or `never`
    #[arg(long, value_name = "WHEN", default_value = "never")]
    expires: End,
    #[command(flatten)]
    owner: OwnerArgs,
}

/// List keys, without their text
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir keys list
  hookweir keys list --environment production --usable
  hookweir keys list --function lead --format json")]
struct List {
    /// Only keys of `sandbox` or `production`
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment)]
    environment: Option<Environment>,
    /// Only keys that open this function
    #[arg(long, value_name = "NAME", value_parser = function)]
    function: Option<String>,
    /// Only keys that open something now
    #[arg(long)]
    usable: bool,
}

/// Show one key
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir keys show key_01kdw
  hookweir keys show key_01kdw --reveal            with the key's text")]
struct Show {
    /// The key's id, or its beginning
    #[arg(value_name = "ID")]
    id: String,
    /// Show the text of the key as well
    #[arg(long)]
    reveal: bool,
}

/// Make a key that takes another's place; both work during the overlap
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir keys rotate key_01kdw                  the old key works for another day
  hookweir keys rotate key_01kdw --overlap 7d
  hookweir keys rotate key_01kdw --overlap 0      the old key ends at once, as Zoho does it

The new key has the label, owner, environment and functions of the old one and, unless
--expires says otherwise, lives as long as that was meant to.")]
struct Rotate {
    /// The key's id, or its beginning
    #[arg(value_name = "ID")]
    id: String,
    /// How long the old key goes on, or until its own end where that comes first
    #[arg(long, value_name = "PERIOD", default_value = "24h")]
    overlap: Period,
    /// When the new key ends: `90d`, `2027-01-01`, a time, or `never`
    #[arg(long, value_name = "WHEN")]
    expires: Option<End>,
}

/// End a key for good
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  hookweir keys revoke key_01kdw                   a running gateway refuses it within a second")]
struct Revoke {
    /// The key's id, or its beginning
    #[arg(value_name = "ID")]
    id: String,
}

/// Take over existing keys, such as Zoho's, as they are
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir keys import zoho-keys.txt --environment production --label 'from Zoho'
  pass show zoho/zapikey | hookweir keys import --stdin

The file is one of these:
  lines   one key a line; empty lines and lines that begin with `#` are passed over
  CSV     with a line of column names, of which only `key` is needed:
          key,environment,functions,label,owner_id,owner_email,owner_name,owner_org_id,expires
          (several functions are separated by spaces)
  JSON    a list of objects with the same names; `functions` may be a list, and `owner`
          an object with `id`, `email`, `name` and `org_id`

What a row leaves out is taken from the options. Without functions a key opens every
function, as Zoho's keys do. Keys that are there already are left as they are. If any row
is wrong, nothing is imported.")]
struct Import {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "stdin")]
    file: Option<PathBuf>,
    /// Read standard input
    #[arg(long, conflicts_with = "file")]
    stdin: bool,
    /// Functions that keys open where their row does not say it; may be repeated
    #[arg(long = "function", value_name = "NAME", value_parser = function)]
    functions: Vec<String>,
    /// Environment of keys whose row does not say it
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment, default_value = "production")]
    environment: Environment,
    /// Label of keys whose row does not say it
    #[arg(long, value_name = "TEXT", value_parser = text, default_value = "imported")]
    label: String,
    /// When keys end whose row does not say it
    #[arg(long, value_name = "WHEN", default_value = "never")]
    expires: End,
    #[command(flatten)]
    owner: OwnerArgs,
}

/// Say whether a key is good, and what it opens; exits with 1 if it opens nothing
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  pass show zoho/zapikey | hookweir keys verify --stdin --function lead")]
struct Verify {
    /// Read the key from standard input, which is the only way
    #[arg(long)]
    stdin: bool,
    /// Ask about this function
    #[arg(long, value_name = "NAME", value_parser = function)]
    function: Option<String>,
}

/// Runs `hookweir keys`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::Create(create) => create.run(args, console),
        Command::List(list) => list.run(args, console),
        Command::Show(show) => show.run(args, console),
        Command::Rotate(rotate) => rotate.run(args, console),
        Command::Revoke(revoke) => revoke.run(args, console),
        Command::Import(import) => import.run(args, console),
        Command::Verify(verify) => verify.run(args, console),
    })
}

/// One key as a JSON document.
#[derive(Serialize)]
struct OneKey<'a> {
    format: &'static str,
    #[serde(flatten)]
    key: KeyView<'a>,
}

#[derive(Serialize)]
struct ManyKeys<'a> {
    format: &'static str,
    keys: Vec<KeyView<'a>>,
}

impl Create {
    fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let terms = KeyTerms {
            label: self.label.clone(),
            owner: self.owner.owner(),
            environment: self.environment,
            scope: scope(&self.functions),
            expires: self.expires.at(now)?,
        };
        let key = ZapiKey::generate()?;
        let record = KeyRecord::issue(&key, terms, now)?;
        store::open_or_create(&args.data_dir.location()?)?.add_key(&record, &key)?;
        show(args.format, console, &record, Some(&key), now)?;
        Ok(Exit::Done)
    }
}

impl List {
    fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let keys = store::open(&args.data_dir.location()?)?.keys()?;
        let is_asked_for = |record: &&KeyRecord| {
            self.environment
                .is_none_or(|environment| environment == record.environment)
                && self
                    .function
                    .as_ref()
                    .is_none_or(|name| record.scope.opens(name))
                && (!self.usable || record.state(now).is_usable())
        };
        let keys: Vec<&KeyRecord> = keys.iter().filter(is_asked_for).collect();
        match args.format {
            Format::Json => {
                let keys = keys.iter().map(|record| KeyView::new(record, None, now));
                let format = "hookweir.keys/v1";
                json(
                    console.out,
                    &ManyKeys {
                        format,
                        keys: keys.collect(),
                    },
                )?;
            }
            Format::Human if keys.is_empty() => writeln!(console.err, "no keys")?,
            Format::Human => table(console.out, &keys, now)?,
        }
        Ok(Exit::Done)
    }
}

impl Show {
    fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let store = store::open(&args.data_dir.location()?)?;
        let record = find(store.keys()?, &self.id)?;
        let key = if self.reveal {
            store.key_text(&record.id)?
        } else {
            None
        };
        show(args.format, console, &record, key.as_ref(), now)?;
        Ok(Exit::Done)
    }
}

impl Rotate {
    fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let store = store::open(&args.data_dir.location()?)?;
        let record = find(store.keys()?, &self.id)?;
        let key = ZapiKey::generate()?;
        let Period(overlap) = self.overlap;
        let lifetime = match self.expires.map(|end| end.at(now)).transpose()? {
            None => Lifetime::AsBefore,
            Some(None) => Lifetime::Endless,
            Some(Some(end)) => Lifetime::Until(end),
        };
        let (old, new) = record
            .rotate(&key, overlap, lifetime, now)
            .map_err(|refusal| {
                Failure::failed(format!("`{}` cannot be rotated: {refusal}", record.id))
                    .help("`hookweir keys create` makes a key that is independent of it")
            })?;
        store.rotate_key(&old, &new, &key)?;
        show(args.format, console, &new, Some(&key), now)?;
        if args.format == Format::Human {
            let end = match (overlap, old.expires) {
                (Duration::ZERO, _) | (_, None) => "has ended".to_owned(),
                (_, Some(end)) => format!("works until {end}"),
            };
            writeln!(console.err, "`{}` {end}", old.id)?;
        }
        Ok(Exit::Done)
    }
}

impl Revoke {
    fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let store = store::open(&args.data_dir.location()?)?;
        let id = find(store.keys()?, &self.id)?.id;
        let was_revoked = !store.revoke_key(&id, now)?;
        let record = find(store.keys()?, &id)?;
        match args.format {
            Format::Json => show(args.format, console, &record, None, now)?,
            Format::Human if was_revoked => {
                writeln!(console.out, "`{id}` was revoked before")?;
            }
            Format::Human => writeln!(console.out, "revoked `{id}`")?,
        }
        Ok(Exit::Done)
    }
}

/// What `verify` found out.
#[derive(Serialize)]
struct Verdict<'a> {
    format: &'static str,
    valid: bool,
    /// `null` for a key that opens what was asked.
    reason: Option<&'static str>,
    /// `null` for an unknown key.
    key: Option<KeyView<'a>>,
}

impl Verify {
    fn run(&self, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let presented = read_all(console).map_err(|failure| {
            failure.help("pipe the key in: `pass show zoho/zapikey | hookweir keys verify --stdin`")
        })?;
        let presented = presented.trim();
        let keys = store::open(&args.data_dir.location()?)?.keys()?;
        let record = ZapiKey::parse(presented)
            .map(|key| key.hash())
            .and_then(|hash| keys.iter().find(|record| record.hash == hash));
        // Without a function the question is whether it opens any: ask about one that it opens.
        let any = record.map_or("", |record| match &record.scope {
            crate::auth::Scope::All => "",
            crate::auth::Scope::Functions(names) => names.first().map_or("", String::as_str),
        });
        let asked = self.function.as_deref().unwrap_or(any);
        let refusal = Keyring::new(keys.iter().cloned())
            .authenticate(presented, asked, now)
            .err();
        let reason = refusal.map(|refusal| match refusal {
            KeyRefusal::Missing => "nothing was given",
            KeyRefusal::Unknown => "there is no such key",
            KeyRefusal::Expired => "it has expired",
            KeyRefusal::Revoked => "it was revoked",
            KeyRefusal::OutOfScope => "it does not open this function",
        });
        match args.format {
            Format::Json => json(
                console.out,
                &Verdict {
                    format: "hookweir.verification/v1",
                    valid: reason.is_none(),
                    reason,
                    key: record.map(|record| KeyView::new(record, None, now)),
                },
            )?,
            Format::Human => {
                let named = record.map(|record| {
                    format!(
                        "`{}` ({}, {})",
                        record.id,
                        record.environment,
                        opens(&record.scope)
                    )
                });
                let verdict =
                    reason.map_or("good".to_owned(), |reason| format!("not good: {reason}"));
                let named = named.map_or(String::new(), |named| format!(": {named}"));
                writeln!(console.out, "{verdict}{named}")?;
            }
        }
        Ok(if reason.is_none() {
            Exit::Done
        } else {
            Exit::Problems
        })
    }
}

fn show(
    format: Format,
    console: &mut Console<'_>,
    record: &KeyRecord,
    key: Option<&ZapiKey>,
    now: Timestamp,
) -> io::Result<()> {
    match format {
        Format::Human => details(console.out, record, key, now),
        Format::Json => json(
            console.out,
            &OneKey {
                format: "hookweir.key/v1",
                key: KeyView::new(record, key, now),
            },
        ),
    }
}

/// The key with this id, or the only one whose id or hint begins so.
fn find(keys: Vec<KeyRecord>, asked: &str) -> Result<KeyRecord, Failure> {
    if ZapiKey::parse(asked).is_some() {
        // Not repeated: it is on enough screens already.
        return Err(Failure::usage("that is a key, and its id is wanted")
            .help("a key on the command line can be seen by others: rotate it")
            .help("`hookweir keys verify --stdin` tells the id of a key"));
    }
    let begins = |record: &KeyRecord| {
        let id = record.id.as_str();
        let bare = id.strip_prefix("key_").unwrap_or(id);
        [id, bare, &record.hint]
            .iter()
            .any(|name| name.starts_with(asked))
    };
    let (exact, rest): (Vec<KeyRecord>, Vec<KeyRecord>) =
        keys.into_iter().partition(|record| record.id == asked);
    if let Some(record) = exact.into_iter().next() {
        return Ok(record);
    }
    let mut fitting: Vec<KeyRecord> = rest
        .into_iter()
        .filter(|record| !asked.is_empty() && begins(record))
        .collect();
    match (fitting.pop(), fitting.len()) {
        (Some(record), 0) => Ok(record),
        (None, _) => Err(Failure::failed(format!("there is no key `{}`", cut(asked)))
            .help("`hookweir keys list` shows all")),
        (Some(last), _) => {
            fitting.push(last);
            let mut failure =
                Failure::failed(format!("`{}` fits {} keys", cut(asked), fitting.len()));
            for record in fitting.iter().take(8) {
                failure = failure.help(format!("`{}` {}", record.id, masked(record)));
            }
            Err(failure)
        }
    }
}

/// The beginning of an argument, in case that somebody put half a key there.
fn cut(asked: &str) -> String {
    const ENOUGH: usize = 30;
    let is_id = asked.starts_with("key_") || asked.chars().count() <= 9;
    let shown = if is_id { ENOUGH } else { 9 };
    let mut text: String = asked
        .chars()
        .filter(|letter| !letter.is_control())
        .take(shown)
        .collect();
    if asked.chars().count() > shown {
        text.push('…');
    }
    text
}
