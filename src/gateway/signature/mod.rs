//! Signatures and handshakes of one request.
//!
//! ```text
//! route.signature + request ─Prover─▶ answer   a handshake, or none
//!                                  ─▶ verify   which rule holds, or why none does
//! ```
//!
//! What is verified is the request as its sender made it: all bytes of the body, the whole URL, the
//! caller's key not left out anywhere. The expressions here are the scheme's own, never the
//! function's. Whatever is wrong with a request is a refusal, never a failure of ours; why is for
//! the operator.

mod answer;
mod attack;
mod doctor;
mod find;
mod prove;
mod samples;
mod sign;
mod unproven;

pub use attack::{Attack, attacks};
pub use doctor::{Diagnosis, diagnose};
pub use samples::{Sample, Samples};
pub use sign::{CannotSign, Signed, With, sign};
pub use unproven::{Step, Unproven};

use std::cell::{Cell, OnceCell, RefCell};

use super::view::{Credentials, Facts, View, ViewError};
use super::{Admission, Certificates, HandshakeSecrets, InboundRequest, Surroundings};
use crate::auth::Caller;
use crate::auth::signature::{Encoding, Key, Scheme};
use crate::expr::{Budget, Fault, FaultKind, Provide, Scope, Slot};
use crate::route::signature::{Known, Signature, Stage};
use crate::route::{Clause, Root};
use crate::value::json::{self, Reach};
use crate::value::{Arena, Value};

/// Everything of a request: what a scheme may look at.
static WHOLE: Reach = Reach::WHOLE;

/// What outlives a prover: nobody is known yet, and nothing is to be hidden.
pub(super) struct Nobody<'r> {
    credentials: Credentials<'r>,
    caller: Caller,
}

impl Nobody<'_> {
    pub(super) fn new(surroundings: &Surroundings<'_>) -> Self {
        Self {
            credentials: Credentials::default(),
            caller: Caller::anonymous(surroundings.environment),
        }
    }
}

/// Gives the expressions of a signature their values.
pub(super) struct Prover<'a> {
    signature: &'a Signature,
    request: &'a InboundRequest,
    arena: &'a Arena,
    view: View<'a>,
    budget: Budget,
    json: OnceCell<Option<Value<'a>>>,
    /// The item of a list that is looked at, where each is signed by itself.
    item: Cell<Option<Value<'a>>>,
    /// What changes from try to try.
    secret: Cell<&'a [u8]>,
    timestamp: Cell<Option<&'a str>>,
    names: RefCell<Vec<Option<&'a str>>>,
    certificates: Option<&'a Certificates>,
    handshakes: &'a HandshakeSecrets,
    function: &'a str,
    claims: Cell<Option<Value<'a>>>,
    /// What the doctor tries instead.
    tweak: Tweak,
}

/// What is read or computed otherwise than the scheme says, to find out what would have fitted.
#[derive(Debug, Default)]
struct Tweak {
    encoding: Option<Encoding>,
    scheme: Option<Scheme>,
    /// Items of any form are signatures.
    any_item: bool,
    /// Whenever it was signed.
    at_any_time: bool,
    keys: Option<Vec<Key>>,
    public_url: Option<String>,
}

impl<'a> Provide<'a> for Prover<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        if let (Some(Root::Body), Some(item)) = (Root::of(slot), self.item.get()) {
            return Ok(item);
        }
        if let Some(Root::RawBody) = Root::of(slot) {
            // All bytes: a key in a form was signed with the rest of it.
            return Ok(Value::Bytes(&self.request.body));
        }
        if let Some(root) = Root::of(slot) {
            return self.view.get(root).map_err(ViewError::fault);
        }
        match Known::of(slot) {
            Some(Known::Url) => Ok(Value::String(self.url())),
            Some(Known::UrlPath) => Ok(Value::String(self.request.head.path())),
            Some(Known::UrlQuery) => Ok(Value::String(self.request.head.query())),
            Some(Known::UrlSorted) => Ok(Value::String(self.url_sorted())),
            Some(Known::FormSorted) => self.form_sorted().map(Value::String),
            Some(Known::Secret) => Ok(Value::Bytes(self.secret.get())),
            Some(Known::Param) => Ok(self.params()),
            Some(Known::Claims) => self.claims.get().ok_or(ABSENT),
            Some(Known::Timestamp) => self.timestamp.get().map(Value::String).ok_or(ABSENT),
            None => {
                let index = usize::from(slot.0).checked_sub(Known::FIRST_NAME);
                let names = self.names.borrow();
                let name = index.and_then(|index| names.get(index).copied().flatten());
                name.map(Value::String).ok_or(ABSENT)
            }
        }
    }
}

