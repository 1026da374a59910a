//! A function's own tests, run in the engine that serves, without sockets.
//!
//! A test takes the way of a request: its address is looked up among all functions, a key is made
//! for it and authenticated, the body is held against its limit. What differs is said by the test
//! or fixed: the clock stands still, the event's id, the key and random values are the same in
//! each run, no variable of the machine is read, and nobody is too fast.

mod came;
mod matching;
mod request;
mod sent;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::signature::{self, CannotSign, With};
use super::{
    Delivered, HandshakeSecrets, InboundRequest, Kept, Outcome, Refusal, Reply, Surroundings,
    admit, answer_of, take,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::route::{Generation, Suite, Test};

use came::{Came, problem};
use request::{Folders, Prepared};
use sent::Sent;

/// The id of the event that a test makes.
const EVENT_ID: &str = "evt_00000000000000000000000000";
/// Where a handshake would have given the secret.
static MADE_UP: LazyLock<HandshakeSecrets> = LazyLock::new(HandshakeSecrets::made_up);

/// Of what a test expects and does not get. No page explains it: only the function's author can.
const UNMET: Code = Code("TEST");

/// What all tests of a run share.
pub struct Trials<'t> {
    /// All functions.
    pub generation: Arc<Generation>,
    /// The payload corpus.
    pub corpus: &'t Path,
    /// What the caller of a refused request would get.
    pub refuse: &'t dyn Fn(Refusal) -> Reply,
}

impl std::fmt::Debug for Trials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trials")
            .field("generation", &self.generation.number)
            .field("corpus", &self.corpus)
            .finish_non_exhaustive()
    }
}

/// What a test came to.
#[derive(Debug)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// It could not be run here, and why.
    Skipped(String),
    /// Not as expected.
    Failed(Box<Failed>),
}

/// How a test failed.
#[derive(Debug)]
pub struct Failed {
    /// Each expectation that was not met, at its place.
    pub problems: Vec<Diagnostic>,
    /// Expected and actual body side by side, line by line; empty when the body is not the matter.
    pub diff: String,
    /// What came, for people: status and the start of the body.
    pub answer: String,
    /// What the operator would have read.
    pub note: Option<String>,
    /// A command that sends the same to a running gateway, where it can be said in a line.
    pub curl: Option<String>,
}

/// Why a test could not be run.
#[derive(Debug, thiserror::Error)]
enum TrialError {
    #[error("{message}")]
    Unfit {
        /// The key under `request`.
        key: &'static str,
        message: String,
    },
    #[error("payload corpus absent at {}", .0.display())]
    NoCorpus(PathBuf),
}

impl TrialError {
    fn own(what: &str) -> Self {
        Self::Unfit {
            key: "zapikey",
            message: format!("{what} cannot be made"),
        }
    }
}

impl Trials<'_> {
    /// Runs one test.
    pub fn run(&self, suite: &Suite, test: &Test) -> Verdict {
        let folders = Folders {
            beside: &suite.folder,
            corpus: self.corpus,
        };
        let prepared = match request::prepare(&suite.route, test, folders) {
            Ok(prepared) => prepared,
            Err(TrialError::NoCorpus(path)) => {
                return Verdict::Skipped(format!("corpus absent at {}", path.display()));
            }
            Err(TrialError::Unfit { key, message }) => {
                let at = test.field().key("request").key(key);
                return Verdict::Failed(Box::new(Failed {
                    problems: vec![problem(suite, &at, message)],
                    diff: String::new(),
                    answer: String::new(),
                    note: None,
                    curl: None,
                }));
            }
        };
        let prepared = match self.signed(test, prepared) {
            Ok(prepared) => prepared,
            Err(why) => {
                let at = test.field().key("request").key("sign");
                return Verdict::Failed(Box::new(Failed {
                    problems: vec![problem(suite, &at, why.to_string())],
                    diff: String::new(),
                    answer: String::new(),
                    note: None,
                    curl: None,
                }));
            }
        };
        let came = self.send(test, &prepared);
        let judged = came.judge(suite, test);
        if judged.problems.is_empty() {
            return Verdict::Passed;
        }
        Verdict::Failed(Box::new(Failed {
            problems: judged.problems,
            diff: judged.diff,
            answer: came.shown(),
            note: came.note.clone(),
            curl: curl(test, &prepared.request),
        }))
    }

    /// The request, signed as the test says.
    fn signed(&self, test: &Test, prepared: Prepared) -> Result<Prepared, CannotSign> {
        let request = &prepared.request;
        let at = request.head.received_at;
        let (with, at) = match test.spec.request.sign.as_deref() {
            Some("right") => (With::OwnOrMadeUp, at),
            Some("wrong") => (With::Another, at),
            Some("stale") => {
                let day = jiff::SignedDuration::from_hours(24);
                (With::OwnOrMadeUp, at.saturating_sub(day).unwrap_or(at))
            }
            _ => return Ok(prepared),
        };
        let Ok(admission) = admit(Arc::clone(&self.generation), &request.head) else {
            return Ok(prepared);
        };
        let mut signed = signature::sign(&admission, request, at, with)?.request;
        signed.head.received_at = request.head.received_at;
        Ok(Prepared {
            request: signed,
            ..prepared
        })
    }

    fn send(&self, test: &Test, prepared: &Prepared) -> Came {
        let Prepared { request, keyring } = prepared;
        let mut env = self.generation.env.clone();
        for (name, value) in &mut env {
            if let Some(own) = test.spec.env.get(name) {
                value.clone_from(own);
            }
        }
        let mut sent = Vec::new();
        let outcome = match admit(Arc::clone(&self.generation), &request.head) {
            Err(refusal) => refused(refusal),
            Ok(admission) if request.body.len() as u64 > admission.max_body => {
                refused(Refusal::BodyTooLarge {
                    limit: admission.max_body,
                })
            }
            Ok(admission) => {
                let surroundings = Surroundings {
                    keyring,
                    environment: test.environment,
                    env: &env,
                    event_id: Some(EVENT_ID),
                    seeded: true,
                    signed: test.spec.request.sign.is_none(),
                    certificates: None,
                    handshakes: &MADE_UP,
                    came: &[],
                };
                let mut outcome = take(&admission, request, surroundings, |_| Ok(()));
                if let Some(kept) = outcome.kept.take()
                    && outcome.result.is_ok()
                {
                    sent = sent::send(&kept, &self.generation, test);
                    let came = came(&kept, &sent);
                    if !came.is_empty() {
                        let surroundings = Surroundings {
                            came: &came,
                            ..surroundings
                        };
                        outcome.result = answer_of(&admission, request, &kept.caller, surroundings);
                    }
                }
                outcome
            }
        };
        let is_head = request.head.method == http::Method::HEAD;
        let (reply, is_refusal, reason) = match outcome.result {
            Ok(reply) => (reply, false, None),
            Err(refusal) => {
                let reason = reason(&refusal);
                ((self.refuse)(refusal), true, reason)
            }
        };
        Came {
            body: if is_head {
                bytes::Bytes::new()
            } else {
                reply.body.clone()
            },
            reply,
            sent,
            is_refusal,
            note: reason.or(outcome.note),
        }
    }
}

