//! The line editor of a session, and what it remembers from one to the next.
//!
//! What was typed may hold what a request held, so only its owner can read the file: 0600, in a
//! folder with 0700, in the user's state directory as XDG has it. A line that begins with a blank
//! is not remembered.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::complete::complete;
use super::session::is_open;
use super::subject::Subject;
use crate::cli::console::Failure;

/// Lines that are remembered.
const REMEMBERED: usize = 1_000;

/// Reads lines that somebody types.
pub(super) struct Editor {
    editor: rustyline::Editor<Assistant, FileHistory>,
    /// Where lines are kept, or why they are not.
    history: Result<PathBuf, String>,
}

/// What came of reading.
pub(super) enum Read {
    Text(String),
    /// Ctrl-C.
    Cleared,
    /// Ctrl-D.
    End,
}

impl Editor {
    pub(super) fn open(subject: Rc<Subject>) -> Result<Self, Failure> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(REMEMBERED)?
            .history_ignore_space(true)
            .build();
        let mut editor = rustyline::Editor::with_config(config)?;
        editor.set_helper(Some(Assistant { subject }));
        let history = history_file().and_then(|path| match editor.load_history(&path) {
            Ok(()) => Ok(path),
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(path)
            }
            Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
        });
        Ok(Self { editor, history })
    }

    /// Why nothing is remembered, if so.
    pub(super) fn history_problem(&self) -> Option<&str> {
        self.history.as_ref().err().map(String::as_str)
    }

    /// Completes the names of this subject from now on.
    pub(super) fn take(&mut self, subject: Rc<Subject>) {
        self.editor.set_helper(Some(Assistant { subject }));
    }

    /// Waits for a line, or for several that belong together.
    pub(super) fn read(&mut self) -> Result<Read, Failure> {
        let text = match self.editor.readline("> ") {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => return Ok(Read::Cleared),
            Err(ReadlineError::Eof) => return Ok(Read::End),
            Err(error) => return Err(error.into()),
        };
        if !text.trim().is_empty() {
            self.editor.add_history_entry(text.trim_end())?;
            // Kept at once, so that another session or a crash takes nothing away. A disk that is
            // full is no reason to stop a session.
            if let Ok(path) = &self.history {
                let _ = self.editor.append_history(path);
            }
        }
        Ok(Read::Text(text))
    }
}

/// `$XDG_STATE_HOME/hookweir/eval_history`, its folder made.
fn history_file() -> Result<PathBuf, String> {
    let folder = |name: &str| {
        let folder = PathBuf::from(std::env::var_os(name)?);
        // As the XDG specification has it: a relative path is to be ignored.
        folder.is_absolute().then_some(folder)
    };
    let state = folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .ok_or("neither XDG_STATE_HOME nor HOME names a folder")?;
    let folder = state.join("hookweir");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
    Ok(folder.join("eval_history"))
}

/// What the editor asks while somebody types.
struct Assistant {
    subject: Rc<Subject>,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..position).unwrap_or(line);
        let (start, candidates) = complete(before, &self.subject);
        let pairs = candidates.into_iter().map(|candidate| Pair {
            display: candidate.shown,
            replacement: candidate.text,
        });
        Ok((start, pairs.collect()))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        Ok(if is_open(text) && !text.ends_with('\n') {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Highlighter for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Helper for Assistant {}
