//! Every function pays for what it does: with twice the input it pays some twice as much, what it
//! makes is paid for, and a small budget stops it. Steps and bytes are counted, no
//! time is taken.

use std::sync::Arc;

use super::*;
use crate::expr::signature::{self, Signature};
use crate::expr::{Budget, Provide, Slot, Type};
use crate::value::Key;

const SMALL: usize = 1 << 12;
const LARGE: usize = 4 * SMALL;

/// What looks at no more than a place of its input, whatever that is, and makes nothing of it.
const CONSTANT: &[&str] = &[
    // A word is told by its length first.
    "bool(string) -> bool",
    // The same bytes with another kind.
    "bytes(bytes) -> bytes",
    "bytes(string) -> bytes",
    "string(string) -> string",
    "dyn(A) -> dyn",
    "type(A) -> type(A)",
    // Lengths that are known.
    "size(bytes) -> int",
    "size(list(A)) -> int",
    "size(map(A, B)) -> int",
    "bytes.size() -> int",
    "list(A).size() -> int",
    "map(A, B).size() -> int",
    // An item or a part, where it lies.
    "list(A).first() -> optional_type(A)",
    "list(A).last() -> optional_type(A)",
    "list(A).slice(int, int) -> list(A)",
    "optional.of(A) -> optional_type(A)",
    "optional.ofNonZeroValue(A) -> optional_type(A)",
    "optional_type(A).hasValue() -> bool",
    "optional_type(A).value() -> A",
    "fail(string) -> dyn",
];

struct Nothing;

impl<'a> Provide<'a> for Nothing {
    fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Outcome<'a> {
        Ok(Value::Null)
    }
}

#[derive(Debug, Clone, Copy)]
struct Spent {
    steps: u64,
    memory: u64,
    /// Bytes that the arena took, and what the arguments had taken before.
    made: usize,
    given: usize,
    fault: Option<FaultKind>,
}

const UNLIMITED: Budget = Budget {
    steps: u64::MAX,
    memory: u64::MAX,
};

fn spend(function: &'static Function, one: &Signature, size: usize, budget: Budget) -> Spent {
    let (arena, provider) = (Arena::new(), Nothing);
    let now = "2026-11-23T09:05:00Z".parse().expect("a time");
    let scope = Scope::new(&arena, &provider, 0, now, budget);
    let arguments = arguments(&arena, one, size);
    let given = arena.allocated();
    let call = Call {
        scope: &scope,
        name: function.name,
        prepared: None,
        span: (0, 0),
    };
    let outcome = (function.run)(&call, &arguments);
    let left = scope.left();
    Spent {
        steps: budget.steps - left.steps,
        memory: budget.memory - left.memory,
        made: arena.allocated() - given,
        given,
        fault: outcome.err().map(|fault| fault.kind),
    }
}

/// Arguments of this size; of a kind that gives the function work to do.
fn arguments<'a>(arena: &'a Arena, one: &Signature, size: usize) -> Vec<Value<'a>> {
    let text = |text: String| Value::String(arena.string(&text));
    let repeated = |part: &str| text(part.repeat(size / part.len()));
    let mut values: Vec<_> = one
        .parameters
        .iter()
        .map(|of| large(arena, of, size))
        .collect();
    let name = one.text.split(['(', ' ']).next().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    let mut set = |at: usize, value: Value<'a>| {
        if let Some(place) = values.get_mut(at) {
            *place = value;
        }
    };
    match one.text {
        "list(A).chunk(int) -> list(list(A))" | "chunk(list(A), int) -> list(list(A))" => {
            set(1, Value::Int(1));
        }
        "csv(string, map(string, dyn)) -> list(dyn)" => {
            set(0, text(format!("a,b\n{}", "1,2\n".repeat(size / 4))));
            set(1, arena.object(&[("header", Value::Bool(true))]));
        }
        "list(dyn).from_entries() -> map(dyn, dyn)"
        | "from_entries(list(dyn)) -> map(dyn, dyn)" => {
            let pairs: Vec<_> = (0..size as u64 / 16)
                .map(|at| arena.list(&[Value::UInt(at), Value::Null]))
                .collect();
            set(0, arena.list(&pairs));
        }
        "timestamp.format(string, string) -> string"
        | "parse_time(string, string, string) -> timestamp" => {
            set(2, Value::String("UTC"));
        }
        "to_json(dyn, int) -> string" => set(1, Value::Int(2)),
        _ if one.text.starts_with("hmac(") => set(0, Value::String("sha256")),
        _ if one.text.contains("jsonpath") => set(1, Value::String("$[*]")),
        _ if name == "matches" || one.text.starts_with("regex.") => {
            set(1, Value::String("a+?"));
        }
        "json(string) -> dyn" | "json(bytes) -> dyn" => {
            let json = format!("[{}1]", "1,".repeat(size / 2));
            set(
                0,
                if one.text.contains("bytes") {
                    Value::Bytes(arena.bytes(json.as_bytes()))
                } else {
                    text(json)
                },
            );
        }
        "xml(string) -> dyn" => set(0, text(format!("<a>{}</a>", "<b/>".repeat(size / 4)))),
        "url(string) -> map(string, dyn)" => {
            set(0, text(format!("https://example.com/{}", "a".repeat(size))));
        }
        "int(string) -> int" | "uint(string) -> uint" | "double(string) -> double" => {
            set(0, repeated("0"));
        }
        "duration(string) -> duration" => set(0, repeated("1ns")),
        "timestamp(string) -> timestamp" => {
            set(
                0,
                text(format!("2026-11-23T09:05:00.{}Z", "1".repeat(size))),
            );
        }
        _ => {}
    }
    values
}

