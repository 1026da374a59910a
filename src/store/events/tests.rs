//! What each engine must do: one suite, run on all.

mod order;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;

use super::*;
use crate::auth::Environment;
use crate::clock::ManualClock;
use crate::delivery::{Next, OnDead, RetryPolicy, State};
use crate::store::{Location, Place, open_or_create};

fn start() -> Timestamp {
    "2026-11-01T10:00:00Z".parse().unwrap()
}

/// An engine with a clock that stands still.
struct Bench {
    store: Arc<dyn EventStore>,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

fn sqlite() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let location = Location {
        data_dir: folder.path().to_owned(),
        master_key: Some(SecretString::from("0".repeat(64))),
        place: None,
    };
    let clock = Arc::new(ManualClock::new(start()));
    let store = open_or_create(&location).unwrap();
    Bench {
        store: store.events(clock.clone()).unwrap(),
        clock,
        _folder: folder,
    }
}

/// In a schema of its own; `None`, and said, where there is no server.
fn postgres() -> Option<Bench> {
    let url = crate::store::tests::postgres_url()?;
    let folder = tempfile::tempdir().unwrap();
    let location = Location {
        data_dir: folder.path().to_owned(),
        master_key: Some(SecretString::from("0".repeat(64))),
        place: Some(Place::Postgres(url.clone())),
    };
    open_or_create(&location).unwrap();
    let clock = Arc::new(ManualClock::new(start()));
    let link = crate::store::postgres::link::Link::new(url).unwrap();
    Some(Bench {
        store: PostgresEvents::with_clock(link, clock.clone()),
        clock,
        _folder: folder,
    })
}

fn lines(lines: &[(&str, &[u8])]) -> HeaderLines {
    lines.iter().copied().collect()
}

fn event(id: &str) -> NewEvent {
    NewEvent {
        id: id.into(),
        function: "orders".into(),
        environment: Environment::Production,
        generation: 3,
        version: "abc".to_owned(),
        received: start(),
        peer: Some("192.0.2.1".parse().unwrap()),
        caller: Some("key_1".to_owned()),
        verified: "zapikey",
        request_id: "req_1".into(),
        method: "POST".to_owned(),
        target: "/orders?x=1".to_owned(),
        headers: lines(&[("x-a", b"1"), ("x-a", b"\xff")]),
        body: Bytes::from_static(b"{\"id\": 7}"),
        is_redacted: false,
        failure: None,
        dedupe: None,
        answer: None,
        deliveries: vec![delivery("crm", None)],
    }
}

fn delivery(connection: &str, lane: Option<&str>) -> NewDelivery {
    NewDelivery {
        name: "lead".into(),
        item: 0,
        connection: connection.into(),
        lane: lane.map(str::to_owned),
        on_dead: OnDead::Skip,
        held: None,
        policy: RetryPolicy::default(),
        timeout: Duration::from_secs(10),
        request: DeliveryRequest {
            method: "POST".to_owned(),
            target: "/leads".to_owned(),
            headers: lines(&[("x-b", b"2")]),
            body: Payload::Own(Bytes::from_static(b"[1]")),
        },
    }
}

fn in_lane(id: &str, lane: &str, on_dead: OnDead) -> NewEvent {
    let mut event = event(id);
    event.deliveries = vec![NewDelivery {
        on_dead,
        ..delivery("crm", Some(lane))
    }];
    event
}

fn deduped(id: &str, key: u8) -> NewEvent {
    NewEvent {
        dedupe: Some(Dedupe {
            key: [key; 32],
            shown: format!("k{key}"),
            expires: start() + Duration::from_mins(1),
        }),
        answer: Some(StoredAnswer {
            status: 201,
            headers: lines(&[("x-c", b"3")]),
            body: Bytes::from_static(b"first"),
        }),
        ..event(id)
    }
}

fn destination(connection: &str) -> Destination {
    Destination {
        connection: connection.into(),
        environment: Environment::Production,
    }
}

fn settlement(leased: &Leased, next: Option<Next>, is_outage: bool) -> Settlement {
    Settlement {
        id: leased.id,
        token: leased.token,
        next,
        is_outage,
        attempt: Attempt {
            number: leased.attempt,
            at: start(),
            duration: Duration::from_millis(12),
            status: Some(200),
            outcome: "answered with 200".to_owned(),
            answer: Bytes::from_static(b"ok"),
        },
    }
}

fn dead() -> Next {
    Next::Dead {
        reason: "answered with 400".to_owned(),
    }
}

