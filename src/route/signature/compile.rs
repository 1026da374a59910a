//! `auth.signature`, from what is written to what runs.

use std::path::Path;

use http::{HeaderName, Method, StatusCode};
use regex::Regex;

use super::super::clause::Clause;
use super::super::content::Content;
use super::super::expressions::{Cache, Expressions};
use super::super::files::Files;
use super::super::report::{Complete, Report};
use super::super::respond;
use super::super::root;
use super::super::settings::{Settings, network};
use super::challenge::{Challenge, ChallengeBody};
use super::names::{self, Known};
use super::outside::Values;
use super::preset::Presets;
use super::{Keys, Place, Rule, Signature, SignedReads, Source, Stamp, StampFrom, Taken};
use crate::auth::signature::{
    Case, Digest, Encoding, Item, Key, KeyForm, PublicKey, PublicKeyForm, Scheme, SecretForm,
    StampFormat, TokenKey, algorithm, key_set,
};
use crate::diagnostic::code::signature as code;
use crate::spec::{
    CEL_WORDS, ChallengeSpec, CompareSpec, Expression, FieldPath, KeyFormSpec, PresetSpec, ROOTS,
    SecretFormSpec, SignatureSpec, SourceSpec, StampSpec, TakenSpec, ValueSpec,
};

/// Seconds, where a timestamp has no tolerance of its own.
const TOLERANCE: u32 = 300;
/// A secret where secrets are not looked up.
const ASSUMED: &str = "assumed:secret";

/// What a signature is compiled with.
pub(in crate::route) struct Shop<'s, 'f> {
    pub(in crate::route) values: &'s Values,
    pub(in crate::route) presets: &'s Presets<'s>,
    /// The folder of the function's file.
    pub(in crate::route) folder: &'s Path,
    pub(in crate::route) settings: &'s Settings,
    pub(in crate::route) env: &'s [String],
    /// The parameters of `accept.path`.
    pub(in crate::route) path: &'s [String],
    pub(in crate::route) cache: &'s mut Cache,
    pub(in crate::route) files: &'s mut Files<'f>,
}

/// Compiles what stands at `auth.signature`; `None` when anything is wrong with it, which the
/// report then says. `has_key`: callers are known by a key, too.
pub(in crate::route) fn compile<'d>(
    written: &SignatureSpec,
    has_key: bool,
    mut report: Report<'d>,
    shop: &mut Shop<'_, '_>,
) -> (Option<Signature>, Report<'d>) {
    let at = FieldPath::root().key("auth").key("signature");
    let spec = match &written.preset {
        None => written.clone(),
        Some(name) => {
            let Some(base) = shop.presets.find(name) else {
                let near = shop.presets.nearest(name);
                let error = report.error(
                    code::UNKNOWN_PRESET,
                    &at.key("preset"),
                    format!("there is no preset `{name}`"),
                );
                match near {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help("`hookweir explain preset` lists them"),
                };
                return (None, report);
            };
            written.over(base)
        }
    };
    let params = params(&spec, &at, shop, &mut report);
    let known: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
    let challenges = spec.preset.iter().flat_map(|_| &spec.challenge);
    let lacking = parameters_read(challenges.flatten(), &known);
    if !lacking.is_empty() {
        report
            .warning_at_key(
                code::LACKING_PARAM,
                &at,
                format!(
                    "handshakes are refused: they need the parameter `{}`",
                    lacking.join("`, `")
                ),
            )
            .help(format!(
                "give it here: `params: {{ {}: … }}`",
                lacking.join(": …, ")
            ));
    }
    build(&spec, &at, has_key, params, &lacking, report, shop)
}

/// Compiles a preset by itself, as a function would that gives it all that it needs: what is wrong
/// with it is reported where it is written, whether or not a function uses it.
pub(in crate::route) fn check_preset<'d>(
    preset: &PresetSpec,
    report: Report<'d>,
    shop: &mut Shop<'_, '_>,
) -> Report<'d> {
    let at = FieldPath::root().key("signature");
    let mut report = report;
    check_own_keys(preset, &mut report);
    let mut spec = preset.signature.clone();
    // Whoever uses it says how it is reached.
    spec.public_url
        .get_or_insert_with(|| "https://hooks.example.com".to_owned());
    let parameters = parameters_read(std::iter::once(&spec), &[]);
    // Many only answer handshakes, and nobody is asked for a key here.
    let (_, report) = build(&spec, &at, true, Vec::new(), &parameters, report, shop);
    // What it says of events, in the words of a function.
    let environment = root::environment(&[], shop.env, shop.path);
    let mut expressions = Expressions::new(report, environment, [], shop.cache);
    let at = FieldPath::root().key("webhook");
    let webhook = &preset.webhook;
    for (key, text) in [("event", &webhook.event), ("id", &webhook.id)] {
        if let Some(text) = text {
            expressions.expression(&at.key(key), &text.0);
        }
    }
    expressions.report
}

