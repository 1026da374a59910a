//! `deliver`, `dedupe`, `keep` and `redact` of a function, compiled: what becomes of its events.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};

use super::answer::Line;
use super::clause::{Clause, Site};
use super::connection::{self, Connections, LONGEST_TIMEOUT, is_ours};
use super::content::{Content, Node};
use super::expressions::{Cache, Expressions};
use super::fallible::Place;
use super::files::Files;
use super::report::Complete;
use super::respond;
use super::root::Root;
use super::signature::Presets;
use crate::delivery::{OnDead, RetryPolicy};
use crate::diagnostic::code::delivery as code;
use crate::expr::{Record, Slot, Type};
use crate::spec::{
    self, AuthSpec, DeliverRequestSpec, DeliverSpec, FieldPath, FunctionSpec, RetrySpec, Tree,
};

/// The longest that an answer may wait for a delivery.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// For how long a repeated event is known where nothing is said.
const WINDOW: Duration = Duration::from_hours(72);
/// What `for_each` calls the element.
pub(super) const ITEM: &str = "item";
/// What `respond` calls what became of the deliveries.
pub(super) const DELIVERIES: &str = "deliveries";

/// What becomes of a function's events.
#[derive(Debug)]
pub struct Durable {
    /// What makes another request the same one.
    pub dedupe: Option<Deduping>,
    /// What is owed.
    pub deliveries: Vec<Delivery>,
    /// What is taken out before an event is kept.
    pub redactions: Vec<Redaction>,
    /// `item` in a delivery, `deliveries` in the answer: never both.
    pub slot: Slot,
}

/// What makes another request the same one.
#[derive(Debug)]
pub struct Deduping {
    /// The same for the same event.
    pub key: Clause,
    /// For how long.
    pub window: Duration,
}

/// What is owed to one destination.
#[derive(Debug)]
pub struct Delivery {
    /// Its name in the function.
    pub name: Arc<str>,
    /// The connection's name.
    pub connection: Arc<str>,
    /// The condition on which there is anything.
    pub when: Option<Clause>,
    /// A list: one for each element.
    pub for_each: Option<Clause>,
    /// How long the answer may wait for the first attempt.
    pub wait: Option<Duration>,
    /// Those with the same value go one after the other.
    pub order_by: Option<Clause>,
    /// What becomes of those behind a dead letter.
    pub on_dead: OnDead,
    /// How often it is tried.
    pub policy: RetryPolicy,
    /// How long an attempt may take; `None`: as the connection says.
    pub timeout: Option<Duration>,
    /// The request is made anew for each attempt.
    pub at_delivery: bool,
    /// Which answers count as success; `None`: as the connection says.
    pub ok_when: Option<Clause>,
    /// What is sent.
    pub request: RequestPlan,
    /// Where it is written.
    pub site: Site,
}

/// What a delivery sends.
#[derive(Debug)]
pub struct RequestPlan {
    /// Its method.
    pub method: Method,
    /// What stands behind the `base_url`.
    pub path: PathPlan,
    /// The query.
    pub query: Vec<(Box<str>, Line)>,
    /// Header lines beside the connection's.
    pub headers: Vec<(Box<str>, Line)>,
    /// Its body.
    pub body: BodyPlan,
}

/// A path.
#[derive(Debug)]
pub enum PathPlan {
    /// As written.
    Fixed(Box<str>),
    /// With holes, each a part of a segment.
    Computed(Clause),
}

/// A body.
#[derive(Debug)]
pub enum BodyPlan {
    /// None.
    None,
    /// JSON.
    Json(Node),
    /// `application/x-www-form-urlencoded`
    Form(Vec<(Box<str>, Line)>),
    /// `multipart/form-data`
    Multipart(Vec<(Box<str>, Line)>),
    /// Text of a type.
    Text {
        /// What is written.
        content: Content,
        /// Its type.
        content_type: Box<str>,
    },
    /// The event's own.
    Raw,
}

/// Something that is taken out before an event is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redaction {
    /// A value of a JSON or form body.
    Body(Vec<Part>),
    /// A header's lines.
    Header(HeaderName),
    /// A name in the query.
    Query(String),
}

/// A step to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A field.
    Field(String),
    /// Every item of a list.
    Items,
}

