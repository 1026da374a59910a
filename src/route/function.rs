//! One function, from what is written to what runs.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use http::StatusCode;

use super::allowed::Allowed;
use super::answer::Case;
use super::bindings;
use super::clause::{Clause, Site};
use super::connection::Connections;
use super::content::Content;
use super::deliver::{self, Durable};
use super::expressions::{Cache, Expressions};
use super::fallible::{self, Place};
use super::files::Files;
use super::methods::Methods;
use super::pattern::Pattern;
use super::reach;
use super::report::{Complete, Report};
use super::respond;
use super::root::{self, Root};
use super::settings::Settings;
use super::shape::Shapes;
use super::signature::{self, Presets, Shop, Signature, Values};
use crate::diagnostic::{Diagnostic, code};
use crate::expr::{Fault, Scope, Slot, Type};
use crate::spec::{AcceptSpec, AuthSpec, CheckSpec, FieldPath, FunctionSpec, KeyRule, Rate};
use crate::value::Value;
use crate::value::json::Reach;

/// A function, compiled.
#[derive(Debug)]
pub struct Route {
    /// The function's name.
    pub name: Arc<str>,
    /// A sentence for people.
    pub summary: Option<String>,
    /// Where it is written.
    pub site: Site,
    /// What it accepts.
    pub methods: Methods,
    /// Whether a key is needed.
    pub keys: KeyRule,
    /// How requests are signed.
    pub signature: Option<Box<Signature>>,
    /// From where they may come; from everywhere without it.
    pub allowed: Option<Allowed>,
    /// For which names a caller's certificate must be.
    pub certificate: Option<Box<[Box<str>]>>,
    /// `accept.path`, as written.
    pub path: Option<String>,
    /// The same, parsed.
    pub pattern: Option<Pattern>,
    /// Largest body, in bytes.
    pub max_body: u64,
    /// How often one caller may call.
    pub rate: Option<Rate>,
    /// Zoho's declared arguments.
    pub arguments: Vec<String>,
    /// How many tests of its own it has; they stand in its [`Suite`](super::Suite).
    pub tests: usize,
    /// The condition on which it runs.
    pub when: Option<Clause>,
    /// Conditions that the request must fulfil, in order.
    pub checks: Vec<Check>,
    /// What becomes of its events.
    pub durable: Option<Box<Durable>>,
    /// The answers, in order. The last one always holds.
    pub cases: Vec<Case>,
    /// The values under `let`, by slot after the roots.
    pub(super) bindings: Vec<Clause>,
    /// Found out when the first body is read: a reload shall not wait for it.
    pub(super) reach: OnceLock<Reach>,
}

/// A condition that the request must fulfil.
#[derive(Debug)]
pub struct Check {
    /// Must be true.
    pub that: Clause,
    /// The answer when it is not.
    pub status: StatusCode,
    /// What the caller is told.
    pub message: Content,
}

impl Route {
    /// The methods by which it is reached: those that it accepts, and those of its handshakes.
    pub(super) fn reached_by(&self) -> Methods {
        let challenges = self.signature.iter().flat_map(|it| &it.challenges);
        challenges
            .filter_map(|challenge| Methods::asked_by(challenge.method.as_str()))
            .fold(self.methods, Methods::union)
    }

    /// How many variables a scope for this function has.
    pub fn variables(&self) -> usize {
        Root::ALL.len() + self.bindings.len() + usize::from(self.durable.is_some())
    }

    /// The value under `let` at a slot; `None` when the slot is a root's.
    pub fn binding(&self, slot: Slot) -> Option<&Clause> {
        let index = usize::from(slot.0).checked_sub(Root::ALL.len())?;
        self.bindings.get(index)
    }

    /// What its expressions and templates can look at of a body.
    pub fn reach(&self) -> &Reach {
        self.reach.get_or_init(|| reach::of(self))
    }

    /// Evaluates a condition: `Ok(None)` when it gave something else than true or false.
    pub fn holds<'a>(condition: &'a Clause, scope: &Scope<'a>) -> Result<Option<bool>, Fault<'a>> {
        condition.evaluate(scope).map(Value::as_bool)
    }
}

