//! What is owed and how it goes, in Prometheus's text format. Read when the page is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::text::Text;
use crate::delivery::State;
use crate::store::events::{Durations, Stats, TIMES, WriterStats};

/// How many attempts came to what, by connection.
pub(in crate::server) type Attempts = BTreeMap<(Arc<str>, &'static str), u64>;

const MICROSECONDS: f64 = 1e6;

/// Adds the families of deliveries. `stats` is missing where the store does not answer.
pub(in crate::server) fn render(
    stats: Option<&Stats>,
    attempts: &Attempts,
    writer: &WriterStats,
    now: Timestamp,
) -> String {
    let mut text = Text::default();
    text.family(
        "hookweir_delivery_attempts_total",
        "counter",
        "Attempts of deliveries, by what they came to.",
    );
    for ((connection, outcome), count) in attempts {
        let labels = [("connection", &**connection), ("outcome", *outcome)];
        text.sample(&labels, count);
    }
    text.family(
        "hookweir_store_up",
        "gauge",
        "1 when the store of events answers.",
    );
    text.sample(&[], u8::from(stats.is_some()));
    if let Some(stats) = stats {
        render_stats(&mut text, stats, now);
    }
    render_writer(&mut text, writer);
    text.finish()
}

fn render_stats(text: &mut Text, stats: &Stats, now: Timestamp) {
    text.family("hookweir_events", "gauge", "Events that are kept.");
    text.sample(&[], stats.events);
    text.family("hookweir_store_bytes", "gauge", "Bytes of the store.");
    text.sample(&[], stats.bytes);
    text.family(
        "hookweir_deliveries",
        "gauge",
        "Deliveries that are owed, and dead letters, by state.",
    );
    for of in &stats.destinations {
        for (state, count) in &of.counts {
            let labels = [
                ("connection", &*of.destination.connection),
                ("environment", of.destination.environment.as_str()),
                ("state", state.as_str()),
            ];
            text.sample(&labels, count);
        }
    }
    text.family(
        "hookweir_delivery_oldest_seconds",
        "gauge",
        "Age of the oldest delivery that is owed.",
    );
    for of in &stats.destinations {
        let age = of
            .oldest
            .map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
        let labels = [
            ("connection", &*of.destination.connection),
            ("environment", of.destination.environment.as_str()),
        ];
        text.sample(&labels, age);
    }
    text.family(
        "hookweir_delivery_breaker_open",
        "gauge",
        "1 when a destination is left alone because it fails.",
    );
    for of in &stats.destinations {
        let labels = [
            ("connection", &*of.destination.connection),
            ("environment", of.destination.environment.as_str()),
        ];
        text.sample(&labels, u8::from(of.breaker != "closed"));
    }
    text.family(
        "hookweir_dead_letters",
        "gauge",
        "Deliveries that are not tried again by themselves.",
    );
    for of in &stats.destinations {
        let dead = of.counts.iter().find(|(state, _)| *state == State::Dead);
        let labels = [
            ("connection", &*of.destination.connection),
            ("environment", of.destination.environment.as_str()),
        ];
        text.sample(&labels, dead.map_or(0, |(_, count)| *count));
    }
}

fn render_writer(text: &mut Text, writer: &WriterStats) {
    text.family(
        "hookweir_store_writes_total",
        "counter",
        "What was written to the store; several writes are one transaction.",
    );
    text.sample(&[], writer.writes());
    text.family(
        "hookweir_store_transaction_seconds",
        "histogram",
        "Duration of transactions of the store, until they are on disk.",
    );
    render_durations(text, &writer.transactions);
    text.family(
        "hookweir_store_commit_seconds",
        "histogram",
        "Duration of their last step, which waits until the disk has everything.",
    );
    render_durations(text, &writer.commits);
}

fn render_durations(text: &mut Text, durations: &Durations) {
    let mut below = 0;
    let counts = durations.buckets();
    for (bound, count) in TIMES.iter().zip(counts) {
        below += count;
        #[expect(clippy::cast_precision_loss, reason = "bounds are small")]
        let bound = *bound as f64 / MICROSECONDS;
        text.bucket(&bound.to_string(), below);
    }
    text.bucket("+Inf", durations.count());
    text.sum_and_count(durations.sum().as_secs_f64(), durations.count());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Environment;
    use crate::store::events::{Destination, DestinationStats};

    #[test]
    fn what_is_owed_is_told_by_connection() {
        let now: Timestamp = "2026-11-01T10:00:00Z".parse().unwrap();
        let stats = Stats {
            events: 7,
            bytes: 4096,
            destinations: vec![DestinationStats {
                destination: Destination {
                    connection: "crm".into(),
                    environment: Environment::Production,
                },
                counts: vec![(State::Pending, 3), (State::Dead, 1)],
                oldest: Some(now - std::time::Duration::from_secs(90)),
                breaker: "open",
            }],
        };
        let attempts = Attempts::from([(("crm".into(), "delivered"), 5)]);
        let writer = WriterStats::default();
        let page = render(Some(&stats), &attempts, &writer, now);
        let labels = "connection=\"crm\",environment=\"production\"";
        for line in [
            "hookweir_delivery_attempts_total{connection=\"crm\",outcome=\"delivered\"} 5",
            "hookweir_store_up 1",
            "hookweir_events 7",
            &format!("hookweir_deliveries{{{labels},state=\"pending\"}} 3"),
            &format!("hookweir_delivery_oldest_seconds{{{labels}}} 90"),
            &format!("hookweir_delivery_breaker_open{{{labels}}} 1"),
            &format!("hookweir_dead_letters{{{labels}}} 1"),
            "hookweir_store_commit_seconds_count 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(render(None, &attempts, &writer, now).contains("hookweir_store_up 0\n"));
    }
}
