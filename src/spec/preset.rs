//! `preset:` documents: what is known of a provider, in the words of `auth.signature`.
//!
//! The built-in ones are files beside this one, compiled into the binary; a folder may hold more,
//! which functions name in the same way.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Expression, Period, SignatureSpec};

/// A provider: how it signs, how it finds out whether somebody is there, what else is known of its
/// webhooks.
///
/// ```yaml
/// preset: acme
/// title: Acme
/// signature:
///   scheme: hmac-sha256
///   signature: { header: X-Acme-Signature, encoding: hex }
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Preset")]
pub struct PresetSpec {
    /// Its name: lower-case letters, digits and `_`.
    ///
    /// ```yaml
    /// preset: acme
    /// ```
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub preset: String,
    /// The provider's name for people.
    ///
    /// ```yaml
    /// title: Acme
    /// ```
    pub title: Option<String>,
    /// As under `auth` of a function, without secrets.
    ///
    /// ```yaml
    /// signature: { scheme: token, compare: { header: X-Acme-Token } }
    /// ```
    #[serde(default)]
    pub signature: SignatureSpec,
    /// What is known of its webhooks.
    ///
    /// ```yaml
    /// webhook: { event: body.type, id: body.id, answer_within: 10s }
    /// ```
    #[serde(default)]
    pub webhook: WebhookSpec,
    /// Where things are at the provider.
    ///
    /// ```yaml
    /// setup: { url: "Settings → Webhooks → Add", secret: shown once after adding }
    /// ```
    #[serde(default)]
    pub setup: SetupSpec,
}

/// What is known of a provider's webhooks.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Webhook")]
pub struct WebhookSpec {
    /// Gives the event's name.
    ///
    /// ```yaml
    /// event: body.type
    /// ```
    pub event: Option<Expression>,
    /// Gives what is the same when the event is sent again, and differs for every other.
    ///
    /// ```yaml
    /// id: body.id
    /// ```
    pub id: Option<Expression>,
    /// Of the requests.
    ///
    /// ```yaml
    /// content_type: application/json
    /// ```
    pub content_type: Option<String>,
    /// Which status counts as success.
    ///
    /// ```yaml
    /// success: 2xx
    /// ```
    pub success: Option<String>,
    /// How long the provider waits for an answer.
    ///
    /// ```yaml
    /// answer_within: 10s
    /// ```
    pub answer_within: Option<Period>,
    /// For how long it tries again.
    ///
    /// ```yaml
    /// retried_for: 3d
    /// ```
    pub retried_for: Option<Period>,
    /// Networks (CIDR) that it sends from, where it publishes them.
    ///
    /// ```yaml
    /// addresses: [192.0.2.0/24]
    /// ```
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Where it publishes the networks that it sends from: they change, so what is built in names
    /// the place and not the networks. For `auth.allow_ips`.
    ///
    /// ```yaml
    /// addresses_at: https://api.github.com/meta
    /// ```
    pub addresses_at: Option<String>,
}

/// Where things are at the provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Setup")]
pub struct SetupSpec {
    /// Where the URL is put in.
    ///
    /// ```yaml
    /// url: Settings → Webhooks → Add webhook
    /// ```
    pub url: Option<String>,
    /// Where the secret is found.
    ///
    /// ```yaml
    /// secret: you choose it, in the field "Secret"
    /// ```
    pub secret: Option<String>,
    /// What one should know before relying on it.
    ///
    /// ```yaml
    /// note: the token says who sends, and nothing about what
    /// ```
    pub note: Option<String>,
}

macro_rules! built_in {
    ($($name:literal)*) => {
        const BUILT_IN: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("presets/", $name, ".yaml"))),)*
        ];
    };
}

built_in! {
    "asana"
    "aws_sns"
    "azure_event_grid"
    "bitbucket"
    "braintree"
    "calendly"
    "cloudevents"
    "coinbase_commerce"
    "discord"
    "docusign"
    "dropbox"
    "dropbox_sign"
    "ebay"
    "fitbit"
    "github"
    "gitlab"
    "gitlab_signing_token"
    "gocardless"
    "http_message_signatures"
    "hubspot_v1"
    "hubspot_v2"
    "hubspot_v3"
    "intercom"
    "linear"
    "linkedin"
    "mailchimp"
    "mailgun"
    "mailgun_form"
    "mandrill"
    "meta"
    "monday"
    "msgraph"
    "mux"
    "nylas"
    "okta"
    "openai"
    "paddle"
    "paypal"
    "postmark"
    "razorpay"
    "ringcentral"
    "sendgrid"
    "shopify"
    "slack"
    "smartsheet"
    "square"
    "standard_webhooks"
    "strava"
    "stripe"
    "svix"
    "trello"
    "twilio"
    "typeform"
    "vercel"
    "webflow"
    "websub"
    "x_twitter"
    "zendesk"
    "zoho_crm"
    "zoom"
}

/// Each is read when it is first asked for: a gateway has use for few of them.
static READ: [OnceLock<Option<PresetSpec>>; BUILT_IN.len()] =
    [const { OnceLock::new() }; BUILT_IN.len()];

/// A preset that is compiled in.
pub fn built_in(name: &str) -> Option<&'static PresetSpec> {
    let index = BUILT_IN.iter().position(|(known, _)| *known == name)?;
    let (_, text) = BUILT_IN.get(index)?;
    // A test reads every one of them.
    let read = || serde_yaml::from_str(text).ok();
    READ.get(index)?.get_or_init(read).as_ref()
}

/// Its file's text.
pub fn built_in_text(name: &str) -> Option<&'static str> {
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    known.map(|(_, text)| *text)
}

/// The names of all presets that are compiled in, sorted.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_preset_is_read_and_called_as_its_file() {
        let names: Vec<_> = preset_names().collect();
        assert!(names.is_sorted());
        for (name, text) in BUILT_IN {
            // By the same way as the user's: the schema, the places, all of it.
            let loaded = crate::spec::load_text(&format!("{name}.yaml"), text);
            assert!(
                loaded.diagnostics.is_empty(),
                "{name}: {:#?}",
                loaded.diagnostics
            );
            let preset = built_in(name).unwrap();
            assert_eq!(preset.preset, **name);
            assert!(preset.title.is_some(), "{name}");
        }
    }
}
