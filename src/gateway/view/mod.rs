//! What a function sees of a request: a value for each [`Root`].
//!
//! Each value is made when an expression first asks for it, and nothing is parsed twice. Values
//! borrow from the request's bytes; what had to be decoded lies in the request's arena.
//!
//! Never in any of them, wherever it arrived: the caller's key. The pair `zapikey` is left out of
//! `query`, `form`, `params` and a form's `body`, and is cut out of `raw_body` and of
//! `crmAPIRequest.body`; a multipart part of that name keeps its place there and loses its
//! content. `headers` have neither `X-ZAPI-Key` nor one of Zoho's OAuth tokens. Where the request
//! repeats the key that let the caller in (a member of a JSON body, a file, another field, a
//! cookie, `Referer`, a proxy's original URL) `[zapikey]` takes its place. All other bytes of a body
//! stay as they were sent, so that a signature over a body without the key can be checked.
//!
//! What merely looks like a key and was not presented as one is data: a JSON body is not searched
//! for credentials.
//!
//! A body that cannot be read is found out when something reads it, and then the request is
//! refused, whatever the expression would have made of the failure: see [`View::refusal`].

mod content;
mod credentials;
mod media;
mod multipart;
mod objects;
mod pairs;
mod text;

pub use credentials::{Credentials, KEY_HEADER};
pub(super) use objects::event_id;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use super::{InboundRequest, Refusal};
use crate::auth::Caller;
use crate::expr::{Fault, FaultKind};
use crate::route::Root;
use crate::value::json::Reach;
use crate::value::{Arena, Instant, Value};
use crate::zoho;

use media::Media;
use multipart::Part;
use pairs::Pair;

/// The part that Zoho knows as a file.
const INPUT_FILE: &str = "inputFile";

/// What a view is made of, beside the request's own bytes.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The request.
    pub request: &'a InboundRequest,
    /// Where decoded values go.
    pub arena: &'a Arena,
    /// What the caller presented, so that it can be left out.
    pub credentials: &'a Credentials<'a>,
    /// Who called.
    pub caller: &'a Caller,
    /// The parameters of `accept.path`, decoded; none when the request came by Zoho's address.
    pub path: &'a [(String, String)],
    /// The function's name.
    pub function: &'a str,
    /// The generation's number.
    pub generation: u64,
    /// The declared arguments.
    pub arguments: &'a [String],
    /// What the function can look at of a JSON body; the rest is only held to JSON's rules.
    pub reach: &'a Reach,
    /// `env.NAME` values.
    pub env: &'a [(String, String)],
    /// How many parts a multipart body may have.
    pub parts: usize,
    /// The event's id, where it is known already; else one is made.
    pub event_id: Option<&'a str>,
}

/// The values of one request's roots.
#[derive(Debug)]
pub struct View<'a> {
    facts: Facts<'a>,
    media: Media<'a>,
    query: Cell<Option<&'a [Pair<'a>]>>,
    form: Cell<Option<Result<&'a [Pair<'a>], ViewError<'a>>>>,
    parts: Cell<Option<Result<&'a [Part<'a>], ViewError<'a>>>>,
    event_id: Cell<Option<&'a str>>,
    /// The first one that anybody met.
    error: Cell<Option<ViewError<'a>>>,
}

/// Why a root has no value: the request is at fault, not the function. The texts are for the
/// caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewError<'a> {
    /// The body is not what its content type says.
    BadBody(&'a str),
    /// The body's content encoding or charset is not taken.
    UnsupportedMediaType(&'a str),
}

impl<'a> ViewError<'a> {
    /// What is wrong, for the caller.
    pub fn message(self) -> &'a str {
        match self {
            Self::BadBody(message) | Self::UnsupportedMediaType(message) => message,
        }
    }

    /// How the request is answered.
    pub fn refusal(self) -> Refusal {
        let message = self.message().to_owned();
        match self {
            Self::BadBody(_) => Refusal::BadBody { message },
            Self::UnsupportedMediaType(_) => Refusal::UnsupportedMediaType { message },
        }
    }

    /// How the expression that asked fails. `??` does not absorb it.
    pub fn fault(self) -> Fault<'a> {
        Fault {
            kind: FaultKind::Failed,
            span: (0, 0),
            detail: self.message(),
        }
    }
}

impl<'a> View<'a> {
    /// A view of a request. Looks at the head only.
    pub fn new(facts: Facts<'a>) -> Self {
        let InboundRequest { head, body } = facts.request;
        Self {
            facts,
            media: Media::of(&head.method, &head.headers, body.is_empty()),
            query: Cell::new(None),
            form: Cell::new(None),
            parts: Cell::new(None),
            event_id: Cell::new(facts.event_id),
            error: Cell::new(None),
        }
    }

    /// The value of a root.
    pub fn get(&self, root: Root) -> Result<Value<'a>, ViewError<'a>> {
        let value = self.value(root);
        if let (Err(error), None) = (&value, self.error.get()) {
            self.error.set(Some(*error));
        }
        value
    }

    /// Why the request must be refused, once something has read a body that is not what it says.
    /// To be asked when all expressions have run, also when they gave a value: `false && body.x`
    /// may hide the failure, but the request is no better for it.
    pub fn refusal(&self) -> Option<Refusal> {
        self.error.get().map(ViewError::refusal)
    }