/// What all functions of a load share while they are compiled.
pub(super) struct Workshop<'w, 'f> {
    pub(super) root: &'w Path,
    pub(super) settings: &'w Settings,
    /// Names under `env` of the gateway; `None` when they could not be read.
    pub(super) env: Option<&'w [String]>,
    pub(super) cache: &'w mut Cache,
    pub(super) files: &'w mut Files<'f>,
    pub(super) shapes: &'w mut Shapes,
    /// What signatures take from outside, and the presets.
    pub(super) values: &'w Values,
    pub(super) presets: &'w Presets<'w>,
    pub(super) connections: &'w Connections,
    /// The expressions of signatures, which know other names.
    pub(super) signatures: &'w mut Cache,
    /// What a request may come without, and nothing handles, where no schema or sample says that
    /// it may.
    pub(super) unhandled: &'w mut Vec<Diagnostic>,
}

/// Compiles a function; `None` when anything is wrong with it, which the report then says.
pub(super) fn compile<'d>(
    spec: &FunctionSpec,
    mut report: Report<'d>,
    workshop: &mut Workshop<'_, '_>,
) -> (Option<Route>, Report<'d>) {
    let accepted = accept(&spec.accept, workshop.settings, &mut report);
    let keys = auth(spec.auth.as_ref(), &mut report);
    check_arguments(&spec.request.arguments, &mut report);

    let parameters: Vec<String> = accepted
        .pattern
        .iter()
        .flat_map(Pattern::parameters)
        .map(str::to_owned)
        .collect();
    let names = workshop.env.unwrap_or_default();
    let signature = signature(spec, keys, &parameters, &mut report, workshop);
    let allowed = match &spec.auth {
        Some(AuthSpec::Callers {
            allow_ips: Some(networks),
            ..
        }) => Some(Allowed::compile(networks, &mut report)),
        _ => None,
    };
    let certificate = certificate(spec, workshop.settings, &mut report);
    let mut environment = root::environment(&spec.request.arguments, names, &parameters);
    if workshop.env.is_none()
        && let Some((slot, _)) = environment.find(Root::Env.name())
    {
        environment.refine(slot, Type::Dyn);
    }
    if let Some(body) =
        workshop
            .shapes
            .of(&spec.request, workshop.root, workshop.files, &mut report)
    {
        environment.refine(Root::Body.slot(), body);
    }
    environment.refine(Root::Method.slot(), accepted.methods.of());
    bindings::declare(&spec.bindings, &mut environment);
    let differing = [Root::Path, Root::Arguments, Root::Body, Root::Method];
    let own = spec
        .bindings
        .keys()
        .cloned()
        .chain(differing.map(|root| root.name().to_owned()))
        .chain([deliver::ITEM.to_owned(), deliver::DELIVERIES.to_owned()]);
    let mut expressions = Expressions::new(report, environment, own, workshop.cache);
    expressions.held_to(accepted.max_body, workshop.settings.limits.steps);

    let values = bindings::compile(&spec.bindings, &mut expressions);
    expressions.at_place(Place::When);
    let when = spec
        .when
        .as_ref()
        .and_then(|when| expressions.condition(&FieldPath::root().key("when"), &when.0));
    let checks = checks(&spec.check, &mut expressions);
    let mut tools = deliver::Tools {
        root: workshop.root,
        files: workshop.files,
        presets: workshop.presets,
        connections: workshop.connections,
        answers: workshop.signatures,
    };
    let durable = deliver::compile(spec, &mut tools, &mut expressions);
    let cases = respond::compile(spec, workshop.root, workshop.files, &mut expressions);
    bindings::warn_of_unused(&spec.bindings, &values, &mut expressions);

    let names: Vec<&str> = spec.bindings.keys().map(String::as_str).collect();
    let quiet = fallible::report(&mut expressions, &names, workshop.settings.strict);
    workshop.unhandled.extend(quiet);

    let mut report = expressions.report;
    if spec.tests.is_empty() {
        report
            .warning_at_key(
                code::route::NO_TEST,
                &FieldPath::root().key("function"),
                format!("`{}` has no test", spec.function),
            )
            .help("add `tests:` with a request and what is expected of it");
    }
    let site = report.site(&FieldPath::root().key("function"));
    let bindings: Option<Vec<Clause>> = values.clauses.into_iter().collect();
    let route = bindings
        .filter(|_| !report.has_errors())
        .map(|bindings| Route {
            name: spec.function.as_str().into(),
            summary: spec.summary.clone(),
            site,
            methods: accepted.methods,
            keys,
            signature: signature.map(Box::new),
            allowed,
            certificate,
            path: spec.accept.path.clone(),
            pattern: accepted.pattern,
            max_body: accepted.max_body,
            rate: spec.accept.rate,
            arguments: spec.request.arguments.clone(),
            tests: spec.tests.len(),
            when,
            checks,
            durable: durable.map(Box::new),
            cases,
            bindings,
            reach: OnceLock::new(),
        });
    (route, report)
}

