//! Hands the arguments to `cli` and its result to the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    hookweir::cli::main()
}
