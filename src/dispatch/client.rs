//! Makes one attempt: the request with everything of its connection, and what its answer means.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use crate::connect::{Access, Tokens};
use crate::delivery::Came;
use crate::gateway::{DestinationAnswer, Gateway, judge};
use crate::outbound::{Bounds, Call, Called, FetchError, Identity, Outbound, OutboundError};
use crate::route::{Connection, Generation, Target};
use crate::store::events::{DeliveryRequest, EventStore, Leased, Payload};

/// How much of an answer is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// The networks that a connection allows, and the certificate that it shows.
type Way = (Vec<(IpAddr, u8)>, Vec<u8>);

/// Sends deliveries.
#[derive(Debug)]
pub(super) struct Client {
    outbound: Outbound,
    gateway: Arc<Gateway>,
    tokens: Arc<Tokens>,
    /// One for each way that connections go.
    ways: Mutex<HashMap<Way, Outbound>>,
}

impl Client {
    pub(super) fn new(outbound: Outbound, gateway: Arc<Gateway>, tokens: Arc<Tokens>) -> Self {
        Self {
            outbound,
            gateway,
            tokens,
            ways: Mutex::default(),
        }
    }

    /// Makes an attempt; what was answered, if anything was.
    pub(super) async fn send(
        &self,
        generation: &Arc<Generation>,
        leased: &Leased,
        store: &dyn EventStore,
        now: Timestamp,
    ) -> (Came, Option<DestinationAnswer>) {
        let Some(connection) = generation.connection(&leased.destination.connection) else {
            let why = "the connection is not there any more".to_owned();
            return (Came::Unreachable(why), None);
        };
        let Some(target) = connection.target(leased.destination.environment) else {
            let why = "the connection leads nowhere in this environment".to_owned();
            return (Came::Unreachable(why), None);
        };
        let made = match &leased.request.body {
            Payload::AtDelivery => self.make(generation, leased, store).await,
            Payload::Own(_) | Payload::OfEvent => Ok(leased.request.clone()),
        };
        let called = match made.and_then(|request| call(target, &request, leased, now)) {
            Ok(call) => {
                let outbound = match self.outbound_of(connection, target) {
                    Ok(outbound) => outbound,
                    Err(error) => return (Came::Unreachable(error.to_string()), None),
                };
                let bounds = Bounds {
                    time: leased.timeout,
                    bytes: LONGEST_ANSWER,
                };
                match self.ask(connection, leased, &outbound, call, bounds).await {
                    Ok(called) => called,
                    Err(why) => return (Came::Unreachable(why), None),
                }
            }
            Err(why) => return (Came::Unsendable(why), None),
        };
        match called {
            Ok(called) => {
                let own = generation.route(&leased.function);
                let own = own.and_then(|route| route.durable.as_ref());
                let own = own.and_then(|durable| durable.delivery(&leased.name));
                let own = own.and_then(|delivery| delivery.ok_when.as_ref());
                let ok_when = own.or(connection.ok_when.as_ref());
                let (came, answer) =
                    judge(called.status, &called.headers, called.body, ok_when, now);
                (came, Some(answer))
            }
            Err(error @ FetchError::NotPublic) => (Came::Unsendable(error.to_string()), None),
            Err(error) => (Came::Unreachable(error.to_string()), None),
        }
    }

    /// Makes a request, with an access token where the connection has one; once more with another
    /// one, if the third party does not take it.
    async fn ask(
        &self,
        connection: &Connection,
        leased: &Leased,
        outbound: &Outbound,
        call: Call,
        bounds: Bounds,
    ) -> Result<Result<Called, FetchError>, String> {
        let environment = leased.destination.environment;
        let target = connection.target(environment);
        let Some(oauth2) = target.and_then(|target| target.oauth2.as_ref()) else {
            return Ok(outbound.call(call, bounds).await);
        };
        let mut refused: Option<Access> = None;
        loop {
            let access = self
                .tokens
                .access(connection, environment, oauth2, outbound, refused.as_ref())
                .await
                .map_err(|error| format!("no access token: {error}"))?;
            let mut call = call.clone();
            let header = access.header(oauth2);
            let mut header = HeaderValue::from_str(header.expose_secret())
                .map_err(|_| "no access token: it cannot stand in a header".to_owned())?;
            header.set_sensitive(true);
            call.headers.insert(header::AUTHORIZATION, header);
            let called = outbound.call(call, bounds).await;
            match &called {
                Ok(answer) if answer.status == 401 && refused.is_none() => refused = Some(access),
                Ok(_) | Err(_) => return Ok(called),
            }
        }
    }

    /// The request as the function makes it now.
    async fn make(
        &self,
        generation: &Arc<Generation>,
        leased: &Leased,
        store: &dyn EventStore,
    ) -> Result<DeliveryRequest, String> {
        let event = store
            .event(&leased.event)
            .await
            .map_err(|error| error.to_string())?
            .ok_or("the event is not there any more")?;
        self.gateway
            .request_of(generation, &event, &leased.name, leased.item)
    }

    fn outbound_of(
        &self,
        connection: &Connection,
        target: &Target,
    ) -> Result<Outbound, OutboundError> {
        let identity = target.identity.as_ref();
        if connection.allow.is_empty() && identity.is_none() {
            return Ok(self.outbound.clone());
        }
        let certificate = identity.map_or(&[][..], Identity::certificate);
        let way = (connection.allow.clone(), certificate.to_vec());
        let mut known = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outbound) = known.get(&way) {
            return Ok(outbound.clone());
        }
        let outbound = self.outbound.allowing(&connection.allow, identity)?;
        known.insert(way, outbound.clone());
        Ok(outbound)
    }
}

/// The request with everything of its connection.
fn call(
    target: &Target,
    request: &DeliveryRequest,
    leased: &Leased,
    now: Timestamp,
) -> Result<Call, String> {
    let mut url = format!("{}{}", target.base_url, request.target);
    if let Some((name, value)) = &target.query {
        let pair = form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value.expose_secret())
            .finish();
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&pair);
    }
    let body = match &request.body {
        Payload::Own(body) => body.clone(),
        Payload::OfEvent | Payload::AtDelivery => Bytes::new(),
    };
    let method: Method = request
        .method
        .parse()
        .map_err(|_| format!("`{}` is no method", request.method))?;
    let mut headers = target.headers.clone();
    let mut own = HeaderMap::new();
    for (name, value) in request.headers.iter() {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no header"))?;
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| format!("the header `{name}` cannot be sent"))?;
        own.append(name, value);
    }
    for name in own.keys() {
        // What shows who we are is not the function's to replace.
        if !headers.get(name).is_some_and(HeaderValue::is_sensitive) {
            headers.remove(name);
        }
    }
    for (name, value) in &own {
        if !headers.get(name).is_some_and(HeaderValue::is_sensitive) {
            headers.append(name.clone(), value.clone());
        }
    }
    // The same at each attempt and each replay, so that a receiver can tell a repeat.
    let id = if leased.item == 0 {
        format!("{}.{}", leased.event, leased.name)
    } else {
        format!("{}.{}.{}", leased.event, leased.name, leased.item)
    };
    let text = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
    headers.insert("idempotency-key", text(&id)?);
    headers.insert("webhook-id", text(&id)?);
    let at = super::seconds(now);
    headers.insert("webhook-timestamp", text(&at.to_string())?);
    if let Some(signer) = &target.signer {
        headers.insert("webhook-signature", text(&signer.sign(&id, at, &body))?);
    }
    if !headers.contains_key(header::ACCEPT) {
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    }
    Ok(Call {
        method,
        url,
        headers,
        body,
    })
}
