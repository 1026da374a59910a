//! The life of one request, free of warp and of sockets.
//!
//! ```text
//! Head ─find─▶ Admission (route and generation, pinned; how large a body may be)
//! Admission + InboundRequest ─accept─▶ Reply | Refusal
//!      address ▶ handshake ▶ key ▶ rate ▶ keyed handshake ▶ signature ▶ signed handshake
//!      ▶ when ▶ check ▶ respond; each value evaluated when it is first needed
//! ```
//!
//! A request sees one generation from beginning to end. Nothing of a function's expressions runs
//! before its caller is known. Parsing is lazy: a body that no expression reads is not parsed. On
//! the way of a request there is no lock (but for functions with a rate), no copy of the body and
//! no wait; its values live in an arena that the thread uses again for the next request.
//!
//! What a request comes to:
//!
//! * `when` that is false, or fails: `200` and Zoho's envelope around the word `skipped`. The
//!   reason is for the log.
//! * a `check` that is not true, or fails for want of what it looks at, directly or by way of
//!   `let`: what its `else` says.
//! * anything else that fails: `422` with the field's name when something that the function reads
//!   is missing, `500` otherwise.
//! * a body that is not what its content type says, once anything has read it: `400` or `415`,
//!   whatever the function made of it.
//!
//! A key in the query or in a url-encoded form of a request to Zoho's own address needs
//! `auth_type=apikey` beside it, as at Zoho's. The older address, `accept.path`, multipart bodies
//! and the header `X-ZAPI-Key` do not; an `auth_type` that says something else is refused
//! everywhere.

mod again;
pub mod capture;
mod certificates;
mod evaluation;
mod event;
mod handshakes;
mod judge;
mod owed;
mod rate;
mod recording;
mod refusal;
mod reload;
mod request;
pub mod signature;
pub mod trial;
pub mod view;

pub use certificates::{Certificates, Wanted};
pub use event::Kept;
pub(crate) use event::stored as stored_answer;
pub use handshakes::HandshakeSecrets;
pub use judge::judge;
pub use owed::{Delivered, DestinationAnswer};
pub use recording::fixture;
pub use refusal::Refusal;
pub use reload::{
    Fingerprint, LastReload, ReloadOutcome, ReloadReport, Reloader, Variables, compile_folder,
};
pub use request::{Errand, Head, InboundRequest, Reply, ReplyKind};

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use http::{Method, header};

use crate::auth::{Caller, Environment, KeyRecord, KeyRefusal, Keyring};
use crate::expr::{Budget, Scope};
use crate::outbound::Outbound;
use crate::route::signature::Stage;
use crate::route::{AddressKind, Allowed, Generation, Missed, Pattern, Route};
use crate::spec::KeyRule;
use crate::value::Arena;

use evaluation::{Answered, Evaluation};
use owed::Destinations;
use rate::Rates;
use signature::{Nobody, Prover, Samples, Unproven};
use view::{Credentials, Facts, View};

/// Takes requests through their routes.
#[derive(Debug)]
pub struct Gateway {
    generation: ArcSwap<Generation>,
    keyring: ArcSwap<Keyring>,
    rates: ArcSwap<Rates>,
    unsigned: Samples,
    certificates: Certificates,
    handshakes: ArcSwap<HandshakeSecrets>,
}

/// A route was found: which, of which generation, and how much it takes.
#[derive(Debug)]
pub struct Admission {
    /// Pinned for the whole request.
    pub generation: Arc<Generation>,
    /// The route.
    pub route: Arc<Route>,
    /// Largest body, in bytes.
    pub max_body: u64,
    /// By which kind of address it was found.
    pub address: AddressKind,
    /// The parameters of `accept.path`, decoded; none when the request came by Zoho's address.
    pub path: Vec<(String, String)>,
}

/// What became of a request, for the answer, the log and the metrics.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or why there is none.
    pub result: Result<Reply, Refusal>,
    /// The key that was used.
    pub key: Option<Arc<KeyRecord>>,
    /// Of the key; without one, of the listener. `None` when the caller was turned away.
    pub environment: Option<Environment>,
    /// For the operator: why `when` did not hold, or which check failed how.
    pub note: Option<String>,
    /// Why it would have been refused, where signatures are only observed.
    pub observed: Option<Unproven>,
    /// What must be done before the reply is given.
    pub errand: Option<Errand>,
    /// What must be on disk before the reply is given.
    pub kept: Option<Box<Kept>>,
}

