//! What a command talks to, and how it ends: the streams, the clock, the exit code.
//!
//! Commands get a [`Console`] instead of reaching for the process, so that a test can state their
//! whole output. Results go to `out`; everything else goes to `err`.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;

use crate::clock::Clock;

/// The streams and the clock of a command.
pub struct Console<'a> {
    /// Standard input.
    pub input: &'a mut dyn BufRead,
    /// Nobody pipes anything in: reading would wait for somebody to type.
    pub input_is_terminal: bool,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// The time.
    pub clock: &'a dyn Clock,
}

impl fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("input_is_terminal", &self.input_is_terminal)
            .finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done.
    Done,
    /// Problems were found in what was checked.
    Problems,
    /// It was asked for in a wrong way.
    Usage,
    /// It could not be done: disk, network, refused.
    Failed,
    /// `serve` with specs that do not compile: `EX_CONFIG` of sysexits.h, so that a service manager
    /// need not try again.
    Configuration,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Problems => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::Configuration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command ended early, in the user's words.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    help: Vec<String>,
}

impl Failure {
    /// It was asked for in a wrong way.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What was checked is not right.
    pub fn problems(message: impl Into<String>) -> Self {
        Self::new(Exit::Problems, message)
    }

    /// It could not be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// What is to be served is not right.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Exit::Configuration, message)
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Tells it on standard error.
    pub fn report(&self, console: &mut Console<'_>) {
        let _ = writeln!(console.err, "error: {}", self.message);
        for help in &self.help {
            let _ = writeln!(console.err, "  help: {help}");
        }
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            help: Vec::new(),
        }
    }
}

/// The error with its causes, joined by `: `.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let outermost: &(dyn Error + 'static) = &error;
        let is_broken_pipe = outermost
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if is_broken_pipe {
            return Self::new(Exit::Done, "");
        }
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self::failed(message)
    }
}

/// Runs a command and says on standard error why it ended early.
pub fn finish(
    console: &mut Console<'_>,
    command: impl FnOnce(&mut Console<'_>) -> Result<Exit, Failure>,
) -> Exit {
    let failure = match command(console).and_then(|exit| {
        console.out.flush()?;
        Ok(exit)
    }) {
        Ok(exit) => return exit,
        Err(failure) => failure,
    };
    // Somebody who reads no further, such as `head`, wants to hear no more either.
    if failure.exit == Exit::Done {
        return Exit::Done;
    }
    failure.report(console);
    failure.exit
}

/// Reads all of a text that is no larger than any list of keys; never waits for a terminal.
pub fn read_all(console: &mut Console<'_>) -> Result<String, Failure> {
    if console.input_is_terminal {
        return Err(Failure::usage("nothing is piped in"));
    }
    read_text(console.input)
}

/// Reads a UTF-8 text of at most 16 MiB. What is wrong is told without any part of the text.
pub fn read_text(source: &mut dyn Read) -> Result<String, Failure> {
    const LIMIT: u64 = 16 << 20;
    let mut bytes = Vec::new();
    source.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Failure::problems("the input is longer than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| Failure::problems("the input is not UTF-8"))
}
