//! What evaluating an expression costs, beside hand-written Rust and the engines that one would
//! embed instead.
//!
//! All take part in one process and in turn, a short block each, and each answer is compared
//! before anything is timed. Ratios are taken within a round; the table has their medians.
//! Hand-written Rust over `serde_json::Value` is 1.
//!
//! An engine gets the body in its own kind of value and its programs compiled; a run evaluates one
//! mapping and drops what came of it. *request* is all of it: the body's bytes read, the five
//! mappings evaluated, the last as JSON text.

mod hand;
mod ours;
mod paths;
#[cfg(feature = "peers")]
mod peers;
mod push;

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 101;
/// How long one contender has its turn.
const TURN: Duration = Duration::from_micros(400);

/// The mappings, as everybody but us and cel has to write them, too.
const MAPPINGS: [(&str, &str); 5] = [
    ("E1 field", "body.repository.owner.login"),
    (
        "E2 filter",
        r#"body.ref.startsWith("refs/tags/") && body.deleted == true && size(body.commits) > 2 && body.sender.login == "Codertocat""#,
    ),
    (
        "E3 sentence",
        r#"body.pusher.name + " pushed " + body.ref + " to " + body.repository.full_name + ": " + body.head_commit.message"#,
    ),
    (
        "E4 filter, map",
        "body.commits.filter(c, c.distinct == true).map(c, c.message)",
    ),
    (
        "E5 object",
        r#"{"repository": body.repository.full_name, "owner": body.repository.owner.login, "fork": body.repository.fork, "id": body.repository.id, "ref": body.ref, "commit": body.head_commit.id, "author": body.head_commit.author.email, "pusher": body.pusher.name, "commits": size(body.commits), "compare": body.compare}"#,
    ),
];

/// Somebody who evaluates the mappings.
trait Contender {
    fn name(&self) -> &'static str;

    /// What a mapping gives.
    fn answer(&mut self, mapping: usize) -> Value;

    /// Evaluates a mapping so many times.
    fn run(&mut self, mapping: usize, times: u32);

    /// The last mapping's text, after all five.
    fn request(&mut self, body: &[u8]) -> String;
}

fn main() -> Outcome<()> {
    let body = push::body()?;
    let mut contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(hand::Hand::new(&body)?),
        Box::new(ours::Ours::new(&body)?),
    ];
    #[cfg(feature = "peers")]
    contenders.extend(peers::all(&body)?);
    compare(&mut contenders, &body)?;

    println!(
        "a push of {} bytes; medians of {ROUNDS} rounds; hand-written Rust over serde_json::Value is 1",
        body.len()
    );
    let names = contenders.iter().map(|contender| contender.name());
    heading(names);
    for (mapping, (name, _)) in MAPPINGS.iter().enumerate() {
        let mut turns: Vec<Box<dyn FnMut(u32) + '_>> = Vec::new();
        for contender in &mut contenders {
            turns.push(Box::new(move |times| contender.run(mapping, times)));
        }
        row(name, &measure(&mut turns));
    }
    let body = body.as_slice();
    let mut turns: Vec<Box<dyn FnMut(u32) + '_>> = Vec::new();
    for contender in &mut contenders {
        turns.push(Box::new(move |times| {
            for _ in 0..times {
                std::hint::black_box(contender.request(body));
            }
        }));
    }
    row("request", &measure(&mut turns));
    drop(turns);
    drop(contenders);
    paths::run(body)
}

/// Refuses to time anything unless all say the same.
fn compare(contenders: &mut [Box<dyn Contender>], body: &[u8]) -> Outcome<()> {
    let Some((hand, others)) = contenders.split_first_mut() else {
        return Ok(());
    };
    for (mapping, (name, _)) in MAPPINGS.iter().enumerate() {
        let right = hand.answer(mapping);
        for other in &mut *others {
            let answer = other.answer(mapping);
            if answer != right {
                return Err(format!("{name}: {} gives {answer}, not {right}", other.name()).into());
            }
        }
    }
    let right = hand.answer(MAPPINGS.len() - 1);
    if serde_json::from_str::<Value>(&hand.request(body))? != right {
        return Err("hand-written: the request's text is another".into());
    }
    for other in others {
        if serde_json::from_str::<Value>(&other.request(body))? != right {
            return Err(format!("{}: the request's text is another", other.name()).into());
        }
    }
    Ok(())
}

/// What a turn takes, in nanoseconds, and as a ratio to the first's in the same round.
#[derive(Clone, Copy)]
struct Cost {
    time: f64,
    ratio: f64,
}

/// Runs all in turn, every other round backwards.
fn measure(turns: &mut [Box<dyn FnMut(u32) + '_>]) -> Vec<Cost> {
    let times: Vec<u32> = turns.iter_mut().map(|turn| how_often(turn)).collect();
    let mut rounds = vec![Vec::new(); turns.len()];
    for round in 0..ROUNDS {
        let mut order: Vec<usize> = (0..turns.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let start = Instant::now();
            turns[index](times[index]);
            rounds[index].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(times[index]));
        }
    }
    let base = rounds[0].clone();
    rounds
        .iter()
        .map(|times| Cost {
            time: median(times.iter().copied()),
            ratio: median(times.iter().zip(&base).map(|(time, base)| time / base)),
        })
        .collect()
}

fn how_often(turn: &mut Box<dyn FnMut(u32) + '_>) -> u32 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        turn(times);
        if start.elapsed() >= TURN {
            return times;
        }
        times *= 2;
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn heading<'n>(names: impl Iterator<Item = &'n str>) {
    print!("\n{:<28}", "ns (ratio)");
    for name in names {
        print!("{name:>20}");
    }
    println!();
}

fn row(name: &str, costs: &[Cost]) {
    print!("{name:<28}");
    for cost in costs {
        print!("{:>20}", format!("{:.0} ({:.2})", cost.time, cost.ratio));
    }
    println!();
}
