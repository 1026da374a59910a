//! The admin API over events and deliveries: lists with cursors, one with its details, and what is
//! done to them.
//!
//! ```text
//! GET  /events?…&limit&before          POST /events/replay?…&max[&reevaluate][&delivery]
//! GET  /events/{id}                    POST /events/{id}/replay?[reevaluate][&delivery]
//! GET  /deliveries?…&limit&before      POST /deliveries/{action}?…&max
//! GET  /deliveries/{id}                POST /deliveries/{id}/{action}
//! GET  /paused                         POST /pause?connection|function, /resume?…
//! ```
//!
//! What acts on many needs a filter and `max`: what was forgotten must not touch everything.

use std::str::FromStr;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::query::{self, BadQuery, Query};
use super::{Admin, api, with};
use crate::server::deliveries::{Deliveries, NotTaken};
use crate::store::events::{
    Action, DeliveriesView, DeliveryDetailView, DeliveryFilter, DeliveryId, EventDetailView,
    EventsError, EventsView, NotReplayed, Page, Paused, PausedView,
};

/// So many events are replayed by one request at most.
const MOST_REPLAYED: u32 = 1000;

/// Why an admin does not get it.
#[derive(Debug)]
enum Refused {
    BadQuery(String),
    NotFound(&'static str),
    /// What is there does not allow it.
    Conflict(String),
    /// The function fails for it.
    Failed(String),
    Store(EventsError),
}

impl From<BadQuery> for Refused {
    fn from(BadQuery(why): BadQuery) -> Self {
        Self::BadQuery(why)
    }
}

impl From<EventsError> for Refused {
    fn from(error: EventsError) -> Self {
        Self::Store(error)
    }
}

impl From<NotTaken> for Refused {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Missing => Self::NotFound("no such event is kept"),
            NotTaken::Function(why) => Self::Failed(why),
            NotTaken::Again(NotReplayed::Store(error)) | NotTaken::Store(error) => {
                Self::Store(error)
            }
            NotTaken::Again(why) => Self::Conflict(why.to_string()),
        }
    }
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::BadQuery(why) => api::error(StatusCode::BAD_REQUEST, "BAD_REQUEST", &why),
            Refused::NotFound(why) => api::error(StatusCode::NOT_FOUND, "NOT_FOUND", why),
            Refused::Conflict(why) => api::error(StatusCode::CONFLICT, "CONFLICT", &why),
            Refused::Failed(why) => {
                api::error(StatusCode::UNPROCESSABLE_ENTITY, "FUNCTION_FAILED", &why)
            }
            Refused::Store(error) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                api::error(status, "STORE_UNAVAILABLE", &error.to_string())
            }
        }
    }
}

type Asked = Result<Response, Refused>;

/// What is done to deliveries, as a part of a path.
#[derive(Debug, Clone, Copy)]
struct Verb(Action);

impl FromStr for Verb {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "retry" => Ok(Self(Action::Retry)),
            "cancel" => Ok(Self(Action::Cancel)),
            "release" => Ok(Self(Action::Release)),
            "replay" => Ok(Self(Action::Replay)),
            _ => Err(()),
        }
    }
}

/// To how many something was done.
#[derive(Debug, Serialize)]
struct DoneView {
    count: u64,
}

/// What became of an event that was replayed.
#[derive(Debug, Serialize)]
struct ReplayedView {
    /// A new one where it went through its function again.
    event: String,
    deliveries: u64,
}

/// What became of events that were replayed.
#[derive(Debug, Serialize)]
struct ReplayedAllView {
    events: u64,
    deliveries: u64,
    refused: Vec<RefusedView>,
}

#[derive(Debug, Serialize)]
struct RefusedView {
    event: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct ChangedView {
    changed: bool,
}

/// How an event is replayed.
#[derive(Debug)]
struct How {
    reevaluate: bool,
    delivery: Option<String>,
}

impl How {
    fn read(query: &mut Query) -> Result<Self, Refused> {
        let how = Self {
            reevaluate: query.flag("reevaluate")?.unwrap_or(false),
            delivery: query.text("delivery")?,
        };
        if how.reevaluate && how.delivery.is_some() {
            let message = "`reevaluate` makes all deliveries anew: leave `delivery` away";
            return Err(Refused::BadQuery(message.to_owned()));
        }
        Ok(how)
    }
}

impl Admin {
    fn log(&self) -> Result<&Deliveries, Refused> {
        let missing = Refused::NotFound("this gateway keeps no events");
        self.deliveries.as_ref().ok_or(missing)
    }

