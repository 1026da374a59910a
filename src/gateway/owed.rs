//! What a request makes the gateway owe: the key that tells a repeated event, and deliveries.
//!
//! All of it is evaluated before the request is answered, and stored, so that a reload cannot
//! change what was accepted. What fails here fails the request, and nothing is delivered.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::evaluation::Evaluation;
use super::{Generation, Refusal};
use crate::auth::{Environment, without_keys};
use crate::delivery::State;
use crate::expr::Scope;
use crate::route::{
    BodyPlan, Clause, Delivery, Durable, Failure, Line, PathPlan, RequestPlan, Runs,
};
use crate::store::events::{DeliveryRequest, HeaderLines, NewDelivery, Payload};
use crate::value::{Arena, Value, json};

/// Characters of a hole that stand in a segment as they are (RFC 3986 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// How long a lane's name, or a dedupe key for people, may be; longer ones are hashed or cut.
const LONGEST_KEY: usize = 200;
/// How many deliveries one event can have.
const MOST_DELIVERIES: usize = 1000;

/// What a request makes the gateway owe.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// The key of `dedupe`: hashed, for people, and for how long.
    pub(crate) dedupe: Option<([u8; 32], String, Duration)>,
    /// In the order of the function.
    pub(crate) deliveries: Vec<NewDelivery>,
    /// Of their bodies together.
    bytes: usize,
}

/// What became of a delivery that an answer waited for.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Its name.
    pub name: Arc<str>,
    /// How far it is.
    pub state: State,
    /// What was answered, if anything was.
    pub answer: Option<DestinationAnswer>,
}

/// What a destination answered.
#[derive(Debug, Clone, Default)]
pub struct DestinationAnswer {
    /// Its status.
    pub status: u16,
    /// Its header lines, as far as they are text.
    pub headers: Vec<(String, String)>,
    /// Its body, or the beginning of it.
    pub body: Bytes,
}

/// Where deliveries may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destinations<'a> {
    pub(super) generation: &'a Generation,
    pub(super) environment: Environment,
}

impl<'a> Evaluation<'a> {
    /// Evaluates what is owed. `limit` is the longest body, in bytes.
    pub(super) fn owe(
        &'a self,
        durable: &'a Durable,
        destinations: Destinations<'a>,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<Owed, Refusal> {
        let mut owed = Owed::default();
        if let Some(dedupe) = &durable.dedupe {
            let key = self.text_of(&dedupe.key, scope)?;
            // Every event would be the same one.
            let key = key.ok_or_else(|| wrong(&dedupe.key, "the key is empty".to_owned()))?;
            let hash = Sha256::digest(key.as_bytes()).into();
            owed.dedupe = Some((hash, cut(&key), dedupe.window));
        }
        for delivery in &durable.deliveries {
            self.owe_one(delivery, durable, destinations, scope, limit, &mut owed)?;
        }
        Ok(owed)
    }

    fn owe_one(
        &'a self,
        delivery: &'a Delivery,
        durable: &'a Durable,
        destinations: Destinations<'a>,
        scope: &Scope<'a>,
        limit: usize,
        owed: &mut Owed,
    ) -> Result<(), Refusal> {
        if let Some(when) = &delivery.when {
            match self.value(when, scope)? {
                Value::Bool(true) => {}
                Value::Bool(false) => return Ok(()),
                other => {
                    return Err(wrong(
                        when,
                        format!("{}, neither true nor false", other.type_name()),
                    ));
                }
            }
        }
        let Some(list) = &delivery.for_each else {
            let one = self.one(delivery, 0, destinations, scope, limit)?;
            return add(one, owed, delivery, limit);
        };
        let Value::List(items) = self.value(list, scope)? else {
            return Err(wrong(list, "this is not a list".to_owned()));
        };
        for (index, item) in items.iter().enumerate() {
            scope.assign(durable.slot, *item);
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let one = self.one(delivery, index, destinations, scope, limit)?;
            add(one, owed, delivery, limit)?;
        }
        Ok(())
    }

