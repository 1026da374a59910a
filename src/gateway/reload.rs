//! From a folder of specs to the generation that is served: loading, comparing, swapping.
//!
//! A set is compiled whole and then swapped in, or not at all: a folder with a mistake in it
//! leaves the running set untouched. A folder that changes while it is being read is read again,
//! so that half of a `git checkout` is never served. Only one reload runs at a time; a second one
//! waits for the first and then looks at the folder afresh.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;

use super::Gateway;
use crate::clock::Clock;
use crate::diagnostic::render::{Format, render};
use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::route::{self, Checkout, Commit, Compilation, Generation, Outside, Settings};
use crate::spec;

/// How often a folder that keeps changing is read before giving up.
const ATTEMPTS: usize = 20;

/// Looks up environment variables.
pub type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Brings a folder's functions into a running [`Gateway`].
pub struct Reloader {
    folder: PathBuf,
    variables: Variables,
    public_url: Option<String>,
    clock: Arc<dyn Clock>,
    gateway: Arc<Gateway>,
    /// What the folder said of listeners, logs and the like when they were made.
    started_with: Option<Settings>,
    /// Held for a whole reload: one at a time.
    turn: Mutex<()>,
    last: Mutex<LastReload>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// The last reload that was tried, for `/readyz` and the metrics.
#[derive(Debug, Clone)]
pub struct LastReload {
    /// When.
    pub at: Timestamp,
    /// Whether the folder was good; a dry run counts as neither.
    pub succeeded: bool,
    /// How many were tried since the start.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// What was wrong, drawn for people; empty after a success.
    pub problems: Arc<str>,
}

/// What a reload came to.
#[derive(Debug)]
pub struct ReloadReport {
    /// What happened.
    pub outcome: ReloadOutcome,
    /// The number of the generation that is served now.
    pub number: u64,
    /// Its content hash.
    pub hash: String,
    /// Its commit.
    pub commit: Option<Commit>,
    /// Settings that have changed and that only a restart brings into effect.
    pub needs_restart: Vec<&'static str>,
    /// All problems, warnings included.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that they speak of.
    pub sources: Sources,
}

/// See [`ReloadReport::outcome`].
#[derive(Debug)]
pub enum ReloadOutcome {
    /// A new generation is served.
    Installed,
    /// The folder says what is served already; nothing was swapped.
    Unchanged,
    /// It would be installed; this was a dry run.
    WouldInstall,
    /// The folder has errors; the old generation goes on.
    Refused,
    /// The folder could not be read; the old generation goes on.
    Unreadable(io::Error),
}

impl ReloadOutcome {
    /// The folder and what is served agree, or would.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Installed | Self::Unchanged | Self::WouldInstall => true,
            Self::Refused | Self::Unreadable(_) => false,
        }
    }
}

/// Reads and compiles a folder, again if it changed meanwhile.
pub fn compile_folder(folder: &Path, outside: Outside<'_>) -> io::Result<Compilation> {
    let mut before = Fingerprint::of(folder)?;
    let mut attempt = 1;
    loop {
        let compilation = route::compile_with(spec::load(folder)?, outside);
        let after = Fingerprint::of(folder)?;
        if before == after {
            return Ok(compilation);
        }
        if attempt == ATTEMPTS {
            return Err(io::Error::other(
                "the folder kept changing while it was read; try again when it is quiet",
            ));
        }
        before = after;
        attempt += 1;
    }
}

impl Reloader {
    /// For a gateway that already serves what `folder` says.
    pub fn new(
        folder: PathBuf,
        variables: Variables,
        clock: Arc<dyn Clock>,
        gateway: Arc<Gateway>,
    ) -> Self {
        let at = clock.now();
        let last = LastReload {
            at,
            succeeded: true,
            count: 0,
            failed: 0,
            problems: Arc::from(""),
        };
        Self {
            folder,
            variables,
            public_url: None,
            clock,
            gateway,
            started_with: None,
            turn: Mutex::new(()),
            last: Mutex::new(last),
        }
    }

