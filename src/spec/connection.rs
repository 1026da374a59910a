//! `connection:` documents: how a third party is reached, and how we show who we are.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Expression, Period, Rate, ValueSpec, either};

/// How a third party is reached, and how we show who we are.
///
/// ```yaml
/// connection: crm
/// base_url: https://crm.example.com
/// auth: { bearer: { env: CRM_TOKEN } }
/// limits: { concurrency: 5, rate: 100/min }
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Connection")]
pub struct ConnectionSpec {
    /// Its name, by which `deliver` knows it: lower-case letters, digits and `_`.
    ///
    /// ```yaml
    /// connection: crm
    /// ```
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub connection: String,
    /// A sentence for people.
    ///
    /// ```yaml
    /// summary: Leads and deals
    /// ```
    pub summary: Option<String>,
    /// Scheme and host, and the beginning of the path where all requests have it.
    ///
    /// ```yaml
    /// base_url: https://crm.example.com
    /// ```
    pub base_url: Option<ValueSpec>,
    /// Header lines of each request.
    ///
    /// ```yaml
    /// headers: { Accept: application/json }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub headers: IndexMap<String, String>,
    /// How we show who we are; not at all without it.
    ///
    /// ```yaml
    /// auth: { bearer: { env: CRM_TOKEN } }
    /// ```
    pub auth: Option<ConnectionAuthSpec>,
    /// Each request is signed as Standard Webhooks has it (`webhook-id`, `webhook-timestamp`,
    /// `webhook-signature`).
    ///
    /// ```yaml
    /// sign: { secrets: [{ env: OUT_SECRET }] }
    /// ```
    pub sign: Option<SignSpec>,
    /// A certificate that is shown to the third party (mutual TLS), beside `auth`.
    ///
    /// ```yaml
    /// client_certificate: { certificate: { file: crm.pem }, private_key: { file: crm.key } }
    /// ```
    pub client_certificate: Option<ClientCertificateSpec>,
    /// Which answers count as success; default: every status from 200 to 299. Other statuses never
    /// do. Knows `status_code`, `headers`, `json` (null where it is none) and `text`.
    ///
    /// ```yaml
    /// ok_when: json.ok == true
    /// ```
    pub ok_when: Option<Expression>,
    /// How much it is given.
    ///
    /// ```yaml
    /// limits: { concurrency: 5, rate: 100/min }
    /// ```
    #[serde(default)]
    pub limits: ConnectionLimitsSpec,
    /// How long one attempt may take, to the end of the answer; default `30s`.
    ///
    /// ```yaml
    /// timeout: 10s
    /// ```
    pub timeout: Option<Period>,
    /// Networks (CIDR) that may be reached by this connection though they are not public.
    ///
    /// ```yaml
    /// allow: [10.1.0.0/16]
    /// ```
    #[serde(default)]
    pub allow: Vec<String>,
    /// What is different for events of the sandbox. Without it they are recorded, and their
    /// deliveries held.
    ///
    /// ```yaml
    /// sandbox: { base_url: https://sandbox.crm.example.com }
    /// ```
    pub sandbox: Option<ConnectionSandboxSpec>,
}

/// How we show who we are: one of the keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectionAuth", extend("minProperties" = 1, "maxProperties" = 1))]
pub struct ConnectionAuthSpec {
    /// `Authorization: Bearer …` (RFC 6750).
    ///
    /// ```yaml
    /// bearer: { env: CRM_TOKEN }
    /// ```
    pub bearer: Option<ValueSpec>,
    /// `Authorization: Basic …` (RFC 7617).
    ///
    /// ```yaml
    /// basic: { username: hookweir, password: { env: CRM_PASSWORD } }
    /// ```
    pub basic: Option<BasicSpec>,
    /// A key in a header or in the query.
    ///
    /// ```yaml
    /// api_key: { header: X-Api-Key, value: { env: CRM_KEY } }
    /// ```
    pub api_key: Option<ApiKeySpec>,
    /// An access token that is asked for when it is needed (OAuth 2.0, RFC 6749).
    ///
    /// ```yaml
    /// oauth2:
    ///   grant: client_credentials
    ///   token_url: https://crm.example.com/oauth/token
    ///   client_id: { env: CRM_CLIENT_ID }
    ///   client_secret: { env: CRM_CLIENT_SECRET }
    /// ```
    pub oauth2: Option<OAuth2Spec>,
}

