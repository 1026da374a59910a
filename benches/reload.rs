//! How long a new set of functions takes, against what `serde_yaml` needs to read its files.
//!
//! `cargo bench --bench reload` makes a thousand functions, loads and compiles them as `reload`
//! does, reads the same files as plain YAML values, in turn, and prints the medians and their
//! ratio: for functions that write the same expressions and for functions of which no two do, on
//! one core and on all. `serde_yaml` always has one thread. The ratio is what counts; the times
//! are this machine's. Nothing is asserted but that the functions are right: a measurement that
//! fails on a slow day is worth nothing.
//!
//! How many cores a process has is told to it from outside, so each row is a process of its own,
//! this program again under `taskset`.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hookweir::clock::Stopwatch;
use hookweir::diagnostic::Severity;
use hookweir::route::Generation;
use hookweir::{route, spec};

const FUNCTIONS: usize = 1_000;
const ROUNDS: usize = 15;
/// What the functions have in common, and one of them.
const KINDS: [(&str, &str); 2] = [
    ("alike", include_str!("peers/other.yaml")),
    ("different", include_str!("peers/different.yaml")),
];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, measure, kind] = arguments.as_slice()
        && measure == "--measure"
    {
        return row(kind);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{FUNCTIONS} functions, median of {ROUNDS} rounds")?;
    writeln!(
        out,
        "  expressions  lines  threads  load and compile  serde_yaml  ratio  memory of the generation"
    )?;
    let all = allowed_cores()?;
    let one = all.split([',', '-']).next().unwrap_or(&all);
    for cores in [one, &all] {
        for (kind, _) in KINDS {
            let child = Command::new("taskset")
                .args(["--cpu-list", cores])
                .arg(std::env::current_exe()?)
                .args(["--measure", kind])
                .output()?;
            if !child.status.success() {
                return Err(String::from_utf8_lossy(&child.stderr).into());
            }
            out.write_all(&child.stdout)?;
        }
        if all == one {
            break;
        }
    }
    Ok(())
}

/// The cores that this process may use: `0-3`.
fn allowed_cores() -> Outcome<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let cores = field(&status, "Cpus_allowed_list:").ok_or("no list of cores in /proc")?;
    Ok(cores.to_owned())
}

fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim())
}

/// Measures one kind of functions on the cores that this process has.
fn row(kind: &str) -> Outcome<()> {
    let (_, function) = KINDS
        .into_iter()
        .find(|(name, _)| *name == kind)
        .ok_or("unknown kind")?;
    let folder = tempfile::tempdir()?;
    for number in 0..FUNCTIONS {
        let text = function.replace("@NUMBER@", &number.to_string());
        fs::write(folder.path().join(format!("other_{number}.yaml")), text)?;
    }

    let before = resident()?;
    let generation = compile(folder.path())?;
    let memory = resident()?.saturating_sub(before);
    drop(generation);

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
    let (compiled, read) = (median(&mut compiling), median(&mut reading));
    writeln!(
        std::io::stdout(),
        "  {kind:<11} {:>6} {:>8} {:>14.1} ms {:>8.1} ms {:>6.2} {:>8.1} MiB",
        function.lines().count(),
        std::thread::available_parallelism()?,
        compiled.as_secs_f64() * 1e3,
        read.as_secs_f64() * 1e3,
        compiled.as_secs_f64() / read.as_secs_f64(),
        f64::from(memory) / 1024.0,
    )?;
    Ok(())
}

/// Resident memory, in KiB.
fn resident() -> Outcome<u32> {
    let status = fs::read_to_string("/proc/self/status")?;
    let size = field(&status, "VmRSS:").and_then(|size| size.strip_suffix(" kB"));
    Ok(size.ok_or("no VmRSS in /proc")?.trim().parse()?)
}

fn compile(folder: &Path) -> Outcome<Generation> {
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
    Ok(generation)
}

fn read_values(folder: &Path) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        black_box(serde_yaml::from_str::<serde_yaml::Value>(&text)?);
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<Duration> {
    let stopwatch = Stopwatch::start();
    // What was made is let go within the time, as before a reload is reported.
    drop(work()?);
    Ok(stopwatch.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