/// `auth.client_certificate`, where it is written.
fn certificate(
    spec: &FunctionSpec,
    settings: &Settings,
    report: &mut Report<'_>,
) -> Option<Box<[Box<str>]>> {
    let Some(AuthSpec::Callers {
        client_certificate: Some(names),
        ..
    }) = &spec.auth
    else {
        return None;
    };
    let at = FieldPath::root().key("auth").key("client_certificate");
    if settings.client_authorities.is_none() {
        report
            .error(
                code::route::NO_CLIENT_CERTIFICATES,
                &at,
                "no caller can show a certificate",
            )
            .help("say whose count, in the document `gateway:`: `listen: { tls: { …, client_authorities: FILE } }`");
    }
    if names.is_empty() || names.iter().any(String::is_empty) {
        report
            .error(
                code::route::NO_CLIENT_CERTIFICATES,
                &at,
                "this names nobody",
            )
            .help("hosts or URIs that certificates are for, or `\"*\"`");
    }
    Some(names.iter().map(|name| name.as_str().into()).collect())
}

/// `auth.signature`, where it is written.
fn signature(
    spec: &FunctionSpec,
    keys: KeyRule,
    path: &[String],
    report: &mut Report<'_>,
    workshop: &mut Workshop<'_, '_>,
) -> Option<Signature> {
    let Some(AuthSpec::Callers {
        signature: Some(written),
        ..
    }) = &spec.auth
    else {
        return None;
    };
    let mut shop = Shop {
        values: workshop.values,
        presets: workshop.presets,
        folder: workshop.root,
        settings: workshop.settings,
        env: workshop.env.unwrap_or_default(),
        path,
        cache: workshop.signatures,
        files: workshop.files,
    };
    let shows_certificate = matches!(
        &spec.auth,
        Some(AuthSpec::Callers {
            client_certificate: Some(_),
            ..
        })
    );
    let has_key = keys == KeyRule::Required || shows_certificate;
    report.lend(|report| signature::compile(written, has_key, report, &mut shop))
}

struct Accepted {
    methods: Methods,
    pattern: Option<Pattern>,
    max_body: u64,
}

fn accept(accept: &AcceptSpec, settings: &Settings, report: &mut Report<'_>) -> Accepted {
    let at = FieldPath::root().key("accept");
    let methods = accept.methods.as_ref().map_or(Methods::DEFAULT, |names| {
        methods(names, &at.key("methods"), report)
    });
    let pattern = accept.path.as_ref().and_then(|path| {
        Pattern::parse(path)
            .map_err(|problems| report.inside(&at.key("path"), problems))
            .ok()
    });
    let limit = settings.limits.body;
    let max_body = accept.max_body.map_or_else(
        || Settings::default().limits.body.min(limit),
        |size| {
            if size.0 > limit {
                report
                    .error(
                        code::route::BODY_LIMIT,
                        &at.key("max_body"),
                        format!("the gateway takes no body above {}", bytes(limit)),
                    )
                    .help("lower it, or raise `limits.body` of `gateway:`");
            }
            size.0
        },
    );
    Accepted {
        methods,
        pattern,
        max_body,
    }
}

