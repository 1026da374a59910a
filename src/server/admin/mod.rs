//! Where administrators work: health, metrics, and the JSON API under `/admin/v1`.
//!
//! On a listener of its own, so that no function can stand in its place. `/healthz`, `/readyz` and
//! `/metrics` need no token and tell no detail of any request; everything else needs the token.
//! Every answer of the API is JSON, errors too.

mod api;
mod auth;
mod log;
mod query;
mod store_health;

pub use auth::AdminAuth;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use http::header::{ALLOW, AUTHORIZATION, CONNECTION, HOST, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use tracing::{error, info, warn};
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use self::auth::Hosts;
use self::query::{BadQuery, Query};
use self::store_health::StoreHealth;
use super::body;
use super::connection::{Application, Connection};
use super::deliveries::Deliveries;
use super::drain::Drain;
use super::guard;
use super::metrics::{Configuration, Metrics};
use crate::clock::Clock;
use crate::clock::Stopwatch;
use crate::gateway::{ReloadReport, Reloader};
use crate::store::Store;

/// What all admin requests share.
#[derive(Debug)]
pub(super) struct Admin {
    reloader: Arc<Reloader>,
    metrics: Arc<Metrics>,
    auth: AdminAuth,
    hosts: Hosts,
    /// The ingress's: while it drains, this gateway is not ready.
    ingress_drain: Arc<Drain>,
    store: Option<StoreHealth>,
    deliveries: Option<Deliveries>,
    clock: Arc<dyn Clock>,
}

/// The admin listener's application.
#[derive(Debug, Clone)]
pub(super) struct AdminApi(pub(super) Arc<Admin>);

impl Admin {
    pub(super) fn new(
        reloader: Arc<Reloader>,
        metrics: Arc<Metrics>,
        auth: AdminAuth,
        public_url: Option<&str>,
        ingress_drain: Arc<Drain>,
        store: Option<Arc<dyn Store>>,
        (deliveries, clock): (Option<Deliveries>, Arc<dyn Clock>),
    ) -> Self {
        Self {
            reloader,
            metrics,
            auth,
            hosts: Hosts::new(public_url),
            ingress_drain,
            store: store.map(StoreHealth::new),
            deliveries,
            clock,
        }
    }
}

impl Application for AdminApi {
    fn service(
        &self,
        connection: &Arc<Connection>,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
    + Send
    + 'static {
        Front {
            warp: warp::service(filters(&self.0)),
            admin: Arc::clone(&self.0),
            connection: Arc::clone(connection),
        }
    }
}

/// Stands before warp: who speaks to whom, panics, counts.
struct Front<S> {
    warp: S,
    admin: Arc<Admin>,
    connection: Arc<Connection>,
}

impl<S> Service<Request<Incoming>> for Front<S>
where
    S: tower_service::Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let counted = InHand::begin(&self.admin, &self.connection);
        if body::is_announced(request.headers()) {
            self.connection.leaves_unread();
        }
        let refused = self.admin.check(&request, self.connection.most_headers);
        let answer = match refused {
            Ok(()) => Ok(self.warp.clone().call(request)),
            Err(refused) => Err(refused),
        };
        Box::pin(async move {
            let mut response = match answer {
                Err(refused) => refused,
                Ok(answer) => match AssertUnwindSafe(answer).catch_unwind().await {
                    Ok(Ok(response)) => response,
                    Err(_) => {
                        error!("an admin request ended in a panic");
                        internal_error()
                    }
                },
            };
            if counted.connection.ends_with_this_answer() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response)
        })
    }
}

/// A request in hand, for the counts.
struct InHand {
    admin: Arc<Admin>,
    connection: Arc<Connection>,
}

