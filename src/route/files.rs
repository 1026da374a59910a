//! Files that functions name: templates.
//!
//! Each is read once in a load, however many functions name it, and becomes one of the load's
//! sources: problems in it are shown in it, and a change of it changes the generation's hash.
//! Threads that compile share the texts; each numbers its own sources.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::{SourceId, Sources};

/// Longest file, in bytes.
const LIMIT: u64 = 1 << 20;

type Outcome = Result<(SourceId, Arc<str>), String>;

/// The texts of all files that a load has named so far, or why they could not be read.
#[derive(Debug, Default)]
pub(super) struct Texts(Mutex<HashMap<PathBuf, Result<Arc<str>, String>>>);

impl Texts {
    fn read(&self, path: &Path) -> Result<Arc<str>, String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(path) {
            return known.clone();
        }
        let outcome = read(path);
        known.insert(path.to_owned(), outcome.clone());
        outcome
    }
}

/// The files that some of the functions name.
#[derive(Debug)]
pub(super) struct Files<'s> {
    sources: &'s mut Sources,
    texts: &'s Texts,
    known: HashMap<PathBuf, Outcome>,
}

impl<'s> Files<'s> {
    /// Files are added to `sources`.
    pub(super) fn new(sources: &'s mut Sources, texts: &'s Texts) -> Self {
        Self {
            sources,
            texts,
            known: HashMap::new(),
        }
    }

    /// The text of the file at `path`, relative to `root`. `Err` says why not.
    pub(super) fn read(&mut self, root: &Path, path: &str) -> Outcome {
        let full = root.join(path);
        if let Some(known) = self.known.get(&full) {
            return known.clone();
        }
        let outcome = self.texts.read(&full).map(|text| {
            let shown = full.to_string_lossy();
            (self.sources.add(&*shown, Arc::clone(&text)), text)
        });
        self.known.insert(full, outcome.clone());
        outcome
    }
}

fn read(path: &Path) -> Result<Arc<str>, String> {
    // Asked before it is opened: opening a pipe waits for somebody who writes to it.
    if !fs::metadata(path).map_err(|error| cause(&error))?.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = fs::File::open(path).map_err(|error| cause(&error))?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| cause(&error))?;
    if bytes.len() as u64 > LIMIT {
        return Err("it is longer than 1 MiB".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(text.into())
}

/// What went wrong, without the system's number for it.
pub(super) fn cause(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}