/// What a preset cannot say: it is for many functions, and none of their secrets is its own.
fn check_own_keys(preset: &PresetSpec, report: &mut Report<'_>) {
    let at = FieldPath::root();
    let name = &preset.preset;
    if !is_free(name) {
        report
            .error(
                code::BAD_PRESET,
                &at.key("preset"),
                format!("`{name}` cannot be a preset's name"),
            )
            .help("lower-case letters, digits and `_`");
    }
    let signature = &preset.signature;
    let keys = [
        ("preset", signature.preset.is_some()),
        ("mode", signature.mode.is_some()),
        ("secrets", !signature.secrets.is_empty()),
    ];
    for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
        report
            .error_at_key(
                code::MISPLACED,
                &at.key("signature").key(key),
                format!("`{key}` is each function's own"),
            )
            .help("put it into the function, beside `preset:`");
    }
    for (index, text) in preset.webhook.addresses.iter().enumerate() {
        if network(text).is_none() {
            report
                .error(
                    crate::diagnostic::code::settings::BAD_NETWORK,
                    &at.key("webhook").key("addresses").index(index),
                    format!("`{text}` is not a network"),
                )
                .help("write an address, or a network as in `10.0.0.0/8` or `fd00::/8`");
        }
    }
}

/// Compiles a signature whose preset is part of it already. `also_known` are parameters that are
/// not given and may be read.
fn build<'d>(
    spec: &SignatureSpec,
    at: &FieldPath,
    has_key: bool,
    params: Vec<(String, String)>,
    also_known: &[String],
    report: Report<'d>,
    shop: &mut Shop<'_, '_>,
) -> (Option<Signature>, Report<'d>) {
    let before = report.errors();
    let added = added_names(spec);
    let given = params.iter().map(|(name, _)| name.as_str());
    let known: Vec<&str> = given.chain(also_known.iter().map(String::as_str)).collect();
    let environment = names::environment(&known, &added, shop.env, shop.path);
    let own = Known::ALL
        .into_iter()
        .map(|known| known.name().to_owned())
        .chain(added.iter().map(ToString::to_string))
        .chain(["path".to_owned(), "env".to_owned()]);
    let mut expressions = Expressions::new(report, environment, own, shop.cache);
    let mut compiler = Compiler {
        at: at.clone(),
        values: shop.values,
        folder: shop.folder,
        added: &added,
        expressions: &mut expressions,
    };
    let public_url = compiler.public_url(spec, shop.settings);
    let rules = compiler.rules(spec, public_url.is_some());
    let challenges = compiler.challenges(spec, shop.folder, shop.files);
    let secret = compiler.first_secret(spec);
    let mut report = expressions.report;
    let observe = spec.mode.as_deref() == Some("observe");
    if rules.is_empty() && !has_key && report.errors() == before {
        nothing_verifies(spec, &challenges, at, &mut report);
    }
    if observe {
        report
            .warning(
                code::OBSERVE,
                &at.key("mode"),
                "requests that are not signed are let in",
            )
            .help("take `mode: observe` out once nothing is counted any more");
    }
    if !rules.is_empty() && rules.iter().all(|rule| rule.scheme.is_token()) && !has_key {
        report
            .warning_at_key(
                code::TOKEN,
                at,
                "the secret itself is sent: it says who sends, and nothing about what",
            )
            .help("whoever sees one request can send others; use a scheme that signs, if there is one");
    }
    let is_sound = report.errors() == before;
    let signature = is_sound.then(|| Signature {
        observe,
        preset: spec.preset.as_deref().map(Into::into),
        rules,
        challenges,
        params,
        public_url: public_url.map(Into::into),
        secret,
        names: added,
    });
    (signature, report)
}

fn nothing_verifies(
    spec: &SignatureSpec,
    challenges: &[Challenge],
    at: &FieldPath,
    report: &mut Report<'_>,
) {
    let message = match &spec.preset {
        Some(name) if !challenges.is_empty() => {
            format!("`{name}` has handshakes, but its events are not signed")
        }
        _ => "nothing says how requests are signed".to_owned(),
    };
    report
        .error(code::BAD_SCHEME, at, message)
        .help("add `zapikey: required` beside `signature`, or a `scheme`");
}

/// `param.NAME` values.
fn params(
    spec: &SignatureSpec,
    at: &FieldPath,
    shop: &Shop<'_, '_>,
    report: &mut Report<'_>,
) -> Vec<(String, String)> {
    let mut params = Vec::new();
    for (name, value) in &spec.params {
        let text = match shop.values.read(value, shop.folder) {
            Ok(text) => text,
            Err(_) if shop.values.assumed => ASSUMED.to_owned(),
            Err((message, help)) => {
                report
                    .error(
                        code::UNSET_SECRET,
                        &at.key("params").key(name.as_str()),
                        message,
                    )
                    .help(help);
                String::new()
            }
        };
        params.push((name.clone(), text));
    }
    params
}