/// What differs between a request that was sent and one of a function's own tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'s> {
    pub(crate) keyring: &'s Keyring,
    /// Of callers without a key.
    pub(crate) environment: Environment,
    /// `env.NAME` values.
    pub(crate) env: &'s [(String, String)],
    /// The event's id, where it is known already.
    pub(crate) event_id: Option<&'s str>,
    /// It is one of a function's own tests: random values are the same each time, and it comes from
    /// nowhere.
    pub(crate) seeded: bool,
    /// Requests count as signed.
    pub(crate) signed: bool,
    /// Those that senders name the address of.
    pub(crate) certificates: Option<&'s Certificates>,
    /// Those that providers gave.
    pub(crate) handshakes: &'s HandshakeSecrets,
    /// What became of deliveries that the answer has waited for.
    pub(crate) came: &'s [Delivered],
}

/// A keyring without keys.
static NO_KEYS: LazyLock<Keyring> = LazyLock::new(Keyring::default);

/// No handshakes.
pub(crate) static NO_SECRETS: LazyLock<HandshakeSecrets> = LazyLock::new(HandshakeSecrets::default);

impl<'s> Surroundings<'s> {
    /// Of who is looked at and not let in.
    pub(crate) fn of_nobody(env: &'s [(String, String)]) -> Self {
        Self {
            keyring: &NO_KEYS,
            environment: Environment::Production,
            env,
            event_id: None,
            seeded: false,
            signed: false,
            certificates: None,
            handshakes: &NO_SECRETS,
            came: &[],
        }
    }
}

impl Gateway {
    /// A gateway that serves this set.
    pub fn new(generation: Generation, keyring: Keyring) -> Self {
        let rates = Rates::of(&generation, &Rates::default());
        Self {
            generation: ArcSwap::from_pointee(generation),
            keyring: ArcSwap::from_pointee(keyring),
            rates: ArcSwap::from_pointee(rates),
            unsigned: Samples::default(),
            certificates: Certificates::default(),
            handshakes: ArcSwap::default(),
        }
    }

    /// Reaches third parties through this: for certificates that senders name the address of.
    #[must_use]
    pub fn reaching(self, outbound: Outbound) -> Self {
        Self {
            certificates: Certificates::new(outbound),
            ..self
        }
    }

