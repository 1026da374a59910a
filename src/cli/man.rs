//! `hookweir man`: the manual pages, made from the commands themselves.

use std::path::PathBuf;

use clap::Command;

use super::console::{Console, Exit, Failure, finish};

/// Print the manual page, or write one page a command into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir man | man -l -
  hookweir man --output /usr/local/share/man/man1")]
pub struct Args {
    /// Write `hookweir.1`, `hookweir-serve.1` and so on into this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs `hookweir man`.
pub fn run(args: &Args, command: &Command, console: &mut Console<'_>) -> Exit {
    finish(console, |console| {
        let Some(folder) = &args.output else {
            clap_mangen::Man::new(command.clone()).render(&mut console.out)?;
            return Ok(Exit::Done);
        };
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command.clone(), folder))
            .map_err(|error| {
                Failure::failed(format!("cannot write into `{}`: {error}", folder.display()))
            })?;
        Ok(Exit::Done)
    })
}
