//! How long a new set of functions takes, against what `serde_yaml` needs to read its files.
//!
//! `cargo bench --bench reload` makes a thousand functions, loads and compiles them as `reload`
//! does, reads the same files as plain YAML values, in turn, and prints the medians and their
//! ratio. The ratio is what counts; the times are this machine's. Nothing is asserted but that
//! the functions are right: a measurement that fails on a slow day is worth nothing.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use hookweir::clock::Stopwatch;
use hookweir::diagnostic::Severity;
use hookweir::{route, spec};

const FUNCTIONS: usize = 1_000;
const ROUNDS: usize = 7;
const FUNCTION: &str = include_str!("peers/other.yaml");

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for number in 0..FUNCTIONS {
        let text = FUNCTION.replace("@NUMBER@", &number.to_string());
        fs::write(folder.path().join(format!("other_{number}.yaml")), text)?;
    }

    let mut compiling = Vec::new();
    let mut reading = Vec::new();
    for round in 0..=ROUNDS {
        let compiled = timed(|| compile(folder.path()))?;
        let read = timed(|| read_values(folder.path()))?;
        // The first round warms the caches.
        if round > 0 {
            compiling.push(compiled);
            reading.push(read);
        }
    }

    let mut out = std::io::stdout().lock();
    let (compiled, read) = (median(&mut compiling), median(&mut reading));
    writeln!(
        out,
        "{FUNCTIONS} functions of {} lines, median of {ROUNDS}",
        FUNCTION.lines().count()
    )?;
    writeln!(
        out,
        "  load and compile        {:>8.1} ms",
        compiled.as_secs_f64() * 1e3
    )?;
    writeln!(
        out,
        "  serde_yaml, as values   {:>8.1} ms",
        read.as_secs_f64() * 1e3
    )?;
    writeln!(
        out,
        "  ratio                   {:>8.2}",
        compiled.as_secs_f64() / read.as_secs_f64()
    )?;
    Ok(())
}

fn compile(folder: &Path) -> Result<(), Box<dyn Error>> {
    let compilation = route::compile(spec::load(folder)?, &|_| None);
    if let Some(problem) = compilation
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.severity == Severity::Error)
    {
        return Err(format!("the functions do not compile: {problem:?}").into());
    }
    let generation = compilation.generation.ok_or("nothing was compiled")?;
    if generation.routes.len() != FUNCTIONS {
        return Err(format!("{} functions were compiled", generation.routes.len()).into());
    }
    black_box(generation);
    Ok(())
}

fn read_values(folder: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        black_box(serde_yaml::from_str::<serde_yaml::Value>(&text)?);
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let stopwatch = Stopwatch::start();
    work()?;
    Ok(stopwatch.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
