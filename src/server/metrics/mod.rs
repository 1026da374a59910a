//! Counts for Prometheus, kept in plain atomic numbers.
//!
//! Counting takes a few atomic additions and no lock; a lock is taken only when a function is seen
//! for the first time, or answers with a status that it never gave before. Labels come from the
//! specs and from fixed lists, never from a request, so their number is bounded.

pub(super) mod deliveries;
mod histogram;
mod process;
mod text;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Method;
use jiff::Timestamp;

use self::histogram::{BODY_BOUNDS, DURATION_BOUNDS, Histogram};
use self::text::Text;
use super::rejection::Reason;
use crate::clock::Clock;

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    /// By name. Replaced as a whole when one is added.
    functions: ArcSwap<HashMap<Arc<str>, Arc<FunctionMetrics>, foldhash::fast::RandomState>>,
    /// Held while one is added.
    adding: Mutex<()>,
    /// What came to no function.
    unmatched: FunctionMetrics,
    pub(super) ingress: Arc<ListenerMetrics>,
    pub(super) admin: Arc<ListenerMetrics>,
}

/// One function's counts.
#[derive(Debug)]
pub(super) struct FunctionMetrics {
    name: Arc<str>,
    answers: ArcSwap<Vec<Arc<Answers>>>,
    adding: Mutex<()>,
    bodies: Histogram<{ BODY_BOUNDS.len() }>,
    refused: [AtomicU64; Reason::ALL.len()],
    /// Requests that were handshakes, and not events.
    handshakes: AtomicU64,
    /// Requests that were not signed and let in, because that is only observed.
    observed: AtomicU64,
}

/// The answers of one function to one method with one status.
#[derive(Debug)]
struct Answers {
    method: &'static str,
    status: u16,
    durations: Histogram<{ DURATION_BOUNDS.len() }>,
}

/// One listener's counts.
#[derive(Debug)]
pub(super) struct ListenerMetrics {
    name: &'static str,
    clock: Arc<dyn Clock>,
    accepted: AtomicU64,
    ended: AtomicU64,
    refused_address: AtomicU64,
    accept_failures: AtomicU64,
    requests_begun: AtomicU64,
    requests_ended: AtomicU64,
    /// When something about this listener was last worth a line in the log, in seconds.
    said: AtomicU64,
}

/// What the metrics say about the configuration.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) generation: u64,
    pub(super) functions: usize,
    pub(super) last_reload_succeeded: bool,
    pub(super) last_reload: Timestamp,
    pub(super) reloads: u64,
    pub(super) failed_reloads: u64,
}

