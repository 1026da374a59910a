//! Whatever happens in whatever order: those of one lane are finished in the order in which they
//! were accepted, one at a time, and no lane stands still.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::*;

/// More lanes than are under way at once.
const LANES: u8 = 12;

#[derive(Debug, Clone)]
enum Step {
    /// An event with a delivery in each of two lanes.
    Accept(u8, u8),
    Lease(u32),
    /// One of those that are leased comes to this.
    Settle(usize, Fate),
    Pass(u64),
    /// So long that leases are lost.
    Vanish,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Delivered,
    Retry,
    Dead,
    GivenBack,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        4 => Just(Fate::Delivered),
        2 => Just(Fate::Retry),
        1 => Just(Fate::Dead),
        1 => Just(Fate::GivenBack),
    ];
    let step = prop_oneof![
        6 => (0..LANES, 0..LANES).prop_map(|(one, other)| Step::Accept(one, other)),
        4 => (1..6_u32).prop_map(Step::Lease),
        8 => (any::<usize>(), fate).prop_map(|(which, fate)| Step::Settle(which, fate)),
        2 => (0..5_u64).prop_map(Step::Pass),
        1 => Just(Step::Vanish),
    ];
    prop::collection::vec(step, 1..80)
}

/// What must be so.
#[derive(Default)]
struct Model {
    /// What is not finished, by lane, the oldest first.
    lanes: HashMap<u8, VecDeque<DeliveryId>>,
    lane_of: HashMap<DeliveryId, u8>,
    leased: Vec<Leased>,
    accepted: u32,
    vanished: u32,
}

impl Model {
    async fn step(&mut self, bench: &Bench, step: Step) {
        match step {
            Step::Accept(one, other) => self.accept(bench, [one, other]).await,
            Step::Lease(most) => self.lease(bench, most).await,
            Step::Settle(which, fate) => {
                if !self.leased.is_empty() {
                    let leased = self.leased.swap_remove(which % self.leased.len());
                    self.settle(bench, &leased, fate).await;
                }
            }
            Step::Pass(seconds) => bench.pass(seconds),
            // Who vanishes more often is given up.
            Step::Vanish if self.vanished + 1 < POISON => {
                self.vanished += 1;
                bench.pass(60);
                bench.store.reclaim(false).await.unwrap();
            }
            Step::Vanish => {}
        }
    }

    async fn accept(&mut self, bench: &Bench, lanes: [u8; 2]) {
        self.accepted += 1;
        let event = NewEvent {
            deliveries: lanes
                .iter()
                .map(|lane| delivery("crm", Some(&format!("lane {lane}"))))
                .collect(),
            ..event(&format!("evt_{}", self.accepted))
        };
        for (id, lane) in bench.accept(event).await.into_iter().zip(lanes) {
            self.lanes.entry(lane).or_default().push_back(id);
            self.lane_of.insert(id, lane);
        }
    }

    async fn lease(&mut self, bench: &Bench, most: u32) {
        let want = Want {
            concurrency: 1000,
            most,
            ..want("crm")
        };
        for leased in bench.lease_at(want).await.leased {
            assert_eq!(self.first(leased.id), Some(leased.id), "out of order");
            self.leased.push(leased);
        }
    }

    fn first(&self, id: DeliveryId) -> Option<DeliveryId> {
        self.lanes[&self.lane_of[&id]].front().copied()
    }

    async fn settle(&mut self, bench: &Bench, leased: &Leased, fate: Fate) {
        let next = match fate {
            Fate::Delivered => Some(Next::Delivered),
            Fate::Retry => Some(Next::Retry {
                at: bench.store.now() + Duration::from_secs(2),
                reason: "answered with 500".to_owned(),
            }),
            Fate::Dead => Some(dead()),
            Fate::GivenBack => None,
        };
        let is_end = matches!(fate, Fate::Delivered | Fate::Dead);
        let outcome = settlement(leased, next, false);
        let lost = bench.store.settle(vec![outcome]).await.unwrap();
        if lost == 0 && is_end {
            assert_eq!(self.first(leased.id), Some(leased.id), "out of order");
            let lane = self.lane_of[&leased.id];
            self.lanes.get_mut(&lane).unwrap().pop_front();
        }
    }

    /// Everything is delivered in the end.
    async fn finish(&mut self, bench: &Bench) {
        for leased in std::mem::take(&mut self.leased) {
            self.settle(bench, &leased, Fate::Delivered).await;
        }
        let most = self.lane_of.len() + 1;
        for _ in 0..most {
            if self.lanes.values().all(VecDeque::is_empty) {
                return;
            }
            bench.pass(60);
            bench.store.reclaim(false).await.unwrap();
            self.lease(bench, 1000).await;
            for leased in std::mem::take(&mut self.leased) {
                self.settle(bench, &leased, Fate::Delivered).await;
            }
        }
        panic!("a lane stands still: {:?}", self.lanes);
    }
}

/// So many times, or as often as `HOOKWEIR_SCHEDULES` says.
fn hold(cases: u32, engine: fn() -> Option<Bench>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let wanted = std::env::var("HOOKWEIR_SCHEDULES").ok();
    let wanted = wanted.and_then(|text| text.parse().ok());
    let config = ProptestConfig {
        cases: wanted.unwrap_or(cases),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps())| {
        runtime.block_on(async {
            let Some(bench) = engine() else { return };
            let mut model = Model::default();
            for step in steps {
                model.step(&bench, step).await;
            }
            model.finish(&bench).await;
        });
    });
}

#[test]
fn lanes_keep_their_order_on_sqlite() {
    hold(16, || Some(sqlite()));
}

#[test]
fn lanes_keep_their_order_on_postgres() {
    hold(6, postgres);
}