    /// The set that new requests get.
    pub fn generation(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// Swaps in another set; requests in hand keep theirs.
    pub fn install(&self, generation: Generation) {
        let rates = Rates::of(&generation, &self.rates.load());
        self.rates.store(Arc::new(rates));
        self.generation.store(Arc::new(generation));
    }

    /// Swaps in another keyring.
    pub fn install_keys(&self, keyring: Keyring) {
        self.keyring.store(Arc::new(keyring));
    }

    /// Swaps in other secrets that providers have given.
    pub fn install_handshakes(&self, secrets: HandshakeSecrets) {
        self.handshakes.store(Arc::new(secrets));
    }

    /// Finds the route by method and path. Called before the body is read.
    pub fn find(&self, head: &Head) -> Result<Admission, Refusal> {
        admit(self.generation.load_full(), head)
    }

    /// What `Allow` says for a path; `None` when nothing answers there.
    pub fn allowed(&self, path: &str) -> Option<Vec<Method>> {
        let methods = self.generation.load().methods(path);
        (!methods.is_empty()).then(|| methods.allow())
    }

    /// Takes a whole request through its route. Never waits: where something must be fetched
    /// first, the refusal says what ([`Refusal::Awaits`]).
    pub fn accept(&self, admission: &Admission, request: &InboundRequest) -> Outcome {
        self.accept_if(admission, request, |caller| {
            let head = &request.head;
            self.rates
                .load()
                .check(&admission.route.name, caller, head.peer, head.received_at)
                .map_err(|retry_after| Refusal::TooFast { retry_after })
        })
    }

    /// Takes a request once more, after what it awaited was fetched. It has been counted already.
    pub fn accept_again(&self, admission: &Admission, request: &InboundRequest) -> Outcome {
        self.accept_if(admission, request, |_| Ok(()))
    }

    fn accept_if(
        &self,
        admission: &Admission,
        request: &InboundRequest,
        admits: impl FnOnce(&Caller) -> Result<(), Refusal>,
    ) -> Outcome {
        let keyring = self.keyring.load();
        let handshakes = self.handshakes.load();
        let is_kept = admission.route.durable.is_some();
        let id = is_kept.then(|| view::event_id(request.head.received_at));
        let surroundings = Surroundings {
            keyring: &keyring,
            environment: Environment::Production,
            env: &admission.generation.env,
            event_id: id.as_deref(),
            seeded: false,
            signed: false,
            certificates: Some(&self.certificates),
            handshakes: &handshakes,
            came: &[],
        };
        let outcome = take(admission, request, surroundings, admits);
        let observed = outcome.observed.as_ref().map(|why| (why, true));
        let refused = match &outcome.result {
            Err(Refusal::Signature(why)) => Some((why, false)),
            _ => None,
        };
        if let Some((why, observed)) = observed.or(refused) {
            self.unsigned
                .keep(admission, request, why.clone(), observed);
        }
        outcome
    }

    /// Makes the answer of a request once more, now that it is known what became of deliveries that
    /// it has waited for. The caller was known then, and is not asked again.
    pub fn answer_with(
        &self,
        admission: &Admission,
        request: &InboundRequest,
        (event_id, caller): (&str, &Caller),
        came: &[Delivered],
    ) -> Result<Reply, Refusal> {
        let surroundings = Surroundings {
            event_id: Some(event_id),
            came,
            ..Surroundings::of_nobody(&admission.generation.env)
        };
        answer_of(admission, request, caller, surroundings)
    }

    /// Certificates that senders name the address of.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The last requests that were not signed.
    pub fn unsigned(&self) -> &Samples {
        &self.unsigned
    }
}

/// Finds the route in one generation.
pub(crate) fn admit(generation: Arc<Generation>, head: &Head) -> Result<Admission, Refusal> {
    let (route, found) = match generation.find(&head.method, head.path()) {
        Ok((route, found)) => (Arc::clone(route), found),
        Err(Missed::Address) => return Err(Refusal::NoRoute),
        Err(Missed::Method(methods)) => return Err(Refusal::MethodNotAllowed(methods.allow())),
    };
    let names = route.pattern.iter().flat_map(Pattern::parameters);
    let path = names.map(str::to_owned).zip(found.parameters).collect();
    Ok(Admission {
        max_body: route.max_body,
        address: found.address,
        path,
        generation,
        route,
    })
}

thread_local! {
    /// Of the requests of this thread, one after the other.
    static ARENA: RefCell<Arena> = RefCell::new(Arena::new());
}

/// An arena that grew beyond this is given back.
const ARENA_KEPT: usize = 1 << 20;

/// The life of a request whose route is known. `admits` may turn a known caller away.
pub(crate) fn take(
    admission: &Admission,
    request: &InboundRequest,
    surroundings: Surroundings<'_>,
    admits: impl FnOnce(&Caller) -> Result<(), Refusal>,
) -> Outcome {
    ARENA.with_borrow_mut(|arena| {
        let outcome = take_in(admission, request, surroundings, admits, arena);
        if arena.allocated() > ARENA_KEPT {
            *arena = Arena::new();
        } else {
            arena.reset();
        }
        outcome
    })
}

fn take_in(
    admission: &Admission,
    request: &InboundRequest,
    surroundings: Surroundings<'_>,
    admits: impl FnOnce(&Caller) -> Result<(), Refusal>,
    arena: &Arena,
) -> Outcome {
    let route = &admission.route;
    let is_allowed = |allowed: &Allowed| surroundings.seeded || allowed.allows(request.head.peer);
    if !route.allowed.as_ref().is_none_or(is_allowed) {
        return end(Err(Refusal::AddressNotAllowed), None);
    }
    if let Some(wanted) = &route.certificate
        && !surroundings.seeded
        && !request
            .head
            .client
            .as_ref()
            .is_some_and(|client| client.is_for(wanted))
    {
        let note = match &request.head.client {
            Some(client) => format!("the certificate is for {client}"),
            None => "no certificate was shown".to_owned(),
        };
        return Outcome {
            note: Some(note),
            ..end(Err(Refusal::Certificate), None)
        };
    }
    let nobody = Nobody::new(&surroundings);
    let prover = route
        .signature
        .as_deref()
        .map(|signature| Prover::new(signature, admission, request, &nobody, surroundings, arena));
    // Before anything is asked of the caller: some providers send their handshake before there is
    // a secret.
    let answered = |stage| prover.as_ref().and_then(|prover| prover.answer(stage));
    if let Some((reply, _)) = answered(Stage::Anybody) {
        return end(Ok(reply), None);
    }
    let is_accepted = route.methods.accept(&request.head.method);
    let not_accepted = || Err(Refusal::MethodNotAllowed(route.methods.allow()));
    if !is_accepted && !prover.as_ref().is_some_and(Prover::has_later_handshakes) {
        return end(not_accepted(), None);
    }
    let limits = &admission.generation.limits;
    let credentials = Credentials::of(request, limits.parts);
    let caller = match authenticate(admission, request, &credentials, surroundings) {
        Ok(caller) => caller,
        Err(refusal) => return end(Err(refusal), None),
    };
    if let Err(refusal) = admits(&caller) {
        return end(Err(refusal), caller.key);
    }
    if let (Some((reply, errand)), Some(prover)) = (answered(Stage::Keyed), &prover) {
        return keyed_handshake(reply, errand, caller.key, prover, surroundings);
    }
    let mut observed = None;
    if let Some(prover) = &prover {
        match verify(prover, surroundings) {
            Ok(note) => observed = note,
            Err(why) => return unsigned(why, caller.key),
        }
        if let Some((reply, errand)) = prover.answer(Stage::Signed) {
            return Outcome {
                // Nothing is done at the word of who has not signed.
                errand: errand.filter(|_| observed.is_none()),
                observed,
                ..end(Ok(reply), caller.key)
            };
        }
    }
    if !is_accepted {
        return end(not_accepted(), caller.key);
    }
    let Answered { result, note, owed } = evaluate(
        admission,
        request,
        &credentials,
        &caller,
        surroundings,
        arena,
    );
    let kept = event::kept(admission, request, &caller, &result, owed, surroundings);
    Outcome {
        kept: kept.map(Box::new),
        result,
        key: caller.key,
        environment: Some(caller.environment),
        note: observed
            .as_ref()
            .map(|why| format!("not signed (observed): {why}"))
            .or(note),
        observed,
        errand: None,
    }
}

/// An outcome before anything of the function has run.
fn end(result: Result<Reply, Refusal>, key: Option<Arc<KeyRecord>>) -> Outcome {
    Outcome {
        result,
        key,
        environment: None,
        note: None,
        observed: None,
        errand: None,
        kept: None,
    }
}

/// The outcome of a request that is not signed, as far as is known.
fn unsigned(why: Unproven, key: Option<Arc<KeyRecord>>) -> Outcome {
    let note = Some(why.to_string());
    let refusal = match why {
        Unproven::Awaits(wanted) => Refusal::Awaits(wanted),
        Unproven::Unreachable(why) => Refusal::Unverifiable { why },
        why => Refusal::Signature(why),
    };
    Outcome {
        note,
        ..end(Err(refusal), key)
    }
}

/// A handshake of who has shown the key, if one is asked for. It is answered whether or not it is
/// signed, but nothing is visited at the word of who has not signed.
fn keyed_handshake<'a>(
    reply: Reply,
    errand: Option<Errand>,
    key: Option<Arc<KeyRecord>>,
    prover: &'a Prover<'a>,
    surroundings: Surroundings<'_>,
) -> Outcome {
    let (errand, note) = match errand {
        Some(Errand::Visit { .. }) => match verify(prover, surroundings) {
            Ok(None) => (errand, None),
            Err(why @ (Unproven::Awaits(_) | Unproven::Unreachable(_))) => {
                return unsigned(why, key);
            }
            Ok(Some(why)) | Err(why) => (None, Some(format!("not confirmed, not signed: {why}"))),
        },
        errand => (errand, None),
    };
    Outcome {
        note,
        errand,
        ..end(Ok(reply), key)
    }
}