impl Metrics {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            functions: ArcSwap::default(),
            adding: Mutex::new(()),
            unmatched: FunctionMetrics::new(Arc::from("")),
            ingress: Arc::new(ListenerMetrics::new("ingress", Arc::clone(clock))),
            admin: Arc::new(ListenerMetrics::new("admin", Arc::clone(clock))),
        }
    }

    /// Counts one request that has ended.
    pub(super) fn count(&self, function: Option<&Arc<str>>, request: &Counted<'_>) {
        match function {
            None => self.unmatched.count(request),
            Some(name) => {
                let functions = self.functions.load();
                match functions.get(name) {
                    Some(function) => function.count(request),
                    None => self.add(name).count(request),
                }
            }
        }
    }

    #[cold]
    fn add(&self, name: &Arc<str>) -> Arc<FunctionMetrics> {
        let _turn = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = self.functions.load();
        if let Some(function) = functions.get(name) {
            return Arc::clone(function);
        }
        let function = Arc::new(FunctionMetrics::new(Arc::clone(name)));
        let mut functions = HashMap::clone(&functions);
        functions.insert(Arc::clone(name), Arc::clone(&function));
        self.functions.store(Arc::new(functions));
        function
    }

    /// Everything in Prometheus's text format.
    pub(super) fn render(&self, configuration: &Configuration) -> String {
        let mut text = Text::default();
        self.render_requests(&mut text);
        self.render_listeners(&mut text);
        render_configuration(&mut text, configuration);
        process::render(&mut text);
        text.finish()
    }

    fn render_requests(&self, text: &mut Text) {
        let functions = self.functions.load();
        let mut functions: Vec<&FunctionMetrics> = functions.values().map(AsRef::as_ref).collect();
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        functions.insert(0, &self.unmatched);

        text.family(
            "hookweir_http_server_request_duration_seconds",
            "histogram",
            "From a request's head to its answer.",
        );
        for function in &functions {
            for answers in function.answers.load().iter() {
                let status = answers.status.to_string();
                let labels = [
                    ("function", &*function.name),
                    ("method", answers.method),
                    ("status", &status),
                ];
                text.histogram(&labels, &DURATION_BOUNDS, &answers.durations, 1e9);
            }
        }
        text.family(
            "hookweir_http_server_request_body_bytes",
            "histogram",
            "Length of the bodies that were read.",
        );
        for function in &functions {
            if function.bodies.count() > 0 {
                let labels = [("function", &*function.name)];
                text.histogram(&labels, &BODY_BOUNDS, &function.bodies, 1.0);
            }
        }
        text.family(
            "hookweir_rejected_total",
            "counter",
            "Requests that were turned away, by reason.",
        );
        for function in &functions {
            for (reason, count) in Reason::ALL.iter().zip(&function.refused) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = [("function", &*function.name), ("reason", reason.as_str())];
                    text.sample(&labels, count);
                }
            }
        }
        let mut family = |name, help, value: &dyn Fn(&FunctionMetrics) -> u64| {
            text.family(name, "counter", help);
            for function in &functions {
                let count = value(function);
                if count > 0 {
                    text.sample(&[("function", &*function.name)], count);
                }
            }
        };
        family(
            "hookweir_handshakes_total",
            "Requests that were handshakes of a provider, and no events.",
            &|function| function.handshakes.load(Relaxed),
        );
        family(
            "hookweir_unsigned_observed_total",
            "Requests that were not signed and let in, because `mode: observe` is on.",
            &|function| function.observed.load(Relaxed),
        );
    }

    fn render_listeners(&self, text: &mut Text) {
        let listeners = [&self.ingress, &self.admin];
        let mut family = |name, kind, help, value: &dyn Fn(&ListenerMetrics) -> u64| {
            text.family(name, kind, help);
            for listener in listeners {
                text.sample(&[("listener", listener.name)], value(listener));
            }
        };
        family(
            "hookweir_http_server_active_requests",
            "gauge",
            "Requests in hand.",
            &|listener| difference(&listener.requests_begun, &listener.requests_ended),
        );
        family(
            "hookweir_connections",
            "gauge",
            "Open connections.",
            &|listener| difference(&listener.accepted, &listener.ended),
        );
        family(
            "hookweir_connections_total",
            "counter",
            "Connections since the start.",
            &|listener| listener.accepted.load(Relaxed),
        );
        family(
            "hookweir_connections_refused_total",
            "counter",
            "Connections closed at once because their address had its share.",
            &|listener| listener.refused_address.load(Relaxed),
        );
        family(
            "hookweir_accept_failures_total",
            "counter",
            "Connections that could not be accepted.",
            &|listener| listener.accept_failures.load(Relaxed),
        );
    }
}

/// What is counted of one request.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    pub(super) method: &'a Method,
    pub(super) status: u16,
    pub(super) duration: Duration,
    pub(super) body: usize,
    pub(super) refused: Option<Reason>,
    pub(super) is_handshake: bool,
    pub(super) is_observed: bool,
}

