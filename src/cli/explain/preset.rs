//! `hookweir explain preset`: what is known of a provider.

use std::fmt::Write as _;

use crate::cli::console::Failure;
use crate::diagnostic::suggest;
use crate::spec::{self, PresetSpec};

/// All presets, a line each.
pub(super) fn list() -> String {
    let mut text = "\nPresets (`hookweir explain preset NAME`):\n\n".to_owned();
    let width = spec::preset_names().map(str::len).max().unwrap_or(0);
    for name in spec::preset_names() {
        let title = spec::built_in(name).and_then(|preset| preset.title.as_deref());
        let _ = writeln!(text, "  {name:width$}  {}", title.unwrap_or_default());
    }
    text
}

/// The preset as YAML, below what one should know, as comments: the whole is a document that can
/// be put into a folder and changed.
pub(super) fn page(name: &str) -> Result<String, Failure> {
    let (Some(preset), Some(yaml)) = (spec::built_in(name), spec::built_in_text(name)) else {
        let message = format!("there is no preset `{name}`");
        let help = match suggest::nearest(name, spec::preset_names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`hookweir explain preset` lists them".to_owned(),
        };
        return Err(Failure::usage(message).help(help));
    };
    let mut text = format!("# {}\n", preset.title.as_deref().unwrap_or(name));
    let mut line = |label: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(text, "# {label}: {value}");
        }
    };
    line("The URL goes to", preset.setup.url.as_deref());
    line("The secret", preset.setup.secret.as_deref());
    line("Note", preset.setup.note.as_deref());
    text.push_str("#\n# In a function:\n#\n");
    for written in usage(preset).lines() {
        let _ = writeln!(text, "#   {written}");
    }
    text.push_str(
        "#\n# Put into the folder of the functions, this document takes the place of what is built in.\n",
    );
    text.push_str(yaml);
    Ok(text)
}

/// `auth` of a function with this preset.
fn usage(preset: &PresetSpec) -> String {
    let name = &preset.preset;
    let upper = name.to_ascii_uppercase();
    let mut text = "auth:\n".to_owned();
    if !preset.signature.has_scheme() {
        text.push_str("  zapikey: required\n");
    }
    let _ = writeln!(text, "  signature:\n    preset: {name}");
    let yaml = spec::built_in_text(name).unwrap_or_default();
    let rules = std::iter::once(&preset.signature).chain(&preset.signature.any_of);
    let schemes: Vec<&str> = rules.filter_map(|rule| rule.scheme.as_deref()).collect();
    let is_public = |scheme: &&str| {
        crate::auth::signature::Scheme::named(scheme)
            .is_some_and(crate::auth::signature::Scheme::is_public)
    };
    let has_url = yaml.contains("certificate_url");
    if has_url {
        // Certificates are fetched, or pinned where they must not be.
    } else if schemes.iter().any(is_public) {
        let _ = writeln!(text, "    keys: [{{ env: {upper}_PUBLIC_KEY }}]");
    }
    let reads_secret = yaml.contains("secret,") || yaml.contains("${secret}");
    if schemes.iter().any(|scheme| !is_public(scheme)) || reads_secret {
        let _ = writeln!(text, "    secrets: [{{ env: {upper}_SECRET }}]");
    }
    let mut params: Vec<&str> = Vec::new();
    for rest in yaml.split("param.").skip(1) {
        let end = rest
            .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let param = rest.get(..end).unwrap_or_default();
        if !param.is_empty() && !params.contains(&param) {
            params.push(param);
        }
    }
    if !params.is_empty() {
        let listed: Vec<String> = params
            .iter()
            .map(|param| {
                let variable = param.to_ascii_uppercase();
                format!("{param}: {{ env: {upper}_{variable} }}")
            })
            .collect();
        let _ = writeln!(text, "    params: {{ {} }}", listed.join(", "));
    }
    if yaml.contains("${url}") {
        text.push_str(
            "    public_url: https://hooks.example.com   # or in the document `gateway:`\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::route;

    /// What is shown is a preset, and the function that is shown with it compiles.
    #[test]
    fn every_page_can_be_used_as_it_is() {
        for name in spec::preset_names() {
            let page = page(name).unwrap();
            let preset = spec::built_in(name).unwrap();
            let auth = usage(preset).replace("   # or in the document `gateway:`", "");
            let text = format!("{page}---\nfunction: f\n{auth}");
            let loaded = spec::load_text("f.yaml", &text);
            let set = |_: &str| Some("set".to_owned());
            let outside = route::Outside::variables(&set).assuming_secrets();
            let compiled = route::compile_with(loaded, outside);
            let errors: Vec<_> = compiled
                .diagnostics
                .iter()
                .filter(|problem| problem.severity == Severity::Error)
                .collect();
            assert!(errors.is_empty(), "{text}\n{errors:#?}");
        }
    }
}
