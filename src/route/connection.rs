//! Connections: how third parties are reached, and how we show who we are.
//!
//! What is sent to production and what to the sandbox never mixes: each is a [`Target`] of its own,
//! and a sandbox with an address of its own is not shown production's keys.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use indexmap::IndexMap;
use secrecy::SecretString;

use super::clause::{Clause, Site};
use super::expressions::{Cache, Expressions};
use super::grant::OAuth2;
use super::report::{Complete, Lines, Report};
use super::settings;
use super::signature::Values;
use crate::auth::Environment;
use crate::delivery::Signer;
use crate::diagnostic::code::delivery as code;
use crate::diagnostic::code::signature::UNSET_SECRET;
use crate::diagnostic::{Diagnostic, Sources, Span, suggest};
use crate::expr::{self, Slot, Type};
use crate::outbound::{Identity, IdentityError};
use crate::spec::{
    ApiKeySpec, BasicSpec, ClientCertificateSpec, ConnectionAuthSpec, ConnectionSpec, Document,
    FieldPath, Rate, SignSpec, Spec, ValueSpec,
};

/// How many requests at once where nothing else is said.
const CONCURRENCY: u32 = 10;
/// How long an attempt may take where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that an attempt may take: its lease is longer.
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// How a third party is reached.
#[derive(Debug)]
pub struct Connection {
    /// Its name.
    pub name: Arc<str>,
    /// A sentence for people.
    pub summary: Option<String>,
    /// Where it is written.
    pub site: Site,
    /// Outside of the sandbox.
    pub production: Target,
    /// In the sandbox; without it nothing is sent there.
    pub sandbox: Option<Target>,
    /// Which answers of 2xx count as success; all of them without it.
    pub ok_when: Option<Clause>,
    /// How many requests at once, in each environment.
    pub concurrency: u32,
    /// How many in how long, in each environment.
    pub rate: Option<Rate>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Networks that may be reached though they are not public.
    pub allow: Vec<(IpAddr, u8)>,
}

/// Where a connection leads in one environment.
#[derive(Debug)]
pub struct Target {
    /// Scheme, host and the beginning of the path, without a slash at its end.
    pub base_url: String,
    /// Header lines of each request; those that show who we are, are marked as sensitive.
    pub headers: HeaderMap,
    /// What is added to each query.
    pub query: Option<(String, SecretString)>,
    /// Signs each request.
    pub signer: Option<Signer>,
    /// How access tokens are asked for.
    pub oauth2: Option<OAuth2>,
    /// The certificate that is shown.
    pub identity: Option<Identity>,
}

/// What `ok_when` knows of an answer, at its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRoot {
    /// The status.
    StatusCode,
    /// The header lines.
    Headers,
    /// The body, as JSON; null where it is none.
    Json,
    /// The body, as text.
    Text,
}

impl AnswerRoot {
    /// All, in the order of their slots.
    pub const ALL: [Self; 4] = [Self::StatusCode, Self::Headers, Self::Json, Self::Text];

    /// The name in expressions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StatusCode => "status_code",
            Self::Headers => "headers",
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    /// What stands at a slot.
    pub fn of(slot: Slot) -> Option<Self> {
        Self::ALL.get(usize::from(slot.0)).copied()
    }
}

/// What expressions over an answer know.
pub(super) fn answer_environment() -> expr::Environment {
    let texts = Type::Map(Arc::new(Type::String), Arc::new(Type::String));
    let mut environment = expr::Environment::new();
    for root in AnswerRoot::ALL {
        let of = match root {
            AnswerRoot::StatusCode => Type::Int,
            AnswerRoot::Headers => texts.clone(),
            AnswerRoot::Json => Type::Dyn,
            AnswerRoot::Text => Type::String,
        };
        environment.declare(root.name(), of);
    }
    environment
}

/// Compiles an `ok_when`; its expressions know the answer alone.
pub(super) fn ok_when<'d>(
    text: &str,
    at: &FieldPath,
    report: Report<'d>,
    cache: &mut Cache,
) -> (Option<Clause>, Report<'d>) {
    let own = AnswerRoot::ALL.map(|root| root.name().to_owned());
    let mut expressions = Expressions::new(report, answer_environment(), own, cache);
    let clause = expressions.condition(at, text);
    (clause, expressions.report)
}