impl Bench {
    async fn accept(&self, event: NewEvent) -> Vec<DeliveryId> {
        match self.store.accept(event).await.unwrap() {
            Accepted::New { deliveries } => deliveries,
            other @ Accepted::Duplicate { .. } => panic!("{other:?}"),
        }
    }

    async fn lease_at(&self, want: Want) -> Batch {
        self.store.lease(vec![want]).await.unwrap()
    }

    async fn lease(&self) -> Vec<Leased> {
        self.lease_at(want("crm")).await.leased
    }

    async fn settle(&self, leased: &Leased, next: Next) {
        let outcome = settlement(leased, Some(next), false);
        assert_eq!(self.store.settle(vec![outcome]).await.unwrap(), 0);
    }

    /// Leases the only one that is due, which must be this event's.
    async fn only(&self, event: &str) -> Leased {
        let mut leased = self.lease().await;
        assert_eq!(leased.len(), 1, "{leased:?}");
        let leased = leased.remove(0);
        assert_eq!(leased.event, event);
        leased
    }

    async fn state(&self, id: DeliveryId) -> State {
        self.store.delivery(id).await.unwrap().unwrap().row.state
    }

    async fn act(&self, action: Action, ids: &[DeliveryId]) -> u64 {
        let filter = DeliveryFilter {
            ids: Some(ids.to_vec()),
            ..DeliveryFilter::default()
        };
        self.store.act(action, filter, 100).await.unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn want(connection: &str) -> Want {
    Want {
        destination: destination(connection),
        concurrency: 10,
        most: 10,
        rate: None,
    }
}

macro_rules! suite {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::sqlite()).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(bench) = super::postgres() {
                    super::$name(&bench).await;
                }
            })*
        }
    };
}

suite! {
    what_is_accepted_is_there_whole
    a_long_body_is_kept_found_and_sent
    a_delivery_goes_its_way
    a_retry_is_due_when_it_is_said_and_not_before
    a_lost_lease_changes_nothing
    what_is_given_back_was_not_tried
    a_repeated_event_gets_the_first_answer_within_its_window
    of_many_at_once_one_is_the_first
    lanes_go_one_after_the_other
    a_dead_letter_is_skipped
    a_dead_letter_blocks_until_it_is_cancelled_or_retried
    a_lane_is_parked_and_released_in_order
    a_destination_is_given_no_more_than_it_takes
    a_rate_is_kept
    a_breaker_opens_and_lets_one_through
    what_is_paused_waits
    who_vanishes_five_times_is_given_up
    a_clock_that_is_set_back_delays_nothing
    administrators_retry_replay_cancel
    held_deliveries_wait_for_release
    the_log_is_searched_page_by_page
    what_is_old_is_forgotten_unless_it_is_owed
    a_key_whose_event_is_forgotten_is_free
    numbers_tell_what_is_owed
}

async fn what_is_accepted_is_there_whole(bench: &Bench) {
    let mut whole = deduped("evt_1", 1);
    let mut of_event = delivery("mail", None);
    of_event.request.body = Payload::OfEvent;
    whole.deliveries.push(of_event);
    let ids = bench.accept(whole.clone()).await;
    assert_eq!(ids.len(), 2);
    let found = bench.store.event("evt_1").await.unwrap().unwrap();
    assert_eq!(
        found.payload,
        Some((whole.headers.clone(), whole.body.clone()))
    );
    assert_eq!(found.answer, whole.answer);
    assert_eq!(found.row.function, "orders");
    assert_eq!(found.row.environment, Environment::Production);
    assert_eq!(found.row.received, start());
    assert_eq!(found.row.caller.as_deref(), Some("key_1"));
    assert_eq!(found.row.peer.as_deref(), Some("192.0.2.1"));
    assert_eq!(found.row.key.as_deref(), Some("k1"));
    assert_eq!((found.row.size, found.row.status), (9, Some(201)));
    assert_eq!(found.row.deliveries, [(State::Pending, 2)]);
    let request = bench.store.delivery(ids[0]).await.unwrap().unwrap().request;
    assert_eq!(request, Some(whole.deliveries[0].request.clone()));
    let leased = bench.lease_at(want("mail")).await.leased;
    assert_eq!(leased[0].request.body, Payload::Own(whole.body));
    assert_eq!(bench.store.event("evt_2").await.unwrap(), None);
    assert_eq!(bench.store.delivery(DeliveryId(99)).await.unwrap(), None);
}

