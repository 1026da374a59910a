//! How many events the store takes and deliveries it gives out, against what its engine does at
//! best.
//!
//! `cargo bench --bench store` has 64 tasks that accept an event of 3 KB with one delivery, each
//! when its last one is on disk, and then leases and settles what has come, a hundred at a time.
//! Beside it, in turn, the same work by `floor.rs`: bare SQLite with one transaction for all that
//! wait, three tables and no more columns than the work needs. The medians and their ratios are
//! printed. `--backlog N` measures something else: how long a store takes to open with that many
//! deliveries pending, to lease the first hundred and to accept, and how much memory it has then.
//!
//! Both are on the disk of the working directory (`--directory DIR` says another).

mod floor;

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hookweir::auth::Environment;
use hookweir::clock::{Stopwatch, SystemClock};
use hookweir::delivery::{Next, OnDead, RetryPolicy};
use hookweir::store::events::{
    Attempt, Dedupe, DeliveryRequest, Destination, EventStore, HeaderLines, NewDelivery, NewEvent,
    Payload, Settlement, Want,
};
use hookweir::store::{Location, open_or_create};

const ROUNDS: usize = 7;
/// How many wait for their event at once.
const PRODUCERS: u64 = 64;
/// How long one accepts in a round.
const SPELL: Duration = Duration::from_secs(2);
/// How much is leased and settled together.
const BATCH: u32 = 100;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut backlog = None;
    let mut directory = PathBuf::from(".");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--backlog" => backlog = Some(arguments.next().unwrap_or_default().parse::<u64>()?),
            "--directory" => directory = arguments.next().unwrap_or_default().into(),
            // From `cargo bench`.
            "--bench" => {}
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let place = tempfile::Builder::new()
        .prefix("hookweir-store-")
        .tempdir_in(directory)?;
    match backlog {
        Some(count) => runtime.block_on(with_backlog(place.path(), count)),
        None => runtime.block_on(beside_the_floor(place.path())),
    }
}

/// Accepts, and leases and settles, as much as it can.
trait Contender {
    /// Events on disk, a second.
    async fn accept(&self, spell: Duration) -> Outcome<f64>;
    /// Deliveries leased and settled, a second, until none is left.
    async fn deliver(&self) -> Outcome<f64>;
}