/// Parameters that something reads, but for those that are known. Of the handshakes of a preset
/// these may be left out; one that is written out in the function itself is checked like everything
/// else.
fn parameters_read<'s, T: std::fmt::Debug + 's>(
    written: impl Iterator<Item = &'s T>,
    known: &[&str],
) -> Vec<String> {
    let mut lacking: Vec<String> = Vec::new();
    for written in written {
        let written = format!("{written:?}");
        for rest in written.split("param.").skip(1) {
            let end = rest
                .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            let is_known = known.contains(&name) || lacking.iter().any(|known| known == name);
            if !name.is_empty() && !is_known {
                lacking.push(name.to_owned());
            }
        }
    }
    lacking
}

/// The names that the alternatives add, each once.
fn added_names(spec: &SignatureSpec) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = Vec::new();
    let rules = std::iter::once(spec).chain(&spec.any_of);
    for rule in rules {
        let item = rule
            .signature
            .iter()
            .filter_map(|taken| taken.item.as_ref());
        let parsed: Vec<Item> = item.filter_map(|item| Item::parse(item).ok()).collect();
        let of_items = parsed
            .iter()
            .flat_map(Item::names)
            .filter(|name| *name != "sig");
        for name in rule.fields.keys().map(String::as_str).chain(of_items) {
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
    }
    names
}

struct Compiler<'x, 'c, 'd> {
    at: FieldPath,
    values: &'x Values,
    folder: &'x Path,
    added: &'x [Box<str>],
    expressions: &'x mut Expressions<'c, 'd>,
}