    /// Says how third parties reach the gateway, whatever the folder says.
    #[must_use]
    pub fn reached_at(mut self, public_url: Option<String>) -> Self {
        self.public_url = public_url;
        self
    }

    /// Remembers what the folder said when the server was started, so that a reload can tell which
    /// changes it does not bring into effect.
    #[must_use]
    pub fn started_with(mut self, settings: Settings) -> Self {
        self.started_with = Some(settings);
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The gateway that it reloads.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// What the last reload came to.
    pub fn last(&self) -> LastReload {
        lock(&self.last).clone()
    }

    /// Reads the folder and, if it is good and differs from what is served, swaps it in; with
    /// `dry_run` only says what would happen. Blocks for as long as that takes.
    pub fn reload(&self, dry_run: bool) -> ReloadReport {
        let _turn = lock(&self.turn);
        let outside = Outside {
            public_url: self.public_url.as_deref(),
            ..Outside::variables(&self.variables)
        };
        let report = match compile_folder(&self.folder, outside) {
            Ok(compilation) => self.settle(compilation, dry_run),
            Err(error) => self.report(
                ReloadOutcome::Unreadable(error),
                Vec::new(),
                Vec::new(),
                Sources::default(),
            ),
        };
        if !dry_run {
            self.remember(&report);
        }
        report
    }

    fn settle(&self, compilation: Compilation, dry_run: bool) -> ReloadReport {
        let Compilation {
            generation,
            settings,
            diagnostics,
            sources,
            ..
        } = compilation;
        let started = self.started_with.as_ref();
        let needs_restart = started.map(|old| old.needing_restart(&settings));
        let needs_restart = needs_restart.unwrap_or_default();
        let outcome = match generation {
            None => ReloadOutcome::Refused,
            Some(new) if self.serves(&new) => ReloadOutcome::Unchanged,
            Some(_) if dry_run => ReloadOutcome::WouldInstall,
            Some(mut new) => {
                new.number = self.gateway.generation().number + 1;
                new.loaded_at = self.clock.now();
                self.gateway.install(new);
                ReloadOutcome::Installed
            }
        };
        self.report(outcome, needs_restart, diagnostics, sources)
    }

    /// The same files of the same commit, with the same secrets. After a `git commit` the files are what they were, but
    /// now it can be said where they come from.
    fn serves(&self, new: &Generation) -> bool {
        let served = self.gateway.generation();
        served.is_same(new)
    }

    fn report(
        &self,
        outcome: ReloadOutcome,
        needs_restart: Vec<&'static str>,
        diagnostics: Vec<Diagnostic>,
        sources: Sources,
    ) -> ReloadReport {
        let served = self.gateway.generation();
        let (number, hash, commit) = (served.number, served.hash.clone(), served.commit.clone());
        ReloadReport {
            outcome,
            number,
            hash,
            commit,
            needs_restart,
            diagnostics,
            sources,
        }
    }

    fn remember(&self, report: &ReloadReport) {
        let good = report.outcome.is_good();
        let mut last = lock(&self.last);
        last.at = self.clock.now();
        last.succeeded = good;
        last.count += 1;
        last.failed += u64::from(!good);
        last.problems = Arc::from(if good {
            String::new()
        } else {
            report.summary()
        });
    }
}

impl ReloadReport {
    /// What happened, in a line.
    pub fn verdict(&self) -> String {
        let mut verdict = self.outcome_in_words();
        if self.outcome.is_good() && !self.needs_restart.is_empty() {
            let keys = self.needs_restart.join("`, `");
            verdict.push_str(&format!("; what changed under `{keys}` needs a restart"));
        }
        verdict
    }