impl Connection {
    /// Where it leads in an environment; `None`: nowhere.
    pub const fn target(&self, environment: Environment) -> Option<&Target> {
        match environment {
            Environment::Production => Some(&self.production),
            Environment::Sandbox => self.sandbox.as_ref(),
        }
    }
}

/// The connections of a folder.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Those that are sound, by name.
    pub(super) sound: BTreeMap<String, Arc<Connection>>,
    /// All that are written.
    names: Vec<String>,
}

impl Connections {
    /// Whether one of this name is written, sound or not.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// A known name that looks like this one.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        suggest::nearest(name, self.names.iter().map(String::as_str))
    }

    /// Compiles all of them. `also` are documents that could only be read in part: their names
    /// count.
    pub(super) fn compile<'d>(
        documents: impl Iterator<Item = &'d Document>,
        also: impl Iterator<Item = &'d Document>,
        sources: &Sources,
        values: &Values,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut connections = Self::default();
        let mut places: BTreeMap<String, Span> = BTreeMap::new();
        let mut cache = Cache::default();
        for document in documents {
            let Spec::Connection(spec) = &document.spec else {
                continue;
            };
            let Some(source) = sources.get(document.source) else {
                continue;
            };
            let lines = Lines::of(&source.text);
            let mut report = Report::new(document, source, &lines);
            let name = FieldPath::root().key("connection");
            let span = report.value(&name);
            if let Some(first) = places.get(&spec.connection) {
                report
                    .error(
                        code::BAD_CONNECTION,
                        &name,
                        format!("a second connection `{}`", spec.connection),
                    )
                    .related(*first, "the first stands here")
                    .help("give one of them another name");
            }
            places.insert(spec.connection.clone(), span);
            connections.names.push(spec.connection.clone());
            let compiler = Compiler {
                spec,
                values,
                folder: Path::new(&*source.path).parent().unwrap_or(Path::new("")),
                report,
            };
            let (connection, report) = compiler.compile(&mut cache);
            // What the sandbox takes over was looked at twice.
            let mut found: Vec<Diagnostic> = Vec::new();
            for problem in report.finish() {
                let is_known = |known: &Diagnostic| {
                    (known.span, known.code, &known.message)
                        == (problem.span, problem.code, &problem.message)
                };
                if !found.iter().any(is_known) {
                    found.push(problem);
                }
            }
            diagnostics.append(&mut found);
            if let Some(connection) = connection {
                connections
                    .sound
                    .insert(spec.connection.clone(), Arc::new(connection));
            }
        }
        for document in also {
            if let Spec::Connection(spec) = &document.spec {
                connections.names.push(spec.connection.clone());
            }
        }
        connections
    }
}

pub(super) struct Compiler<'s, 'd> {
    pub(super) spec: &'s ConnectionSpec,
    pub(super) values: &'s Values,
    folder: &'s Path,
    report: Report<'d>,
}