/// An access token that is asked for when it is needed (OAuth 2.0, RFC 6749). It is kept sealed in
/// the store and asked for anew before it ends.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OAuth2")]
pub struct OAuth2Spec {
    /// How the first token comes: `client_credentials` (by the client's id and secret),
    /// `refresh_token` (by one that somebody was given elsewhere) or `authorization_code` (somebody
    /// allows it in a browser: `hookweir connections authorize NAME`).
    ///
    /// ```yaml
    /// grant: refresh_token
    /// ```
    #[serde(default, deserialize_with = "either::grant")]
    #[schemars(extend("enum" = ["authorization_code", "client_credentials", "refresh_token"]))]
    pub grant: Option<String>,
    /// Where tokens are asked for.
    ///
    /// ```yaml
    /// token_url: https://accounts.zoho.com/oauth/v2/token
    /// ```
    pub token_url: Option<ValueSpec>,
    /// Of `authorization_code`: where somebody allows it.
    ///
    /// ```yaml
    /// authorize_url: https://accounts.zoho.com/oauth/v2/auth
    /// ```
    pub authorize_url: Option<ValueSpec>,
    /// The client's id.
    ///
    /// ```yaml
    /// client_id: { env: CRM_CLIENT_ID }
    /// ```
    pub client_id: Option<ValueSpec>,
    /// The client's secret.
    ///
    /// ```yaml
    /// client_secret: { env: CRM_CLIENT_SECRET }
    /// ```
    pub client_secret: Option<ValueSpec>,
    /// Of `refresh_token`: the token.
    ///
    /// ```yaml
    /// refresh_token: { env: CRM_REFRESH_TOKEN }
    /// ```
    pub refresh_token: Option<ValueSpec>,
    /// What is asked for.
    ///
    /// ```yaml
    /// scopes: [ZohoCRM.modules.ALL]
    /// ```
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What else is sent when a token is asked for.
    ///
    /// ```yaml
    /// params: { audience: 'https://crm.example.com' }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub params: IndexMap<String, String>,
    /// Of `authorization_code`: what else stands in the address that somebody is sent to.
    ///
    /// ```yaml
    /// authorize_params: { access_type: offline, prompt: consent }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub authorize_params: IndexMap<String, String>,
    /// How the client shows who it is: `body` (default; id and secret in the form) or `basic`.
    ///
    /// ```yaml
    /// client: basic
    /// ```
    #[serde(default, deserialize_with = "either::client")]
    #[schemars(extend("enum" = ["body", "basic"]))]
    pub client: Option<String>,
    /// The header `Authorization` of each request; default `Bearer {token}`.
    ///
    /// ```yaml
    /// header: Zoho-oauthtoken {token}
    /// ```
    pub header: Option<String>,
}

/// Name and password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Basic")]
pub struct BasicSpec {
    /// The name.
    ///
    /// ```yaml
    /// username: hookweir
    /// ```
    pub username: ValueSpec,
    /// The password.
    ///
    /// ```yaml
    /// password: { env: CRM_PASSWORD }
    /// ```
    pub password: ValueSpec,
}

/// A key in a header or in the query.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiKey")]
pub struct ApiKeySpec {
    /// The header.
    ///
    /// ```yaml
    /// header: X-Api-Key
    /// ```
    pub header: Option<String>,
    /// The name in the query.
    ///
    /// ```yaml
    /// query: api_key
    /// ```
    pub query: Option<String>,
    /// The key.
    ///
    /// ```yaml
    /// value: { env: CRM_KEY }
    /// ```
    pub value: ValueSpec,
}