async fn a_long_body_is_kept_found_and_sent(bench: &Bench) {
    let body = Bytes::from(format!("{}needle", "{\"text\": \"webhook\"}".repeat(200)));
    let mut long = event("evt_1");
    long.body = body.clone();
    long.deliveries[0].request.body = Payload::OfEvent;
    bench.accept(long).await;
    let kept = bench.store.event("evt_1").await.unwrap().unwrap();
    assert_eq!(kept.payload.unwrap().1, body);
    assert_eq!(kept.row.size, body.len() as u64);
    let containing = async |text: &str| {
        let filter = EventFilter {
            text: Some(text.to_owned()),
            ..EventFilter::default()
        };
        let found = bench.store.events(filter, Page::default()).await.unwrap();
        found.rows.len()
    };
    assert_eq!(containing("needle").await, 1);
    assert_eq!(containing("needles").await, 0);
    let leased = bench.only("evt_1").await;
    assert_eq!(leased.request.body, Payload::Own(body.clone()));
    let shown = bench.store.delivery(leased.id).await.unwrap().unwrap();
    assert_eq!(shown.request.unwrap().body, Payload::Own(body));
}

async fn a_delivery_goes_its_way(bench: &Bench) {
    let ids = bench.accept(event("evt_1")).await;
    let leased = bench.only("evt_1").await;
    assert_eq!((leased.attempt, leased.turn), (1, 1));
    assert_eq!(leased.policy, RetryPolicy::default());
    assert_eq!(leased.timeout, Duration::from_secs(10));
    assert_eq!(bench.state(ids[0]).await, State::Leased);
    assert!(bench.lease().await.is_empty(), "it is on its way");
    bench.settle(&leased, Next::Delivered).await;
    let found = bench.store.delivery(ids[0]).await.unwrap().unwrap();
    assert_eq!(found.row.state, State::Delivered);
    assert_eq!(found.row.settled, Some(start()));
    assert_eq!(found.attempts, [settlement(&leased, None, false).attempt]);
    assert!(bench.lease().await.is_empty());
}

async fn a_retry_is_due_when_it_is_said_and_not_before(bench: &Bench) {
    bench.accept(event("evt_1")).await;
    let leased = bench.only("evt_1").await;
    let next = Next::Retry {
        at: start() + Duration::from_secs(30),
        reason: "answered with 500".to_owned(),
    };
    bench.settle(&leased, next).await;
    let batch = bench.lease_at(want("crm")).await;
    assert!(batch.leased.is_empty());
    assert_eq!(batch.next, Some(Duration::from_secs(30)));
    bench.pass(29);
    assert!(bench.lease().await.is_empty());
    bench.pass(1);
    let leased = bench.only("evt_1").await;
    assert_eq!(leased.attempt, 2);
}

async fn a_lost_lease_changes_nothing(bench: &Bench) {
    let ids = bench.accept(event("evt_1")).await;
    let first = bench.only("evt_1").await;
    bench.settle(&first, dead()).await;
    bench.act(Action::Retry, &ids).await;
    let second = bench.only("evt_1").await;
    assert_ne!(first.token, second.token);
    let late = settlement(&first, Some(dead()), false);
    assert_eq!(bench.store.settle(vec![late]).await.unwrap(), 1);
    assert_eq!(bench.state(ids[0]).await, State::Leased);
    bench.settle(&second, Next::Delivered).await;
    let again = settlement(&second, Some(dead()), false);
    assert_eq!(bench.store.settle(vec![again]).await.unwrap(), 1);
    assert_eq!(bench.state(ids[0]).await, State::Delivered);
}

async fn what_is_given_back_was_not_tried(bench: &Bench) {
    let ids = bench.accept(event("evt_1")).await;
    let leased = bench.only("evt_1").await;
    let back = settlement(&leased, None, false);
    assert_eq!(bench.store.settle(vec![back]).await.unwrap(), 0);
    let found = bench.store.delivery(ids[0]).await.unwrap().unwrap();
    assert_eq!((found.row.state, found.row.attempts), (State::Pending, 0));
    assert!(found.attempts.is_empty());
    assert_eq!(bench.only("evt_1").await.attempt, 1);
}

