//! Presets by name: those of the folder, and those that are compiled in.

use std::collections::HashMap;

use super::compile::{Shop, build, is_free, parameters_read};
use crate::diagnostic::{Diagnostic, Severity, Span, code, suggest};
use crate::route::expressions::Expressions;
use crate::route::report::{Complete, Report};
use crate::route::root;
use crate::route::settings;
use crate::spec::{self, Document, FieldPath, PresetSpec, SignatureSpec, Spec};

/// The presets that functions may name.
#[derive(Debug, Default)]
pub(in crate::route) struct Presets<'d> {
    own: HashMap<&'d str, &'d PresetSpec>,
}

impl<'d> Presets<'d> {
    /// Those of the folder, and what is wrong with their names.
    pub(in crate::route) fn of(
        documents: impl Iterator<Item = &'d Document>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut own = HashMap::new();
        let mut places: HashMap<&str, Span> = HashMap::new();
        for document in documents {
            let Spec::Preset(preset) = &document.spec else {
                continue;
            };
            let name = preset.preset.as_str();
            let span = document.places.value(&FieldPath::root().key("preset"));
            if let Some(first) = places.get(name) {
                diagnostics.push(Diagnostic {
                    code: code::signature::BAD_PRESET,
                    severity: Severity::Error,
                    message: format!("a second preset `{name}`"),
                    span: Some(span),
                    label: None,
                    related: vec![(*first, "the first stands here".to_owned())],
                    help: vec!["give one of them another name".to_owned()],
                });
                continue;
            }
            places.insert(name, span);
            own.insert(name, &**preset);
        }
        Self { own }
    }

    /// A preset's signature. One of the folder hides one of the same name that is compiled in.
    pub(in crate::route) fn find(&self, name: &str) -> Option<&SignatureSpec> {
        let own = self.own.get(name).map(|preset| &preset.signature);
        own.or_else(|| spec::built_in(name).map(|preset| &preset.signature))
    }

    /// For how long a provider sends an event again, where that is known.
    pub(in crate::route) fn retried_for(&self, name: &str) -> Option<std::time::Duration> {
        let own = self.own.get(name).copied();
        let preset = own.or_else(|| spec::built_in(name))?;
        preset.webhook.retried_for.map(|period| period.0)
    }

    /// A known name that looks like this one.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        let own = suggest::nearest(name, self.own.keys().copied());
        own.or_else(|| suggest::nearest(name, spec::preset_names()))
            .map(str::to_owned)
    }
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
                code::signature::BAD_PRESET,
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
                code::signature::MISPLACED,
                &at.key("signature").key(key),
                format!("`{key}` is each function's own"),
            )
            .help("put it into the function, beside `preset:`");
    }
    let addresses = at.key("webhook").key("addresses");
    settings::networks(&preset.webhook.addresses, &addresses, report);
}
