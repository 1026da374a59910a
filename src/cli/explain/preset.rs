//! `hookweir explain preset`: what is known of a provider.

use std::fmt::Write as _;

use crate::auth::signature::Scheme;
use crate::cli::console::Failure;
use crate::cli::sample::sample;
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
    line(
        "It sends from what it lists at",
        preset.webhook.addresses_at.as_deref(),
    );
    text.push_str("#\n# A function:\n#\n");
    for written in function(preset).lines() {
        let _ = writeln!(text, "{}", format!("#   {written}").trim_end());
    }
    text.push_str(
        "#\n# Put into the folder of the functions, this document takes the place of what is built in.\n",
    );
    text.push_str(yaml);
    Ok(text)
}

/// A complete function with this preset, its tests included.
fn function(preset: &PresetSpec) -> String {
    let name = &preset.preset;
    let title = preset.title.as_deref().unwrap_or(name);
    let webhook = &preset.webhook;
    let mut text = format!(
        "function: {name}_events\nsummary: Takes the webhooks of {title}\n\naccept:\n  methods: [POST]\n  path: /hooks/{name}\n\n{}\n",
        usage(preset)
    );
    if let Some(event) = &webhook.event {
        let _ = writeln!(text, "let:\n  what: ({}) ?? \"unknown\"\n", event.0);
        text.push_str("respond:\n  status_code: 200\n  body: { taken: \"${string(what)}\" }\n");
    } else {
        text.push_str("respond:\n  status_code: 200\n");
    }
    text.push_str(&tests(preset));
    text
}

/// One request that is taken, and where it can be signed, others that are not.
fn tests(preset: &PresetSpec) -> String {
    let mut headers = http::HeaderMap::new();
    let body = sample(Some(preset), Some("something"), &mut headers);
    let body = String::from_utf8_lossy(&body);
    let kind = preset.webhook.content_type.as_deref();
    let mut request = String::new();
    for (name, value) in &headers {
        let value = value.to_str().unwrap_or_default();
        // An id that is the same each time the page is made.
        let value = if value == "something" { value } else { "1" };
        let _ = write!(request, "{name}: {value}, ");
    }
    let headers = request.trim_end_matches(", ").to_owned();
    let mut request = String::new();
    if !headers.is_empty() {
        let _ = write!(request, "headers: {{ {headers} }}, ");
    }
    if kind == Some("application/x-www-form-urlencoded") {
        let mut pairs: Vec<String> = form_urlencoded::parse(body.as_bytes())
            .map(|(name, value)| {
                let value = if value == "something" {
                    "something"
                } else {
                    "1"
                };
                format!("{name}: \"{value}\"")
            })
            .collect();
        if preset.preset == "braintree" {
            pairs = vec!["bt_payload: aGVsbG8=".to_owned()];
        }
        let _ = write!(request, "form: {{ {} }}", pairs.join(", "));
    } else {
        let json = fixed_ids(serde_json::from_str(&body).unwrap_or_default());
        let _ = write!(request, "json: {json}");
    }
    let rules = std::iter::once(&preset.signature).chain(&preset.signature.any_of);
    let schemes: Vec<&str> = rules.filter_map(|rule| rule.scheme.as_deref()).collect();
    let can_sign = !schemes.is_empty() && !schemes.iter().any(is_public);
    let mut text = "\ntests:\n".to_owned();
    if can_sign {
        let _ = write!(
            text,
            "  - name: what is signed is taken\n    request: {{ sign: right, {request} }}\n    expect: {{ status_code: 200 }}\n  - name: what somebody else signed is refused\n    request: {{ sign: wrong, {request} }}\n    expect: {{ status_code: 401 }}\n"
        );
    } else {
        let _ = write!(
            text,
            "  - name: an event is taken\n    request: {{ {request} }}\n    expect: {{ status_code: 200 }}\n"
        );
    }
    text
}

/// Random ids, each as `1`.
fn fixed_ids(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match json {
        Json::String(text) if text != "something" => Json::from("1"),
        Json::Array(items) => items.into_iter().map(fixed_ids).collect(),
        Json::Object(map) => Json::Object(
            map.into_iter()
                .map(|(key, value)| (key, fixed_ids(value)))
                .collect(),
        ),
        other => other,
    }
}

fn is_public(scheme: &&str) -> bool {
    Scheme::named(scheme).is_some_and(Scheme::is_public)
}

/// `auth` of a function with this preset.
fn usage(preset: &PresetSpec) -> String {
    let name = &preset.preset;
    let upper = name.to_ascii_uppercase();
    let yaml = spec::built_in_text(name).unwrap_or_default();
    let mut text = "auth:\n".to_owned();
    let of_handshake = yaml.contains("store_secret");
    if !preset.signature.has_scheme() || of_handshake {
        text.push_str("  zapikey: required\n");
    }
    let _ = writeln!(text, "  signature:\n    preset: {name}");
    let rules = std::iter::once(&preset.signature).chain(&preset.signature.any_of);
    let schemes: Vec<&str> = rules.filter_map(|rule| rule.scheme.as_deref()).collect();
    let has_url = yaml.contains("certificate_url");
    if has_url {
        // Certificates are fetched, or pinned where they must not be.
    } else if schemes.iter().any(is_public) {
        let _ = writeln!(text, "    keys: [{{ env: {upper}_PUBLIC_KEY }}]");
    }
    let reads_secret = yaml.contains("secret,") || yaml.contains("${secret}");
    let has_secret = schemes.iter().any(|scheme| !is_public(scheme)) || reads_secret;
    if has_secret && !of_handshake {
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
    let reads_url = ["${url}", "(url,", " url :"]
        .iter()
        .any(|read| yaml.contains(read));
    if reads_url {
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
            let text = format!("{page}---\n{}", function(preset));
            let loaded = spec::load_text("f.yaml", &text);
            let set = |_: &str| Some("set".to_owned());
            let outside = route::Outside::variables(&set).assuming_secrets();
            let compiled = route::compile_with(loaded, outside);
            let errors: Vec<_> = compiled
                .diagnostics
                .iter()
                .filter(|problem| {
                    // A token is all that some providers send.
                    problem.severity == Severity::Error || problem.code.0 != "W0602"
                })
                .collect();
            assert!(errors.is_empty(), "{text}\n{errors:#?}");
        }
    }
}