fn large<'a>(arena: &'a Arena, of: &Type, size: usize) -> Value<'a> {
    let number = i64::try_from(size).expect("a small number");
    match of {
        Type::String => Value::String(arena.string(&"a".repeat(size))),
        Type::Bytes => Value::Bytes(arena.bytes(&vec![b'a'; size])),
        Type::Int => Value::Int(number),
        Type::UInt => Value::UInt(size as u64),
        Type::Double => Value::Double(0.5),
        Type::Bool => Value::Bool(true),
        Type::Timestamp => Value::Timestamp(jiff::Timestamp::UNIX_EPOCH.into()),
        Type::Duration => Value::Duration(jiff::SignedDuration::from_secs(number)),
        Type::List(item) => {
            let items: Vec<_> = (0..number / 16).map(|at| small(arena, item, at)).collect();
            arena.list(&items)
        }
        Type::Map(..) => {
            let entries: Vec<_> = (0..number / 16)
                .map(|at| {
                    (
                        Key::String(arena.string(&format!("key{at}"))),
                        Value::Int(at),
                    )
                })
                .collect();
            arena.keyed(&entries)
        }
        Type::Optional(of) => arena.some(large(arena, of, size)),
        Type::Dyn | Type::Parameter(_) => large(arena, &Type::List(Arc::new(Type::Dyn)), size),
        Type::Opaque(name, _) if &**name == "net.IP" => {
            Value::Ip("::1".parse().expect("an address"))
        }
        Type::Opaque(..) => Value::Cidr("::/1".parse().expect("a network")),
        Type::Number => Value::Int(number),
        Type::Word(_) => large(arena, &Type::String, size),
        Type::Several(parts) => large(arena, &parts[0], size),
        Type::Nullable(of) => large(arena, of, size),
        Type::Null | Type::Type(_) | Type::Record(_) => Value::Null,
    }
}

fn small<'a>(arena: &'a Arena, of: &Type, at: i64) -> Value<'a> {
    match of {
        Type::String => Value::String(arena.string(&format!("item{at}"))),
        Type::Dyn | Type::Parameter(_) | Type::Int => Value::Int(at),
        Type::List(_) => arena.list(&[Value::Int(at)]),
        other => large(arena, other, 1),
    }
}

/// The signatures that have something to pay for.
fn growing() -> impl Iterator<Item = (&'static Function, &'static Signature)> {
    let all = all().iter().copied();
    let each =
        all.flat_map(|function| signature::of(function.name).map(move |one| (function, one)));
    each.filter(|(_, one)| {
        let has_size = one.parameters.iter().any(|of| {
            matches!(
                of,
                Type::String
                    | Type::Bytes
                    | Type::List(_)
                    | Type::Map(..)
                    | Type::Optional(_)
                    | Type::Dyn
                    | Type::Parameter(_)
            )
        });
        (has_size || one.text == "lists.range(int) -> list(int)") && !CONSTANT.contains(&one.text)
    })
}

fn refuse(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn twice_the_input_costs_twice_the_steps() {
    let mut wrong = Vec::new();
    for (function, one) in growing() {
        let steps = |size| spend(function, one, size, UNLIMITED).steps;
        // The first call may compile what later ones find.
        steps(SMALL);
        let costs = [SMALL, 2 * SMALL, LARGE].map(steps);
        let [first, second] = [costs[1] - costs[0], costs[2] - costs[1]];
        if second < first * 3 / 2 || second < (LARGE / 2) as u64 / 256 {
            wrong.push(format!("{}: {costs:?}", one.text));
        }
    }
    refuse(&wrong);
    assert!(growing().count() > 150);
}

#[test]
fn what_is_made_is_paid_for() {
    let mut wrong = Vec::new();
    for function in all() {
        for one in signature::of(function.name) {
            let spent = spend(function, one, LARGE, UNLIMITED);
            // The arena takes its memory in pieces that double.
            let paid = usize::try_from(spent.memory).unwrap_or(usize::MAX);
            if spent.made > 1024 + 3 * paid.saturating_add(spent.given)
                || (paid == 0 && spent.made > 1024)
            {
                wrong.push(format!("{}: {spent:?}", one.text));
            }
        }
    }
    refuse(&wrong);
}

#[test]
fn a_small_budget_stops_each() {
    let few_steps = Budget {
        steps: LARGE as u64 / 512,
        ..UNLIMITED
    };
    let little_memory = Budget {
        memory: 64,
        ..UNLIMITED
    };
    let mut wrong = Vec::new();
    for (function, one) in growing() {
        let stopped = spend(function, one, LARGE, few_steps);
        if stopped.fault != Some(FaultKind::Budget) {
            wrong.push(format!("{}: {stopped:?} with few steps", one.text));
        }
        if spend(function, one, LARGE, UNLIMITED).memory > 64 {
            let stopped = spend(function, one, LARGE, little_memory);
            if stopped.fault != Some(FaultKind::Budget) || stopped.made > 1024 + 2 * stopped.given {
                wrong.push(format!("{}: {stopped:?} with little memory", one.text));
            }
        }
    }
    refuse(&wrong);
}

#[test]
fn what_is_called_constant_exists_and_is() {
    let known: Vec<_> = all()
        .iter()
        .flat_map(|function| signature::of(function.name).map(move |one| (*function, one)))
        .collect();
    for text in CONSTANT {
        let (function, one) = known
            .iter()
            .find(|(_, one)| one.text == *text)
            .unwrap_or_else(|| panic!("there is no {text}"));
        let spent = spend(function, one, LARGE, UNLIMITED);
        assert!(spent.made <= 1024, "{text}: {spent:?}");
    }
}