/// Whether the request is signed; where that is only observed, why it would have been refused.
fn verify<'a>(
    prover: &'a Prover<'a>,
    surroundings: Surroundings<'_>,
) -> Result<Option<Unproven>, Unproven> {
    if surroundings.signed || prover.is_without_rules() {
        return Ok(None);
    }
    match prover.verify() {
        Ok(()) => Ok(None),
        Err(why @ Unproven::Awaits(_)) => Err(why),
        Err(why) if prover.observes() => Ok(Some(why)),
        Err(why) => Err(why),
    }
}

fn authenticate(
    admission: &Admission,
    request: &InboundRequest,
    credentials: &Credentials<'_>,
    surroundings: Surroundings<'_>,
) -> Result<Caller, Refusal> {
    let anonymous = Caller::anonymous(surroundings.environment);
    let rule = admission.route.keys;
    if rule == KeyRule::None {
        return Ok(anonymous);
    }
    let auth_type = credentials.auth_type.as_deref();
    if auth_type == Some("oauth") || (credentials.zapikey.is_none() && credentials.has_oauth_token)
    {
        return Err(Refusal::OAuthNotOffered);
    }
    let Some(key) = credentials.zapikey.as_deref() else {
        return match rule {
            KeyRule::Required => Err(Refusal::Key(KeyRefusal::Missing)),
            KeyRule::Optional | KeyRule::None => Ok(anonymous),
        };
    };
    // Zoho's own callers send `auth_type` beside the key. A header and a part of a multipart body
    // are ours alone: who uses them has said what he presents.
    let headers = &request.head.headers;
    let is_multipart = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let kind = value.as_bytes().get(.."multipart/".len());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/"))
    });
    let needs_type = admission.address == AddressKind::Zoho
        && !headers.contains_key(&view::KEY_HEADER)
        && !is_multipart;
    if auth_type.map_or(needs_type, |auth_type| auth_type != "apikey") {
        return Err(Refusal::Key(KeyRefusal::Missing));
    }
    surroundings
        .keyring
        .authenticate(key, &admission.route.name, request.head.received_at)
        .map_err(Refusal::Key)
}

