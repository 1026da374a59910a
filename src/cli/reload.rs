//! `hookweir reload`: a running gateway reads its functions again.

use std::time::Duration;

use serde_json::Value;

use super::admin::{Answer, Target};
use super::console::{Console, Exit, Failure, finish};

/// Make a running gateway read its functions again, and wait for the verdict
///
/// The new set is served only if all of it is good; otherwise the running one goes on, the problems
/// are printed, and the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir reload --wait
  hookweir reload --dry-run       would the folder be taken?
  hookweir reload --format json")]
pub struct Args {
    #[command(flatten)]
    target: Target,

    /// Wait for the verdict. This is the default; the flag is there for scripts that say so.
    #[arg(long)]
    wait: bool,

    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,

    /// How long to wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,

    /// `human`, or `json` with the gateway's answer as it is.
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = ["human", "json"])]
    format: String,
}

/// Runs `hookweir reload`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| {
        let path = if args.dry_run {
            "/admin/v1/reload?dry_run=true"
        } else {
            "/admin/v1/reload"
        };
        let answer = args.target.post(path, Duration::from_secs(args.timeout))?;
        show(args, &answer, console)
    })
}

fn show(args: &Args, answer: &Answer, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let text = |key: &str| {
        answer
            .body
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if args.format == "json" {
        writeln!(console.out, "{}", answer.body)?;
    } else if answer.status == 200 {
        writeln!(console.out, "{}", text("message"))?;
    } else {
        write!(console.err, "{}", text("drawn"))?;
        writeln!(console.err, "error: {}", text("message"))?;
    }
    Ok(match answer.status {
        200 => Exit::Done,
        422 => Exit::Problems,
        _ => Exit::Failed,
    })
}