async fn beside_the_floor(place: &Path) -> Outcome<()> {
    let store = Store::open(&place.join("store"))?;
    let floor = floor::Floor::open(&place.join("floor.db"))?;
    let mut accepts = Vec::new();
    let mut deliveries = Vec::new();
    for round in 0..ROUNDS {
        let (ours, bare) = if round % 2 == 0 {
            let ours = (store.accept(SPELL).await?, store.deliver().await?);
            (ours, (floor.accept(SPELL).await?, floor.deliver().await?))
        } else {
            let bare = (floor.accept(SPELL).await?, floor.deliver().await?);
            ((store.accept(SPELL).await?, store.deliver().await?), bare)
        };
        accepts.push((ours.0, bare.0));
        deliveries.push((ours.1, bare.1));
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "a second, median of {ROUNDS} rounds; 3 KB, {PRODUCERS} at once"
    )?;
    writeln!(
        out,
        "  {:24}{:>10}{:>10}{:>8}",
        "", "store", "floor", "ratio"
    )?;
    for (name, pairs) in [("accepted", accepts), ("leased and settled", deliveries)] {
        let ours = median(pairs.iter().map(|pair| pair.0));
        let bare = median(pairs.iter().map(|pair| pair.1));
        let ratio = median(pairs.iter().map(|pair| pair.0 / pair.1));
        writeln!(out, "  {name:24}{ours:>10.0}{bare:>10.0}{ratio:>8.2}")?;
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The event of 3 KB, as JSON that no two have alike.
fn body(number: u64) -> Bytes {
    format!(
        "{{\"id\":{number},\"text\":\"{}\"}}",
        "webhook ".repeat(380)
    )
    .into()
}

/// hookweir's store.
struct Store {
    events: Arc<dyn EventStore>,
    next: AtomicU64,
}

impl Store {
    fn open(directory: &Path) -> Outcome<Self> {
        let store = open_or_create(&Location {
            data_dir: directory.to_owned(),
            master_key: Some("0".repeat(64).into()),
            place: None,
        })?;
        let events = store.events(Arc::new(SystemClock))?;
        let next = AtomicU64::new(0);
        Ok(Self { events, next })
    }

    fn event(&self) -> NewEvent {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut key = [0; 32];
        for (at, byte) in key.iter_mut().zip(number.to_le_bytes()) {
            *at = byte ^ 0x5a;
        }
        let now = self.events.now();
        NewEvent {
            id: format!("evt_{}", uuid::Uuid::now_v7().simple()).into(),
            function: "lead_kept".into(),
            environment: Environment::Production,
            generation: 1,
            version: "0123456789ab".to_owned(),
            received: now,
            peer: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            caller: Some("key_0123456789abcdef".to_owned()),
            verified: "zapikey",
            request_id: "0198c0a4f2d07e3f8f0d9d4a6f4f8f10".into(),
            method: "POST".to_owned(),
            target: "/crm/v2/functions/lead_kept/actions/execute".to_owned(),
            headers: HeaderLines::from_iter([
                ("host", "127.0.0.1:8080"),
                ("content-type", "application/json"),
                ("x-github-event", "push"),
            ]),
            body: body(number),
            is_redacted: false,
            failure: None,
            dedupe: Some(Dedupe {
                key,
                shown: number.to_string(),
                expires: now + Duration::from_hours(24),
            }),
            answer: None,
            deliveries: vec![NewDelivery {
                name: "lead".into(),
                item: 0,
                connection: "sink".into(),
                lane: None,
                on_dead: OnDead::Skip,
                held: None,
                policy: RetryPolicy::default(),
                timeout: Duration::from_secs(10),
                request: DeliveryRequest {
                    method: "POST".to_owned(),
                    target: "/leads".to_owned(),
                    headers: HeaderLines::from_iter([("content-type", "application/json")]),
                    body: Payload::Own(Bytes::from_static(b"{\"repository\":\"octocat/hello\"}")),
                },
            }],
        }
    }

    fn want() -> Vec<Want> {
        vec![Want {
            destination: Destination {
                connection: "sink".into(),
                environment: Environment::Production,
            },
            concurrency: 10 * BATCH,
            most: BATCH,
            rate: None,
        }]
    }
}

impl Contender for Store {
    async fn accept(&self, spell: Duration) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let producers = (0..PRODUCERS).map(async |_| {
            let mut count = 0_u64;
            while watch.elapsed() < spell {
                self.events.accept(self.event()).await?;
                count += 1;
            }
            Outcome::Ok(count)
        });
        let counts = futures_util::future::try_join_all(producers).await?;
        Ok(rate(counts.into_iter().sum(), &watch))
    }

    async fn deliver(&self) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let mut count = 0;
        loop {
            let leased = self.events.lease(Self::want()).await?.leased;
            if leased.is_empty() {
                return Ok(rate(count, &watch));
            }
            count += leased.len() as u64;
            let at = self.events.now();
            let outcomes = leased.iter().map(|leased| Settlement {
                id: leased.id,
                token: leased.token,
                next: Some(Next::Delivered),
                is_outage: false,
                attempt: Attempt {
                    number: leased.attempt,
                    at,
                    duration: Duration::from_millis(3),
                    status: Some(200),
                    outcome: "status 200".to_owned(),
                    answer: Bytes::from_static(b"{}"),
                },
            });
            self.events.settle(outcomes.collect()).await?;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(count: u64, watch: &Stopwatch) -> f64 {
    count as f64 / watch.elapsed().as_secs_f64()
}

async fn with_backlog(place: &Path, count: u64) -> Outcome<()> {
    let directory = place.join("store");
    {
        let store = Store::open(&directory)?;
        let producers = (0..PRODUCERS).map(async |_| {
            while store.next.load(Ordering::Relaxed) < count {
                store.events.accept(store.event()).await?;
            }
            Outcome::Ok(())
        });
        futures_util::future::try_join_all(producers).await?;
    }
    let mut out = std::io::stdout().lock();
    let watch = Stopwatch::start();
    let store = Store::open(&directory)?;
    store.next.store(u64::MAX / 2, Ordering::Relaxed);
    writeln!(out, "{count} pending")?;
    writeln!(out, "  open                {:>10.1?}", watch.elapsed())?;
    let watch = Stopwatch::start();
    let reclaimed = store.events.reclaim(true).await?;
    writeln!(
        out,
        "  reclaim             {:>10.1?} ({})",
        watch.elapsed(),
        reclaimed.pending
    )?;
    let watch = Stopwatch::start();
    let leased = store.events.lease(Store::want()).await?.leased.len();
    writeln!(out, "  lease of {leased:<10} {:>10.1?}", watch.elapsed())?;
    let watch = Stopwatch::start();
    store.events.accept(store.event()).await?;
    writeln!(out, "  accept              {:>10.1?}", watch.elapsed())?;
    let watch = Stopwatch::start();
    store.events.stats().await?;
    writeln!(out, "  metrics             {:>10.1?}", watch.elapsed())?;
    let accepted = store.accept(SPELL).await?;
    writeln!(out, "  accepted a second   {accepted:>10.0}")?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