    async fn events(&self, query: &str) -> Asked {
        let mut query = Query::new(query);
        let (filter, page) = (query.events()?, query.page()?);
        query.end()?;
        let found = self.log()?.store().events(filter, page).await?;
        Ok(api::json(StatusCode::OK, &EventsView::from(&found)))
    }

    async fn event(&self, id: &str, query: &str) -> Asked {
        nothing(query)?;
        let found = self.log()?.store().event(id).await?;
        let found = found.ok_or(Refused::NotFound("no such event is kept"))?;
        Ok(api::json(StatusCode::OK, &EventDetailView::from(&found)))
    }

    async fn replay(&self, id: &str, query: &str) -> Asked {
        let mut query = Query::new(query);
        let how = How::read(&mut query)?;
        query.end()?;
        let replayed = self.replay_one(self.log()?, id, &how).await?;
        Ok(api::json(StatusCode::OK, &replayed))
    }

    async fn replay_one(
        &self,
        log: &Deliveries,
        id: &str,
        how: &How,
    ) -> Result<ReplayedView, NotTaken> {
        let gateway = self.reloader.gateway();
        let now = self.clock.now();
        let (event, deliveries) = log
            .replay(id, how.reevaluate, how.delivery.as_deref(), gateway, now)
            .await?;
        Ok(ReplayedView { event, deliveries })
    }

    async fn replay_all(&self, query: &str) -> Asked {
        let mut query = Query::new(query);
        let filter = query.events()?;
        let how = How::read(&mut query)?;
        let most = most(&mut query)?;
        query.end()?;
        let most = narrowed(most, filter.is_everything())?;
        if most > MOST_REPLAYED {
            let message = format!("`max` is at most {MOST_REPLAYED}");
            return Err(Refused::BadQuery(message));
        }
        let page = Page {
            limit: most,
            ..Page::default()
        };
        let log = self.log()?;
        let found = log.store().events(filter, page).await?;
        if found.next.is_some() {
            return Err(Refused::Conflict(format!(
                "more than {most} events fit: none is delivered"
            )));
        }
        let mut all = ReplayedAllView {
            events: 0,
            deliveries: 0,
            refused: Vec::new(),
        };
        // In the order of arrival.
        for row in found.rows.iter().rev() {
            match self.replay_one(log, &row.id, &how).await {
                Ok(replayed) => {
                    all.events += 1;
                    all.deliveries += replayed.deliveries;
                }
                // What comes after it would fare the same.
                Err(NotTaken::Store(error)) if all.events == 0 => return Err(error.into()),
                Err(why) => all.refused.push(RefusedView {
                    event: row.id.clone(),
                    message: why.to_string(),
                }),
            }
        }
        Ok(api::json(StatusCode::OK, &all))
    }

    async fn deliveries(&self, query: &str) -> Asked {
        let mut query = Query::new(query);
        let (filter, page) = (query.deliveries()?, query.page()?);
        query.end()?;
        let found = self.log()?.store().deliveries(filter, page).await?;
        Ok(api::json(StatusCode::OK, &DeliveriesView::from(&found)))
    }

    async fn delivery(&self, id: &str, query: &str) -> Asked {
        nothing(query)?;
        let id = DeliveryId::parse(id).ok_or(NO_DELIVERY)?;
        let found = self.log()?.store().delivery(id).await?;
        let found = found.ok_or(NO_DELIVERY)?;
        Ok(api::json(StatusCode::OK, &DeliveryDetailView::from(&found)))
    }

    async fn act_on_one(&self, id: &str, Verb(action): Verb, query: &str) -> Asked {
        nothing(query)?;
        let id = DeliveryId::parse(id).ok_or(NO_DELIVERY)?;
        let log = self.log()?;
        let filter = DeliveryFilter {
            ids: Some(vec![id]),
            ..DeliveryFilter::default()
        };
        let count = log.act(action, filter, 1).await?;
        if count == 0 {
            let found = log.store().delivery(id).await?.ok_or(NO_DELIVERY)?;
            let state = found.row.state.as_str();
            return Err(Refused::Conflict(format!(
                "a delivery that is {state} does not allow it"
            )));
        }
        Ok(api::json(StatusCode::OK, &DoneView { count }))
    }