impl Compiler<'_, '_, '_> {
    fn error(&mut self, code: crate::diagnostic::Code, at: &FieldPath, message: &str, help: &str) {
        self.expressions.report.error(code, at, message).help(help);
    }

    fn public_url(&mut self, spec: &SignatureSpec, settings: &Settings) -> Option<String> {
        let Some(url) = &spec.public_url else {
            return settings.public_url.clone();
        };
        let at = self.at.key("public_url");
        let is_url = url.parse::<http::Uri>().is_ok_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()
        });
        if !is_url || url.contains(['?', '#']) {
            self.error(
                code::NO_PUBLIC_URL,
                &at,
                "this is not scheme and host",
                "write it as in `https://hooks.example.com`",
            );
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    fn rules(&mut self, spec: &SignatureSpec, has_url: bool) -> Vec<Rule> {
        let at = self.at.clone();
        if spec.any_of.is_empty() {
            if spec.scheme.is_none() {
                return Vec::new();
            }
            return self.rule(spec, spec, &at, has_url).into_iter().collect();
        }
        if spec.scheme.is_some() {
            self.error(
                code::BAD_SCHEME,
                &at.key("any_of"),
                "`scheme` and `any_of` stand side by side",
                "make the scheme one of the alternatives",
            );
        }
        let mut rules = Vec::new();
        for (index, rule) in spec.any_of.iter().enumerate() {
            let at = at.key("any_of").index(index);
            self.misplaced(rule, &at);
            rules.extend(self.rule(rule, spec, &at, has_url));
        }
        rules
    }

    /// What an alternative cannot have of its own.
    fn misplaced(&mut self, rule: &SignatureSpec, at: &FieldPath) {
        let keys = [
            ("preset", rule.preset.is_some()),
            ("mode", rule.mode.is_some()),
            ("secrets", !rule.secrets.is_empty()),
            ("keys", !rule.keys.is_empty()),
            ("params", !rule.params.is_empty()),
            ("public_url", rule.public_url.is_some()),
            ("certificates", !rule.certificates.is_empty()),
            ("any_of", !rule.any_of.is_empty()),
            ("challenge", rule.challenge.is_some()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
            self.error(
                code::MISPLACED,
                &at.key(key),
                &format!("`{key}` holds for all alternatives"),
                "put it one level up, beside `any_of`",
            );
        }
    }

    fn rule(
        &mut self,
        rule: &SignatureSpec,
        whole: &SignatureSpec,
        at: &FieldPath,
        has_url: bool,
    ) -> Option<Rule> {
        self.check_names(rule, at);
        let name = rule.scheme.as_deref().unwrap_or_default();
        let Some(scheme) = Scheme::named(name) else {
            let known = Scheme::NAMES.map(|(known, _)| known);
            let near = crate::diagnostic::suggest::nearest(name, known);
            let help = near.map_or_else(
                || format!("one of {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = if name.is_empty() {
                "no `scheme` says how it is signed".to_owned()
            } else {
                format!("there is no scheme `{name}`")
            };
            self.error(code::BAD_SCHEME, &at.key("scheme"), &message, &help);
            return None;
        };
        let when = match &rule.when {
            None => None,
            Some(when) => Some(self.expressions.condition(&at.key("when"), &when.0)?),
        };
        let taken = self.taken(rule, scheme, at);
        let stamp = match &rule.timestamp {
            None => None,
            Some(stamp) => Some(self.stamp(stamp, &at.key("timestamp"))?),
        };
        let mut fields = Vec::new();
        for (name, source) in &rule.fields {
            let source = self.source(source, &at.key("fields").key(name.as_str()))?;
            fields.push((self.slot(name)?, source));
        }
        let text = rule.signed.as_deref().unwrap_or("${raw_body}");
        let signed_at = at.key("signed");
        let (signed, uses) = self.expressions.bytes(&signed_at, text)?;
        let is_url = |slot| matches!(Known::of(slot), Some(Known::Url | Known::UrlSorted));
        if !has_url && uses.iter().any(|slot| is_url(*slot)) {
            self.error(
                code::NO_PUBLIC_URL,
                at,
                "the URL is signed, and nothing says how the sender knows it",
                "set `public_url` here or in the document `gateway:`: `public_url: https://hooks.example.com`",
            );
        }
        let require = self.conditions(&rule.require, &at.key("require"));
        let each = match (&rule.each, &rule.scope) {
            (None, None) => None,
            (Some(list), scope) => {
                let list = self.pointer(list, &at.key("each"))?;
                let scope = scope.as_deref().unwrap_or_default();
                Some((list, self.pointer(scope, &at.key("scope"))?))
            }
            (None, Some(_)) => {
                self.error(
                    code::BAD_SOURCE,
                    &at.key("scope"),
                    "`scope` says where in an item of `each` the signature is, and there is no `each`",
                    "add the list: `each: /items`",
                );
                return None;
            }
        };
        let keys = self.keys(rule, whole, scheme, at);
        let taken = taken?;
        let of_item = taken.item.as_ref().map_or(&[][..], |(_, names)| names);
        let reads_item = of_item
            .iter()
            .any(|(_, slot)| uses.iter().any(|used| usize::from(used.0) == *slot));
        Some(Rule {
            when,
            scheme,
            taken,
            stamp,
            fields,
            signed,
            signed_reads: SignedReads {
                item: reads_item,
                body_alone: text.trim() == "${raw_body}",
            },
            each,
            keys: keys?,
            require: require?,
        })
    }

    /// A name that an alternative adds must not hide one that every signature knows: a sender
    /// could give its own `secret`.
    fn check_names(&mut self, rule: &SignatureSpec, at: &FieldPath) {
        let item = rule
            .signature
            .as_ref()
            .and_then(|taken| taken.item.as_ref());
        let parsed = item.and_then(|item| Item::parse(item).ok());
        let of_item = parsed.iter().flat_map(Item::names);
        let of_item = of_item.map(|name| (name, at.key("signature").key("item")));
        let fields = rule.fields.keys().map(String::as_str);
        let fields = fields.map(|name| (name, at.key("fields").key(name)));
        let wrong: Vec<(String, FieldPath)> = of_item
            .filter(|(name, _)| *name != "sig")
            .chain(fields)
            .filter(|(name, _)| !is_free(name))
            .map(|(name, at)| (name.to_owned(), at))
            .collect();
        for (name, at) in wrong {
            self.error(
                code::BAD_NAME,
                &at,
                &format!("`{name}` cannot be a name here"),
                "lower-case letters, digits and `_`, and nothing that expressions know already",
            );
        }
    }

    fn conditions(&mut self, texts: &[Expression], at: &FieldPath) -> Option<Vec<Clause>> {
        let compiled: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| self.expressions.condition(&at.index(index), &text.0))
            .collect();
        compiled.into_iter().collect()
    }

    /// The slot of an added name.
    fn slot(&self, name: &str) -> Option<usize> {
        let index = self.added.iter().position(|known| **known == *name)?;
        Some(Known::FIRST_NAME + index)
    }

    fn header(&mut self, name: &str, at: &FieldPath) -> Option<HeaderName> {
        let parsed = name.parse().ok();
        if parsed.is_none() {
            self.error(
                code::BAD_SOURCE,
                at,
                &format!("`{name}` cannot be a header's name"),
                "letters, digits and `-`",
            );
        }
        parsed
    }

    /// A header that the answer to a handshake may have: not one of the server's own, and not the
    /// content type, so that what is echoed is never a page.
    fn answer_header(&mut self, name: &str, at: &FieldPath) -> Option<HeaderName> {
        let header = self.header(name, at)?;
        let is_ours = respond::FORBIDDEN_HEADERS.contains(&header.as_str())
            || header == http::header::CONTENT_TYPE;
        if is_ours {
            self.error(
                crate::diagnostic::code::route::BAD_HEADER,
                at,
                &format!("the header `{name}` is the server's own"),
                "take it out: `text` is sent as `text/plain`, `json` as `application/json`",
            );
            return None;
        }
        Some(header)
    }

    fn pointer(&mut self, text: &str, at: &FieldPath) -> Option<Vec<Box<str>>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let Some(rest) = text.strip_prefix('/') else {
            self.error(
                code::BAD_SOURCE,
                at,
                &format!("`{text}` is no JSON pointer"),
                "it begins with `/`: `/signature/token` is the field `token` of the field `signature`",
            );
            return None;
        };
        Some(
            rest.split('/')
                .map(|part| part.replace("~1", "/").replace("~0", "~").into())
                .collect(),
        )
    }

    fn source(&mut self, spec: &SourceSpec, at: &FieldPath) -> Option<Source> {
        let SourceSpec {
            header,
            query,
            form,
            json,
            value,
        } = spec;
        let mut found = Vec::new();
        if let Some(name) = header {
            found.push(self.header(name, &at.key("header")).map(Source::Header));
        }
        if let Some(name) = query {
            found.push(Some(Source::Query(name.as_str().into())));
        }
        if let Some(name) = form {
            found.push(Some(Source::Form(name.as_str().into())));
        }
        if let Some(pointer) = json {
            found.push(self.pointer(pointer, &at.key("json")).map(Source::Json));
        }
        if let Some(value) = value {
            let clause = self.expressions.expression(&at.key("value"), &value.0);
            found.push(clause.map(|(clause, _)| Source::Value(clause)));
        }
        if found.len() == 1 {
            return found.pop().flatten();
        }
        self.error(
            code::BAD_SOURCE,
            at,
            if found.is_empty() {
                "this says nowhere where the text stands"
            } else {
                "this says more than one place where the text stands"
            },
            "one of `header`, `query`, `form`, `json` and `value`",
        );
        None
    }

    fn taken(&mut self, rule: &SignatureSpec, scheme: Scheme, at: &FieldPath) -> Option<Taken> {
        if scheme.is_token() || scheme == Scheme::Jwt {
            let place = match (&rule.compare, scheme) {
                (None, Scheme::Basic) => Place::Authorization("basic"),
                (None, Scheme::Jwt) if rule.signature.is_none() => Place::Authorization("bearer"),
                (None, Scheme::Jwt) => {
                    let spec = rule.signature.clone().unwrap_or_default();
                    self.place(&spec, &at.key("signature"))?
                }
                (Some(compare), _) => self.compare(compare, &at.key("compare"))?,
                (None, _) => {
                    self.error(
                        code::BAD_SCHEME,
                        at,
                        "`compare` is missing: where does the token stand?",
                        "as in `compare: { header: X-Token }`",
                    );
                    return None;
                }
            };
            return Some(Taken {
                place,
                split: None,
                item: None,
                skip: 0,
                encoding: None,
            });
        }
        let Some(spec) = &rule.signature else {
            self.error(
                code::BAD_SCHEME,
                at,
                "`signature` is missing: where does the signature stand?",
                "as in `signature: { header: X-Signature, encoding: hex }`",
            );
            return None;
        };
        let at = at.key("signature");
        let place = self.place(spec, &at)?;
        let item = match &spec.item {
            None => None,
            Some(text) => Some(self.item(text, "sig", &at.key("item"))?),
        };
        let names = item
            .iter()
            .flat_map(Item::names)
            .filter(|name| *name != "sig");
        let slots = names
            .map(|name| Some((name.into(), self.slot(name)?)))
            .collect::<Option<Vec<(Box<str>, usize)>>>()?;
        let case = match spec.case.as_deref() {
            Some("lower") => Case::Lower,
            Some("upper") => Case::Upper,
            _ => Case::Any,
        };
        let encoding = match spec.encoding.as_deref() {
            Some("base64") => Encoding::Base64,
            Some("base64url") => Encoding::Base64Url,
            _ => Encoding::Hex(case),
        };
        Some(Taken {
            place,
            split: spec
                .split
                .as_deref()
                .filter(|text| !text.is_empty())
                .map(Into::into),
            item: item.map(|item| (item, slots)),
            skip: spec.skip,
            encoding: Some(encoding),
        })
    }

    fn place(&mut self, spec: &TakenSpec, at: &FieldPath) -> Option<Place> {
        if !spec.headers.is_empty() || spec.header_numbered.is_some() {
            let others = spec.header.is_some()
                || spec.query.is_some()
                || spec.form.is_some()
                || spec.json.is_some()
                || spec.value.is_some()
                || (!spec.headers.is_empty() && spec.header_numbered.is_some());
            if others {
                self.error(
                    code::BAD_SOURCE,
                    at,
                    "this says more than one place where signatures stand",
                    "one of `header`, `headers`, `header_numbered`, `query`, `form`, `json` and `value`",
                );
                return None;
            }
            if let Some(prefix) = &spec.header_numbered {
                self.header(&format!("{prefix}1"), &at.key("header_numbered"))?;
                return Some(Place::Numbered(prefix.to_ascii_lowercase().into()));
            }
            let names: Vec<_> = spec
                .headers
                .iter()
                .enumerate()
                .map(|(index, name)| self.header(name, &at.key("headers").index(index)))
                .collect();
            return Some(Place::Headers(names.into_iter().collect::<Option<_>>()?));
        }
        let source = SourceSpec {
            header: spec.header.clone(),
            query: spec.query.clone(),
            form: spec.form.clone(),
            json: spec.json.clone(),
            value: spec.value.clone(),
        };
        self.source(&source, at).map(Place::One)
    }

    fn compare(&mut self, spec: &CompareSpec, at: &FieldPath) -> Option<Place> {
        if let Some(list) = &spec.json_each {
            let list = self.pointer(list, &at.key("json_each"))?;
            let field =
                self.pointer(spec.field.as_deref().unwrap_or_default(), &at.key("field"))?;
            return Some(Place::Each(list, field));
        }
        let source = SourceSpec {
            header: spec.header.clone(),
            query: spec.query.clone(),
            form: spec.form.clone(),
            json: spec.json.clone(),
            value: spec.value.clone(),
        };
        self.source(&source, at).map(Place::One)
    }

    /// A pattern in which `name` must stand.
    fn item(&mut self, text: &str, name: &str, at: &FieldPath) -> Option<Item> {
        let why = match Item::parse(text) {
            Ok(item) if item.names().any(|known| known == name) => return Some(item),
            Ok(_) => format!("`{{{name}}}` is missing"),
            Err(why) => why.to_string(),
        };
        self.error(
            code::BAD_ITEM,
            at,
            &format!("`{text}` is no form of an item: {why}"),
            &format!("as in `v1={{{name}}}`"),
        );
        None
    }

    fn stamp(&mut self, spec: &StampSpec, at: &FieldPath) -> Option<Stamp> {
        let has_source = spec.header.is_some()
            || spec.query.is_some()
            || spec.form.is_some()
            || spec.json.is_some()
            || spec.value.is_some();
        let from = match (&spec.item, spec.index, has_source) {
            (Some(item), None, false) => {
                StampFrom::Item(self.item(item, "value", &at.key("item"))?)
            }
            (None, Some(index), false) => StampFrom::Index(index),
            (None, None, true) => {
                let source = SourceSpec {
                    header: spec.header.clone(),
                    query: spec.query.clone(),
                    form: spec.form.clone(),
                    json: spec.json.clone(),
                    value: spec.value.clone(),
                };
                StampFrom::Source(self.source(&source, at)?)
            }
            _ => {
                self.error(
                    code::BAD_SOURCE,
                    at,
                    "this must say one place where the time stands",
                    "one of `header`, `query`, `form`, `json`, `value`, `item` and `index`",
                );
                return None;
            }
        };
        let format = match spec.format.as_deref() {
            Some("unix_ms") => StampFormat::UnixMs,
            Some("rfc3339") => StampFormat::Rfc3339,
            _ => StampFormat::Unix,
        };
        Some(Stamp {
            from,
            format,
            tolerance: spec.tolerance.unwrap_or(TOLERANCE),
        })
    }

    fn keys(
        &mut self,
        rule: &SignatureSpec,
        whole: &SignatureSpec,
        scheme: Scheme,
        at: &FieldPath,
    ) -> Option<Keys> {
        if let Some(KeyFormSpec {
            certificate_url: Some(source),
            allowed_host,
            ..
        }) = &rule.key
        {
            return self.by_url(source, allowed_host.as_deref(), whole, at);
        }
        if scheme == Scheme::Jwt {
            return self.token_keys(rule, whole, at);
        }
        let top = self.at.clone();
        let (listed, key, form) = if scheme.is_public() {
            let form = match rule.key.as_ref().and_then(|key| key.encoding.as_deref()) {
                Some("base64") => PublicKeyForm::Raw(Encoding::Base64),
                Some("spki-base64") => PublicKeyForm::SpkiBase64,
                Some("pem") => PublicKeyForm::Pem,
                Some("hex") => PublicKeyForm::Raw(Encoding::Hex(Case::Any)),
                _ if scheme == Scheme::Ed25519 => PublicKeyForm::Raw(Encoding::Hex(Case::Any)),
                _ => PublicKeyForm::Pem,
            };
            (&whole.keys, "keys", KeyForm::Public(form))
        } else {
            let form = rule.secret.as_ref().map(secret_form).unwrap_or_default();
            (&whole.secrets, "secrets", KeyForm::Secret(form))
        };
        if listed.is_empty() {
            if self.values.assumed {
                return Some(Keys::Given(assumed_keys(scheme)));
            }
            let what = if scheme.is_public() {
                "public key"
            } else {
                "secret"
            };
            self.error(
                code::NO_SECRET,
                &top,
                &format!("there is no {what} to check signatures with"),
                &format!("add `{key}: [{{ env: NAME }}]` and set the variable"),
            );
            return None;
        }
        let mut keys = Vec::new();
        for (index, value) in listed.iter().enumerate() {
            let at = top.key(key).index(index);
            if self.values.assumed {
                continue;
            }
            if !scheme.is_public() && matches!(value, ValueSpec::Text(_)) {
                self.error(
                    code::INLINE_SECRET,
                    &at,
                    "a secret is written into the spec",
                    "put it into an environment variable or a file: `{ env: NAME }`, `{ file: path }`; and change it: whoever reads this file knows it",
                );
                continue;
            }
            let text = match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err((message, help)) => {
                    self.error(code::UNSET_SECRET, &at, &message, &help);
                    continue;
                }
            };
            match Key::new(&text, &form, scheme) {
                Ok(key) => keys.push(key),
                Err(why) => self.error(
                    code::BAD_KEY,
                    &at,
                    &format!(
                        "this cannot be a key of `{}`: {why}",
                        rule.scheme.as_deref().unwrap_or_default()
                    ),
                    "take it again from where the provider shows it, whole and without blanks",
                ),
            }
        }
        if self.values.assumed {
            keys = assumed_keys(scheme);
        }
        (self.values.assumed || keys.len() == listed.len()).then_some(Keys::Given(keys))
    }

    /// The keys of tokens: for each algorithm the secrets or the public keys, or a set of keys that
    /// say so themselves.
    fn token_keys(
        &mut self,
        rule: &SignatureSpec,
        whole: &SignatureSpec,
        at: &FieldPath,
    ) -> Option<Keys> {
        let encoding = rule.key.as_ref().and_then(|key| key.encoding.as_deref());
        if encoding == Some("jwks") {
            return self.key_sets(whole);
        }
        let default = [String::from("HS256")];
        let names = if rule.algorithms.is_empty() {
            &default[..]
        } else {
            &rule.algorithms
        };
        let mut keys = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let Some(scheme) = algorithm(name) else {
                self.error(
                    code::BAD_SCHEME,
                    &at.key("algorithms").index(index),
                    &format!("tokens cannot be signed with `{name}`"),
                    "one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256 and EdDSA",
                );
                return None;
            };
            let Keys::Given(given) = self.keys(rule, whole, scheme, at)? else {
                return None;
            };
            keys.extend(given.into_iter().map(|key| TokenKey {
                id: None,
                key,
                scheme,
            }));
        }
        Some(Keys::Tokens(keys))
    }

    fn key_sets(&mut self, whole: &SignatureSpec) -> Option<Keys> {
        let mut keys = Vec::new();
        let top = self.at.clone();
        if whole.keys.is_empty() && !self.values.assumed {
            self.error(
                code::NO_SECRET,
                &top,
                "there is no public key to check tokens with",
                "add `keys: [{ file: jwks.json }]`",
            );
            return None;
        }
        for (index, value) in whole.keys.iter().enumerate() {
            let at = top.key("keys").index(index);
            if self.values.assumed {
                continue;
            }
            let text = match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err((message, help)) => {
                    self.error(code::UNSET_SECRET, &at, &message, &help);
                    return None;
                }
            };
            match key_set(&text) {
                Ok(found) => keys.extend(found),
                Err(why) => {
                    self.error(
                        code::BAD_KEY,
                        &at,
                        &format!("this is no set of keys: {why}"),
                        "a JSON Web Key Set: `{\"keys\": […]}`",
                    );
                    return None;
                }
            }
        }
        Some(Keys::Tokens(keys))
    }

    fn by_url(
        &mut self,
        source: &SourceSpec,
        allowed_host: Option<&str>,
        whole: &SignatureSpec,
        at: &FieldPath,
    ) -> Option<Keys> {
        let at = at.key("key");
        let source = self.source(source, &at.key("certificate_url"))?;
        let Some(pattern) = allowed_host else {
            self.error(
                code::BAD_SCHEME,
                &at,
                "`allowed_host` is missing: anybody could name a certificate of his own",
                "say what the whole host must be: `allowed_host: 'api\\.example\\.com'`",
            );
            return None;
        };
        let host = match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(host) => host,
            Err(why) => {
                self.error(
                    code::BAD_SOURCE,
                    &at.key("allowed_host"),
                    "this is not a regular expression",
                    &why.to_string(),
                );
                return None;
            }
        };
        let mut known = Vec::new();
        for (url, value) in &whole.certificates {
            let at = self.at.key("certificates").key(url.as_str());
            let text = match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err(_) if self.values.assumed => continue,
                Err((message, help)) => {
                    self.error(code::UNSET_SECRET, &at, &message, &help);
                    continue;
                }
            };
            match PublicKey::new(&text, PublicKeyForm::Pem) {
                Ok(key) => known.push((url.as_str().into(), key)),
                Err(why) => self.error(
                    code::BAD_KEY,
                    &at,
                    &format!("this is no certificate: {why}"),
                    "a PEM file: `-----BEGIN CERTIFICATE-----`",
                ),
            }
        }
        Some(Keys::ByUrl {
            source,
            host,
            known,
        })
    }

    /// What `secret` is in a handshake.
    fn first_secret(&mut self, spec: &SignatureSpec) -> Option<Key> {
        let form = std::iter::once(spec)
            .chain(&spec.any_of)
            .find_map(|rule| rule.secret.as_ref().map(secret_form))
            .unwrap_or_default();
        if self.values.assumed {
            return assumed_keys(Scheme::Token).pop();
        }
        let text = match spec.secrets.first()? {
            ValueSpec::Text(_) => return None,
            // What is wrong with it has been said, where a scheme needs it.
            value => match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err((message, help)) => {
                    if !spec.has_scheme() {
                        let at = self.at.key("secrets").index(0);
                        self.error(code::UNSET_SECRET, &at, &message, &help);
                    }
                    return None;
                }
            },
        };
        Key::new(&text, &KeyForm::Secret(form), Scheme::Token).ok()
    }

    fn challenges(
        &mut self,
        spec: &SignatureSpec,
        root: &Path,
        files: &mut Files<'_>,
    ) -> Vec<Challenge> {
        let at = self.at.key("challenge");
        let mut challenges = Vec::new();
        for (index, challenge) in spec.challenge.iter().flatten().enumerate() {
            challenges.extend(self.challenge(challenge, &at.index(index), root, files));
        }
        challenges
    }

    fn challenge(
        &mut self,
        spec: &ChallengeSpec,
        at: &FieldPath,
        root: &Path,
        files: &mut Files<'_>,
    ) -> Option<Challenge> {
        let method = spec.method.as_deref().unwrap_or("POST");
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let when = match &spec.when {
            None => None,
            Some(when) => Some(self.expressions.condition(&at.key("when"), &when.0)?),
        };
        let require = self.conditions(&spec.require, &at.key("require"));
        let answer_at = at.key("respond");
        let mut headers = Vec::new();
        for (name, text) in &spec.respond.headers {
            let at = answer_at.key("headers").key(name.as_str());
            let name = self.answer_header(name, &at);
            let clause = self.expressions.text(&at, text);
            headers.push((name?, clause?.0));
        }
        let body = match (&spec.respond.text, &spec.respond.json) {
            (None, None) => ChallengeBody::Empty,
            (Some(text), None) => {
                ChallengeBody::Text(self.expressions.text(&answer_at.key("text"), text)?.0)
            }
            (None, Some(tree)) => {
                let at = answer_at.key("json");
                let node = respond::tree(tree, &at, root, files, self.expressions)?;
                ChallengeBody::Json(Content::Tree(node))
            }
            (Some(_), Some(_)) => {
                self.error(
                    code::BAD_SOURCE,
                    &answer_at,
                    "the answer has a `text` and a `json`",
                    "leave one of them out",
                );
                return None;
            }
        };
        let status = |code: Option<u16>, default: StatusCode| {
            code.and_then(|code| StatusCode::from_u16(code).ok())
                .unwrap_or(default)
        };
        Some(Challenge {
            method,
            when,
            verify_first: spec.verify.as_deref() == Some("first"),
            require: require?,
            status: status(spec.respond.status, StatusCode::OK),
            headers,
            body,
            otherwise: status(
                spec.otherwise.as_ref().map(|otherwise| otherwise.status),
                StatusCode::UNAUTHORIZED,
            ),
        })
    }
}

