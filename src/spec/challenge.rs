//! `challenge` of a signature: requests by which a provider finds out whether somebody is there.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::either;
use super::{Expression, SourceSpec, Tree};

/// A request by which the provider finds out whether somebody is there, and its answer.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Challenge")]
pub struct ChallengeSpec {
    /// Its method; default `POST`. `HEAD` and `OPTIONS` are possible here.
    ///
    /// ```yaml
    /// method: GET
    /// ```
    #[serde(default, deserialize_with = "method")]
    #[schemars(extend("enum" = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]))]
    pub method: Option<String>,
    /// What else it is known by. A failure counts as false.
    ///
    /// ```yaml
    /// when: '"hub.mode" in query'
    /// ```
    pub when: Option<Expression>,
    /// `first`: it is answered only if it is signed. `skip` (default): also if not.
    ///
    /// ```yaml
    /// verify: first
    /// ```
    #[serde(default, deserialize_with = "verify")]
    #[schemars(extend("enum" = ["skip", "first"]))]
    pub verify: Option<String>,
    /// Conditions that must hold, or else `otherwise` is the answer.
    ///
    /// ```yaml
    /// require: ['secure_equal(query["hub.verify_token"], param.verify_token)']
    /// ```
    #[serde(default)]
    pub require: Vec<Expression>,
    /// A secret that the provider gives here, with which it signs from then on. It is kept, sealed,
    /// for functions that are given no `secrets`; those must have `zapikey: required`, since
    /// anybody could give one otherwise. Expressions in `${ }`.
    ///
    /// ```yaml
    /// store_secret: '${headers["X-Hook-Secret"]}'
    /// ```
    pub store_secret: Option<String>,
    /// An address that is visited (GET) if the request is signed, which is how some providers have a
    /// subscription confirmed. At the word of who has not signed nothing is visited, whatever is
    /// answered.
    ///
    /// ```yaml
    /// then_get: { url: { json: /SubscribeURL }, allowed_host: 'sns\.[a-z0-9-]+\.amazonaws\.com' }
    /// ```
    pub then_get: Option<ThenGetSpec>,
    /// The answer.
    ///
    /// ```yaml
    /// respond: { text: "${query.challenge}" }
    /// ```
    #[serde(default)]
    pub respond: ChallengeAnswerSpec,
    /// The answer where `require` does not hold; default 401.
    ///
    /// ```yaml
    /// otherwise: { status: 403 }
    /// ```
    #[serde(default)]
    pub otherwise: Option<OtherwiseSpec>,
}

/// An address that is visited after a handshake.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ThenGet")]
pub struct ThenGetSpec {
    /// Where the request says it. Only `https` addresses are visited, and none that is not public.
    ///
    /// ```yaml
    /// url: { json: /SubscribeURL }
    /// ```
    pub url: SourceSpec,
    /// A regular expression for the whole host of that address.
    ///
    /// ```yaml
    /// allowed_host: 'sns\.[a-z0-9-]+\.amazonaws\.com'
    /// ```
    pub allowed_host: String,
}

/// The answer to a challenge. What it echoes is never served as HTML.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChallengeAnswer")]
pub struct ChallengeAnswerSpec {
    /// 200 to 299; default 200.
    ///
    /// ```yaml
    /// status: 204
    /// ```
    #[serde(default, deserialize_with = "either::some_status::<200, 299, _>")]
    #[schemars(range(min = 200, max = 299))]
    pub status: Option<u16>,
    /// The body as `text/plain`; may hold `${ }`.
    ///
    /// ```yaml
    /// text: "${query.challenge}"
    /// ```
    pub text: Option<String>,
    /// The body as JSON; texts may hold `${ }`.
    ///
    /// ```yaml
    /// json: { challenge: "${body.challenge}" }
    /// ```
    pub json: Option<Tree>,
    /// Header lines; values may hold `${ }`.
    ///
    /// ```yaml
    /// headers: { X-Hook-Secret: '${headers["X-Hook-Secret"]}' }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub headers: IndexMap<String, String>,
}

/// The answer to a challenge that is not one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Otherwise")]
pub struct OtherwiseSpec {
    /// 400 to 499.
    ///
    /// ```yaml
    /// status: 403
    /// ```
    #[serde(deserialize_with = "either::status::<400, 499, _>")]
    #[schemars(range(min = 400, max = 499))]
    pub status: u16,
}

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    either::word(
        deserializer,
        &["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
    )
}

fn verify<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    either::word(deserializer, &["skip", "first"])
}