async fn a_repeated_event_gets_the_first_answer_within_its_window(bench: &Bench) {
    bench.accept(deduped("evt_1", 1)).await;
    let repeated = bench.store.accept(deduped("evt_2", 1)).await.unwrap();
    let Accepted::Duplicate { event, answer } = repeated else {
        panic!("it has come before");
    };
    assert_eq!(event, "evt_1");
    assert_eq!(answer, deduped("evt_1", 1).answer);
    assert_eq!(bench.store.event("evt_2").await.unwrap(), None);
    let later = StoredAnswer {
        status: 202,
        headers: HeaderLines::default(),
        body: Bytes::from_static(b"later"),
    };
    bench
        .store
        .set_answer("evt_1", later.clone())
        .await
        .unwrap();
    let repeated = bench.store.accept(deduped("evt_2", 1)).await.unwrap();
    assert!(
        matches!(repeated, Accepted::Duplicate { answer: Some(answer), .. } if answer == later)
    );
    // Another function, another environment, another key.
    let mut other = deduped("evt_3", 1);
    other.function = "invoices".into();
    bench.accept(other).await;
    let mut other = deduped("evt_4", 1);
    other.environment = Environment::Sandbox;
    bench.accept(other).await;
    bench.accept(deduped("evt_5", 2)).await;
    bench.pass(60);
    bench.accept(deduped("evt_6", 1)).await;
}

async fn of_many_at_once_one_is_the_first(bench: &Bench) {
    let all: Vec<_> = (0..64)
        .map(|number| bench.store.accept(deduped(&format!("evt_{number}"), 1)))
        .collect();
    let all = futures_util::future::join_all(all).await;
    let news = all
        .iter()
        .filter(|accepted| matches!(accepted, Ok(Accepted::New { .. })));
    assert_eq!(news.count(), 1);
    assert_eq!(bench.lease().await.len(), 1);
}

async fn lanes_go_one_after_the_other(bench: &Bench) {
    for id in ["evt_1", "evt_2", "evt_3"] {
        bench.accept(in_lane(id, "ada", OnDead::Skip)).await;
    }
    bench.accept(in_lane("evt_4", "bob", OnDead::Skip)).await;
    let leased = bench.lease().await;
    let events: Vec<_> = leased.iter().map(|leased| &leased.event).collect();
    assert_eq!(events, ["evt_1", "evt_4"]);
    let next = Next::Retry {
        at: start() + Duration::from_secs(5),
        reason: "answered with 500".to_owned(),
    };
    bench.settle(&leased[0], next).await;
    assert!(bench.lease().await.is_empty(), "a retry keeps its place");
    bench.pass(5);
    let first = bench.only("evt_1").await;
    bench.settle(&first, Next::Delivered).await;
    let second = bench.only("evt_2").await;
    bench.settle(&second, Next::Delivered).await;
    bench.only("evt_3").await;
}

async fn a_dead_letter_is_skipped(bench: &Bench) {
    bench.accept(in_lane("evt_1", "ada", OnDead::Skip)).await;
    bench.accept(in_lane("evt_2", "ada", OnDead::Skip)).await;
    let first = bench.only("evt_1").await;
    bench.settle(&first, dead()).await;
    bench.only("evt_2").await;
    // One that is retried goes behind what is under way now.
    bench.act(Action::Retry, &[first.id]).await;
    assert_eq!(bench.state(first.id).await, State::Waiting);
}

async fn a_dead_letter_blocks_until_it_is_cancelled_or_retried(bench: &Bench) {
    for id in ["evt_1", "evt_2", "evt_3"] {
        bench.accept(in_lane(id, "ada", OnDead::Block)).await;
    }
    let first = bench.only("evt_1").await;
    bench.settle(&first, dead()).await;
    assert!(bench.lease().await.is_empty());
    bench.accept(in_lane("evt_4", "ada", OnDead::Block)).await;
    assert!(bench.lease().await.is_empty());
    bench.act(Action::Retry, &[first.id]).await;
    let again = bench.only("evt_1").await;
    assert_eq!((again.attempt, again.turn), (2, 1));
    bench.settle(&again, dead()).await;
    bench.act(Action::Cancel, &[first.id]).await;
    for id in ["evt_2", "evt_3", "evt_4"] {
        let next = bench.only(id).await;
        bench.settle(&next, Next::Delivered).await;
    }
}