const ABSENT: Fault<'static> = Fault {
    kind: FaultKind::Absent,
    span: (0, 0),
    detail: "name",
};

impl<'a> Prover<'a> {
    pub(super) fn new(
        signature: &'a Signature,
        admission: &'a Admission,
        request: &'a InboundRequest,
        nobody: &'a Nobody<'a>,
        surroundings: Surroundings<'a>,
        arena: &'a Arena,
    ) -> Self {
        let generation = &admission.generation;
        let view = View::new(Facts {
            request,
            arena,
            credentials: &nobody.credentials,
            caller: &nobody.caller,
            path: &admission.path,
            function: &admission.route.name,
            generation: generation.number,
            arguments: &[],
            reach: &WHOLE,
            env: surroundings.env,
            parts: generation.limits.parts,
            event_id: surroundings.event_id,
        });
        Self {
            signature,
            request,
            arena,
            view,
            budget: Budget {
                steps: generation.limits.steps,
                memory: generation.limits.memory,
            },
            json: OnceCell::new(),
            item: Cell::new(None),
            secret: Cell::new(
                signature
                    .secret
                    .as_ref()
                    .map_or(b"", |key| key.secret_bytes()),
            ),
            timestamp: Cell::new(None),
            claims: Cell::new(None),
            tweak: Tweak::default(),
            certificates: surroundings.certificates,
            handshakes: surroundings.handshakes,
            function: &admission.route.name,
            names: RefCell::new(vec![None; signature.names.len()]),
        }
    }

    /// There are only handshakes.
    pub(super) fn is_without_rules(&self) -> bool {
        self.signature.rules.is_empty()
    }

    /// Some handshakes are answered only to who is known.
    pub(super) fn has_later_handshakes(&self) -> bool {
        let mut challenges = self.signature.challenges.iter();
        challenges.any(|challenge| challenge.stage != Stage::Anybody)
    }

    /// Nothing is refused.
    pub(super) fn observes(&self) -> bool {
        self.signature.observe
    }

    /// A scope for the values as they are now.
    fn scope(&'a self) -> Scope<'a> {
        let head = &self.request.head;
        Scope::new(
            self.arena,
            self,
            self.signature.variables(),
            head.received_at,
            self.budget,
        )
    }

    /// Notes what an added name is; the slot is one of the signature's.
    fn name(&self, slot: usize, text: Option<&'a str>) {
        let index = slot.checked_sub(Known::FIRST_NAME);
        let mut names = self.names.borrow_mut();
        if let Some(place) = index.and_then(|index| names.get_mut(index)) {
            *place = text;
        }
    }

    fn public_url(&self) -> &str {
        let known = self.signature.public_url.as_deref();
        let tried = self.tweak.public_url.as_deref();
        tried.or(known).unwrap_or_default()
    }

    /// The URL as the sender knows it: what is configured, and path and query as they were sent.
    fn url(&self) -> &'a str {
        let base = self.public_url();
        let target = self.request.head.target.as_str();
        self.arena.string(&[base, target].concat())
    }

    /// The URL with the pairs of its query sorted, as they were sent.
    fn url_sorted(&self) -> &'a str {
        let head = &self.request.head;
        let mut pairs: Vec<&str> = head.query().split('&').collect();
        pairs.sort_unstable();
        let base = self.public_url();
        let mark = if head.query().is_empty() { "" } else { "?" };
        let url = [base, head.path(), mark, &pairs.join("&")].concat();
        self.arena.string(&url)
    }

    fn params(&self) -> Value<'a> {
        let entry = |(name, value): &'a (String, String)| (name.as_str(), Value::String(value));
        let entries: Vec<_> = self.signature.params.iter().map(entry).collect();
        self.arena.object(&entries)
    }

    /// Names sorted, each followed by its value; of equal names the values sorted, each once.
    fn form_sorted(&self) -> Result<&'a str, Fault<'a>> {
        let mut pairs = self.view.form_pairs().map_err(ViewError::fault)?.to_vec();
        pairs.sort_unstable();
        pairs.dedup();
        let text: String = pairs
            .into_iter()
            .flat_map(|(name, value)| [name, value])
            .collect();
        Ok(self.arena.string(&text))
    }

    /// The body as JSON, whatever it is called, or the item of it that is looked at.
    fn json(&self) -> Option<Value<'a>> {
        if let Some(item) = self.item.get() {
            return Some(item);
        }
        *self
            .json
            .get_or_init(|| json::read(&self.request.body, self.arena, json::DEPTH).ok())
    }
}

/// Whether a condition holds; a failure counts as false.
fn holds<'a>(condition: &'a Clause, scope: &Scope<'a>) -> bool {
    matches!(condition.evaluate(scope), Ok(Value::Bool(true)))
}