    fn outcome_in_words(&self) -> String {
        let number = self.number;
        match &self.outcome {
            ReloadOutcome::Installed => format!("generation {number} is served"),
            ReloadOutcome::Unchanged => format!("nothing changed: generation {number} goes on"),
            ReloadOutcome::WouldInstall => {
                format!("good: a reload would replace generation {number}")
            }
            ReloadOutcome::Unreadable(error) => {
                format!("cannot read the folder: {error}; generation {number} goes on")
            }
            ReloadOutcome::Refused => match self.errors().count() {
                1 => format!("1 error, generation {number} goes on"),
                count => format!("{count} errors, generation {number} goes on"),
            },
        }
    }

    /// The verdict and, with errors, their places and words, in a line for the log.
    pub fn summary(&self) -> String {
        let places: Vec<String> = self.errors().map(|problem| self.place(problem)).collect();
        if places.is_empty() {
            return self.verdict();
        }
        format!("{}: {}", self.verdict(), places.join("; "))
    }

    /// All problems, drawn for people, without colour.
    pub fn drawn(&self) -> String {
        let format = Format::Human { colored: false };
        render(&self.diagnostics, &self.sources, format)
    }

    fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        let problems = self.diagnostics.iter();
        problems.filter(|problem| problem.severity == Severity::Error)
    }

    fn place(&self, problem: &Diagnostic) -> String {
        let place = problem
            .span
            .and_then(|span| Some((span, self.sources.get(span.source)?)));
        match place {
            Some((span, source)) => {
                let (line, column) = source.position(span.start);
                format!(
                    "{}:{line}:{column}: {}: {}",
                    source.path, problem.code, problem.message
                )
            }
            None => format!("{}: {}", problem.code, problem.message),
        }
    }
}

/// Tells whether a folder changed, without reading its files: names, inodes, sizes and times of
/// all files below it, and the commit that is checked out. A symbolic link counts as what it points
/// to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    files: BTreeMap<PathBuf, (u64, u64, Option<SystemTime>)>,
    commit: Option<String>,
}

impl Fingerprint {
    /// Of a folder as it is now. Files that vanish while looking are left out.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let root = folder.canonicalize()?;
        let mut pending = vec![root.clone()];
        while let Some(next) = pending.pop() {
            let entries = match fs::read_dir(&next) {
                Ok(entries) => entries,
                Err(error) if next == root => return Err(error),
                Err(_) => continue,
            };
            for entry in entries.flatten() {
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                let Ok(meta) = fs::metadata(entry.path()) else {
                    continue;
                };
                if meta.is_dir() && !hidden && pending.len() < 1000 {
                    pending.push(entry.path());
                } else if meta.is_file() && !hidden {
                    files.insert(entry.path(), (meta.ino(), meta.len(), meta.modified().ok()));
                }
            }
        }
        Ok(Self {
            files,
            commit: Checkout::of(&root).and_then(|checkout| checkout.commit_id()),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What the mutexes guard is replaced whole, so a panic elsewhere cannot leave it half-made.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_changes_with_a_files_content_name_and_link_target() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        fs::write(path.join("a.yaml"), "one").unwrap();
        let first = Fingerprint::of(path).unwrap();
        assert_eq!(first, Fingerprint::of(path).unwrap());

        fs::write(path.join("a.yaml"), "three").unwrap();
        let second = Fingerprint::of(path).unwrap();
        assert_ne!(first, second);

        fs::rename(path.join("a.yaml"), path.join("b.yaml")).unwrap();
        let third = Fingerprint::of(path).unwrap();
        assert_ne!(second, third);

        fs::create_dir(path.join("..v2")).unwrap();
        fs::write(path.join("..v2/c.yaml"), "linked").unwrap();
        std::os::unix::fs::symlink(path.join("..v2/c.yaml"), path.join("c.yaml")).unwrap();
        assert_ne!(third, Fingerprint::of(path).unwrap());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(Fingerprint::of(Path::new("/nonexistent/specs")).is_err());
    }
}