    /// The content type as it was sent.
    pub(super) fn content_type(&self) -> Option<&'a str> {
        let headers = &self.facts.request.head.headers;
        headers.get(http::header::CONTENT_TYPE)?.to_str().ok()
    }

    /// `evt_` and an id that sorts by time; the same at each call.
    pub fn event_id(&self) -> &'a str {
        if let Some(id) = self.event_id.get() {
            return id;
        }
        let id = objects::event_id(self.facts.request.head.received_at);
        let id = self.facts.arena.string(&id);
        self.event_id.set(Some(id));
        id
    }

    /// The pairs of the query, as a scheme reads them.
    pub(in crate::gateway) fn query_pairs(&self) -> &'a [Pair<'a>] {
        self.query()
    }

    /// The fields of a form, as a scheme reads them.
    pub(in crate::gateway) fn form_pairs(&self) -> Result<&'a [Pair<'a>], ViewError<'a>> {
        self.form()
    }

    fn value(&self, root: Root) -> Result<Value<'a>, ViewError<'a>> {
        let Facts {
            request,
            arena,
            caller,
            env,
            ..
        } = self.facts;
        Ok(match root {
            Root::Body => self.body()?,
            Root::RawBody => Value::Bytes(self.raw_body()),
            Root::Params => self.params()?,
            Root::Query => objects::multi(self.query(), arena),
            Root::Form => objects::multi(self.form()?, arena),
            Root::Path => self.path(),
            Root::Cookies => {
                let cookies = objects::cookies(&request.head.headers, arena);
                objects::multi(self.without_key(cookies), arena)
            }
            Root::Headers => arena.headers(&self.header_lines()),
            Root::Files => objects::files(self.parts()?, arena),
            Root::FileContent => objects::file_content(self.parts()?, arena)?,
            Root::Method => Value::String(request.head.method.as_str()),
            Root::AuthType => Value::String(objects::auth_type(caller)),
            Root::UserInfo => objects::user_info(caller, arena),
            Root::Arguments => self.arguments()?,
            Root::Event => self.event(),
            Root::Env => objects::texts(env, arena),
            Root::Now => self.received_at(),
            Root::CrmApiRequest => self.crm_api_request()?,
        })
    }

    fn query(&self) -> &'a [Pair<'a>] {
        if let Some(query) = self.query.get() {
            return query;
        }
        let text = self.facts.request.head.query();
        let query = self.without_key(pairs::pairs(text.as_bytes(), None, self.facts.arena));
        self.query.set(Some(query));
        query
    }

    /// Pairs whose names and values do not repeat the key.
    fn without_key(&self, pairs: &'a [Pair<'a>]) -> &'a [Pair<'a>] {
        let Facts {
            arena, credentials, ..
        } = self.facts;
        let hide = |text| credentials.hide(text, arena);
        let is_clean = |(name, value): &Pair<'a>| {
            std::ptr::eq(hide(name), *name) && std::ptr::eq(hide(value), *value)
        };
        if pairs.iter().all(is_clean) {
            return pairs;
        }
        let hidden: Vec<Pair<'a>> = pairs
            .iter()
            .map(|(name, value)| (hide(name), hide(value)))
            .collect();
        arena.slice(&hidden)
    }

    fn path(&self) -> Value<'a> {
        let Facts { arena, path, .. } = self.facts;
        let parameter = |(name, value): &'a (String, String)| (name.as_str(), value.as_str());
        let parameters: Vec<Pair<'a>> = path.iter().map(parameter).collect();
        let entries: Vec<_> = self
            .without_key(arena.slice(&parameters))
            .iter()
            .map(|(name, value)| (*name, Value::String(value)))
            .collect();
        arena.object(&entries)
    }

    fn params(&self) -> Result<Value<'a>, ViewError<'a>> {
        Ok(zoho::params(self.query(), self.form()?, self.facts.arena))
    }

    fn arguments(&self) -> Result<Value<'a>, ViewError<'a>> {
        let Facts {
            arguments, arena, ..
        } = self.facts;
        zoho::arguments(arguments, self.params()?, arena)
            .map_err(|why| ViewError::BadBody(arena.string(&why)))
    }

    fn header_lines(&self) -> Vec<(&'a str, Value<'a>)> {
        objects::header_lines(self.facts.request, self.facts.credentials, self.facts.arena)
    }

    fn received_at(&self) -> Value<'a> {
        let since_epoch = self.facts.request.head.received_at.as_duration();
        Instant::from_epoch(since_epoch).map_or(Value::Null, Value::Timestamp)
    }

    fn event(&self) -> Value<'a> {
        let Facts {
            request,
            arena,
            caller,
            function,
            generation,
            ..
        } = self.facts;
        let peer = request
            .head
            .peer
            .map(|peer| arena.string(&peer.to_string()));
        let environment = arena.string(&caller.environment.to_string());
        arena.object(&[
            ("id", Value::String(self.event_id())),
            ("received_at", self.received_at()),
            ("function", Value::String(function)),
            ("environment", Value::String(environment)),
            (
                "generation",
                Value::Int(i64::try_from(generation).unwrap_or(i64::MAX)),
            ),
            ("peer", peer.map_or(Value::Null, Value::String)),
        ])
    }

    fn crm_api_request(&self) -> Result<Value<'a>, ViewError<'a>> {
        let Facts {
            request,
            arena,
            caller,
            ..
        } = self.facts;
        let headers = objects::joined(&self.header_lines(), arena);
        let object = zoho::RequestObject {
            body: self.body_text(),
            params: self.params()?,
            file_content: objects::file_content(self.parts()?, arena)?,
            user_info: objects::user_info(caller, arena),
            method: request.head.method.as_str(),
            auth_type: objects::auth_type(caller),
            headers: arena.slice(&headers),
        };
        Ok(object.value(arena))
    }
}