/// What became of the deliveries that the answer waits for.
fn came(kept: &Kept, sent: &[Sent]) -> Vec<Delivered> {
    let is_awaited = |name: &str| kept.waits.iter().any(|(awaited, _)| **awaited == *name);
    sent.iter()
        .map(|sent| &sent.first)
        .filter(|first| is_awaited(&first.name))
        .cloned()
        .collect()
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome {
        result: Err(refusal),
        key: None,
        environment: None,
        note: None,
        observed: None,
        errand: None,
        kept: None,
    }
}

/// What the log would say of a refusal and the caller does not learn.
fn reason(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::Failed { message, site } => Some(format!("{message} ({site})")),
        Refusal::MissingField { field, site } => Some(format!("`{field}` is missing ({site})")),
        Refusal::Key(why) => Some(format!("the key was refused: {why:?}").to_lowercase()),
        Refusal::Signature(why) => Some(why.to_string()),
        Refusal::Unverifiable { why } | Refusal::NotKept { why } => Some(why.clone()),
        Refusal::Awaits(wanted) => Some(format!("it awaits {}", wanted.url)),
        Refusal::NoRoute => Some("no function has this address".to_owned()),
        Refusal::MethodNotAllowed(_)
        | Refusal::AddressNotAllowed
        | Refusal::Certificate
        | Refusal::OAuthNotOffered
        | Refusal::BodyTooLarge { .. }
        | Refusal::BadBody { .. }
        | Refusal::UnsupportedMediaType { .. }
        | Refusal::CheckFailed { .. }
        | Refusal::TooFast { .. } => None,
    }
}

/// The request as a command; the key is not in it, because no other gateway knows it.
fn curl(test: &Test, request: &InboundRequest) -> Option<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let head = &request.head;
    let mut line = format!("curl -i -X {}", head.method);
    for (name, value) in &head.headers {
        if matches!(name.as_str(), "host" | "content-length" | "x-zapi-key") {
            continue;
        }
        let value = value.to_str().ok()?;
        let _ = write!(line, " -H {}", quoted(&format!("{name}: {value}")));
    }
    let written = &test.spec.request;
    if let Some(path) = &written.body_file {
        let _ = write!(line, " --data-binary {}", quoted(&format!("@{path}")));
    } else if !request.body.is_empty() {
        let body = std::str::from_utf8(&request.body).ok()?;
        if body.len() > 500 || body.starts_with('@') {
            return None;
        }
        let _ = write!(line, " --data-binary {}", quoted(body));
    }
    let query: Vec<&str> = head
        .query()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("zapikey="))
        .collect();
    let mut url = format!("http://127.0.0.1:8080{}", head.path());
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query.join("&"));
    }
    if head.query().contains("zapikey=") {
        return Some(format!("{line} \"{url}&zapikey=$ZAPIKEY\""))
            .filter(|_| !url.contains(['"', '$', '`']));
    }
    Some(format!("{line} {}", quoted(&url)))
}
