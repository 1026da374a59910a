//! Where webhooks arrive: one catch-all filter that takes each request to the gateway and its
//! outcome back.
//!
//! warp lends a filter its request's head for looking at: whoever keeps it makes a copy. So the
//! head is taken off before the filter and handed past it; what goes through warp is the body.
//!
//! The order is the cheap before the dear: the shape of the head, the function by method and path,
//! what the head says of the body, the body, and only then the gateway's work on it. Every request
//! leaves one line in the log and one count in the metrics, also one whose client went away.

use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use futures_util::future::{Either, ready};
use http::header::{ALLOW, CONNECTION, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use tracing::error;
use warp::Filter;
use warp::reply::Response;

use super::body;
use super::connection::{Application, Connection};
use super::deliveries::Deliveries;
use super::errands::Errands;
use super::failures::Failures;
use super::guard;
use super::identity::{self, TRACEPARENT, TraceId, X_REQUEST_ID};
use super::log::{AccessLog, Line};
use super::metrics::{Counted, Metrics};
use super::peer::TrustedProxies;
use super::recorder::Recorder;
use super::rejection::{self, Reason, Refused};
use crate::auth::{Environment, KeyRecord};
use crate::clock::{Clock, Stopwatch};
use crate::gateway::{
    Admission, Gateway, Head, InboundRequest, Kept, Outcome, Refusal, Reply, ReplyKind, fixture,
};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Ingress {
    pub(super) gateway: Arc<Gateway>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) access: Option<AccessLog>,
    pub(super) errands: Errands,
    pub(super) recorder: Option<Recorder>,
    pub(super) deliveries: Option<Deliveries>,
    pub(super) failures: Failures,
    pub(super) proxies: Arc<TrustedProxies>,
    /// For a whole body to arrive.
    pub(super) body_time: Duration,
    pub(super) zoho_failures: bool,
}

impl Ingress {
    /// Has an event on disk before its request is answered.
    async fn keep(
        &self,
        kept: Kept,
        result: Result<Reply, Refusal>,
        admission: &Admission,
        request: &InboundRequest,
    ) -> Result<Reply, Refusal> {
        let Some(deliveries) = &self.deliveries else {
            let why = "there is no store".to_owned();
            return Err(Refusal::NotKept { why });
        };
        deliveries
            .keep(kept, result, &self.gateway, admission, request)
            .await
    }
}

/// The ingress listener's application.
#[derive(Debug, Clone)]
pub(super) struct Webhooks(pub(super) Arc<Ingress>);

impl Application for Webhooks {
    fn service(
        &self,
        connection: &Arc<Connection>,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
    + Send
    + 'static {
        let context = Arc::new(Context {
            ingress: Arc::clone(&self.0),
            connection: Arc::clone(connection),
        });
        service_fn(move |request| context.take(request))
    }
}

/// What the requests of one connection share.
#[derive(Debug)]
struct Context {
    ingress: Arc<Ingress>,
    connection: Arc<Connection>,
}

/// Whatever the rest of a request says, it is for the gateway.
fn catch_all(
    exchange: Box<Exchange>,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + 'static {
    // A filter may be asked again and again; this one is asked once.
    let exchange = Arc::new(Mutex::new(Some(exchange)));
    warp::body::stream().then(move |body| {
        let exchange = exchange
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        async move {
            match exchange {
                Some(mut exchange) => {
                    let result = exchange.serve(body).await;
                    exchange.slow_down(&result).await;
                    exchange.answer(result)
                }
                None => respond(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    HeaderMap::new(),
                    Bytes::new(),
                ),
            }
        }
    })
}

impl Context {
    fn take(
        self: &Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
        let fitness = guard::check(&request, self.connection.most_headers);
        let (head, body) = request.into_parts();
        let exchange = Exchange::begin(Arc::clone(self), head);
        match fitness {
            Ok(()) => {
                let mut service = warp::service(catch_all(exchange));
                Either::Right(tower_service::Service::call(
                    &mut service,
                    Request::new(body),
                ))
            }
            Err(misshapen) => {
                let refused = Err(Refused::Misshapen(misshapen));
                Either::Left(ready(Ok(exchange.answer(refused))))
            }
        }
    }
}

/// One request, from its head to the line in the log.
struct Exchange {
    context: Arc<Context>,
    watch: Stopwatch,
    request: InboundRequest,
    /// As it was sent; in the request's head, HEAD is GET.
    method: Method,
    trace: Option<TraceId>,
    admission: Option<Admission>,
    key: Option<Arc<KeyRecord>>,
    environment: Option<Environment>,
    note: Option<String>,
    /// It was not signed, and let in all the same.
    is_observed: bool,
    is_body_read: bool,
    is_finished: bool,
}