impl InHand {
    fn begin(admin: &Arc<Admin>, connection: &Arc<Connection>) -> Self {
        admin.metrics.admin.request_begins();
        connection.begin(&Stopwatch::start());
        Self {
            admin: Arc::clone(admin),
            connection: Arc::clone(connection),
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.admin.metrics.admin.request_ends();
        self.connection.end();
    }
}

impl Admin {
    #[expect(
        clippy::result_large_err,
        reason = "an answer is made once, here, and moved on"
    )]
    fn check(&self, request: &Request<Incoming>, most_headers: usize) -> Result<(), Response> {
        if guard::check(request, most_headers).is_err() {
            let message = "the request's host, path or expectation is malformed";
            return Err(api::error(StatusCode::BAD_REQUEST, "BAD_REQUEST", message));
        }
        // Whoever looks whether the process lives may know it by any name.
        if matches!(request.uri().path(), "/healthz" | "/readyz") {
            return Ok(());
        }
        let host = match request.headers().get(HOST) {
            Some(host) => host.to_str().ok(),
            None => request.uri().authority().map(http::uri::Authority::as_str),
        };
        if !host.is_some_and(|host| self.hosts.allow(host)) {
            let message = "speak to the admin listener by address, as `localhost`, or by the host \
                           of `public_url`";
            return Err(api::error(
                StatusCode::FORBIDDEN,
                "HOST_NOT_ALLOWED",
                message,
            ));
        }
        Ok(())
    }

    fn configuration(&self) -> Configuration {
        let last = self.reloader.last();
        let generation = self.reloader.gateway().generation();
        Configuration {
            generation: generation.number,
            functions: generation.routes.len(),
            last_reload_succeeded: last.succeeded,
            last_reload: last.at,
            reloads: last.count,
            failed_reloads: last.failed,
        }
    }

    /// Blocks: looks at the disk.
    fn ready(&self, authorization: Option<&HeaderValue>) -> Response {
        #[derive(serde::Serialize)]
        struct Brief<'a> {
            status: &'a str,
        }
        let trouble = self.store.as_ref().and_then(StoreHealth::trouble);
        let (code, status) = if self.ingress_drain.has_begun() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if trouble.is_some() {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        } else {
            (StatusCode::OK, "ready")
        };
        if !self.auth.accepts(authorization) {
            return api::json(code, &Brief { status });
        }
        let last = self.reloader.last();
        let view = api::ReadyView {
            status,
            generation: self.reloader.gateway().generation().number,
            last_reload: api::last_reload(&last),
            store: trouble.as_deref(),
        };
        api::json(code, &view)
    }
}

fn filters(
    admin: &Arc<Admin>,
) -> impl Filter<Extract = (impl Reply + use<>,), Error = Infallible> + Clone + Send + use<> {
    let state = with(admin);
    let healthz = warp::path!("healthz")
        .and(warp::get().or(warp::head()).unify())
        .map(|| api::text(StatusCode::OK, PLAIN, "ok\n"));
    let readyz = warp::path!("readyz")
        .and(warp::get().or(warp::head()).unify())
        .and(state.clone())
        .and(
            warp::header::value("authorization")
                .map(Some)
                .or(none())
                .unify(),
        )
        .then(async |admin: Arc<Admin>, token: Option<HeaderValue>| {
            let ready = on_a_thread(move || admin.ready(token.as_ref())).await;
            ready.unwrap_or_else(internal_error)
        });
    let metrics = warp::path!("metrics")
        .and(warp::get())
        .and(state.clone())
        .then(async |admin: Arc<Admin>| {
            let deliveries = match &admin.deliveries {
                Some(deliveries) => deliveries.metrics(admin.clock.now()).await,
                None => String::new(),
            };
            // Reads files under /proc.
            match on_a_thread(move || admin.metrics.render(&admin.configuration())).await {
                Some(page) => api::text(StatusCode::OK, PROMETHEUS, page + &deliveries),
                None => internal_error(),
            }
        });
    let api = warp::path("admin")
        .and(warp::path("v1"))
        .and(authorized(admin))
        .and(v1(admin));
    healthz
        .or(readyz)
        .unify()
        .or(metrics)
        .unify()
        .or(api)
        .unify()
        .recover(async |rejection| Ok::<_, Infallible>(refuse(&rejection)))
}