async fn a_lane_is_parked_and_released_in_order(bench: &Bench) {
    for id in ["evt_1", "evt_2", "evt_3"] {
        bench.accept(in_lane(id, "ada", OnDead::Park)).await;
    }
    let first = bench.only("evt_1").await;
    bench.settle(&first, dead()).await;
    let late = bench.accept(in_lane("evt_4", "ada", OnDead::Park)).await;
    assert_eq!(bench.state(late[0]).await, State::Held);
    assert!(bench.lease().await.is_empty());
    bench.act(Action::Release, &late).await;
    for id in ["evt_2", "evt_3", "evt_4"] {
        let next = bench.only(id).await;
        bench.settle(&next, Next::Delivered).await;
    }
    assert_eq!(bench.state(first.id).await, State::Dead);
}

async fn a_destination_is_given_no_more_than_it_takes(bench: &Bench) {
    for number in 0..8 {
        bench.accept(event(&format!("evt_{number}"))).await;
    }
    let small = Want {
        concurrency: 3,
        ..want("crm")
    };
    let first = bench.lease_at(small.clone()).await.leased;
    assert_eq!(first.len(), 3);
    assert!(bench.lease_at(small.clone()).await.leased.is_empty());
    bench.settle(&first[1], Next::Delivered).await;
    assert_eq!(bench.lease_at(small.clone()).await.leased.len(), 1);
    let few = Want {
        most: 2,
        ..want("crm")
    };
    assert_eq!(bench.lease_at(few).await.leased.len(), 2);
    let other = Want {
        destination: Destination {
            environment: Environment::Sandbox,
            ..destination("crm")
        },
        ..want("crm")
    };
    assert!(bench.lease_at(other).await.leased.is_empty());
}

async fn a_rate_is_kept(bench: &Bench) {
    for number in 0..8 {
        bench.accept(event(&format!("evt_{number}"))).await;
    }
    let slow = Want {
        rate: Some((2, Duration::from_secs(1))),
        ..want("crm")
    };
    assert_eq!(bench.lease_at(slow.clone()).await.leased.len(), 2);
    let batch = bench.lease_at(slow.clone()).await;
    assert!(batch.leased.is_empty());
    assert_eq!(batch.next, Some(Duration::from_millis(500)));
    bench.clock.advance(Duration::from_millis(500));
    assert_eq!(bench.lease_at(slow.clone()).await.leased.len(), 1);
    bench.pass(100);
    assert_eq!(bench.lease_at(slow).await.leased.len(), 2);
}

async fn a_breaker_opens_and_lets_one_through(bench: &Bench) {
    for number in 0..10 {
        bench.accept(event(&format!("evt_{number}"))).await;
    }
    let leased = bench
        .lease_at(Want {
            most: 5,
            ..want("crm")
        })
        .await
        .leased;
    for one in &leased {
        let next = Next::Retry {
            at: start() + Duration::from_secs(1),
            reason: "refused".to_owned(),
        };
        let outcome = settlement(one, Some(next), true);
        bench.store.settle(vec![outcome]).await.unwrap();
    }
    let batch = bench.lease_at(want("crm")).await;
    assert!(batch.leased.is_empty());
    assert_eq!(batch.next, Some(Duration::from_secs(5)));
    bench.pass(5);
    let one = bench.lease().await;
    assert_eq!(one.len(), 1, "to see whether it is back");
    assert!(bench.lease().await.is_empty());
    bench.settle(&one[0], Next::Delivered).await;
    assert_eq!(bench.lease().await.len(), 9);
}

async fn what_is_paused_waits(bench: &Bench) {
    bench.accept(event("evt_1")).await;
    for what in [
        Paused::Connection("crm".to_owned()),
        Paused::Function("orders".to_owned()),
    ] {
        assert!(bench.store.pause(what.clone(), true).await.unwrap());
        assert!(!bench.store.pause(what.clone(), true).await.unwrap());
        let paused = bench.store.paused().await.unwrap();
        assert_eq!(paused, std::slice::from_ref(&what));
        let batch = bench.lease_at(want("crm")).await;
        assert!(batch.leased.is_empty());
        assert_eq!(batch.next, None);
        assert!(bench.store.pause(what.clone(), false).await.unwrap());
        assert!(!bench.store.pause(what, false).await.unwrap());
    }
    bench.only("evt_1").await;
}