impl Exchange {
    fn begin(
        context: Arc<Context>,
        Parts {
            method,
            uri,
            headers,
            ..
        }: Parts,
    ) -> Box<Self> {
        let watch = Stopwatch::start();
        context.ingress.metrics.ingress.request_begins();
        context.connection.begin(&watch);
        let received_at = context.ingress.clock.now();
        let request_id = identity::request_id(headers.get(X_REQUEST_ID), received_at);
        let trace = headers.get(TRACEPARENT).and_then(TraceId::parse);
        let peer = context
            .ingress
            .proxies
            .sender(context.connection.peer, &headers);
        // HEAD is GET to whoever answers it; hyper leaves the body away.
        let asked = if method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        let head = Head {
            method: asked,
            // The guard lets nothing pass that has none.
            target: uri
                .into_parts()
                .path_and_query
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
            headers,
            peer,
            client: context.connection.client.clone(),
            received_at,
            request_id,
        };
        Box::new(Self {
            context,
            watch,
            request: InboundRequest {
                head,
                body: Bytes::new(),
            },
            method,
            trace,
            admission: None,
            key: None,
            environment: None,
            note: None,
            is_observed: false,
            is_body_read: false,
            is_finished: false,
        })
    }

    async fn serve<S, B>(&mut self, body: S) -> Result<Served, Refused>
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let admission = match self.find()? {
            Found::Function(admission) => self.admission.insert(admission),
            Found::Options(allow) => return Ok(Served::Options(allow)),
        };
        let limit = admission.max_body;
        let length = body::check_head(&self.request.head.headers, limit)?;
        let time = self.context.ingress.body_time;
        self.request.body = body::read(body, length, limit, time).await?;
        self.is_body_read = true;

