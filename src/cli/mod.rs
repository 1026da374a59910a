//! The command line: one file a subcommand.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1
//! problems found in what was checked, 2 wrong use, 3 could not do it, 78 `serve` with specs that
//! do not compile.

pub mod admin;
pub mod check;
pub mod completions;
pub mod connections;
pub mod console;
pub mod data_dir;
pub mod deliveries;
pub mod eval;
pub mod events;
pub mod explain;
pub mod handshakes;
pub mod health;
pub mod keys;
mod log;
pub mod man;
pub mod reload;
mod sample;
pub mod schema;
pub mod send;
pub mod serve;
pub mod store;
pub mod test;
pub mod urls;

#[cfg(test)]
mod tests;

use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ColorChoice, CommandFactory, Parser, Subcommand};

use crate::clock::SystemClock;
use crate::diagnostic::suggest;
use crate::gateway::Admission;
use crate::route::{AddressKind, Generation};
use console::{Console, Exit, Failure};

#[derive(Debug, Parser)]
#[command(
    name = "hookweir",
    version,
    about = "A webhook gateway whose behaviour is written in YAML",
    after_help = EXAMPLES,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,

    /// When to use colour; `NO_COLOR` in the environment is heeded
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorChoice,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hookweir serve --watch          serve the functions of ./specs, and reload when they change
  hookweir check                  report every mistake in ./specs, with its place
  hookweir test                   run the functions' own tests
  hookweir keys create --label github --environment production
  hookweir urls                   the webhook URL of every function
  hookweir events list --since 2h  what has come, and what became of it
  hookweir send push --event push  sign a request as its provider would, and send it
  hookweir explain E0203          what an error means, with an example

Exit codes: 0 done, 1 problems found, 2 wrong use, 3 could not do it,
78 `serve` with specs that do not compile.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Eval(eval::Args),
    Reload(reload::Args),
    Send(send::Args),
    Test(test::Args),
    Urls(urls::Args),
    Keys(keys::Args),
    Events(events::Args),
    Deliveries(deliveries::Args),
    Connections(connections::Args),
    Handshakes(handshakes::Args),
    Store(store::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Health(health::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program with the arguments it was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let choice = match cli.color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    let stdin = std::io::stdin();
    let mut console = Console {
        input_is_terminal: stdin.is_terminal(),
        input: &mut BufReader::new(stdin.lock()),
        out: &mut anstream::AutoStream::new(std::io::stdout(), choice),
        err: &mut anstream::AutoStream::new(std::io::stderr(), choice),
        clock: &SystemClock,
    };
    cli.run(&mut console).into()
}

impl Cli {
    fn run(self, console: &mut Console<'_>) -> Exit {
        if let Some(directory) = &self.directory
            && let Err(error) = std::env::set_current_dir(directory)
        {
            // Where even standard error is gone there is nobody to tell.
            let _ = writeln!(
                console.err,
                "error: cannot work in `{}`: {error}",
                directory.display()
            );
            return Exit::Failed;
        }
        match self.command {
            Command::Serve(args) => serve::run(&args, console),
            Command::Check(args) => check::run(&args, console),
            Command::Eval(args) => eval::run(&args, console),
            Command::Explain(args) => explain::run(&args, console),
            Command::Schema(args) => schema::run(&args, console),
            Command::Send(args) => send::run(&args, console),
            Command::Reload(args) => reload::run(&args, console),
            Command::Test(args) => test::run(&args, console),
            Command::Urls(args) => urls::run(&args, console),
            Command::Keys(args) => keys::run(&args, console),
            Command::Events(args) => events::run(&args, console),
            Command::Deliveries(args) => deliveries::run(&args, console),
            Command::Connections(args) => connections::run(&args, console),
            Command::Handshakes(args) => handshakes::run(&args, console),
            Command::Store(args) => store::run(&args, console),
            Command::Health(args) => health::run(&args, console),
            Command::Completions(args) => completions::run(&args, &mut Self::command(), console),
            Command::Man(args) => man::run(&args, &Self::command(), console),
        }
    }
}

/// The function, as a request at its address would find it.
fn admission(generation: &Arc<Generation>, function: &str) -> Result<Admission, Failure> {
    let Some(route) = generation.route(function) else {
        let names = generation.routes.iter().map(|route| &*route.name);
        let failure = Failure::usage(format!("there is no function `{function}`"));
        return Err(match suggest::nearest(function, names) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure,
        });
    };
    Ok(Admission {
        max_body: route.max_body,
        address: AddressKind::Own,
        path: Vec::new(),
        route: Arc::clone(route),
        generation: Arc::clone(generation),
    })
}

/// A place where functions were looked for and not found. `naming` is how this command is told
/// of another.
fn no_functions(path: &Path, error: &std::io::Error, naming: &str) -> Failure {
    let message = format!("cannot read the functions in `{}`: {error}", path.display());
    Failure::failed(message).help(format!(
        "`{naming}` names another folder, `-C DIR` another project"
    ))
}

/// The value of an environment variable, if it is set and is text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
