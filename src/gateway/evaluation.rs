//! The expressions of one function, run for one request.
//!
//! A value under `let` is evaluated when something first asks for it, and then kept, failure
//! included. A failure is told with the place where it arose, however many values it went
//! through on its way. What the caller sent wrong wins over what the function made of it.

use std::cell::{Cell, RefCell};

use http::{HeaderMap, StatusCode};

use super::owed::{Delivered, Destinations, Owed};
use super::view::View;
use super::{Refusal, Reply, ReplyKind};
use crate::auth::without_keys;
use crate::expr::{Fault, FaultKind, Provide, Scope, Slot};
use crate::route::{
    Answer, Case, Clause, Content, Failure, Head, Line, RawAnswer, Root, Route, Site,
};
use crate::value::Value;
use crate::zoho;

/// How many values under `let` may be evaluated inside each other. Longer chains are refused at
/// load; this is for what the load cannot see.
const MAX_DEPTH: u32 = 80;

/// What the caller reads when `when` was false.
const SKIPPED: &str = "skipped";

/// Gives a function's variables their values.
#[derive(Debug)]
pub(super) struct Evaluation<'a> {
    pub(super) route: &'a Route,
    pub(super) view: View<'a>,
    depth: Cell<u32>,
    /// Where failures of values under `let` arose.
    origins: RefCell<Vec<(&'a Clause, Fault<'a>)>>,
    /// Where deliveries may go.
    destinations: Destinations<'a>,
    /// What became of deliveries that the answer has waited for.
    came: &'a [Delivered],
}

/// What a function answered, and why it did nothing.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) result: Result<Reply, Refusal>,
    /// For the operator: why `when` did not hold, which check failed how.
    pub(super) note: Option<String>,
    /// What the request makes the gateway owe; `None` where nothing is kept of it.
    pub(super) owed: Option<Owed>,
}

impl<'a> Provide<'a> for Evaluation<'a> {
    fn provide(&'a self, slot: Slot, scope: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        if let Some(root) = Root::of(slot) {
            return self.view.get(root).map_err(super::view::ViewError::fault);
        }
        let Some(clause) = self.route.binding(slot) else {
            return Err(fault(FaultKind::Absent, "variable"));
        };
        if self.depth.get() == MAX_DEPTH {
            return Err(fault(FaultKind::Depth, "values that need each other"));
        }
        self.depth.set(self.depth.get() + 1);
        let outcome = clause.evaluate(scope);
        self.depth.set(self.depth.get() - 1);
        outcome.inspect_err(|fault| self.note_origin(clause, *fault))
    }
}

