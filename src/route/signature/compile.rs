//! `auth.signature`, from what is written to what runs.

use std::path::Path;

use super::super::clause::Clause;
use super::super::expressions::{Cache, Expressions};
use super::super::files::Files;
use super::super::report::{Complete, Report};
use super::super::settings::Settings;
use super::challenge::Challenge;
use super::names::{self, Known};
use super::outside::Values;
use super::preset::Presets;
use super::{Rule, Signature, SignedReads};
use crate::auth::signature::{Item, Scheme};
use crate::diagnostic::code::signature as code;
use crate::spec::{CEL_WORDS, Expression, FieldPath, ROOTS, SignatureSpec};

/// A secret where secrets are not looked up.
pub const ASSUMED: &str = "assumed:secret";

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
                    format!("there is no preset `{}`", cut(name)),
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

/// Compiles a signature whose preset is part of it already. `also_known` are parameters that are
/// not given and may be read.
pub(super) fn build<'d>(
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
        has_key,
        has_scheme: spec.has_scheme(),
        keeps_secrets: spec.secrets.is_empty() && stores_secret(spec),
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
        confirm_by_hand: spec.confirm.as_deref() == Some("by_hand"),
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
pub(super) fn parameters_read<'s, T: std::fmt::Debug + 's>(
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

/// A name for a message, however long it was written.
fn cut(name: &str) -> String {
    let mut shown: String = name.chars().take(60).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

/// Whether a handshake gives the secret.
fn stores_secret(spec: &SignatureSpec) -> bool {
    let mut challenges = spec.challenge.iter().flatten();
    challenges.any(|challenge| challenge.store_secret.is_some())
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

pub(super) struct Compiler<'x, 'c, 'd> {
    pub(super) at: FieldPath,
    pub(super) values: &'x Values,
    pub(super) folder: &'x Path,
    added: &'x [Box<str>],
    /// Callers are known by a key, too.
    pub(super) has_key: bool,
    /// Something says how requests are signed.
    pub(super) has_scheme: bool,
    /// What the handshake gives is what requests are signed with.
    pub(super) keeps_secrets: bool,
    pub(super) expressions: &'x mut Expressions<'c, 'd>,
}

impl Compiler<'_, '_, '_> {
    pub(super) fn error(
        &mut self,
        code: crate::diagnostic::Code,
        at: &FieldPath,
        message: &str,
        help: &str,
    ) {
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
        self.without_effect(spec, &at);
        let mut rules = Vec::new();
        for (index, rule) in spec.any_of.iter().enumerate() {
            let at = at.key("any_of").index(index);
            self.misplaced(rule, &at);
            rules.extend(self.rule(rule, spec, &at, has_url));
        }
        rules
    }

    /// What each alternative says for itself: beside them it would change nothing, and whoever
    /// wrote it to make a preset stricter would not find out.
    fn without_effect(&mut self, spec: &SignatureSpec, at: &FieldPath) {
        let keys = [
            ("signature", spec.signature.is_some()),
            ("timestamp", spec.timestamp.is_some()),
            ("fields", !spec.fields.is_empty()),
            ("signed", spec.signed.is_some()),
            ("secret", spec.secret.is_some()),
            ("key", spec.key.is_some()),
            ("require", !spec.require.is_empty()),
            ("algorithms", !spec.algorithms.is_empty()),
            ("compare", spec.compare.is_some()),
            ("when", spec.when.is_some()),
            ("each", spec.each.is_some()),
            ("scope", spec.scope.is_some()),
        ];
        let help = spec.preset.as_ref().map_or_else(
            || "write it in the alternatives that it is for".to_owned(),
            |preset| {
                format!(
                    "write `any_of` beside the preset, with the alternatives that \
                     `hookweir explain preset {preset}` prints and what is to differ in them"
                )
            },
        );
        for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
            self.error(
                code::MISPLACED,
                &at.key(key),
                &format!("`{key}` stands beside alternatives and changes none of them"),
                &help,
            );
        }
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
            ("confirm", rule.confirm.is_some()),
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

    pub(super) fn conditions(
        &mut self,
        texts: &[Expression],
        at: &FieldPath,
    ) -> Option<Vec<Clause>> {
        let compiled: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| self.expressions.condition(&at.index(index), &text.0))
            .collect();
        compiled.into_iter().collect()
    }

    /// The slot of an added name.
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        let index = self.added.iter().position(|known| **known == *name)?;
        Some(Known::FIRST_NAME + index)
    }
}

/// Whether nothing that expressions know is called so.
pub(super) fn is_free(name: &str) -> bool {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_name
        && !ROOTS.contains(&name)
        && !CEL_WORDS.contains(&name)
        && Known::ALL.into_iter().all(|known| known.name() != name)
}
