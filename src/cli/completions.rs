//! `hookweir completions`: scripts that complete commands and options in a shell.

use clap::Command;
use clap_complete::Shell;

use super::console::{Console, Exit, finish};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir completions bash > /etc/bash_completion.d/hookweir
  hookweir completions zsh > \"${fpath[1]}/_hookweir\"
  hookweir completions fish > ~/.config/fish/completions/hookweir.fish")]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Runs `hookweir completions`.
pub fn run(args: &Args, command: &mut Command, console: &mut Console<'_>) -> Exit {
    finish(console, |console| {
        let mut script = Vec::new();
        clap_complete::generate(args.shell, command, "hookweir", &mut script);
        console.out.write_all(&script)?;
        Ok(Exit::Done)
    })
}