async fn who_vanishes_five_times_is_given_up(bench: &Bench) {
    let ids = bench.accept(event("evt_1")).await;
    for round in 1..=POISON {
        let leased = bench.only("evt_1").await;
        assert_eq!(leased.attempt, round);
        // Another process would come and find it, not this one.
        let outcome = Settlement {
            token: leased.token - 1,
            ..settlement(&leased, Some(Next::Delivered), false)
        };
        assert_eq!(bench.store.settle(vec![outcome]).await.unwrap(), 1);
        let reclaimed = bench.store.reclaim(true).await.unwrap();
        let is_last = round == POISON;
        assert_eq!(reclaimed.pending, u64::from(!is_last));
        assert_eq!(reclaimed.dead, u64::from(is_last));
    }
    let found = bench.store.delivery(ids[0]).await.unwrap().unwrap();
    assert_eq!(found.row.state, State::Dead);
    assert_eq!(found.attempts.len(), 5);
}

async fn a_clock_that_is_set_back_delays_nothing(bench: &Bench) {
    bench.store.reclaim(false).await.unwrap();
    bench.accept(event("evt_1")).await;
    let leased = bench.only("evt_1").await;
    let next = Next::Retry {
        at: start() + Duration::from_secs(5),
        reason: "answered with 500".to_owned(),
    };
    bench.settle(&leased, next).await;
    bench.clock.set(start() - Duration::from_hours(1));
    bench.store.reclaim(false).await.unwrap();
    bench.pass(5);
    bench.only("evt_1").await;
    // And one that is set forward takes nothing away from who is at work.
    bench.clock.set(start() + Duration::from_hours(1));
    assert_eq!(
        bench.store.reclaim(false).await.unwrap(),
        Reclaimed::default()
    );
}

async fn administrators_retry_replay_cancel(bench: &Bench) {
    let ids = bench.accept(event("evt_1")).await;
    let leased = bench.only("evt_1").await;
    assert_eq!(bench.act(Action::Retry, &ids).await, 0, "it is being sent");
    assert_eq!(bench.act(Action::Cancel, &ids).await, 0);
    bench.settle(&leased, dead()).await;
    bench.pass(100);
    assert_eq!(bench.act(Action::Retry, &ids).await, 1);
    let again = bench.only("evt_1").await;
    assert_eq!((again.attempt, again.turn), (2, 1));
    assert_eq!(again.accepted, start() + Duration::from_secs(100));
    bench.settle(&again, Next::Delivered).await;
    assert_eq!(bench.act(Action::Retry, &ids).await, 0, "it has arrived");
    assert_eq!(bench.act(Action::Cancel, &ids).await, 0);
    assert_eq!(bench.act(Action::Replay, &ids).await, 1);
    let replayed = bench.only("evt_1").await;
    assert_ne!(replayed.id, ids[0]);
    assert_eq!(replayed.attempt, 1);
    assert_eq!(replayed.request, leased.request);
    bench.settle(&replayed, dead()).await;
    assert_eq!(bench.act(Action::Cancel, &[replayed.id]).await, 1);
    assert_eq!(bench.state(replayed.id).await, State::Cancelled);
    let found = bench.store.delivery(replayed.id).await.unwrap().unwrap();
    assert_eq!(found.row.replay_of, Some(ids[0]));
    // No more than was said, and of nothing nothing.
    for number in 2..6 {
        bench.accept(event(&format!("evt_{number}"))).await;
    }
    let all = DeliveryFilter::default();
    let done = bench.store.act(Action::Cancel, all, 3).await.unwrap();
    assert_eq!(done, 3);
    let none = DeliveryFilter {
        function: Some("nobody".to_owned()),
        ..DeliveryFilter::default()
    };
    assert_eq!(bench.store.act(Action::Cancel, none, 9).await.unwrap(), 0);
    let none = DeliveryFilter {
        ids: Some(Vec::new()),
        ..DeliveryFilter::default()
    };
    assert_eq!(bench.store.act(Action::Cancel, none, 9).await.unwrap(), 0);
}

async fn held_deliveries_wait_for_release(bench: &Bench) {
    let mut held = event("evt_1");
    held.deliveries[0].held = Some("sandbox");
    let ids = bench.accept(held).await;
    assert!(bench.lease().await.is_empty());
    let found = bench.store.delivery(ids[0]).await.unwrap().unwrap();
    assert_eq!(found.row.reason.as_deref(), Some("sandbox"));
    assert_eq!(bench.act(Action::Retry, &ids).await, 0);
    assert_eq!(bench.act(Action::Release, &ids).await, 1);
    bench.only("evt_1").await;
}