/// Whether nothing that expressions know is called so.
fn is_free(name: &str) -> bool {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_name
        && !ROOTS.contains(&name)
        && !CEL_WORDS.contains(&name)
        && Known::ALL.into_iter().all(|known| known.name() != name)
}

/// A secret in place of one that is not looked up; public keys cannot be made up.
fn assumed_keys(scheme: Scheme) -> Vec<Key> {
    let form = KeyForm::Secret(SecretForm::default());
    let key = (!scheme.is_public()).then(|| Key::new(ASSUMED, &form, scheme).ok());
    key.flatten().into_iter().collect()
}

fn secret_form(spec: &SecretFormSpec) -> SecretForm {
    SecretForm {
        strip_prefix: spec.strip_prefix.clone(),
        encoding: match spec.encoding.as_deref() {
            Some("hex") => Some(Encoding::Hex(Case::Any)),
            Some("base64") => Some(Encoding::Base64),
            Some("base64url") => Some(Encoding::Base64Url),
            _ => None,
        },
        derive: match spec.derive.as_deref() {
            Some("sha1") => Some(Digest::Sha1),
            Some("sha256") => Some(Digest::Sha256),
            Some("sha384") => Some(Digest::Sha384),
            Some("sha512") => Some(Digest::Sha512),
            _ => None,
        },
    }
}