fn methods(names: &[String], at: &FieldPath, report: &mut Report<'_>) -> Methods {
    let mut methods = Methods::default();
    for (index, name) in names.iter().enumerate() {
        let at = at.index(index);
        let Some(method) = Methods::named(name) else {
            let upper = name.to_ascii_uppercase();
            report
                .error(
                    code::route::BAD_METHOD,
                    &at,
                    format!("`{name}` is not a method that a function can accept"),
                )
                .help(match upper.as_str() {
                    "HEAD" => "requests with HEAD are answered wherever GET is accepted".to_owned(),
                    "OPTIONS" => "requests with OPTIONS are answered for every address".to_owned(),
                    upper if Methods::named(upper).is_some() => format!("write `{upper}`"),
                    _ => "use GET, POST, PUT, PATCH or DELETE".to_owned(),
                });
            continue;
        };
        if !methods.intersection(method).is_empty() {
            report.error(
                code::route::BAD_METHOD,
                &at,
                format!("`{name}` stands twice"),
            );
        }
        methods = methods.union(method);
    }
    if names.is_empty() {
        report
            .error(code::route::BAD_METHOD, at, "no method is accepted")
            .help("leave `methods` out for GET and POST");
    }
    methods
}

fn auth(auth: Option<&AuthSpec>, report: &mut Report<'_>) -> KeyRule {
    let at = FieldPath::root().key("auth");
    match auth {
        Some(AuthSpec::Callers {
            zapikey: Some(KeyRule::None) | None,
            signature: None,
            client_certificate: None,
            ..
        }) => {
            report
                .error(
                    code::route::NO_VERIFIER,
                    &at.key("zapikey"),
                    "nothing verifies who calls",
                )
                .help("write `auth: none` if everybody may call, else `zapikey: required`");
            KeyRule::None
        }
        Some(AuthSpec::Callers { zapikey, .. }) => zapikey.unwrap_or(KeyRule::None),
        Some(AuthSpec::None) => {
            report
                .warning_at_key(
                    code::route::OPEN_FUNCTION,
                    &at,
                    "everybody who knows the address may call this function",
                )
                .help("`auth: { zapikey: required }` asks for a key");
            KeyRule::None
        }
        None => {
            report
                .error_at_key(
                    code::route::MISSING_AUTH,
                    &FieldPath::root().key("function"),
                    "the function does not say who may call it",
                )
                .help("add `auth: { zapikey: required }`, or `auth: none` if everybody may");
            KeyRule::Required
        }
    }
}

fn check_arguments(arguments: &[String], report: &mut Report<'_>) {
    let at = FieldPath::root().key("request").key("arguments");
    for (index, name) in arguments.iter().enumerate() {
        let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let message = if name == "arguments" {
            "an argument cannot be called `arguments`: that is the parameter which holds them all"
                .to_owned()
        } else if !is_name {
            format!("`{name}` cannot be an argument's name")
        } else if arguments.iter().take(index).any(|earlier| earlier == name) {
            format!("the argument `{name}` stands twice")
        } else {
            continue;
        };
        report.error(code::route::BAD_ARGUMENT_NAME, &at.index(index), message);
    }
}

fn checks(specs: &[CheckSpec], expressions: &mut Expressions<'_, '_>) -> Vec<Check> {
    let at = FieldPath::root().key("check");
    let mut checks = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let at = at.index(index);
        expressions.at_place(Place::Check(index));
        let that = expressions.condition(&at.key("that"), &spec.that.0);
        expressions.at_place(Place::Message);
        let at = at.key("else");
        let status = StatusCode::from_u16(spec.otherwise.status_code)
            .ok()
            .filter(StatusCode::is_client_error);
        if status.is_none() {
            expressions
                .report
                .error(
                    code::route::BAD_STATUS,
                    &at.key("status_code"),
                    format!(
                        "{} does not say that the request is wrong",
                        spec.otherwise.status_code
                    ),
                )
                .help("a number from 400 to 499; 422 when it is left out");
        }
        let text = &spec.otherwise.message;
        let message = if text.contains("${") {
            expressions
                .text(&at.key("message"), text)
                .map(|(clause, _)| Content::Computed(clause))
        } else {
            Some(Content::Text(text.as_str().into()))
        };
        if let (Some(that), Some(status), Some(message)) = (that, status, message) {
            checks.push(Check {
                that,
                status,
                message,
            });
        }
    }
    checks
}

/// A number of bytes as people write it.
pub(super) fn bytes(count: u64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if count >= size && count.is_multiple_of(size) {
            return format!("{}{unit}", count / size);
        }
    }
    format!("{count}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_they_are_written() {
        for (count, shown) in [
            (10 << 20, "10MiB"),
            (1536, "1536B"),
            (0, "0B"),
            (4096, "4KiB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
    }
}
