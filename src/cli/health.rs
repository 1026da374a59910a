//! `hookweir health`: is a gateway ready? For containers and scripts.

use std::time::Duration;

use super::admin::Target;
use super::console::{Console, Exit, finish};

/// Ask a running gateway whether it is ready for requests
///
/// Exits with 0 when it is, with 1 when it answers that it is not, and with 3 when it does not
/// answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir health
  hookweir health --admin http://127.0.0.1:9081")]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Runs `hookweir health`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| {
        let answer = args.target.get("/readyz", Duration::from_secs(5))?;
        if answer.status == 200 {
            writeln!(console.out, "ready")?;
            return Ok(Exit::Done);
        }
        writeln!(console.out, "not ready (status {})", answer.status)?;
        Ok(Exit::Problems)
    })
}
