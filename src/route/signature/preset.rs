//! Presets by name: those of the folder, and those that are compiled in.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Severity, Span, code, suggest};
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

    /// A known name that looks like this one.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        let own = suggest::nearest(name, self.own.keys().copied());
        own.or_else(|| suggest::nearest(name, spec::preset_names()))
            .map(str::to_owned)
    }
}
