//! hookweir's own expressions.

use std::hint::black_box;

use hookweir::expr::{self, Budget, Environment, Fault, Program, Provide, Scope, Slot, Type};
use hookweir::value::{Arena, Value, json};
use jiff::Timestamp;

use super::{Contender, MAPPINGS, Outcome};

/// So many evaluations share a scope, as those of one request do.
const SCOPE: u32 = 32;

pub(super) struct Ours {
    programs: &'static [Program],
    body: Body<'static>,
    arena: Arena,
}

/// The only variable.
pub(super) struct Body<'b>(pub(super) Value<'b>);

impl<'a> Provide<'a> for Body<'a> {
    fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(self.0)
    }
}

pub(super) fn compile(text: &str) -> Outcome<Program> {
    let mut environment = Environment::new();
    environment.declare("body", Type::Dyn);
    match expr::compile(text, &environment) {
        Ok(compiled) => Ok(compiled.program),
        Err(problems) => Err(format!("{text}: {problems:?}").into()),
    }
}

pub(super) fn read(body: &[u8]) -> Outcome<Value<'static>> {
    // It lives as long as the process.
    let body = Vec::leak(body.to_vec());
    let arena = Box::leak(Box::new(Arena::new()));
    json::read(body, arena, json::DEPTH).map_err(|error| error.message.into())
}

pub(super) fn scope<'a>(arena: &'a Arena, body: &'a Body<'a>) -> Scope<'a> {
    Scope::new(arena, body, 1, Timestamp::UNIX_EPOCH, Budget::default())
}

pub(super) fn as_json(value: Value<'_>) -> serde_json::Value {
    let mut text = Vec::new();
    json::write(value, &mut text).expect("a JSON value");
    serde_json::from_slice(&text).expect("JSON")
}

/// Evaluates a program so many times.
pub(super) fn run(program: &Program, body: &Body<'_>, arena: &mut Arena, times: u32) {
    let mut left = times;
    while left > 0 {
        let now = left.min(SCOPE);
        let scope = scope(arena, body);
        for _ in 0..now {
            let _ = black_box(black_box(program).evaluate(&scope));
        }
        drop(scope);
        arena.reset();
        left -= now;
    }
}

impl Ours {
    pub(super) fn new(body: &[u8]) -> Outcome<Self> {
        let programs: Outcome<Vec<Program>> =
            MAPPINGS.iter().map(|(_, text)| compile(text)).collect();
        Ok(Self {
            programs: programs?.leak(),
            body: Body(read(body)?),
            arena: Arena::new(),
        })
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "hookweir"
    }

    fn answer(&mut self, mapping: usize) -> serde_json::Value {
        let scope = scope(&self.arena, &self.body);
        as_json(self.programs[mapping].evaluate(&scope).expect("a value"))
    }

    fn run(&mut self, mapping: usize, times: u32) {
        run(&self.programs[mapping], &self.body, &mut self.arena, times);
    }

    fn request(&mut self, body: &[u8]) -> String {
        let mut text = Vec::new();
        {
            let arena = &self.arena;
            let body = Body(json::read(body, arena, json::DEPTH).expect("JSON"));
            request(self.programs, &body, arena, &mut text);
        }
        self.arena.reset();
        String::from_utf8(text).expect("UTF-8")
    }
}

fn request(programs: &[Program], body: &Body<'_>, arena: &Arena, text: &mut Vec<u8>) {
    let scope = scope(arena, body);
    for (index, program) in programs.iter().enumerate() {
        let value = black_box(program.evaluate(&scope)).expect("a value");
        if index + 1 == programs.len() {
            json::write(value, text).expect("a JSON value");
        }
    }
}
