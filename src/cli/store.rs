//! `hookweir store`: what is done to a store as a whole.

use clap::{Args as ClapArgs, Subcommand};

use super::console::{Console, Exit, Failure, finish};
use super::data_dir::DataDir;
use crate::store::{self, Location, Place};

/// Copy a store from one engine to another
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  hookweir store copy sqlite:data/hookweir.db env:DATABASE_URL")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy keys, events and deliveries into an empty store
    #[command(after_help = "\
Examples:
  hookweir store copy sqlite:data/hookweir.db postgres://hookweir@localhost/hooks
  hookweir store copy env:DATABASE_URL sqlite:data/hookweir.db

Stop the gateways that use either. `env:NAME` takes the address from an environment variable,
for one with a password. Both stores have the master key of the data directory, or of
HOOKWEIR_MASTER_KEY. A copy that is cut off can be begun again.")]
    Copy {
        /// The store that is copied: `sqlite:PATH`, `postgres://…` or `env:NAME`
        #[arg(value_name = "FROM")]
        from: String,
        /// The store that is written
        #[arg(value_name = "TO")]
        to: String,
    },
}

/// Runs `hookweir store`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::Copy { from, to } => args.copy(from, to, console),
    })
}

impl Args {
    fn copy(&self, from: &str, to: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (from, to) = (self.location(from)?, self.location(to)?);
        if from.place == to.place {
            return Err(Failure::usage("a store cannot be copied into itself"));
        }
        let counts = store::copy(&from, &to)?;
        for (table, count) in counts {
            writeln!(console.out, "{count:>10} {table}")?;
        }
        Ok(Exit::Done)
    }

    fn location(&self, text: &str) -> Result<Location, Failure> {
        let named = text
            .strip_prefix("env:")
            .map(|name| {
                super::variable(name).ok_or_else(|| {
                    Failure::usage(format!("the environment variable `{name}` is not set"))
                })
            })
            .transpose()?;
        let place = Place::parse(named.as_deref().unwrap_or(text)).map_err(|why| {
            Failure::usage(format!("this names no store: {why}"))
                .help("write `sqlite:PATH`, `postgres://USER@HOST/DATABASE` or `env:NAME`")
        })?;
        let mut location = self.data_dir.location()?;
        location.place = Some(place);
        Ok(location)
    }
}