fn fault(kind: FaultKind, detail: &str) -> Fault<'_> {
    Fault {
        kind,
        span: (0, 0),
        detail,
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(
        route: &'a Route,
        view: View<'a>,
        destinations: Destinations<'a>,
        came: &'a [Delivered],
    ) -> Self {
        Self {
            destinations,
            came,
            route,
            view,
            depth: Cell::new(0),
            origins: RefCell::new(Vec::new()),
        }
    }

    /// Condition, checks, answer. `limit` is the longest answer, in bytes.
    pub(super) fn answer(&'a self, scope: &Scope<'a>, limit: usize) -> Answered {
        let mut owed = None;
        let (result, note) = match self.run(scope, limit, &mut owed) {
            Ok((reply, note)) => (Ok(reply), note),
            Err((refusal, note)) => (Err(refusal), note),
        };
        match self.view.refusal() {
            // Whatever was made of it, the body is not what it says.
            Some(refusal) => Answered {
                result: Err(refusal),
                note: None,
                owed: None,
            },
            None => Answered { result, note, owed },
        }
    }

    fn run(
        &'a self,
        scope: &Scope<'a>,
        limit: usize,
        owed: &mut Option<Owed>,
    ) -> Result<(Reply, Option<String>), (Refusal, Option<String>)> {
        if let Some(when) = &self.route.when
            && let Err(reason) = self.holds(when, scope)
        {
            return Ok((skipped(&self.route.name), Some(reason)));
        }
        self.check(scope, limit)?;
        if let Some(durable) = &self.route.durable {
            let made = self
                .owe(durable, self.destinations, scope, limit)
                .map_err(|refusal| (refusal, None))?;
            if !durable.deliveries.is_empty() {
                let value = Self::deliveries(durable, &made, self.came, scope.arena());
                scope.assign(durable.slot, value);
            }
            *owed = Some(made);
        }
        let case = self.choose(scope).map_err(|refusal| (refusal, None))?;
        let reply = match &case.answer {
            Answer::Envelope(content) => self.envelope(content.as_ref(), scope, limit),
            Answer::Raw(raw) => self.raw(raw, scope, limit),
        };
        reply
            .map(|reply| (reply, None))
            .map_err(|refusal| (refusal, None))
    }

    /// `Err` says why not. A failure counts as false.
    fn holds(&'a self, when: &'a Clause, scope: &Scope<'a>) -> Result<(), String> {
        match when.evaluate(scope) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => Err(format!("`when` is false: {}", excerpt(&when.text))),
            Ok(other) => Err(format!(
                "`when` is {}, neither true nor false",
                other.type_name()
            )),
            Err(fault) => {
                let (clause, fault) = self.origin(when, fault);
                Err(format!(
                    "`when` failed: {} ({})",
                    told(clause, &fault),
                    clause.site
                ))
            }
        }
    }

    fn check(&'a self, scope: &Scope<'a>, limit: usize) -> Result<(), (Refusal, Option<String>)> {
        for check in &self.route.checks {
            let note = match check.that.evaluate(scope) {
                Ok(Value::Bool(true)) => continue,
                Ok(Value::Bool(false)) => format!("{}: not true", check.that.site),
                Ok(other) => format!("{}: {}, not true", check.that.site, other.type_name()),
                Err(fault) => {
                    let (clause, fault) = self.origin(&check.that, fault);
                    if is_ours(fault.kind) {
                        return Err((Self::refused(clause, fault), None));
                    }
                    // What the check looks at is missing or of another kind, directly or by way of
                    // `let`: then it is not fulfilled, and what the author says about that is
                    // better than what we could.
                    format!("{}: {}", clause.site, told(clause, &fault))
                }
            };
            let refusal = match Self::text(&check.message, scope, limit) {
                Ok(message) => Refusal::CheckFailed {
                    status: check.status.as_u16(),
                    message,
                },
                Err(failure) => self.failed(failure),
            };
            return Err((refusal, Some(note)));
        }
        Ok(())
    }

    fn choose(&'a self, scope: &Scope<'a>) -> Result<&'a Case, Refusal> {
        for case in &self.route.cases {
            let Some(when) = &case.when else {
                return Ok(case);
            };
            match when.evaluate(scope) {
                Ok(Value::Bool(true)) => return Ok(case),
                Ok(Value::Bool(false)) => {}
                Ok(other) => {
                    return Err(Refusal::Failed {
                        message: format!("{}, neither true nor false", other.type_name()),
                        site: when.site.to_string(),
                    });
                }
                Err(fault) => return Err(self.failed(Failure::Clause(when, fault))),
            }
        }
        // A function whose last case has a condition is refused at load.
        Err(Refusal::Failed {
            message: "no case of `respond` holds".to_owned(),
            site: self.route.site.to_string(),
        })
    }

    fn envelope(
        &'a self,
        content: Option<&'a Content>,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        let text = match content {
            Some(content) => {
                Self::text(content, scope, limit).map_err(|failure| self.failed(failure))?
            }
            None => String::new(),
        };
        envelope(&text, &self.route.name).map_err(|error| self.unanswerable(&error))
    }

    fn raw(
        &'a self,
        raw: &'a RawAnswer,
        scope: &Scope<'a>,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        let (status, headers) = match &raw.head {
            Head::Fixed { status, headers } => (*status, with_room(headers)),
            Head::Computed {
                status,
                content_type,
                headers,
            } => {
                let value = |line: &'a Line| self.line(line, scope);
                let lines = match headers {
                    Some(lines) => Some(
                        lines
                            .iter()
                            .map(|(name, line)| Ok((&**name, value(line)?)))
                            .collect::<Result<Vec<_>, Refusal>>()?,
                    ),
                    None => None,
                };
                let answer = zoho::Response {
                    status_code: status.as_ref().map(value).transpose()?,
                    content_type: content_type.as_ref().map(value).transpose()?,
                    headers: lines.as_deref(),
                    body: None,
                }
                .answer()
                .map_err(|error| self.unanswerable(&error))?;
                (answer.status, answer.headers)
            }
        };
        let mut body = Vec::new();
        if let Some(content) = &raw.body
            && has_body(status)
        {
            content
                .write(scope, limit, &mut body)
                .map_err(|failure| self.failed(failure))?;
        }
        Ok(Reply {
            status,
            headers,
            body: body.into(),
            kind: ReplyKind::Answer,
        })
    }

    pub(super) fn line(&'a self, line: &'a Line, scope: &Scope<'a>) -> Result<Value<'a>, Refusal> {
        match line {
            Line::Fixed(text) => Ok(Value::String(text)),
            Line::Computed(clause) => clause
                .evaluate(scope)
                .map_err(|fault| self.failed(Failure::Clause(clause, fault))),
            Line::Many(lines) => {
                let values = lines
                    .iter()
                    .map(|line| self.line(line, scope))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(scope.arena().list(&values))
            }
        }
    }

    fn text(content: &'a Content, scope: &Scope<'a>, limit: usize) -> Result<String, Failure<'a>> {
        let mut text = Vec::new();
        content.write(scope, limit, &mut text)?;
        Ok(match String::from_utf8(text) {
            Ok(text) => text,
            // Bytes that are no text: nothing else can stand in an envelope or a message.
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    fn unanswerable(&self, error: &zoho::ReplyError) -> Refusal {
        Refusal::Failed {
            message: error.to_string(),
            site: self.route.site.to_string(),
        }
    }

    pub(super) fn failed(&self, failure: Failure<'a>) -> Refusal {
        match failure {
            Failure::Clause(clause, fault) => {
                let (clause, fault) = self.origin(clause, fault);
                Self::refused(clause, fault)
            }
            Failure::Template(filling, fault) => match self.known_origin(&fault) {
                Some((clause, fault)) => Self::refused(clause, fault),
                None => refusal(
                    &filling.site,
                    fault,
                    without_keys(fault.detail).into_owned(),
                    without_keys(&fault.to_string()).into_owned(),
                ),
            },
            Failure::Value { clause, message } => Refusal::Failed {
                message,
                site: clause.site.to_string(),
            },
            Failure::TooLarge(limit) => Refusal::Failed {
                message: format!("the answer is longer than {limit} bytes"),
                site: self.route.site.to_string(),
            },
        }
    }

    fn refused(clause: &Clause, fault: Fault<'_>) -> Refusal {
        refusal(
            &clause.site,
            fault,
            field(clause, &fault),
            told(clause, &fault),
        )
    }

    /// Remembers where a failure arose, unless it came from another value.
    fn note_origin(&self, clause: &'a Clause, fault: Fault<'a>) {
        if self.known_origin(&fault).is_none() {
            self.origins.borrow_mut().push((clause, fault));
        }
    }

    fn known_origin(&self, fault: &Fault<'a>) -> Option<(&'a Clause, Fault<'a>)> {
        let origins = self.origins.borrow();
        let found = origins.iter().rev().find(|(_, known)| {
            known.kind == fault.kind && std::ptr::eq(known.detail, fault.detail)
        });
        found.copied()
    }

    fn origin(&self, clause: &'a Clause, fault: Fault<'a>) -> (&'a Clause, Fault<'a>) {
        self.known_origin(&fault).unwrap_or((clause, fault))
    }
}

/// The caller cannot help these.
fn is_ours(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Budget | FaultKind::Depth)
}

fn refusal(site: &Site, fault: Fault<'_>, field: String, message: String) -> Refusal {
    let site = site.to_string();
    if fault.kind.is_absence() {
        Refusal::MissingField { field, site }
    } else {
        Refusal::Failed { message, site }
    }
}

/// What a missing value is called: the path to it as the function writes it, such as
/// `body.repository.name`, where only `name` is missing.
fn field(clause: &Clause, fault: &Fault<'_>) -> String {
    let end = fault.span.1 as usize;
    let path = clause.text.get(..end).map(|before| {
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || "_.[]\"'-$@?".contains(c)))
            .map_or(0, |at| {
                at + before
                    .get(at..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(1, char::len_utf8)
            });
        before.get(start..).unwrap_or_default()
    });
    match path {
        Some(path) if fault.span.0 < fault.span.1 && !path.is_empty() && path.len() <= 120 => {
            path.to_owned()
        }
        _ => excerpt(&without_keys(fault.detail)).to_owned(),
    }
}