    async fn act_on_all(&self, Verb(action): Verb, query: &str) -> Asked {
        let mut query = Query::new(query);
        let filter = query.deliveries()?;
        let most = most(&mut query)?;
        query.end()?;
        let most = narrowed(most, filter.is_everything())?;
        let count = self.log()?.act(action, filter, most).await?;
        Ok(api::json(StatusCode::OK, &DoneView { count }))
    }

    async fn paused(&self, query: &str) -> Asked {
        nothing(query)?;
        let paused = self.log()?.store().paused().await?;
        let view = PausedView::from(paused.as_slice());
        Ok(api::json(StatusCode::OK, &view))
    }

    async fn pause(&self, query: &str, is_paused: bool) -> Asked {
        let mut query = Query::new(query);
        let (connection, function) = (query.text("connection")?, query.text("function")?);
        query.end()?;
        let what = match (connection, function) {
            (Some(name), None) => Paused::Connection(name),
            (None, Some(name)) => Paused::Function(name),
            _ => {
                let message = "say one of `connection` and `function`";
                return Err(Refused::BadQuery(message.to_owned()));
            }
        };
        let changed = self.log()?.pause(what, is_paused).await?;
        Ok(api::json(StatusCode::OK, &ChangedView { changed }))
    }
}

const NO_DELIVERY: Refused = Refused::NotFound("no such delivery is kept");

fn most(query: &mut Query) -> Result<Option<u32>, BadQuery> {
    query.number("max")
}

/// How many at most, of those that a filter finds.
fn narrowed(most: Option<u32>, is_everything: bool) -> Result<u32, Refused> {
    match most {
        Some(most) if most > 0 && !is_everything => Ok(most),
        _ => {
            let message = "say which, and how many at most: a filter and `max`";
            Err(Refused::BadQuery(message.to_owned()))
        }
    }
}

/// What stands under `/admin/v1/`.
pub(super) fn filters(
    admin: &Arc<Admin>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + use<> {
    let get = || warp::get().and(with(admin)).and(query::raw());
    let post = || warp::post().and(with(admin)).and(query::raw());
    let events = warp::path!("events")
        .and(get())
        .then(async |admin: Arc<Admin>, query: String| reply(admin.events(&query).await));
    let event = warp::path!("events" / String).and(get()).then(
        async |id: String, admin: Arc<Admin>, query: String| reply(admin.event(&id, &query).await),
    );
    let replay_all = warp::path!("events" / "replay")
        .and(post())
        .then(async |admin: Arc<Admin>, query: String| reply(admin.replay_all(&query).await));
    let replay = warp::path!("events" / String / "replay").and(post()).then(
        async |id: String, admin: Arc<Admin>, query: String| reply(admin.replay(&id, &query).await),
    );
    let deliveries = warp::path!("deliveries")
        .and(get())
        .then(async |admin: Arc<Admin>, query: String| reply(admin.deliveries(&query).await));
    let delivery = warp::path!("deliveries" / String).and(get()).then(
        async |id: String, admin: Arc<Admin>, query: String| {
            reply(admin.delivery(&id, &query).await)
        },
    );
    let act_on_all = warp::path!("deliveries" / Verb).and(post()).then(
        async |verb: Verb, admin: Arc<Admin>, query: String| {
            reply(admin.act_on_all(verb, &query).await)
        },
    );
    let act_on_one = warp::path!("deliveries" / String / Verb).and(post()).then(
        async |id: String, verb: Verb, admin: Arc<Admin>, query: String| {
            reply(admin.act_on_one(&id, verb, &query).await)
        },
    );
    let paused = warp::path!("paused")
        .and(get())
        .then(async |admin: Arc<Admin>, query: String| reply(admin.paused(&query).await));
    let pause = warp::path!("pause")
        .and(post())
        .then(async |admin: Arc<Admin>, query: String| reply(admin.pause(&query, true).await));
    let resume = warp::path!("resume")
        .and(post())
        .then(async |admin: Arc<Admin>, query: String| reply(admin.pause(&query, false).await));
    events
        .or(replay_all)
        .unify()
        .or(event)
        .unify()
        .or(replay)
        .unify()
        .or(deliveries)
        .unify()
        .or(act_on_all)
        .unify()
        .or(delivery)
        .unify()
        .or(act_on_one)
        .unify()
        .or(paused)
        .unify()
        .or(pause)
        .unify()
        .or(resume)
        .unify()
}

/// Of an address that takes no query.
fn nothing(query: &str) -> Result<(), Refused> {
    Ok(Query::new(query).end()?)
}

fn reply(asked: Asked) -> Response {
    asked.unwrap_or_else(Response::from)
}