impl Durable {
    /// Whether the answer may wait for a delivery.
    pub fn waits(&self) -> bool {
        self.deliveries
            .iter()
            .any(|delivery| delivery.wait.is_some())
    }

    /// A delivery by its name.
    pub fn delivery(&self, name: &str) -> Option<&Delivery> {
        self.deliveries
            .iter()
            .find(|delivery| *delivery.name == *name)
    }
}

/// What deliveries are compiled with.
pub(super) struct Tools<'t, 'f> {
    /// The folder of the function's file.
    pub(super) root: &'t Path,
    pub(super) files: &'t mut Files<'f>,
    pub(super) presets: &'t Presets<'t>,
    pub(super) connections: &'t Connections,
    /// The expressions over answers, which know other names.
    pub(super) answers: &'t mut Cache,
}

/// Compiles what becomes of a function's events; `None` where nothing does.
pub(super) fn compile(
    spec: &FunctionSpec,
    tools: &mut Tools<'_, '_>,
    expressions: &mut Expressions<'_, '_>,
) -> Option<Durable> {
    // Behind the roots and the values under `let`.
    let slot = Slot(u16::try_from(Root::ALL.len() + spec.bindings.len()).unwrap_or(u16::MAX));
    let redactions = redactions(spec, expressions);
    if spec.deliver.is_empty() && spec.dedupe.is_none() && spec.keep.is_none() {
        if !spec.redact.is_empty() {
            expressions
                .report
                .error_at_key(
                    code::BAD_REDACTION,
                    &FieldPath::root().key("redact"),
                    "events of this function are not kept",
                )
                .help("add `keep: events`, or remove `redact`");
        }
        return None;
    }
    let dedupe = dedupe(spec, tools, expressions);
    let mut deliveries = Vec::with_capacity(spec.deliver.len());
    for (index, delivery) in spec.deliver.iter().enumerate() {
        let compiler = Compiler {
            spec: delivery,
            at: FieldPath::root().key("deliver").index(index),
            index: index + 1,
            root: tools.root,
        };
        let others = spec.deliver.get(..index).unwrap_or_default();
        compiler.check(others, tools, expressions);
        let known = expressions.environment.clone();
        let delivery = compiler.compile(spec, slot, tools, expressions);
        expressions.environment = known;
        deliveries.extend(delivery);
    }
    if !spec.deliver.is_empty() {
        // For the answer, which is compiled next.
        let of = deliveries_type(spec);
        expressions.environment.declare(DELIVERIES, of);
    }
    Some(Durable {
        dedupe,
        deliveries,
        redactions,
        slot,
    })
}

/// What `deliveries` is in an answer.
fn deliveries_type(spec: &FunctionSpec) -> Type {
    let texts = Type::Map(Arc::new(Type::String), Arc::new(Type::String));
    let words = ["delivered", "pending", "dead", "held", "waiting", "none"];
    let state = Type::Word(words.iter().map(|&word| word.to_owned()).collect());
    let one = Record::closed(
        "delivery",
        vec![
            ("ok", Type::Bool),
            ("state", state),
            ("status_code", Type::Dyn),
            ("headers", texts),
            ("json", Type::Dyn),
            ("text", Type::String),
        ],
    );
    let of = |delivery: &DeliverSpec| (delivery.name.clone(), one.clone());
    let named: Vec<(String, Type)> = spec.deliver.iter().map(of).collect();
    let named: Vec<(&str, Type)> = named
        .iter()
        .map(|(name, of)| (name.as_str(), of.clone()))
        .collect();
    Record::closed(DELIVERIES, named)
}