async fn the_log_is_searched_page_by_page(bench: &Bench) {
    for number in 0..5 {
        let mut event = event(&format!("evt_{number}"));
        event.received = start() + Duration::from_secs(number);
        event.body = format!("{{\"n\": \"é{number}\"}}").into();
        event.generation = number;
        if number == 3 {
            event.function = "invoices".into();
            event.environment = Environment::Sandbox;
            event.caller = None;
            event.failure = Some("`x` is missing".to_owned());
            event.deliveries = Vec::new();
        }
        bench.accept(event).await;
    }
    let found = async |filter: EventFilter| {
        let listed = bench.store.events(filter, Page::default()).await.unwrap();
        assert_eq!(listed.next, None);
        let ids = listed.rows.into_iter().map(|row| row.id);
        ids.collect::<Vec<_>>().join(" ")
    };
    let any = EventFilter::default;
    assert_eq!(found(any()).await, "evt_4 evt_3 evt_2 evt_1 evt_0");
    let function = Some("invoices".to_owned());
    assert_eq!(found(EventFilter { function, ..any() }).await, "evt_3");
    let function = Some("nobody".to_owned());
    assert_eq!(found(EventFilter { function, ..any() }).await, "");
    let environment = Some(Environment::Sandbox);
    assert_eq!(
        found(EventFilter {
            environment,
            ..any()
        })
        .await,
        "evt_3"
    );
    let is_failed = Some(true);
    assert_eq!(found(EventFilter { is_failed, ..any() }).await, "evt_3");
    let generation = Some(2);
    assert_eq!(
        found(EventFilter {
            generation,
            ..any()
        })
        .await,
        "evt_2"
    );
    let text = Some("é1".to_owned());
    assert_eq!(found(EventFilter { text, ..any() }).await, "evt_1");
    let text = Some("%' OR 1=1 --".to_owned());
    assert_eq!(found(EventFilter { text, ..any() }).await, "");
    let since = Some(start() + Duration::from_secs(1));
    let until = Some(start() + Duration::from_secs(3));
    let between = EventFilter {
        since,
        until,
        ..any()
    };
    assert_eq!(found(between).await, "evt_2 evt_1");
    let caller = Some("key_1".to_owned());
    let connection = Some("crm".to_owned());
    let state = Some(State::Pending);
    let both = EventFilter {
        caller,
        state,
        connection,
        ..any()
    };
    assert_eq!(found(both).await, "evt_4 evt_2 evt_1 evt_0");
    let state = Some(State::Dead);
    assert_eq!(found(EventFilter { state, ..any() }).await, "");

    let mut page = Page {
        limit: 2,
        ..Page::default()
    };
    let mut pages = Vec::new();
    loop {
        let listed = bench.store.events(any(), page).await.unwrap();
        pages.push(listed.rows.len());
        match listed.next {
            Some(next) => page.before = Some(next),
            None => break,
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    let listed = bench.store.events(any(), Page::default()).await.unwrap();
    let newer = Page {
        after: Some(listed.rows[2].seq),
        ..Page::default()
    };
    let newer = bench.store.events(any(), newer).await.unwrap();
    assert_eq!(newer.rows, listed.rows[..2]);
    let of = DeliveryFilter {
        event: Some("evt_2".to_owned()),
        ..DeliveryFilter::default()
    };
    let listed = bench.store.deliveries(of, Page::default()).await.unwrap();
    assert_eq!(listed.rows.len(), 1);
    assert_eq!(listed.rows[0].event, "evt_2");
}

async fn what_is_old_is_forgotten_unless_it_is_owed(bench: &Bench) {
    let retention = Retention {
        events: Duration::from_secs(100),
        bodies: Duration::from_secs(10),
        size: None,
    };
    bench.accept(deduped("evt_1", 1)).await;
    let leased = bench.only("evt_1").await;
    bench.accept(event("evt_2")).await;
    bench.settle(&leased, Next::Delivered).await;
    assert_eq!(
        bench.store.prune(retention).await.unwrap(),
        Pruned::default()
    );
    bench.pass(11);
    let pruned = bench.store.prune(retention).await.unwrap();
    assert_eq!((pruned.events, pruned.bodies), (0, 1));
    let first = bench.store.event("evt_1").await.unwrap().unwrap();
    assert_eq!(first.payload, None);
    assert_eq!(first.deliveries[0].1.len(), 1);
    bench.pass(100);
    let pruned = bench.store.prune(retention).await.unwrap();
    assert_eq!((pruned.events, pruned.bodies), (1, 0));
    assert_eq!(bench.store.event("evt_1").await.unwrap(), None);
    let second = bench.store.event("evt_2").await.unwrap().unwrap();
    assert!(second.payload.is_some(), "it is owed");
    bench.only("evt_2").await;
}

async fn a_key_whose_event_is_forgotten_is_free(bench: &Bench) {
    let retention = Retention {
        events: Duration::from_secs(10),
        bodies: Duration::from_secs(10),
        size: None,
    };
    bench.accept(deduped("evt_1", 1)).await;
    let leased = bench.only("evt_1").await;
    bench.settle(&leased, Next::Delivered).await;
    bench.pass(11);
    assert_eq!(bench.store.prune(retention).await.unwrap().events, 1);
    bench.accept(deduped("evt_2", 1)).await;
    let repeated = bench.store.accept(deduped("evt_3", 1)).await.unwrap();
    assert!(
        matches!(&repeated, Accepted::Duplicate { event, .. } if event == "evt_2"),
        "{repeated:?}"
    );
}

async fn numbers_tell_what_is_owed(bench: &Bench) {
    bench.accept(in_lane("evt_1", "ada", OnDead::Skip)).await;
    bench.pass(1);
    bench.accept(in_lane("evt_2", "ada", OnDead::Skip)).await;
    bench.accept(event("evt_3")).await;
    let leased = bench.lease().await;
    bench.settle(&leased[1], dead()).await;
    let stats = bench.store.stats().await.unwrap();
    assert_eq!(stats.events, 3);
    assert!(stats.bytes > 0);
    assert_eq!(stats.destinations.len(), 1);
    let of = &stats.destinations[0];
    assert_eq!(of.destination, destination("crm"));
    assert_eq!(
        of.counts,
        [(State::Leased, 1), (State::Dead, 1), (State::Waiting, 1)]
    );
    assert_eq!(of.oldest, Some(start()));
    assert_eq!(of.breaker, "closed");
}

/// Events for tests of the store as a whole.
pub(in crate::store) mod support {
    use super::*;

    /// Many, with deliveries in each state.
    pub(in crate::store) async fn fill(store: &dyn EventStore) {
        let many = (0..1100).map(|number| store.accept(event(&format!("evt_{number:04}"))));
        for accepted in futures_util::future::join_all(many).await {
            accepted.unwrap();
        }
        let mut of_event = deduped("evt_own", 1);
        of_event.deliveries[0].request.body = Payload::OfEvent;
        store.accept(of_event).await.unwrap();
        for (id, on_dead) in [("evt_a", OnDead::Block), ("evt_b", OnDead::Block)] {
            store.accept(in_lane(id, "ada", on_dead)).await.unwrap();
        }
        let leased = store.lease(vec![want("crm")]).await.unwrap().leased;
        let next = [
            Next::Delivered,
            dead(),
            Next::Retry {
                at: Timestamp::MAX,
                reason: "answered with 500".to_owned(),
            },
        ];
        let outcomes = leased.iter().zip(next);
        let outcomes = outcomes.map(|(leased, next)| settlement(leased, Some(next), false));
        store.settle(outcomes.collect()).await.unwrap();
        let what = Paused::Function("other".to_owned());
        assert!(store.pause(what, true).await.unwrap());
    }

    /// Everything that the log shows of all events.
    pub(in crate::store) async fn all(store: &dyn EventStore) -> Vec<EventDetail> {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = Page {
                before,
                limit: 1000,
                ..Page::default()
            };
            let listed = store.events(EventFilter::default(), page).await.unwrap();
            for row in listed.rows {
                all.push(store.event(&row.id).await.unwrap().unwrap());
            }
            before = listed.next;
            if before.is_none() {
                return all;
            }
        }
    }

    /// A new event has a new number, a repeat is known, and what was leased is given back.
    pub(in crate::store) async fn go_on(store: &dyn EventStore) {
        let before = store.deliveries(DeliveryFilter::default(), Page::default());
        let last = before.await.unwrap().rows[0].id;
        let Accepted::New { deliveries } = store.accept(event("evt_new")).await.unwrap() else {
            panic!("it is new");
        };
        assert!(deliveries[0] > last);
        let newest = store.events(EventFilter::default(), Page::default());
        assert_eq!(newest.await.unwrap().rows[0].id, "evt_new");
        let reclaimed = store.reclaim(true).await.unwrap();
        assert_eq!(reclaimed.pending, 7);
        let leased = store.lease(vec![want("crm")]).await.unwrap().leased;
        assert_eq!(leased.len(), 10);
        assert_eq!(store.paused().await.unwrap().len(), 1);
    }
}