/// A certificate that is shown to a third party.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectionCertificate")]
pub struct ClientCertificateSpec {
    /// The certificate and behind it its chain, PEM.
    ///
    /// ```yaml
    /// certificate: { file: crm.pem }
    /// ```
    pub certificate: ValueSpec,
    /// Its key, PEM.
    ///
    /// ```yaml
    /// private_key: { file: crm.key }
    /// ```
    pub private_key: ValueSpec,
}

/// How requests are signed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sign")]
pub struct SignSpec {
    /// Secrets, `whsec_` and base64; each one signs, so that a receiver can change its own in its
    /// own time.
    ///
    /// ```yaml
    /// secrets: [{ env: OUT_SECRET }, { env: OUT_SECRET_OLD }]
    /// ```
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub secrets: Vec<ValueSpec>,
}

/// How much a third party is given.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectionLimits")]
pub struct ConnectionLimitsSpec {
    /// How many requests at once, in each environment; default 10.
    ///
    /// ```yaml
    /// concurrency: 5
    /// ```
    #[schemars(range(min = 1, max = 1000))]
    pub concurrency: Option<u32>,
    /// How many requests in how long, in each environment; without it as many as come.
    ///
    /// ```yaml
    /// rate: 100/min
    /// ```
    pub rate: Option<Rate>,
}

/// What is different for events of the sandbox. What is not written here is as outside of it, but
/// for `auth`, which is never shown to another host.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectionSandbox")]
pub struct ConnectionSandboxSpec {
    /// Scheme and host.
    ///
    /// ```yaml
    /// base_url: https://sandbox.crm.example.com
    /// ```
    pub base_url: Option<ValueSpec>,
    /// Header lines of each request, instead of those outside.
    ///
    /// ```yaml
    /// headers: { Accept: application/json }
    /// ```
    #[serde(default, deserialize_with = "either::some_map")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    pub headers: Option<IndexMap<String, String>>,
    /// How we show who we are.
    ///
    /// ```yaml
    /// auth: { bearer: { env: CRM_SANDBOX_TOKEN } }
    /// ```
    pub auth: Option<ConnectionAuthSpec>,
    /// How requests are signed.
    ///
    /// ```yaml
    /// sign: { secrets: [{ env: OUT_SECRET_SANDBOX }] }
    /// ```
    pub sign: Option<SignSpec>,
    /// A certificate that is shown to the third party.
    ///
    /// ```yaml
    /// client_certificate: { certificate: { file: sandbox.pem }, private_key: { file: sandbox.key } }
    /// ```
    pub client_certificate: Option<ClientCertificateSpec>,
}

impl ConnectionSpec {
    /// Everything that it takes from outside.
    pub fn values(&self) -> impl Iterator<Item = &ValueSpec> {
        let sandbox = self.sandbox.iter();
        let auth = self.auth.iter();
        let auth = auth.chain(sandbox.clone().filter_map(|it| it.auth.as_ref()));
        let sign = self.sign.iter();
        let sign = sign.chain(sandbox.clone().filter_map(|it| it.sign.as_ref()));
        let shown = self.client_certificate.iter();
        let shown = shown.chain(
            sandbox
                .clone()
                .filter_map(|it| it.client_certificate.as_ref()),
        );
        self.base_url
            .iter()
            .chain(shown.flat_map(|shown| [&shown.certificate, &shown.private_key]))
            .chain(sandbox.filter_map(|it| it.base_url.as_ref()))
            .chain(auth.flat_map(ConnectionAuthSpec::values))
            .chain(sign.flat_map(|sign| &sign.secrets))
    }
}

impl ConnectionAuthSpec {
    fn values(&self) -> impl Iterator<Item = &ValueSpec> {
        let basic = self.basic.iter();
        self.bearer
            .iter()
            .chain(basic.flat_map(|basic| [&basic.username, &basic.password]))
            .chain(self.api_key.iter().map(|key| &key.value))
            .chain(self.oauth2.iter().flat_map(OAuth2Spec::values))
    }
}

impl OAuth2Spec {
    fn values(&self) -> impl Iterator<Item = &ValueSpec> {
        [
            &self.token_url,
            &self.authorize_url,
            &self.client_id,
            &self.client_secret,
            &self.refresh_token,
        ]
        .into_iter()
        .flatten()
    }
}