/// What stands under `/admin/v1/`.
fn v1(
    admin: &Arc<Admin>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + use<> {
    let state = with(admin);
    let generation = warp::path!("generation")
        .and(warp::get())
        .and(state.clone())
        .map(|admin: Arc<Admin>| api::generation(admin.reloader.gateway(), &admin.reloader.last()));
    let functions = warp::path!("functions")
        .and(warp::get())
        .and(state.clone())
        .map(|admin: Arc<Admin>| api::functions(&admin.reloader.gateway().generation()));
    let reload = warp::path!("reload")
        .and(warp::post())
        .and(query::raw())
        .and(state)
        .then(async |query: String, admin: Arc<Admin>| {
            let is_dry = match is_dry_run(&query) {
                Ok(is_dry) => is_dry,
                Err(BadQuery(why)) => {
                    return api::error(StatusCode::BAD_REQUEST, "BAD_REQUEST", &why);
                }
            };
            let reloader = Arc::clone(&admin.reloader);
            let report = on_a_thread(move || reloader.reload(is_dry)).await;
            match report {
                Some(report) => {
                    log_reload(&report);
                    api::reload(&report)
                }
                None => internal_error(),
            }
        });
    let unsigned = warp::path!("unsigned")
        .and(warp::get())
        .and(with(admin))
        .map(|admin: Arc<Admin>| api::unsigned(admin.reloader.gateway().unsigned()));
    let diagnosis = warp::path!("unsigned" / String)
        .and(warp::get())
        .and(with(admin))
        .then(async |request_id: String, admin: Arc<Admin>| {
            let gateway = Arc::clone(admin.reloader.gateway());
            let Some(sample) = gateway.unsigned().find(&request_id) else {
                let message = "no such request is kept; `/admin/v1/unsigned` lists those that are";
                return api::error(StatusCode::NOT_FOUND, "NOT_FOUND", message);
            };
            on_a_thread(move || api::diagnosis(&sample, &gateway))
                .await
                .unwrap_or_else(internal_error)
        });
    let document = warp::path!("openapi.json").and(warp::get()).map(|| {
        let document = include_str!("openapi.json");
        api::text(StatusCode::OK, super::rejection::JSON, document)
    });
    generation
        .or(functions)
        .unify()
        .or(reload)
        .unify()
        .or(log::filters(admin))
        .unify()
        .or(unsigned)
        .unify()
        .or(diagnosis)
        .unify()
        .or(document)
        .unify()
}

/// What `?dry_run=` says.
fn is_dry_run(query: &str) -> Result<bool, BadQuery> {
    let mut query = Query::new(query);
    let is_dry = query.flag("dry_run")?;
    query.end()?;
    Ok(is_dry.unwrap_or(false))
}

/// Says what a reload came to, once, at the place that asked for it.
pub(super) fn log_reload(report: &ReloadReport) {
    if report.outcome.is_good() {
        info!(generation = report.number, "{}", report.summary());
    } else {
        error!(
            generation = report.number,
            "reload refused: {}",
            report.summary()
        );
    }
}

/// Work that blocks, away from the threads that serve; `None` when it panicked.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

fn with(
    admin: &Arc<Admin>,
) -> impl Filter<Extract = (Arc<Admin>,), Error = Infallible> + Clone + Send + use<> {
    let admin = Arc::clone(admin);
    warp::any().map(move || Arc::clone(&admin))
}

fn none() -> impl Filter<Extract = (Option<HeaderValue>,), Error = Infallible> + Copy + Send {
    warp::any().map(|| None)
}

#[derive(Debug)]
struct Unauthorized;

impl warp::reject::Reject for Unauthorized {}

fn authorized(
    admin: &Arc<Admin>,
) -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + use<> {
    let admin = Arc::clone(admin);
    warp::header::headers_cloned()
        .and_then(move |headers: http::HeaderMap| {
            let is_known = admin.auth.accepts(headers.get(AUTHORIZATION));
            if !is_known && admin.metrics.admin.is_worth_saying() {
                warn!("an admin request without the right token");
            }
            std::future::ready(if is_known {
                Ok(())
            } else {
                Err(warp::reject::custom(Unauthorized))
            })
        })
        .untuple_one()
}

fn refuse(rejection: &Rejection) -> Response {
    if rejection.find::<Unauthorized>().is_some() {
        let message = "send the admin token as `Authorization: Bearer TOKEN`";
        let mut response = api::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
        let challenge = HeaderValue::from_static("Bearer realm=\"hookweir\"");
        response
            .headers_mut()
            .insert(http::header::WWW_AUTHENTICATE, challenge);
        return response;
    }
    if rejection.is_not_found() {
        let message = "nothing has this address; `/admin/v1/openapi.json` lists what there is";
        return api::error(StatusCode::NOT_FOUND, "NOT_FOUND", message);
    }
    if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        let message = "the address is there, but not for this method";
        let mut response = api::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            message,
        );
        // Warp does not tell which of the two it was.
        let allow = HeaderValue::from_static("GET, POST");
        response.headers_mut().insert(ALLOW, allow);
        return response;
    }
    error!(
        ?rejection,
        "an admin request was rejected for a reason that nobody expected"
    );
    internal_error()
}

fn internal_error() -> Response {
    let message = "the cause is in the log";
    api::error(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
}
