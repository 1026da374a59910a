//! Events and deliveries for machines: one form, in the commands' `--format json` and in the admin
//! API. A field is never renamed or removed; what is absent has no value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{
    Attempt, DeliveryDetail, DeliveryRow, EventDetail, EventRow, HeaderLines, Listed, Paused,
    Payload,
};
use crate::delivery::State;

/// An event in a list.
#[derive(Debug, Serialize)]
pub struct EventView<'a> {
    id: &'a str,
    function: &'a str,
    environment: &'static str,
    generation: u64,
    version: &'a str,
    received: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    verified: &'a str,
    request_id: &'a str,
    method: &'a str,
    target: &'a str,
    size: u64,
    redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    deliveries: Vec<CountView>,
}

#[derive(Debug, Serialize)]
struct CountView {
    state: &'static str,
    count: u64,
}

impl<'a> From<&'a EventRow> for EventView<'a> {
    fn from(row: &'a EventRow) -> Self {
        let counts = row.deliveries.iter().map(|(state, count)| CountView {
            state: state.as_str(),
            count: *count,
        });
        Self {
            id: &row.id,
            function: &row.function,
            environment: row.environment.as_str(),
            generation: row.generation,
            version: &row.version,
            received: row.received.to_string(),
            peer: row.peer.as_deref(),
            caller: row.caller.as_deref(),
            verified: &row.verified,
            request_id: &row.request_id,
            method: &row.method,
            target: &row.target,
            size: row.size,
            redacted: row.is_redacted,
            failure: row.failure.as_deref(),
            key: row.key.as_deref(),
            status: row.status,
            deliveries: counts.collect(),
        }
    }
}

/// A page of events.
#[derive(Debug, Serialize)]
pub struct EventsView<'a> {
    format: &'static str,
    events: Vec<EventView<'a>>,
    /// What to ask for `before` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

impl<'a> From<&'a Listed<EventRow>> for EventsView<'a> {
    fn from(found: &'a Listed<EventRow>) -> Self {
        Self {
            format: "hookweir.events/v1",
            events: found.rows.iter().map(EventView::from).collect(),
            next: found.next,
        }
    }
}

/// An event with everything that belongs to it.
#[derive(Debug, Serialize)]
pub struct EventDetailView<'a> {
    format: &'static str,
    event: EventView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// Of a body that is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    attempts: Vec<TriedView<'a>>,
}

#[derive(Debug, Serialize)]
struct TriedView<'a> {
    delivery: DeliveryView<'a>,
    attempts: Vec<AttemptView<'a>>,
}

impl<'a> From<&'a EventDetail> for EventDetailView<'a> {
    fn from(detail: &'a EventDetail) -> Self {
        let body = detail.payload.as_ref().map(|(_, body)| body);
        let text = body.and_then(|body| std::str::from_utf8(body).ok());
        let tried = detail.deliveries.iter().map(|(row, attempts)| TriedView {
            delivery: DeliveryView::from(row),
            attempts: attempts.iter().map(AttemptView::from).collect(),
        });
        Self {
            format: "hookweir.event/v1",
            event: EventView::from(&detail.row),
            headers: detail.payload.as_ref().map(|(headers, _)| headers.texts()),
            body: text,
            body_base64: body
                .filter(|_| text.is_none())
                .map(|body| STANDARD.encode(body)),
            answer: detail
                .answer
                .as_ref()
                .map(|answer| String::from_utf8_lossy(&answer.body).into_owned()),
            attempts: tried.collect(),
        }
    }
}

/// An attempt.
#[derive(Debug, Serialize)]
struct AttemptView<'a> {
    number: u32,
    at: String,
    milliseconds: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    outcome: &'a str,
    answer: String,
}

impl<'a> From<&'a Attempt> for AttemptView<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at.to_string(),
            milliseconds: attempt.duration.as_millis(),
            status: attempt.status,
            outcome: &attempt.outcome,
            answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
        }
    }
}

/// A delivery in a list.
#[derive(Debug, Serialize)]
struct DeliveryView<'a> {
    id: String,
    event: &'a str,
    function: &'a str,
    name: &'a str,
    item: u32,
    connection: &'a str,
    environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<&'a str>,
    state: &'static str,
    attempts: u32,
    most_attempts: u32,
    accepted: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> From<&'a DeliveryRow> for DeliveryView<'a> {
    fn from(row: &'a DeliveryRow) -> Self {
        Self {
            id: row.id.to_string(),
            event: &row.event,
            function: &row.function,
            name: &row.name,
            item: row.item,
            connection: &row.destination.connection,
            environment: row.destination.environment.as_str(),
            lane: row.lane.as_deref(),
            state: row.state.as_str(),
            attempts: row.attempts,
            most_attempts: row.most_attempts,
            accepted: row.accepted.to_string(),
            due: (row.state == State::Pending).then(|| row.due.to_string()),
            settled: row.settled.map(|settled| settled.to_string()),
            replay_of: row.replay_of.map(|of| of.to_string()),
            reason: row.reason.as_deref(),
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize)]
pub struct DeliveriesView<'a> {
    format: &'static str,
    deliveries: Vec<DeliveryView<'a>>,
    /// What to ask for `before` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

impl<'a> From<&'a Listed<DeliveryRow>> for DeliveriesView<'a> {
    fn from(found: &'a Listed<DeliveryRow>) -> Self {
        Self {
            format: "hookweir.deliveries/v1",
            deliveries: found.rows.iter().map(DeliveryView::from).collect(),
            next: found.next,
        }
    }
}

/// A delivery with everything that belongs to it.
#[derive(Debug, Serialize)]
pub struct DeliveryDetailView<'a> {
    format: &'static str,
    delivery: DeliveryView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView<'a>>,
    attempts: Vec<AttemptView<'a>>,
}

/// What is sent. Its body is absent where it is the event's or made when it is sent.
#[derive(Debug, Serialize)]
struct RequestView<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl<'a> From<&'a DeliveryDetail> for DeliveryDetailView<'a> {
    fn from(detail: &'a DeliveryDetail) -> Self {
        let request = detail.request.as_ref().map(|request| RequestView {
            method: &request.method,
            target: &request.target,
            headers: request.headers.texts(),
            body: match &request.body {
                Payload::Own(body) => Some(String::from_utf8_lossy(body).into_owned()),
                Payload::OfEvent | Payload::AtDelivery => None,
            },
        });
        Self {
            format: "hookweir.delivery/v1",
            delivery: DeliveryView::from(&detail.row),
            request,
            attempts: detail.attempts.iter().map(AttemptView::from).collect(),
        }
    }
}

/// What is paused.
#[derive(Debug, Serialize)]
pub struct PausedView<'a> {
    connections: Vec<&'a str>,
    functions: Vec<&'a str>,
}

impl<'a> From<&'a [Paused]> for PausedView<'a> {
    fn from(paused: &'a [Paused]) -> Self {
        let mut view = Self {
            connections: Vec::new(),
            functions: Vec::new(),
        };
        for what in paused {
            match what {
                Paused::Connection(name) => view.connections.push(name),
                Paused::Function(name) => view.functions.push(name),
            }
        }
        view
    }
}

impl HeaderLines {
    /// Names and values as texts; what is no UTF-8 is replaced.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        let text = |value| String::from_utf8_lossy(value).into_owned();
        self.iter()
            .map(|(name, value)| (name.to_owned(), text(value)))
            .collect()
    }
}