/// A failure with the part of the expression in which it arose.
fn told(clause: &Clause, fault: &Fault<'_>) -> String {
    let message = fault.to_string();
    // Whole, before it is cut: the operator must not read a key that somebody put into a body.
    let message = without_keys(&message);
    let message = excerpt(&message);
    match at_fault(clause, fault) {
        Some(part) if !part.is_empty() => format!("{message}, in `{}`", excerpt(part)),
        _ => message.to_owned(),
    }
}

fn at_fault<'c>(clause: &'c Clause, fault: &Fault<'_>) -> Option<&'c str> {
    clause
        .text
        .get(fault.span.0 as usize..fault.span.1 as usize)
}

/// At most 200 bytes of a text.
fn excerpt(text: &str) -> &str {
    let end = (0..=text.len().min(200))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

fn has_body(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// The headers again; the server adds its own, which need not move them all.
fn with_room(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        copy.append(name, value.clone());
    }
    copy
}

fn envelope(output: &str, function: &str) -> Result<Reply, zoho::ReplyError> {
    let answer = zoho::envelope(Value::String(output), function)?;
    Ok(Reply {
        status: answer.status,
        headers: answer.headers,
        body: answer.body.into(),
        kind: ReplyKind::Answer,
    })
}

/// The sender did nothing wrong and must not try again: Zoho's success, around one word.
fn skipped(function: &str) -> Reply {
    let reply = envelope(SKIPPED, function).unwrap_or_else(|_| Reply {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        kind: ReplyKind::Skipped,
    });
    Reply {
        kind: ReplyKind::Skipped,
        ..reply
    }
}
