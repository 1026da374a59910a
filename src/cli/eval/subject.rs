//! What an expression that is tried by hand can speak of: nothing, a body, or a whole request.
//!
//! A request gives every name that a function has, by the same code that serves. What only a
//! function or a caller brings is not there: `path`, `arguments` and `env` have no names, and
//! `user_info` is nobody's.

use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;

use super::batch;
use crate::auth::{Caller, Environment as Surroundings};
use crate::cli::console::{Console, Failure};
use crate::expr::{Budget, Environment, Fault, FaultKind, Program, Provide, Scope, Slot, Type};
use crate::gateway::capture::Capture;
use crate::gateway::view::{Credentials, Facts, View, ViewError};
use crate::route::{self, Limits, Root};
use crate::value::json::{self, Reach};
use crate::value::{Arena, Value};

/// What the names of an expression stand for.
#[derive(Debug, Default)]
pub(super) struct Subject {
    given: Given,
}

#[derive(Debug, Default)]
enum Given {
    #[default]
    Nothing,
    /// JSON that has been read once without a mistake.
    Body(Vec<u8>),
    Request(Box<Capture>),
}

impl Subject {
    /// Takes a captured request.
    pub(super) fn load_request(
        &mut self,
        file: &Path,
        pick: Option<&str>,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let content = read(file, console)?;
        let capture = Capture::read(&content, pick, console.clock.now()).map_err(|error| {
            let failure = Failure::failed(format!("`{}`: {error}", file.display()));
            match error.help {
                Some(help) => failure.help(help),
                None => failure,
            }
        })?;
        self.given = Given::Request(Box::new(capture));
        Ok(())
    }

    /// Takes a body: of the request, where there is one, else by itself as JSON.
    pub(super) fn load_body(
        &mut self,
        file: &Path,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let content = read(file, console)?;
        if let Given::Request(capture) = &mut self.given {
            capture.replace_body(content);
            return Ok(());
        }
        json::read(&content, &Arena::new(), json::DEPTH)
            .map_err(|error| Failure::failed(format!("`{}`: {error}", file.display())))?;
        self.given = Given::Body(content);
        Ok(())
    }

    /// Says what is odd about the request's file.
    pub(super) fn report_notes(&mut self, console: &mut Console<'_>) -> Result<(), Failure> {
        if let Given::Request(capture) = &mut self.given {
            for note in std::mem::take(&mut capture.notes) {
                writeln!(console.err, "note: {note}")?;
            }
        }
        Ok(())
    }

    pub(super) fn is_request(&self) -> bool {
        matches!(self.given, Given::Request(_))
    }

    /// In a line.
    pub(super) fn summary(&self) -> String {
        let bytes = |count: usize| match count {
            1 => "1 byte".to_owned(),
            count => format!("{count} bytes"),
        };
        match &self.given {
            Given::Nothing => "neither a body nor a request".to_owned(),
            Given::Body(body) => format!("a body of {}", bytes(body.len())),
            Given::Request(capture) => {
                let head = &capture.request.head;
                let body = bytes(capture.request.body.len());
                format!("{} {}, with a body of {body}", head.method, head.path())
            }
        }
    }

    /// The names and their types.
    pub(super) fn environment(&self) -> Environment {
        match &self.given {
            Given::Nothing => Environment::new(),
            Given::Body(_) => {
                let mut environment = Environment::new();
                environment.declare(Root::Body.name(), Type::Dyn);
                environment
            }
            Given::Request(_) => route::environment(&[], &[], &[]),
        }
    }

    /// Runs a program that was compiled in [`environment`](Self::environment).
    pub(super) fn evaluate<R>(
        &self,
        program: &Program,
        now: Timestamp,
        then: impl FnOnce(Result<Value<'_>, Fault<'_>>) -> R,
    ) -> R {
        let arena = Arena::new();
        let budget = Budget::default();
        match &self.given {
            Given::Nothing => {
                let nothing = Bindings(Vec::new());
                let scope = Scope::new(&arena, &nothing, 0, now, budget);
                then(program.evaluate(&scope))
            }
            Given::Body(body) => {
                let value = json::read(body, &arena, json::DEPTH);
                let value = value.map_err(|_| batch::failed("the body is no JSON"));
                let bindings = Bindings(vec![value]);
                let scope = Scope::new(&arena, &bindings, 1, now, budget);
                then(program.evaluate(&scope))
            }
            Given::Request(capture) => {
                let request = &capture.request;
                let parts = Limits::default().parts;
                let credentials = Credentials::of(request, parts);
                let caller = Caller::anonymous(Surroundings::Sandbox);
                let names = Names(View::new(Facts {
                    request,
                    arena: &arena,
                    credentials: &credentials,
                    caller: &caller,
                    path: &[],
                    function: "",
                    generation: 0,
                    arguments: &[],
                    reach: &Reach::WHOLE,
                    env: &[],
                    parts,
                    event_id: None,
                }));
                let scope = Scope::new(&arena, &names, Root::ALL.len(), now, budget);
                then(program.evaluate(&scope))
            }
        }
    }
}

/// The whole content of a file, or of standard input.
fn read(file: &Path, console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let done = if file == Path::new("-") {
        console.input.read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    done.map_err(|error| Failure::failed(format!("cannot read `{}`: {error}", file.display())))?;
    Ok(bytes)
}

/// Values by their slots.
#[derive(Debug)]
pub(super) struct Bindings<'v>(pub(super) Vec<Result<Value<'v>, Fault<'v>>>);

impl<'a> Provide<'a> for Bindings<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        self.0
            .get(usize::from(slot.0))
            .copied()
            .unwrap_or(Err(batch::failed("a variable without a value")))
    }
}

/// The names of a request.
#[derive(Debug)]
struct Names<'a>(View<'a>);

impl<'a> Provide<'a> for Names<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        match Root::of(slot) {
            Some(root) => self.0.get(root).map_err(ViewError::fault),
            None => Err(Fault {
                kind: FaultKind::Absent,
                span: (0, 0),
                detail: "variable",
            }),
        }
    }
}