/// Makes an answer whose caller is known.
fn answer_of(
    admission: &Admission,
    request: &InboundRequest,
    caller: &Caller,
    surroundings: Surroundings<'_>,
) -> Result<Reply, Refusal> {
    let credentials = Credentials::of(request, admission.generation.limits.parts);
    let arena = Arena::new();
    evaluate(
        admission,
        request,
        &credentials,
        caller,
        surroundings,
        &arena,
    )
    .result
}

fn evaluate(
    admission: &Admission,
    request: &InboundRequest,
    credentials: &Credentials<'_>,
    caller: &Caller,
    surroundings: Surroundings<'_>,
    arena: &Arena,
) -> Answered {
    let limit = admission.generation.limits.response;
    evaluating(
        admission,
        request,
        credentials,
        caller,
        surroundings,
        arena,
        |evaluation, scope| evaluation.answer(scope, limit),
    )
}

/// Makes a request's expressions ready, and lets somebody run them.
fn evaluating<T>(
    admission: &Admission,
    request: &InboundRequest,
    credentials: &Credentials<'_>,
    caller: &Caller,
    surroundings: Surroundings<'_>,
    arena: &Arena,
    run: impl for<'a> FnOnce(&'a Evaluation<'a>, &Scope<'a>) -> T,
) -> T {
    let Admission {
        generation, route, ..
    } = admission;
    let view = View::new(Facts {
        request,
        arena,
        credentials,
        caller,
        path: &admission.path,
        function: &route.name,
        generation: generation.number,
        arguments: &route.arguments,
        reach: route.reach(),
        env: surroundings.env,
        parts: generation.limits.parts,
        event_id: surroundings.event_id,
    });
    let destinations = Destinations {
        generation,
        // Those of a test are made up, so none is missing.
        environment: if surroundings.seeded {
            Environment::Production
        } else {
            caller.environment
        },
    };
    let evaluation = Evaluation::new(route, view, destinations, surroundings.came);
    let budget = Budget {
        steps: generation.limits.steps,
        memory: generation.limits.memory,
    };
    let scope = Scope::new(
        arena,
        &evaluation,
        route.variables(),
        request.head.received_at,
        budget,
    );
    let scope = match (surroundings.seeded, surroundings.event_id) {
        (true, _) => scope.seeded(),
        // An answer that waits is made twice, and must be the same one.
        (false, Some(id)) => scope.seeded_by(id),
        (false, None) => scope,
    };
    run(&evaluation, &scope)
}
