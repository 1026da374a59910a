//! What an evaluation may use: its variables, its memory, its budget.

use std::cell::Cell;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Fault, FaultKind, Slot};
use crate::value::{Arena, Value};

/// Gives a variable its value, when an expression first asks for it.
pub trait Provide<'a> {
    /// The value of `slot`. May evaluate other programs in `scope`: that is how `let` works.
    fn provide(&'a self, slot: Slot, scope: &Scope<'a>) -> Result<Value<'a>, Fault<'a>>;
}

/// How much all evaluations of one request may use together.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Steps: one a node, and one for each sixteen bytes or elements touched.
    pub steps: u64,
    /// Bytes of new values.
    pub memory: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: 1_000_000,
            memory: 16 << 20,
        }
    }
}

#[derive(Clone, Copy)]
enum State<'a> {
    Unset,
    Running,
    Done(Result<Value<'a>, Fault<'a>>),
}

/// The surroundings of all evaluations of one request. Each variable is asked for once.
pub struct Scope<'a> {
    arena: &'a Arena,
    now: Timestamp,
    provider: &'a dyn Provide<'a>,
    slots: Vec<Cell<State<'a>>>,
    steps: Cell<u64>,
    memory: Cell<u64>,
    /// How many draws a seeded scope has made; a scope that has none draws by chance.
    draws: Option<Cell<u64>>,
    /// What a seeded scope's draws depend on.
    seed: &'a str,
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("steps", &self.steps)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl<'a> Scope<'a> {
    /// A scope of `variables` slots. `now` is the request's arrival: one value a request.
    pub fn new(
        arena: &'a Arena,
        provider: &'a dyn Provide<'a>,
        variables: usize,
        now: Timestamp,
        budget: Budget,
    ) -> Self {
        Self {
            arena,
            now,
            provider,
            slots: vec![Cell::new(State::Unset); variables],
            steps: Cell::new(budget.steps),
            memory: Cell::new(budget.memory),
            draws: None,
            seed: "",
        }
    }

    /// The same scope, whose random values are the same ones in the same order each time.
    #[must_use]
    pub fn seeded(mut self) -> Self {
        self.draws = Some(Cell::new(0));
        self
    }

    /// The same scope, whose random values depend on this text alone: evaluated twice, they are the
    /// same.
    #[must_use]
    pub fn seeded_by(self, seed: &'a str) -> Self {
        Self {
            seed,
            ..self.seeded()
        }
    }

    /// Random bytes for identifiers, not for secrets.
    pub(super) fn random(&self) -> [u8; 16] {
        let Some(draws) = &self.draws else {
            return rand::random();
        };
        draws.set(draws.get() + 1);
        // A hash stays what it is; a generator's sequence may change with its crate.
        let hash: [u8; 32] = Sha256::new()
            .chain_update(self.seed)
            .chain_update(draws.get().to_be_bytes())
            .finalize()
            .into();
        let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        *half
    }

    /// Where new values go.
    pub fn arena(&self) -> &'a Arena {
        self.arena
    }

    /// The request's arrival.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The value of a variable; computed at the first call, remembered for the others, failure
    /// included.
    pub fn variable(&self, slot: Slot) -> Result<Value<'a>, Fault<'a>> {
        let fault = |kind, detail| {
            Err(Fault {
                kind,
                span: (0, 0),
                detail,
            })
        };
        let Some(cell) = self.slots.get(usize::from(slot.0)) else {
            return fault(FaultKind::Absent, "variable");
        };
        match cell.get() {
            State::Done(outcome) => outcome,
            State::Running => fault(FaultKind::Depth, "a value that needs itself"),
            State::Unset => {
                cell.set(State::Running);
                let outcome = self.provider.provide(slot, self);
                cell.set(State::Done(outcome));
                outcome
            }
        }
    }

    /// Gives a variable another value, for what is evaluated from now on.
    pub fn assign(&self, slot: Slot, value: Value<'a>) {
        if let Some(cell) = self.slots.get(usize::from(slot.0)) {
            cell.set(State::Done(Ok(value)));
        }
    }

    /// What is left of the budget.
    pub fn left(&self) -> Budget {
        Budget {
            steps: self.steps.get(),
            memory: self.memory.get(),
        }
    }

    /// A failure with a sentence of its own, which is paid for: `??` may throw a million of them
    /// away. Where it cannot be paid, that is the failure.
    pub(super) fn explained(&self, kind: FaultKind, span: (u32, u32), why: &str) -> Fault<'a> {
        const STEPS: u64 = 8;
        match self
            .charge_steps(STEPS)
            .and_then(|()| self.charge_memory(why.len()))
        {
            Ok(()) => Fault {
                kind,
                span,
                detail: self.arena.string(why),
            },
            Err(spent) => spent,
        }
    }

    /// Takes steps from the budget.
    pub fn charge_steps(&self, steps: u64) -> Result<(), Fault<'a>> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => Err(Fault {
                kind: FaultKind::Budget,
                span: (0, 0),
                detail: "steps",
            }),
        }
    }

    /// Takes bytes of new values from the budget, before they are made.
    pub fn charge_memory(&self, bytes: usize) -> Result<(), Fault<'a>> {
        match self.memory.get().checked_sub(bytes as u64) {
            Some(left) => {
                self.memory.set(left);
                Ok(())
            }
            None => Err(Fault {
                kind: FaultKind::Budget,
                span: (0, 0),
                detail: "memory",
            }),
        }
    }
}