impl<'d> Compiler<'_, 'd> {
    fn compile(mut self, cache: &mut Cache) -> (Option<Connection>, Report<'d>) {
        let root = FieldPath::root();
        let spec = self.spec;
        let is_name = spec
            .connection
            .starts_with(|c: char| c.is_ascii_lowercase())
            && spec
                .connection
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name {
            self.error(
                &root.key("connection"),
                format!("`{}` cannot be a connection's name", spec.connection),
                "a name has lower-case letters, digits and `_`, and starts with a letter",
            );
        }
        let allow = settings::networks(&spec.allow, &root.key("allow"), &mut self.report);
        let production = self.target(
            (spec.base_url.as_ref(), &root),
            (&spec.headers, &root),
            (spec.auth.as_ref(), &root),
            (spec.sign.as_ref(), &root),
            (spec.client_certificate.as_ref(), &root),
        );
        let at = root.key("sandbox");
        let sandbox = spec.sandbox.as_ref().map(|sandbox| {
            // Production's keys are for production's host.
            let is_elsewhere = sandbox.base_url.is_some();
            let auth = spec.auth.as_ref().filter(|_| !is_elsewhere);
            let sign = spec.sign.as_ref().filter(|_| !is_elsewhere);
            let shown = spec.client_certificate.as_ref();
            let shown = shown.filter(|_| !is_elsewhere);
            self.target(
                either(
                    sandbox.base_url.as_ref(),
                    spec.base_url.as_ref(),
                    &at,
                    &root,
                ),
                match &sandbox.headers {
                    Some(headers) => (headers, &at),
                    None => (&spec.headers, &root),
                },
                either(sandbox.auth.as_ref(), auth, &at, &root),
                either(sandbox.sign.as_ref(), sign, &at, &root),
                either(sandbox.client_certificate.as_ref(), shown, &at, &root),
            )
        });
        let timeout = spec.timeout.map_or(TIMEOUT, |period| period.0);
        if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
            self.error(
                &root.key("timeout"),
                "an attempt may take up to 10 minutes, and must take some time".to_owned(),
                "write it as in `timeout: 10s`",
            );
        }
        let (ok_when, report) = match &spec.ok_when {
            None => (None, self.report),
            Some(text) => {
                let (clause, report) = ok_when(&text.0, &root.key("ok_when"), self.report, cache);
                (clause, report)
            }
        };
        let site = report.site(&root.key("connection"));
        let is_sound = !report.has_errors();
        let connection = production
            .zip(sandbox.map_or(Some(None), |sandbox| sandbox.map(Some)))
            .filter(|_| is_sound)
            .map(|(production, sandbox)| Connection {
                name: spec.connection.as_str().into(),
                summary: spec.summary.clone(),
                site,
                production,
                sandbox,
                ok_when,
                concurrency: spec
                    .limits
                    .concurrency
                    .unwrap_or(CONCURRENCY)
                    .clamp(1, 1000),
                rate: spec.limits.rate,
                timeout,
                allow,
            });
        (connection, report)
    }

    pub(super) fn error(&mut self, at: &FieldPath, message: String, help: &str) {
        self.report
            .error(code::BAD_CONNECTION, at, message)
            .help(help);
    }

    /// Each part with the field that it is written in.
    fn target(
        &mut self,
        (base_url, of_url): (Option<&ValueSpec>, &FieldPath),
        (headers, of_headers): (&IndexMap<String, String>, &FieldPath),
        (auth, of_auth): (Option<&ConnectionAuthSpec>, &FieldPath),
        (sign, of_sign): (Option<&SignSpec>, &FieldPath),
        (shown, of_shown): (Option<&ClientCertificateSpec>, &FieldPath),
    ) -> Option<Target> {
        let base_url = self.base_url(base_url, of_url);
        let mut lines = self.headers(headers, &of_headers.key("headers"));
        let mut query = None;
        let mut oauth2 = None;
        if let Some(auth) = auth {
            let at = of_auth.key("auth");
            self.auth(auth, &at, &mut lines, &mut query);
            let spec = auth.oauth2.as_ref();
            oauth2 = spec.and_then(|spec| self.oauth2(spec, &at.key("oauth2")));
        }
        let secrets = of_sign.key("sign").key("secrets");
        let signer = sign.and_then(|sign| self.signer(sign, &secrets));
        let at = of_shown.key("client_certificate");
        let identity = shown.and_then(|shown| self.identity(shown, &at));
        Some(Target {
            base_url: base_url?,
            headers: lines,
            query,
            signer,
            oauth2,
            identity,
        })
    }

    fn base_url(&mut self, written: Option<&ValueSpec>, at: &FieldPath) -> Option<String> {
        let Some(written) = written else {
            self.report
                .error_at_key(
                    code::BAD_CONNECTION,
                    &FieldPath::root().key("connection"),
                    "the connection does not say where it leads",
                )
                .help("add the address: `base_url: https://crm.example.com`");
            return None;
        };
        let at = at.key("base_url");
        let text = match written {
            ValueSpec::Text(text) => text.clone(),
            _ if self.values.assumed => "https://assumed.invalid".to_owned(),
            _ => self.value(written, &at)?,
        };
        let uri = text.parse::<Uri>().ok();
        let is_address = uri.as_ref().is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
                && uri.query().is_none()
        });
        if !is_address || text.contains('#') {
            self.error(
                &at,
                "this is not the address of a third party".to_owned(),
                "write scheme and host, as in `https://crm.example.com`; user, query and fragment have no place in it",
            );
            return None;
        }
        let is_plain = uri.is_some_and(|uri| uri.scheme_str() == Some("http"));
        if is_plain && self.spec.allow.is_empty() {
            self.report
                .warning(
                    code::PLAIN_CONNECTION,
                    &at,
                    "what is sent by this connection can be read on its way",
                )
                .help("use `https:`, or name the network of your own that it is in: `allow: [10.1.0.0/16]`");
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// A text from outside; what is wrong with it is reported.
    pub(super) fn value(&mut self, value: &ValueSpec, at: &FieldPath) -> Option<String> {
        match self.values.read(value, self.folder) {
            Ok(text) => Some(text),
            Err((message, help)) => {
                self.report.error(UNSET_SECRET, at, message).help(help);
                None
            }
        }
    }

    /// A text that must not be written into the spec.
    pub(super) fn secret(&mut self, value: &ValueSpec, at: &FieldPath) -> Option<String> {
        if matches!(value, ValueSpec::Text(_)) {
            self.error(
                at,
                "a secret is written into the spec".to_owned(),
                "say where it is: `{ env: NAME }`, `{ file: path }` or `{ credential: NAME }`",
            );
            return None;
        }
        if self.values.assumed {
            return Some("assumed:secret".to_owned());
        }
        self.value(value, at)
    }

    fn headers(&mut self, headers: &IndexMap<String, String>, at: &FieldPath) -> HeaderMap {
        let mut lines = HeaderMap::new();
        for (name, value) in headers {
            let at = at.key(name.as_str());
            let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::from_str(value),
            ) else {
                self.error(
                    &at,
                    "this cannot be a header line".to_owned(),
                    "names have letters, digits and `-`, values no line breaks",
                );
                continue;
            };
            if is_ours(&name) {
                self.error(
                    &at,
                    format!("the header `{name}` is written by hookweir itself"),
                    "remove it",
                );
            } else if name == header::AUTHORIZATION || name == header::COOKIE {
                self.error(
                    &at,
                    format!("`{name}` holds a secret, and secrets are not written into the spec"),
                    "use `auth: { bearer: { env: NAME } }` or `auth: { api_key: { header: …, value: { env: NAME } } }`",
                );
            }
            lines.append(name, value);
        }
        lines
    }

    fn auth(
        &mut self,
        auth: &ConnectionAuthSpec,
        at: &FieldPath,
        headers: &mut HeaderMap,
        query: &mut Option<(String, SecretString)>,
    ) {
        let ways = [
            auth.bearer.is_some(),
            auth.basic.is_some(),
            auth.api_key.is_some(),
            auth.oauth2.is_some(),
        ];
        if ways.into_iter().filter(|is_there| *is_there).count() > 1 {
            self.error(
                at,
                "there is more than one way to show who we are".to_owned(),
                "leave one of `bearer`, `basic`, `api_key` and `oauth2`",
            );
        }
        if let Some(token) = &auth.bearer
            && let Some(token) = self.secret(token, &at.key("bearer"))
        {
            self.line(
                header::AUTHORIZATION,
                &format!("Bearer {token}"),
                &at.key("bearer"),
                headers,
            );
        }
        if let Some(BasicSpec { username, password }) = &auth.basic {
            let at = at.key("basic");
            let username = match username {
                ValueSpec::Text(text) => Some(text.clone()),
                _ if self.values.assumed => Some("assumed".to_owned()),
                username => self.value(username, &at.key("username")),
            };
            let password = self.secret(password, &at.key("password"));
            if let (Some(username), Some(password)) = (username, password) {
                if username.contains(':') {
                    self.error(
                        &at.key("username"),
                        "a user's name cannot have a `:` (RFC 7617)".to_owned(),
                        "what stands behind it would be taken for the password",
                    );
                }
                let pair = STANDARD.encode(format!("{username}:{password}"));
                self.line(
                    header::AUTHORIZATION,
                    &format!("Basic {pair}"),
                    &at,
                    headers,
                );
            }
        }
        if let Some(key) = &auth.api_key {
            self.api_key(key, &at.key("api_key"), headers, query);
        }
    }

    fn api_key(
        &mut self,
        key: &ApiKeySpec,
        at: &FieldPath,
        headers: &mut HeaderMap,
        query: &mut Option<(String, SecretString)>,
    ) {
        let value = self.secret(&key.value, &at.key("value"));
        match (&key.header, &key.query) {
            (Some(name), None) => {
                let name = HeaderName::try_from(name.as_str()).ok();
                let name = name.filter(|name| !is_ours(name));
                match (name, value) {
                    (Some(name), Some(value)) => self.line(name, &value, at, headers),
                    (None, _) => self.error(
                        &at.key("header"),
                        "this cannot be the header of a key".to_owned(),
                        "letters, digits and `-`, such as `X-Api-Key`",
                    ),
                    (Some(_), None) => {}
                }
            }
            (None, Some(name)) => {
                *query = value.map(|value| (name.clone(), value.into()));
            }
            _ => self.error(
                at,
                "one of `header` and `query` says where the key stands".to_owned(),
                "write it as in `api_key: { header: X-Api-Key, value: { env: CRM_KEY } }`",
            ),
        }
    }

    /// A line that holds a secret.
    fn line(&mut self, name: HeaderName, value: &str, at: &FieldPath, headers: &mut HeaderMap) {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        } else {
            self.error(
                at,
                "the secret cannot stand in a header".to_owned(),
                "it holds a line break or another control character",
            );
        }
    }

    fn identity(&mut self, shown: &ClientCertificateSpec, at: &FieldPath) -> Option<Identity> {
        let key = self.secret(&shown.private_key, &at.key("private_key"));
        if self.values.assumed {
            return None;
        }
        let chain = self.value(&shown.certificate, &at.key("certificate"));
        match Identity::from_pem(&chain?, &key?) {
            Ok(identity) => Some(identity),
            Err(why) => {
                let at = match why {
                    IdentityError::Certificate => at.key("certificate"),
                    IdentityError::Key | IdentityError::Mismatch => at.key("private_key"),
                };
                self.error(
                    &at,
                    why.to_string(),
                    "both are PEM files, as `-----BEGIN CERTIFICATE-----` and `-----BEGIN PRIVATE KEY-----`",
                );
                None
            }
        }
    }

    fn signer(&mut self, sign: &SignSpec, at: &FieldPath) -> Option<Signer> {
        let mut secrets = Vec::new();
        for (index, secret) in sign.secrets.iter().enumerate() {
            let text = self.secret(secret, &at.index(index))?;
            // What is assumed must have the form, too.
            secrets.push(if self.values.assumed {
                format!("whsec_{}", STANDARD.encode([0; 24]))
            } else {
                text
            });
        }
        match Signer::new(secrets.iter().map(String::as_str)) {
            Ok(signer) => Some(signer),
            Err(why) => {
                self.error(
                    at,
                    why.to_string(),
                    "make one: `echo whsec_$(openssl rand -base64 32)`",
                );
                None
            }
        }
    }
}

/// What is written for the sandbox, else what is written for all; with where that is.
fn either<'s, T>(
    own: Option<&'s T>,
    other: Option<&'s T>,
    at: &'s FieldPath,
    root: &'s FieldPath,
) -> (Option<&'s T>, &'s FieldPath) {
    match own {
        Some(own) => (Some(own), at),
        None => (other, root),
    }
}

/// Lines that are written by hookweir itself.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    let webhook = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    super::respond::FORBIDDEN_HEADERS.contains(&name.as_str())
        || *name == header::HOST
        || *name == "idempotency-key"
        || webhook.contains(&name.as_str())
}
