//! Functions that could answer the same request.
//!
//! Two functions of one name have one address at Zoho's; two `accept.path` of one shape, whatever
//! their parameters are called, have one address when a method is accepted by both. Both places
//! are shown. Functions with other mistakes are compared, too.

use std::collections::HashMap;

use super::methods::Methods;
use super::pattern::Pattern;
use super::signature::Presets;
use crate::diagnostic::{Diagnostic, Severity, Span, code};
use crate::spec::{AuthSpec, Document, FieldPath, FunctionSpec, Spec};

/// Reports every function that another one stands in the way of.
pub(super) fn report<'d>(
    documents: impl Iterator<Item = &'d Document>,
    presets: &Presets<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut names: HashMap<&str, Span> = HashMap::new();
    let mut shapes: HashMap<String, Vec<(Methods, &str, Span)>> = HashMap::new();
    for document in documents {
        let Spec::Function(spec) = &document.spec else {
            continue;
        };
        let at = FieldPath::root().key("function");
        let span = document.places.value(&at);
        if let Some(&first) = names.get(spec.function.as_str()) {
            diagnostics.push(Diagnostic {
                code: code::route::DUPLICATE_FUNCTION,
                severity: Severity::Error,
                message: format!("a second function `{}`", spec.function),
                span: Some(span),
                label: None,
                related: vec![(first, "the first stands here".to_owned())],
                help: vec!["give one of them another name".to_owned()],
            });
            // Their paths are as likely to be equal, and one mistake is enough.
            continue;
        }
        names.insert(&spec.function, span);

        let Some(pattern) = spec
            .accept
            .path
            .as_deref()
            .and_then(|path| Pattern::parse(path).ok())
        else {
            continue;
        };
        let methods = methods(spec, presets);
        let span = document
            .places
            .value(&FieldPath::root().key("accept").key("path"));
        let others = shapes.entry(pattern.shape()).or_default();
        for &(theirs, name, first) in others.iter() {
            let both = methods.intersection(theirs);
            let Some(method) = both.iter().next() else {
                continue;
            };
            diagnostics.push(Diagnostic {
                code: code::route::CONFLICT,
                severity: Severity::Error,
                message: format!(
                    "`{}` and `{name}` could both answer {method} requests to this address",
                    spec.function
                ),
                span: Some(span),
                label: None,
                related: vec![(first, format!("`{name}` accepts it here"))],
                help: vec![
                    "change one of the paths, or let them accept different methods".to_owned(),
                ],
            });
            break;
        }
        others.push((methods, &spec.function, span));
    }
}

/// What a function answers: the methods that it accepts, and those of its handshakes.
fn methods(spec: &FunctionSpec, presets: &Presets<'_>) -> Methods {
    let accepted = spec
        .accept
        .methods
        .as_ref()
        .map_or(Methods::DEFAULT, |names| {
            names
                .iter()
                .filter_map(|name| Methods::named(name))
                .fold(Methods::default(), Methods::union)
        });
    let Some(AuthSpec::Callers {
        signature: Some(signature),
        ..
    }) = &spec.auth
    else {
        return accepted;
    };
    let preset = signature
        .preset
        .as_deref()
        .and_then(|name| presets.find(name));
    let challenges = signature
        .challenge
        .as_ref()
        .or_else(|| preset.and_then(|preset| preset.challenge.as_ref()));
    let asked = challenges
        .into_iter()
        .flatten()
        .filter_map(|challenge| Methods::asked_by(challenge.method.as_deref().unwrap_or("POST")));
    asked.fold(accepted, Methods::union)
}
