//! `hookweir explain request`: why a request is not taken for signed, and what would have fitted.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::console::{Console, Exit, Failure};
use crate::diagnostic::Severity;
use crate::gateway::capture::Capture;
use crate::gateway::compile_folder;
use crate::gateway::signature::{Diagnosis, diagnose};
use crate::route::{Generation, Outside};

/// What to examine.
#[derive(Debug)]
pub(super) struct Question<'q> {
    pub(super) file: &'q Path,
    pub(super) function: &'q str,
    pub(super) specs: &'q Path,
    pub(super) pick: Option<&'q str>,
    pub(super) at: Option<Timestamp>,
    pub(super) public_url: Option<&'q str>,
    pub(super) as_json: bool,
}

#[derive(Serialize)]
struct View<'v> {
    function: &'v str,
    signed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    would_fit: &'v [String],
    notes: &'v [String],
}

/// Prints what is found. The exit code is 0 for a request that is signed, and 1 for any other.
pub(super) fn run(question: &Question<'_>, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut content = Vec::new();
    if question.file == Path::new("-") {
        console.input.read_to_end(&mut content)?;
    } else {
        content = std::fs::read(question.file).map_err(|error| {
            Failure::failed(format!(
                "cannot read `{}`: {error}",
                question.file.display()
            ))
        })?;
    }
    let now = question.at.unwrap_or_else(|| console.clock.now());
    let capture = Capture::read(&content, question.pick, now).map_err(|error| {
        let failure = Failure::failed(format!("`{}`: {error}", question.file.display()));
        match error.help {
            Some(help) => failure.help(help),
            None => failure,
        }
    })?;
    for note in &capture.notes {
        writeln!(console.err, "note: {note}")?;
    }
    let generation = load(question)?;
    let admission = crate::cli::admission(&generation, question.function)?;
    let Some(diagnosis) = diagnose(&admission, &capture.request, None) else {
        let message = format!("`{}` asks for no signature", question.function);
        return Err(Failure::usage(message));
    };
    if question.as_json {
        let view = View {
            function: question.function,
            signed: diagnosis.why.is_none(),
            failed: diagnosis.why.as_ref().map(ToString::to_string),
            would_fit: &diagnosis.would_fit,
            notes: &diagnosis.notes,
        };
        let text = serde_json::to_string_pretty(&view).map_err(std::io::Error::from)?;
        writeln!(console.out, "{text}")?;
    } else {
        tell(question, &diagnosis, console)?;
    }
    Ok(if diagnosis.why.is_none() {
        Exit::Done
    } else {
        Exit::Problems
    })
}

fn tell(
    question: &Question<'_>,
    diagnosis: &Diagnosis,
    console: &mut Console<'_>,
) -> std::io::Result<()> {
    let out = &mut console.out;
    let function = question.function;
    let Some(why) = &diagnosis.why else {
        return writeln!(out, "signed: `{function}` would take this request");
    };
    writeln!(out, "not signed: `{function}` would refuse this request")?;
    writeln!(out, "  failed: {why}")?;
    for found in &diagnosis.would_fit {
        writeln!(out, "  would have fitted: {found}")?;
    }
    if diagnosis.would_fit.is_empty() {
        writeln!(
            out,
            "  nothing that is often wrong would have fitted: compare the secret here with the one at the sender"
        )?;
    }
    for note in &diagnosis.notes {
        writeln!(out, "  note: {note}")?;
    }
    Ok(())
}

fn load(question: &Question<'_>) -> Result<Arc<Generation>, Failure> {
    let outside = Outside {
        public_url: question.public_url,
        ..Outside::variables(&crate::cli::variable)
    };
    let compiled = compile_folder(question.specs, outside)
        .map_err(|error| crate::cli::no_functions(question.specs, &error, "--specs DIR"))?;
    let errors = compiled
        .diagnostics
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    compiled.generation.map(Arc::new).ok_or_else(|| {
        let message = format!("`{}` has errors: {errors}", question.specs.display());
        Failure::failed(message).help(format!(
            "`hookweir check {}` shows them",
            question.specs.display()
        ))
    })
}

/// Arguments of `explain request` beside the file.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// After `request`: the function that was called
    #[arg(long, value_name = "NAME")]
    pub(super) function: Option<String>,

    /// After `request`: the folder of functions
    #[arg(
        long,
        value_name = "DIR",
        env = "HOOKWEIR_SPECS",
        default_value = "specs"
    )]
    pub(super) specs: PathBuf,

    /// After `request`: which one of the file, by number or name, where it holds several
    #[arg(long, value_name = "N|NAME")]
    pub(super) pick: Option<String>,

    /// After `request`: when it arrived [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<Timestamp>,

    /// After `request`: how the sender knows the gateway, such as `https://hooks.example.com`
    #[arg(long, value_name = "URL", env = "HOOKWEIR_PUBLIC_URL")]
    pub(super) public_url: Option<String>,

    /// After `request`: `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub(super) format: String,
}