    fn one(
        &'a self,
        delivery: &'a Delivery,
        item: u32,
        destinations: Destinations<'a>,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<NewDelivery, Refusal> {
        let lane = match &delivery.order_by {
            // What has no key has no order.
            Some(key) => self.text_of(key, scope)?.map(|key| {
                if key.len() > LONGEST_KEY {
                    hex::encode(Sha256::digest(key.as_bytes()))
                } else {
                    key
                }
            }),
            None => None,
        };
        let request = if delivery.at_delivery {
            DeliveryRequest {
                method: delivery.request.method.to_string(),
                target: String::new(),
                headers: HeaderLines::default(),
                body: Payload::AtDelivery,
            }
        } else {
            self.request(&delivery.request, scope, limit)?
        };
        let connection = destinations.generation.connection(&delivery.connection);
        let is_nowhere =
            connection.is_some_and(|known| known.target(destinations.environment).is_none());
        let timeout = delivery.timeout;
        Ok(NewDelivery {
            name: Arc::clone(&delivery.name),
            item,
            connection: Arc::clone(&delivery.connection),
            lane,
            on_dead: delivery.on_dead,
            held: is_nowhere.then_some("the connection has no sandbox"),
            policy: delivery.policy,
            timeout: timeout
                .or_else(|| connection.map(|known| known.timeout))
                .unwrap_or(Duration::from_secs(30)),
            request,
        })
    }