        let ingress = &self.context.ingress;
        let gateway = &ingress.gateway;
        let mut outcome = without_panic(|| gateway.accept(admission, &self.request))?;
        if let Err(Refusal::Awaits(wanted)) = &outcome.result {
            let now = self.request.head.received_at;
            gateway.certificates().fetch(wanted, now).await;
            outcome = without_panic(|| gateway.accept_again(admission, &self.request))?;
        }
        if let Some(recorder) = &ingress.recorder
            && let Some(text) = without_panic(|| fixture(admission, &self.request, &outcome))?
        {
            recorder.record(&admission.route.name, &self.request.head.request_id, text);
        }
        let Outcome {
            result,
            key,
            environment,
            note,
            observed,
            errand,
            kept,
        } = outcome;
        self.is_observed = observed.is_some();
        self.key = key;
        self.environment = environment;
        self.note = note;
        if let Some(errand) = errand {
            let name = &admission.route.name;
            let done = ingress.errands.run(errand, name, &ingress.clock).await;
            done.map_err(|why| Refused::Gateway(Refusal::NotKept { why }))?;
        }
        let result = match kept {
            Some(kept) => Box::pin(ingress.keep(*kept, result, admission, &self.request)).await,
            None => result,
        };
        match result {
            Ok(reply) => Ok(Served::Reply(reply)),
            // It could have been a handshake.
            Err(Refusal::MethodNotAllowed(methods))
                if self.request.head.method == Method::OPTIONS =>
            {
                Ok(Served::Options(rejection::allow(&methods)))
            }
            Err(refusal) => Err(Refused::Gateway(refusal)),
        }
    }

    /// Who fails to authenticate again and again is answered late.
    async fn slow_down(&self, result: &Result<Served, Refused>) {
        if let Err(Refused::Gateway(Refusal::Key(_) | Refusal::Signature(_) | Refusal::Certificate)) =
            result
            && let Some(delay) = self.context.ingress.failures.count(self.request.head.peer)
        {
            tokio::time::sleep(delay).await;
        }
    }

    /// The function, or what OPTIONS is told.
    fn find(&self) -> Result<Found, Refused> {
        let head = &self.request.head;
        if head.path() == "*" {
            // Of the server, not of an address: the guard lets it through for OPTIONS only.
            let allow = rejection::allow(&[Method::GET, Method::POST]);
            return Ok(Found::Options(allow));
        }
        match without_panic(|| self.context.ingress.gateway.find(head))? {
            Ok(admission) => Ok(Found::Function(admission)),
            Err(Refusal::MethodNotAllowed(methods)) if head.method == Method::OPTIONS => {
                Ok(Found::Options(rejection::allow(&methods)))
            }
            Err(refusal) => Err(Refused::Gateway(refusal)),
        }
    }

    /// Turns the result into an answer, and the request into its line in the log.
    fn answer(mut self: Box<Self>, result: Result<Served, Refused>) -> Response {
        let (mut response, outcome, reason, length) = match result {
            Ok(Served::Reply(reply)) => {
                let outcome = match reply.kind {
                    ReplyKind::Answer => "answered",
                    ReplyKind::Skipped => "skipped",
                    ReplyKind::Repeated => "repeated",
                    ReplyKind::Handshake => "handshake",
                };
                let length = reply.body.len();
                (
                    respond(reply.status, reply.headers, reply.body),
                    outcome,
                    None,
                    length,
                )
            }
            Ok(Served::Options(allow)) => {
                let headers = HeaderMap::from_iter([(ALLOW, allow)]);
                let response = respond(StatusCode::NO_CONTENT, headers, Bytes::new());
                (response, "options", None, 0)
            }
            Err(refused) => {
                self.log_failure(&refused);
                let id = &self.request.head.request_id;
                let zoho_failures = self.context.ingress.zoho_failures;
                let rejection = rejection::reject(refused, id, zoho_failures);
                let reason = rejection.reason;
                let length = rejection.body.len();
                let response = respond(rejection.status, rejection.headers, rejection.body);
                (response, reason.as_str(), Some(reason), length)
            }
        };
        let connection = &self.context.connection;
        let headers = response.headers_mut();
        // The id is ours or was found harmless.
        if let Ok(id) = HeaderValue::from_str(&self.request.head.request_id) {
            headers.insert(X_REQUEST_ID, id);
        }
        if connection.is_http2 {
            headers.remove(CONNECTION);
        } else if connection.ends_with_this_answer() || reason == Some(Reason::Coding) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if !self.is_body_read && body::is_announced(&self.request.head.headers) {
            connection.leaves_unread();
        }
        self.finish(response.status().as_u16(), outcome, reason, length);
        response
    }

    /// What only the operator may know of a failure.
    fn log_failure(&self, refused: &Refused) {
        let request_id = &*self.request.head.request_id;
        let function = self
            .admission
            .as_ref()
            .map(|admission| &*admission.route.name);
        match refused {
            Refused::Gateway(Refusal::Failed { message, site }) => {
                error!(
                    request_id,
                    function,
                    site,
                    reason = message,
                    "function failed"
                );
            }
            Refused::Gateway(Refusal::MissingField { field, site }) => {
                tracing::info!(request_id, function, site, field, "field missing");
            }
            // The panic hook has said where.
            Refused::Panicked => error!(request_id, function, "request ended in a panic"),
            Refused::Gateway(Refusal::Signature(why)) => {
                tracing::info!(request_id, function, reason = %why, "signature refused");
            }
            Refused::Gateway(Refusal::NotKept { why }) => {
                error!(
                    request_id,
                    function,
                    reason = why,
                    "what must be kept cannot be"
                );
            }
            Refused::Gateway(Refusal::Unverifiable { why }) => {
                tracing::warn!(
                    request_id,
                    function,
                    reason = why,
                    "cannot tell whether it is signed"
                );
            }
            Refused::Gateway(_)
            | Refused::Misshapen(_)
            | Refused::BodyTimeout
            | Refused::BodyBroken => {}
        }
    }

    fn finish(&mut self, status: u16, outcome: &str, refused: Option<Reason>, bytes_out: usize) {
        self.is_finished = true;
        let Context {
            ingress,
            connection,
        } = &*self.context;
        let duration = self.watch.elapsed();
        let head = &self.request.head;
        let route = self.admission.as_ref().map(|admission| &admission.route);
        let counted = Counted {
            method: &self.method,
            status,
            duration,
            body: self.request.body.len(),
            refused,
            is_handshake: outcome == "handshake",
            is_observed: self.is_observed,
        };
        ingress
            .metrics
            .count(route.map(|route| &route.name), &counted);
        ingress.metrics.ingress.request_ends();
        connection.end();
        let peer = if head.peer == connection.peer {
            connection.peer_text.as_deref().map(Cow::Borrowed)
        } else {
            head.peer.map(|peer| Cow::Owned(peer.to_string()))
        };
        let Some(access) = &ingress.access else {
            return;
        };
        let generation = self
            .admission
            .as_ref()
            .map(|admission| &admission.generation);
        access.write(&Line {
            time: head.received_at,
            request_id: &head.request_id,
            trace_id: self.trace.as_ref().map(TraceId::as_str),
            method: &self.method,
            path: head.path(),
            function: route.map(|route| &*route.name),
            status,
            outcome,
            bytes_in: self.request.body.len(),
            bytes_out,
            duration,
            key: self.key.as_ref().map(|key| key.id.as_str()),
            environment: self.environment.map(Environment::as_str),
            note: self.note.as_deref(),
            peer: peer.as_deref(),
            generation: generation.map(|generation| generation.number),
            commit: generation.and_then(|generation| generation.commit.as_ref()),
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.is_finished {
            // As nginx writes it: nobody was there to be answered.
            let reason = Reason::Aborted;
            self.finish(499, reason.as_str(), Some(reason), 0);
        }
    }
}

enum Found {
    Function(Admission),
    /// The methods of the address.
    Options(HeaderValue),
}

enum Served {
    Reply(Reply),
    Options(HeaderValue),
}

/// A panic in one request is that request's end and nobody else's.
fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, Refused> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Refused::Panicked)
}

fn respond(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_refusal_of_that_request_alone() {
        let outcome = without_panic(|| -> u8 { panic!("told to by a test") });
        assert!(matches!(outcome, Err(Refused::Panicked)));
        assert!(matches!(without_panic(|| 1), Ok(1)));
    }
}