fn dedupe(
    spec: &FunctionSpec,
    tools: &Tools<'_, '_>,
    expressions: &mut Expressions<'_, '_>,
) -> Option<Deduping> {
    let dedupe = spec.dedupe.as_ref()?;
    let at = FieldPath::root().key("dedupe");
    let window = dedupe.window.map_or(WINDOW, |period| period.0);
    let preset = match &spec.auth {
        Some(AuthSpec::Callers {
            signature: Some(signature),
            ..
        }) => signature.preset.as_deref(),
        _ => None,
    };
    let horizon = preset.and_then(|name| tools.presets.retried_for(name));
    if let (Some(name), Some(horizon)) = (preset, horizon)
        && window < horizon
    {
        let message = format!(
            "`{name}` sends an event again for {:#}, and here it is known for {:#}",
            jiff::SignedDuration::try_from(horizon).unwrap_or_default(),
            jiff::SignedDuration::try_from(window).unwrap_or_default()
        );
        let days = horizon.as_secs().div_ceil(24 * 60 * 60);
        expressions
            .report
            .warning(code::SHORT_WINDOW, &at.key("window"), message)
            .help(format!("make it longer: `window: {days}d`"));
    }
    expressions.at_place(Place::Deliver(0));
    let (key, of) = expressions.expression(&at.key("key"), &dedupe.key.0)?;
    if matches!(of.bare(), Type::List(_) | Type::Map(..) | Type::Record(_)) {
        expressions
            .report
            .error(
                code::BAD_DELIVERY,
                &at.key("key"),
                format!("a key is a text or a number, this is `{of}`"),
            )
            .help("choose what is the same when the event is sent again: its id");
    }
    Some(Deduping { key, window })
}

fn redactions(spec: &FunctionSpec, expressions: &mut Expressions<'_, '_>) -> Vec<Redaction> {
    let mut redactions = Vec::new();
    for (index, text) in spec.redact.iter().enumerate() {
        match redaction(text) {
            Some(redaction) => redactions.push(redaction),
            None => {
                expressions
                    .report
                    .error(
                        code::BAD_REDACTION,
                        &FieldPath::root().key("redact").index(index),
                        format!("`{text}` leads nowhere"),
                    )
                    .help("a path begins with `body`, `headers` or `query`, as in `body.items[*].iban` or `headers.x-session`");
            }
        }
    }
    redactions
}

fn redaction(text: &str) -> Option<Redaction> {
    let (root, rest) = text.split_once('.')?;
    match root {
        "headers" => HeaderName::try_from(rest).ok().map(Redaction::Header),
        "query" => (!rest.is_empty()).then(|| Redaction::Query(rest.to_owned())),
        "body" => {
            let mut parts = Vec::new();
            for step in rest.split('.') {
                let name = step.trim_end_matches("[*]");
                let lists = (step.len() - name.len()) / "[*]".len();
                if name.is_empty() || name.contains(['[', ']', '"']) {
                    return None;
                }
                parts.push(Part::Field(name.to_owned()));
                parts.extend(std::iter::repeat_n(Part::Items, lists));
            }
            Some(Redaction::Body(parts))
        }
        _ => None,
    }
}

struct Compiler<'s> {
    spec: &'s DeliverSpec,
    at: FieldPath,
    /// Of its place among those that ask for the same values; the first is `dedupe`.
    index: usize,
    root: &'s Path,
}