    /// What a delivery sends that is made when it is sent. `item` is the element of its `for_each`.
    pub(super) fn again(
        &'a self,
        name: &str,
        item: u32,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<DeliveryRequest, Refusal> {
        let gone = |message: &str| Refusal::Failed {
            message: message.to_owned(),
            site: self.route.site.to_string(),
        };
        let durable = self.route.durable.as_deref();
        let delivery = durable.and_then(|durable| durable.delivery(name));
        let (Some(durable), Some(delivery)) = (durable, delivery) else {
            return Err(gone("the function has no such delivery any more"));
        };
        if let Some(list) = &delivery.for_each {
            let Value::List(items) = self.value(list, scope)? else {
                return Err(wrong(list, "this is not a list".to_owned()));
            };
            let index = usize::try_from(item).unwrap_or(usize::MAX);
            let item = items.get(index);
            let item = item.ok_or_else(|| gone("the list has no such element any more"))?;
            scope.assign(durable.slot, *item);
        }
        self.request(&delivery.request, scope, limit)
    }

    /// What a delivery sends, as the function makes it now.
    fn request(
        &'a self,
        plan: &'a RequestPlan,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<DeliveryRequest, Refusal> {
        let mut target = match &plan.path {
            PathPlan::Fixed(path) => path.to_string(),
            PathPlan::Computed(clause) => self.path(clause, scope)?,
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, line) in &plan.query {
            self.each_text(line, scope, &mut |text| {
                query.append_pair(name, text);
            })?;
        }
        let query = query.finish();
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        let mut headers = Vec::new();
        let mut has_type = false;
        for (name, line) in &plan.headers {
            has_type |= name.eq_ignore_ascii_case(header::CONTENT_TYPE.as_str());
            let mut bad = None;
            self.each_text(line, scope, &mut |text| {
                if http::HeaderValue::from_str(text).is_err() {
                    bad = Some(format!("the header `{name}` cannot hold this"));
                }
                headers.push((name.clone(), Bytes::copy_from_slice(text.as_bytes())));
            })?;
            if let Some(message) = bad {
                let site = self.route.site.to_string();
                return Err(Refusal::Failed { message, site });
            }
        }
        let (body, content_type) = self.body(&plan.body, scope, limit)?;
        if let Some(content_type) = content_type
            && !has_type
        {
            headers.push(("content-type".into(), content_type));
        }
        Ok(DeliveryRequest {
            method: plan.method.to_string(),
            target,
            headers: headers.into_iter().collect(),
            body,
        })
    }

    fn body(
        &'a self,
        plan: &'a BodyPlan,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<(Payload, Option<Bytes>), Refusal> {
        let of = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        Ok(match plan {
            BodyPlan::None => (Payload::Own(Bytes::new()), None),
            BodyPlan::Json(tree) => {
                let mut text = Vec::new();
                let is_there = tree
                    .write_to(scope, limit, &mut text)
                    .map_err(|failure| self.failed(failure))?;
                if !is_there {
                    text.extend_from_slice(b"null");
                }
                (Payload::Own(text.into()), of("application/json"))
            }
            BodyPlan::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, line) in pairs {
                    self.each_text(line, scope, &mut |text| {
                        form.append_pair(name, text);
                    })?;
                }
                let form = Bytes::from(form.finish());
                (Payload::Own(form), of("application/x-www-form-urlencoded"))
            }
            BodyPlan::Multipart(parts) => {
                let (body, content_type) = self.multipart(parts, scope)?;
                if body.len() > limit {
                    return Err(self.failed(Failure::TooLarge(limit)));
                }
                (Payload::Own(body.into()), Some(content_type.into()))
            }
            BodyPlan::Text {
                content,
                content_type,
            } => {
                let mut text = Vec::new();
                content
                    .write(scope, limit, &mut text)
                    .map_err(|failure| self.failed(failure))?;
                let content_type = Bytes::copy_from_slice(content_type.as_bytes());
                (Payload::Own(text.into()), Some(content_type))
            }
            BodyPlan::Raw => {
                let content_type = self.view.content_type();
                (
                    Payload::OfEvent,
                    content_type.map(|of| Bytes::copy_from_slice(of.as_bytes())),
                )
            }
        })
    }

    /// `multipart/form-data` (RFC 7578): texts, and files of the request with their name and type.
    fn multipart(
        &'a self,
        parts: &'a [(Box<str>, Line)],
        scope: &Scope<'a>,
    ) -> Result<(Vec<u8>, String), Refusal> {
        let mut whole: Vec<(&str, Value<'a>)> = Vec::new();
        for (name, line) in parts {
            match self.line(line, scope)? {
                Value::Optional(None) => {}
                Value::List(items) => whole.extend(items.iter().map(|item| (&**name, *item))),
                value => whole.push((name, value)),
            }
        }
        // The same for the same content, so that a repeated attempt sends the same bytes.
        let mut hash = Sha256::new();
        for (name, value) in &whole {
            hash.update(name.as_bytes());
            if let Value::Map(file) = value
                && let Some(Value::Bytes(bytes)) = file.get_str("bytes")
            {
                hash.update(bytes);
            }
        }
        let boundary = format!("hookweir-{}", hex::encode(hash.finalize()));
        let quoted = |text: &str| {
            text.replace('"', "%22")
                .replace('\r', "%0D")
                .replace('\n', "%0A")
        };
        let mut body = Vec::new();
        for (name, value) in whole {
            body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            let disposition = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
            body.extend_from_slice(disposition.as_bytes());
            match value {
                Value::Map(file) => {
                    let text = |key| match file.get_str(key) {
                        Some(Value::String(text)) => text,
                        _ => "",
                    };
                    let Some(Value::Bytes(bytes)) = file.get_str("bytes") else {
                        let message = format!("the part `{name}` is a map, and no file");
                        let site = self.route.site.to_string();
                        return Err(Refusal::Failed { message, site });
                    };
                    let kind = match text("content_type") {
                        "" => "application/octet-stream",
                        kind => kind,
                    };
                    let rest = format!(
                        "; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
                        quoted(text("filename")),
                        kind.replace(['\r', '\n'], " ")
                    );
                    body.extend_from_slice(rest.as_bytes());
                    body.extend_from_slice(bytes);
                }
                value => {
                    body.extend_from_slice(b"\r\n\r\n");
                    match value {
                        Value::Bytes(bytes) => body.extend_from_slice(bytes),
                        value => body.extend_from_slice(self.shown(value)?.as_bytes()),
                    }
                }
            }
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok((body, format!("multipart/form-data; boundary={boundary}")))
    }

    /// A path whose holes cannot leave their segment.
    fn path(&'a self, clause: &'a Clause, scope: &Scope<'a>) -> Result<String, Refusal> {
        let Runs::Text(program) = &*clause.program else {
            return Err(wrong(clause, "this is no path".to_owned()));
        };
        let mut path = String::new();
        let mut is_empty = false;
        program
            .feed_apart(scope, &mut |bytes, is_hole| {
                let text = String::from_utf8_lossy(bytes);
                if is_hole {
                    is_empty |= text.is_empty();
                    path.extend(utf8_percent_encode(&text, SEGMENT));
                } else {
                    path.push_str(&text);
                }
            })
            .map_err(|fault| self.failed(Failure::Clause(clause, fault)))?;
        if is_empty {
            return Err(wrong(clause, "a part of the path is empty".to_owned()));
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            let message = "a segment of the path is `.` or `..`".to_owned();
            return Err(wrong(clause, message));
        }
        Ok(path)
    }

    /// Each text that a line gives; an empty optional gives none.
    fn each_text(
        &'a self,
        line: &'a Line,
        scope: &Scope<'a>,
        take: &mut dyn FnMut(&str),
    ) -> Result<(), Refusal> {
        match self.line(line, scope)? {
            Value::Optional(None) => {}
            Value::List(items) => {
                for item in items {
                    take(&self.shown(*item)?);
                }
            }
            value => take(&self.shown(value)?),
        }
        Ok(())
    }

    fn shown(&self, value: Value<'a>) -> Result<Cow<'a, str>, Refusal> {
        match value {
            Value::String(text) | Value::Number(text) => Ok(Cow::Borrowed(text)),
            Value::Optional(Some(inner)) => self.shown(*inner),
            Value::Bool(_)
            | Value::Int(_)
            | Value::UInt(_)
            | Value::Double(_)
            | Value::Timestamp(_)
            | Value::Duration(_) => {
                let mut text = Vec::new();
                // A number or a Boolean as it is, a time in quotes.
                let written = json::write(value, &mut text);
                let text = String::from_utf8_lossy(&text).into_owned();
                match written {
                    Ok(()) => Ok(Cow::Owned(text.trim_matches('"').to_owned())),
                    Err(error) => Err(Refusal::Failed {
                        message: error.to_string(),
                        site: self.route.site.to_string(),
                    }),
                }
            }
            other => Err(Refusal::Failed {
                message: format!("{} cannot be sent as a text", other.type_name()),
                site: self.route.site.to_string(),
            }),
        }
    }

    fn value(&'a self, clause: &'a Clause, scope: &Scope<'a>) -> Result<Value<'a>, Refusal> {
        clause
            .evaluate(scope)
            .map_err(|fault| self.failed(Failure::Clause(clause, fault)))
    }

    /// A key as text; `None` for an empty one. What looks like a key of ours is not kept.
    fn text_of(&'a self, clause: &'a Clause, scope: &Scope<'a>) -> Result<Option<String>, Refusal> {
        let text = match self.value(clause, scope)? {
            Value::Null | Value::Optional(None) => return Ok(None),
            Value::Bytes(bytes) => Cow::Owned(hex::encode(bytes)),
            value => self.shown(value)?,
        };
        let text = without_keys(&text).into_owned();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// `deliveries` for an answer: what became of those that it waited for, else what is owed.
    pub(super) fn deliveries(
        durable: &'a Durable,
        owed: &Owed,
        came: &'a [Delivered],
        arena: &'a Arena,
    ) -> Value<'a> {
        let named = durable.deliveries.iter().map(|delivery| {
            let known = came.iter().find(|known| known.name == delivery.name);
            let owes = owed.deliveries.iter().find(|one| one.name == delivery.name);
            let state = match (known, owes) {
                (Some(known), _) => known.state.as_str(),
                (None, Some(one)) if one.held.is_some() => State::Held.as_str(),
                (None, Some(_)) => State::Pending.as_str(),
                (None, None) => "none",
            };
            let answer = known.and_then(|known| known.answer.as_ref());
            (&*delivery.name, delivered(state, answer, arena))
        });
        arena.object(&named.collect::<Vec<_>>())
    }
}

fn delivered<'a>(
    state: &'static str,
    answer: Option<&'a DestinationAnswer>,
    arena: &'a Arena,
) -> Value<'a> {
    let headers: Vec<(&str, Value<'a>)> = answer
        .into_iter()
        .flat_map(|answer| &answer.headers)
        .map(|(name, value)| (name.as_str(), Value::String(value)))
        .collect();
    let text = answer.and_then(|answer| std::str::from_utf8(&answer.body).ok());
    let json = answer.and_then(|answer| json::read(&answer.body, arena, 64).ok());
    let status = answer.map(|answer| Value::Int(i64::from(answer.status)));
    arena.object(&[
        ("ok", Value::Bool(state == State::Delivered.as_str())),
        ("state", Value::String(state)),
        ("status_code", status.unwrap_or(Value::Null)),
        ("headers", arena.multi(&headers)),
        ("json", json.unwrap_or(Value::Null)),
        ("text", Value::String(text.unwrap_or_default())),
    ])
}

fn wrong(clause: &Clause, message: String) -> Refusal {
    Refusal::Failed {
        message,
        site: clause.site.to_string(),
    }
}

/// Adds a delivery. All of an event together have a limit, too: one element of a list may repeat the
/// whole body.
fn add(
    one: NewDelivery,
    owed: &mut Owed,
    delivery: &Delivery,
    limit: usize,
) -> Result<(), Refusal> {
    if let Payload::Own(body) = &one.request.body {
        owed.bytes += body.len();
    }
    owed.deliveries.push(one);
    let message = if owed.deliveries.len() > MOST_DELIVERIES {
        format!("there are more than {MOST_DELIVERIES} deliveries")
    } else if owed.bytes > limit {
        format!("the deliveries are longer than {limit} bytes together")
    } else {
        return Ok(());
    };
    let site = delivery.site.to_string();
    Err(Refusal::Failed { message, site })
}

/// A key for people.
fn cut(key: &str) -> String {
    let end = (0..=key.len().min(LONGEST_KEY))
        .rev()
        .find(|&end| key.is_char_boundary(end))
        .unwrap_or(0);
    let mut shown = key.get(..end).unwrap_or_default().to_owned();
    if shown.len() < key.len() {
        shown.push('…');
    }
    shown
}