impl FunctionMetrics {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            answers: ArcSwap::default(),
            adding: Mutex::new(()),
            bodies: Histogram::default(),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            handshakes: AtomicU64::new(0),
            observed: AtomicU64::new(0),
        }
    }

    fn count(&self, request: &Counted<'_>) {
        let method = method_label(request.method);
        let nanos = u64::try_from(request.duration.as_nanos()).unwrap_or(u64::MAX);
        if request.body > 0 {
            self.bodies.record(request.body as u64, &BODY_BOUNDS);
        }
        if let Some(counter) = request
            .refused
            .and_then(|reason| self.refused.get(reason as usize))
        {
            counter.fetch_add(1, Relaxed);
        }
        if request.is_handshake {
            self.handshakes.fetch_add(1, Relaxed);
        }
        if request.is_observed {
            self.observed.fetch_add(1, Relaxed);
        }
        let answers = self.answers.load();
        match find(&answers, method, request.status) {
            Some(answers) => answers.durations.record(nanos, &DURATION_BOUNDS),
            None => self
                .add(method, request.status)
                .durations
                .record(nanos, &DURATION_BOUNDS),
        }
    }

    #[cold]
    fn add(&self, method: &'static str, status: u16) -> Arc<Answers> {
        let _turn = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.answers.load();
        if let Some(answers) = find(&all, method, status) {
            return Arc::clone(answers);
        }
        let answers = Arc::new(Answers {
            method,
            status,
            durations: Histogram::default(),
        });
        let mut all = Vec::clone(&all);
        all.push(Arc::clone(&answers));
        self.answers.store(Arc::new(all));
        answers
    }
}

fn find<'a>(all: &'a [Arc<Answers>], method: &str, status: u16) -> Option<&'a Arc<Answers>> {
    all.iter()
        .find(|answers| answers.status == status && answers.method == method)
}

/// As OpenTelemetry's convention has it.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

impl ListenerMetrics {
    fn new(name: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self {
            name,
            clock,
            accepted: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            refused_address: AtomicU64::new(0),
            accept_failures: AtomicU64::new(0),
            requests_begun: AtomicU64::new(0),
            requests_ended: AtomicU64::new(0),
            said: AtomicU64::new(0),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn connected(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn disconnected(&self) {
        self.ended.fetch_add(1, Relaxed);
    }

    pub(super) fn refused_address(&self) {
        self.refused_address.fetch_add(1, Relaxed);
    }

    pub(super) fn accept_failed(&self) {
        self.accept_failures.fetch_add(1, Relaxed);
    }

    pub(super) fn request_begins(&self) {
        self.requests_begun.fetch_add(1, Relaxed);
    }

    pub(super) fn request_ends(&self) {
        self.requests_ended.fetch_add(1, Relaxed);
    }

    /// At most once a minute: what strangers can cause must not fill the log.
    pub(super) fn is_worth_saying(&self) -> bool {
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        let said = self.said.load(Relaxed);
        now >= said.saturating_add(60)
            && self
                .said
                .compare_exchange(said, now, Relaxed, Relaxed)
                .is_ok()
    }
}

/// Of two counters that only grow; the second is read first, so it is not ahead.
fn difference(begun: &AtomicU64, ended: &AtomicU64) -> u64 {
    let ended = ended.load(Relaxed);
    begun.load(Relaxed).saturating_sub(ended)
}

fn render_configuration(text: &mut Text, configuration: &Configuration) {
    let mut gauge = |name, help, value: u64| {
        text.family(name, "gauge", help);
        text.sample(&[], value);
    };
    gauge(
        "hookweir_config_generation",
        "Number of the generation that is served.",
        configuration.generation,
    );
    gauge(
        "hookweir_config_functions",
        "Functions of the generation that is served.",
        configuration.functions as u64,
    );
    gauge(
        "hookweir_config_last_reload_success",
        "1 when the last reload was good, 0 when it was refused.",
        u64::from(configuration.last_reload_succeeded),
    );
    gauge(
        "hookweir_config_last_reload_timestamp_seconds",
        "When the last reload was tried.",
        u64::try_from(configuration.last_reload.as_second()).unwrap_or(0),
    );
    text.family(
        "hookweir_config_reloads_total",
        "counter",
        "Reloads that were tried, by result.",
    );
    let good = configuration
        .reloads
        .saturating_sub(configuration.failed_reloads);
    text.sample(&[("result", "success")], good);
    text.sample(&[("result", "failure")], configuration.failed_reloads);
    text.family(
        "hookweir_build_info",
        "gauge",
        "1; the version is in the label.",
    );
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
}