impl Compiler<'_> {
    fn error(
        &self,
        expressions: &mut Expressions<'_, '_>,
        key: &str,
        message: impl Into<String>,
        help: &str,
    ) {
        expressions
            .report
            .error(code::BAD_DELIVERY, &self.at.key(key), message)
            .help(help);
    }

    /// What can be said without looking at expressions.
    fn check(
        &self,
        others: &[DeliverSpec],
        tools: &Tools<'_, '_>,
        expressions: &mut Expressions<'_, '_>,
    ) {
        let spec = self.spec;
        let is_name = spec.name.starts_with(|c: char| c.is_ascii_lowercase())
            && spec
                .name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !spec::CEL_WORDS.contains(&spec.name.as_str());
        if !is_name {
            let message = format!("`{}` cannot be a delivery's name", spec.name);
            let help = "a name has lower-case letters, digits and `_`, and starts with a letter";
            self.error(expressions, "name", message, help);
        } else if others.iter().any(|other| other.name == spec.name) {
            let message = format!("a second delivery `{}`", spec.name);
            self.error(
                expressions,
                "name",
                message,
                "give one of them another name",
            );
        }
        if !tools.connections.knows(&spec.connection) {
            let near = tools.connections.nearest(&spec.connection);
            let help = near.map_or_else(
                || format!("add the document `connection: {}`", spec.connection),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no connection `{}`", spec.connection);
            expressions
                .report
                .error(
                    code::UNKNOWN_CONNECTION,
                    &self.at.key("connection"),
                    message,
                )
                .help(help);
        }
        if spec.on_dead.is_some() && spec.order_by.is_none() {
            let message = "`on_dead` is for deliveries that go one after the other";
            self.error(expressions, "on_dead", message, "add `order_by`");
        }
        if let Some(wait) = spec.wait {
            if wait.0 > LONGEST_WAIT || wait.0.is_zero() {
                let message = "an answer can wait for up to `60s`";
                let help = "providers do not wait long; the delivery goes on behind the answer";
                self.error(expressions, "wait", message, help);
            }
            if spec.for_each.is_some() {
                let message = "an answer can wait for one delivery, not for a list of them";
                self.error(expressions, "wait", message, "remove `wait` or `for_each`");
            }
        }
        if let Some(timeout) = spec.timeout
            && (timeout.0.is_zero() || timeout.0 > LONGEST_TIMEOUT)
        {
            let message = "an attempt may take up to 10 minutes, and must take some time";
            self.error(expressions, "timeout", message, "write it as in `10s`");
        }
    }

    fn compile(
        &self,
        function: &FunctionSpec,
        slot: Slot,
        tools: &mut Tools<'_, '_>,
        expressions: &mut Expressions<'_, '_>,
    ) -> Option<Delivery> {
        let spec = self.spec;
        let policy = self.policy(&spec.retry, expressions);
        expressions.at_place(Place::DeliverWhen(self.index));
        let when = match &spec.when {
            Some(when) => Some(expressions.condition(&self.at.key("when"), &when.0)?),
            None => None,
        };
        expressions.at_place(Place::Deliver(self.index));
        let for_each = match &spec.for_each {
            Some(list) => {
                let list = self.for_each(function, &list.0, slot, expressions);
                if list.is_none() {
                    // What is wrong with the rest is said, too.
                    expressions.environment.declare(ITEM, Type::Dyn);
                }
                Some(list)
            }
            None => None,
        };
        let order_by = match &spec.order_by {
            Some(key) => {
                let at = self.at.key("order_by");
                let (clause, of) = expressions.expression(&at, &key.0)?;
                if matches!(of.bare(), Type::List(_) | Type::Map(..) | Type::Record(_)) {
                    let message = format!("a key is a text or a number, this is `{of}`");
                    self.error(expressions, "order_by", message, "choose one field of it");
                }
                Some(clause)
            }
            None => None,
        };
        let request = self.request(&spec.request, tools, expressions);
        let site = expressions.report.site(&self.at);
        let ok_when = match &spec.ok_when {
            Some(text) => {
                let at = self.at.key("ok_when");
                Some(
                    expressions
                        .report
                        .lend(|report| connection::ok_when(&text.0, &at, report, tools.answers))?,
                )
            }
            None => None,
        };
        Some(Delivery {
            name: spec.name.as_str().into(),
            connection: spec.connection.as_str().into(),
            when,
            for_each: match for_each {
                Some(list) => Some(list?),
                None => None,
            },
            wait: spec.wait.map(|period| period.0),
            order_by,
            on_dead: spec
                .on_dead
                .as_deref()
                .and_then(OnDead::parse)
                .unwrap_or_default(),
            policy,
            timeout: spec.timeout.map(|period| period.0),
            at_delivery: spec.evaluate.as_deref() == Some("at_delivery"),
            ok_when,
            request: request?,
            site,
        })
    }

    /// The list, and `item` for what is compiled next.
    fn for_each(
        &self,
        function: &FunctionSpec,
        text: &str,
        slot: Slot,
        expressions: &mut Expressions<'_, '_>,
    ) -> Option<Clause> {
        let at = self.at.key("for_each");
        let (clause, of) = expressions.expression(&at, text)?;
        let element = match of.unless_null() {
            Type::List(element) => (**element).clone(),
            Type::Dyn => Type::Dyn,
            other => {
                let message = format!("this must be a list, and is `{other}`");
                let help = "a list has one delivery for each element; of a map take `.entries()`";
                self.error(expressions, "for_each", message, help);
                return None;
            }
        };
        if function.bindings.contains_key(ITEM) {
            let message = "`item` is the element here, and a value under `let`, too";
            self.error(
                expressions,
                "for_each",
                message,
                "give the value under `let` another name",
            );
            return None;
        }
        let declared = expressions.environment.declare(ITEM, element);
        debug_assert_eq!(declared, slot, "the slot behind the values under `let`");
        Some(clause)
    }

    fn policy(&self, retry: &RetrySpec, expressions: &mut Expressions<'_, '_>) -> RetryPolicy {
        let default = RetryPolicy::default();
        let first = retry.first.map_or(default.first, |period| period.0);
        let limit = retry.limit.map(|period| period.0);
        let policy = RetryPolicy {
            attempts: retry.attempts.unwrap_or(default.attempts),
            first,
            limit: limit.unwrap_or_else(|| default.limit.max(first)),
            horizon: retry.horizon.map_or(default.horizon, |period| period.0),
        };
        let day = Duration::from_hours(24);
        let wrong = if policy.attempts == 0 || policy.attempts > 100 {
            Some(("attempts", "there are 1 to 100 attempts"))
        } else if policy.limit < policy.first {
            Some(("limit", "the longest wait is shorter than the first"))
        } else if policy.limit > day {
            Some(("limit", "the longest wait is a day"))
        } else if policy.first.is_zero() {
            Some(("first", "without a wait all attempts would fail together"))
        } else if policy.horizon.is_zero() {
            Some(("horizon", "nothing would be tried"))
        } else {
            None
        };
        if let Some((key, message)) = wrong {
            expressions
                .report
                .error(code::BAD_DELIVERY, &self.at.key("retry").key(key), message)
                .help(
                    "write it as in `retry: { attempts: 12, first: 5s, limit: 1h, horizon: 3d }`",
                );
        }
        policy
    }

    fn request(
        &self,
        spec: &DeliverRequestSpec,
        tools: &mut Tools<'_, '_>,
        expressions: &mut Expressions<'_, '_>,
    ) -> Option<RequestPlan> {
        let at = self.at.key("request");
        let bad = |expressions: &mut Expressions<'_, '_>, key: &str, message: &str, help: &str| {
            expressions
                .report
                .error(code::BAD_DELIVERY_REQUEST, &at.key(key), message)
                .help(help);
        };
        let method = match spec.method.as_deref() {
            None => Some(Method::POST),
            Some(name @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE")) => name.parse().ok(),
            Some(_) => None,
        };
        if method.is_none() {
            let help = "use GET, POST, PUT, PATCH or DELETE";
            bad(expressions, "method", "this method is not sent", help);
        }
        let path = match spec.path.as_deref() {
            None => Some(PathPlan::Fixed("".into())),
            Some(path) if !path.starts_with('/') || path.contains(['?', '#']) => {
                let message = "a path begins with `/`, and has no query";
                let help = "the query stands under `query`, the host in the connection";
                bad(expressions, "path", message, help);
                None
            }
            Some(path) if path.contains("${") => expressions
                .text(&at.key("path"), path)
                .map(|(clause, _)| PathPlan::Computed(clause)),
            Some(path) => Some(PathPlan::Fixed(path.into())),
        };
        let mut texts = |map: Option<&indexmap::IndexMap<String, Tree>>,
                         key: &str,
                         expressions: &mut Expressions<'_, '_>| {
            let at = at.key(key);
            let pairs = map.into_iter().flatten().map(|(name, value)| {
                let at = at.key(name.as_str());
                let line = respond::texts(value, &at, self.root, tools.files, expressions)?;
                Some((name.as_str().into(), line))
            });
            let pairs: Vec<Option<(Box<str>, Line)>> = pairs.collect();
            pairs.into_iter().collect::<Option<Vec<_>>>()
        };
        let query = texts(Some(&spec.query), "query", expressions);
        let form = texts(spec.form.as_ref(), "form", expressions);
        let parts = texts(spec.multipart.as_ref(), "multipart", expressions);
        let headers = self.headers(spec, &at, tools, expressions);
        let bodies = [
            ("json", spec.json.is_some()),
            ("form", spec.form.is_some()),
            ("multipart", spec.multipart.is_some()),
            ("text", spec.text.is_some()),
            ("raw", spec.raw.is_some()),
        ];
        let mut written = bodies.into_iter().filter(|(_, is_there)| *is_there);
        let first = written.next();
        if let (Some((first, _)), Some((second, _))) = (first, written.next()) {
            let message = format!("`{first}` and `{second}` are both a body");
            bad(expressions, second, &message, "keep one of them");
        }
        if spec.content_type.is_some() && spec.text.is_none() {
            let help = "of the others the type is known; a header `Content-Type` names another";
            bad(
                expressions,
                "content_type",
                "`content_type` is for `text`",
                help,
            );
        }
        let body = self.body(spec, form, parts, tools, expressions);
        let body = body?;
        if !matches!(body, BodyPlan::None) && method == Some(Method::GET) {
            let message = "a request with GET has no body";
            bad(
                expressions,
                "method",
                message,
                "use POST, or put it into `query`",
            );
        }
        Some(RequestPlan {
            method: method?,
            path: path?,
            query: query?,
            headers: headers?,
            body,
        })
    }

    /// The one body that is written.
    fn body(
        &self,
        spec: &DeliverRequestSpec,
        form: Option<Vec<(Box<str>, Line)>>,
        parts: Option<Vec<(Box<str>, Line)>>,
        tools: &mut Tools<'_, '_>,
        expressions: &mut Expressions<'_, '_>,
    ) -> Option<BodyPlan> {
        let at = self.at.key("request");
        Some(if let Some(json) = &spec.json {
            let at = at.key("json");
            BodyPlan::Json(respond::tree(
                json,
                &at,
                self.root,
                tools.files,
                expressions,
            )?)
        } else if spec.form.is_some() {
            BodyPlan::Form(form?)
        } else if spec.multipart.is_some() {
            BodyPlan::Multipart(parts?)
        } else if let Some(text) = &spec.text {
            let content_type = spec
                .content_type
                .as_deref()
                .unwrap_or("text/plain; charset=utf-8");
            if !respond::is_content_type(content_type) {
                expressions
                    .report
                    .error(
                        code::BAD_DELIVERY_REQUEST,
                        &at.key("content_type"),
                        "this is not a content type",
                    )
                    .help("write it as in `application/xml`");
            }
            let content = respond::text_content(
                text,
                content_type,
                &at.key("text"),
                self.root,
                tools.files,
                expressions,
            )?;
            BodyPlan::Text {
                content,
                content_type: content_type.into(),
            }
        } else if spec.raw.is_some() {
            BodyPlan::Raw
        } else {
            BodyPlan::None
        })
    }

    fn headers(
        &self,
        spec: &DeliverRequestSpec,
        at: &FieldPath,
        tools: &mut Tools<'_, '_>,
        expressions: &mut Expressions<'_, '_>,
    ) -> Option<Vec<(Box<str>, Line)>> {
        let at = at.key("headers");
        let mut is_good = true;
        for name in spec.headers.keys() {
            if HeaderName::try_from(name.as_str()).is_ok_and(|name| is_ours(&name)) {
                is_good = false;
                expressions
                    .report
                    .error_at_key(
                        code::BAD_DELIVERY_REQUEST,
                        &at.key(name.as_str()),
                        format!("the header `{name}` is written by hookweir itself"),
                    )
                    .help("remove it");
            }
        }
        if !is_good {
            return None;
        }
        let lines = respond::header_lines(&spec.headers, &at, self.root, tools.files, expressions);
        Some(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redactions_lead_somewhere() {
        let field = |name: &str| Part::Field(name.to_owned());
        assert_eq!(
            redaction("body.items[*].card.number"),
            Some(Redaction::Body(vec![
                field("items"),
                Part::Items,
                field("card"),
                field("number")
            ]))
        );
        assert_eq!(
            redaction("body.rows[*][*]"),
            Some(Redaction::Body(vec![
                field("rows"),
                Part::Items,
                Part::Items
            ]))
        );
        assert_eq!(
            redaction("headers.x-session"),
            Some(Redaction::Header(HeaderName::from_static("x-session")))
        );
        assert_eq!(
            redaction("query.token"),
            Some(Redaction::Query("token".to_owned()))
        );
        for wrong in [
            "",
            "body",
            "body.",
            "card.number",
            "body..x",
            "body.x[0]",
            "headers.a b",
            "query.",
        ] {
            assert_eq!(redaction(wrong), None, "{wrong}");
        }
    }
}
