//! `auth.signature`: how a provider signs, and what it wants to hear before it sends anything.
//!
//! Presets are written in the same words: see `preset`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::either;
use super::{ChallengeSpec, Expression, ValueSpec};

/// How requests are signed and with what: a preset's name with secrets, or the scheme written out.
///
/// Expressions here know the request's names (`headers`, `query`, `form`, `body`, `raw_body`,
/// `method`) and `url` (as the sender knows it), `url_path`, `url_query`,
/// `url_sorted`, `form_sorted`, `timestamp`, `secret`, `param`, and
/// the names under `fields` and in `item`.
///
/// ```yaml
/// preset: stripe
/// secrets: [{ env: STRIPE_SECRET }]
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Signature")]
pub struct SignatureSpec {
    /// A provider whose scheme is known: `hookweir explain preset` lists them. Keys beside it
    /// replace the preset's.
    ///
    /// ```yaml
    /// preset: github
    /// ```
    pub preset: Option<String>,
    /// `enforce` (default) refuses what is not signed. `observe` only counts it, and warns as long
    /// as it is on.
    ///
    /// ```yaml
    /// mode: observe
    /// ```
    #[serde(default, deserialize_with = "mode")]
    #[schemars(extend("enum" = ["enforce", "observe"]))]
    pub mode: Option<String>,
    /// Shared secrets, the newest first; a request signed with any of them is taken.
    ///
    /// ```yaml
    /// secrets: [{ env: WEBHOOK_SECRET }, { env: WEBHOOK_SECRET_OLD }]
    /// ```
    #[serde(default)]
    pub secrets: Vec<ValueSpec>,
    /// Public keys, as the provider shows them. They are no secrets and may be written here.
    ///
    /// ```yaml
    /// keys: [{ env: DISCORD_PUBLIC_KEY }]
    /// ```
    #[serde(default)]
    pub keys: Vec<ValueSpec>,
    /// What else the scheme or the handshake needs to know; expressions read it as `param.NAME`.
    ///
    /// ```yaml
    /// params: { verify_token: { env: META_VERIFY_TOKEN } }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, ValueSpec>")]
    pub params: IndexMap<String, ValueSpec>,
    /// Scheme and host under which the provider knows this function; default: the gateway's
    /// `public_url`.
    ///
    /// ```yaml
    /// public_url: https://hooks.example.com
    /// ```
    pub public_url: Option<String>,
    /// Certificates in PEM by the address at which the sender says that its certificate is.
    ///
    /// ```yaml
    /// certificates: { "https://sns.eu-west-1.amazonaws.com/a.pem": { file: certificates/a.pem } }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, ValueSpec>")]
    pub certificates: IndexMap<String, ValueSpec>,
    /// `hmac-sha1`, `hmac-sha256`, `hmac-sha384`, `hmac-sha512`; `sha256` and its like, where the
    /// secret is hashed with the text; `ed25519`, `ecdsa-p256-sha256`, `rsa-sha256`,
    /// `rsa-pss-sha256` and their like; `jwt`, where a signed token is sent, whose `claims` are for `require`; `token` and
    /// `basic`, where the secret itself is sent.
    ///
    /// ```yaml
    /// scheme: hmac-sha256
    /// ```
    pub scheme: Option<String>,
    /// Where the signature stands and how it is taken apart.
    ///
    /// ```yaml
    /// signature: { header: X-Hub-Signature-256, item: "sha256={sig}", encoding: hex }
    /// ```
    pub signature: Option<TakenSpec>,
    /// When the sender signed, and how old that may be.
    ///
    /// ```yaml
    /// timestamp: { header: X-Slack-Request-Timestamp, format: unix, tolerance: 300 }
    /// ```
    pub timestamp: Option<StampSpec>,
    /// Further texts of the request that `signed` needs. One that is absent is a refusal.
    ///
    /// ```yaml
    /// fields: { id: { header: svix-id } }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, SourceSpec>")]
    pub fields: IndexMap<String, SourceSpec>,
    /// The bytes that are signed; default `${raw_body}`.
    ///
    /// ```yaml
    /// signed: "${timestamp}.${raw_body}"
    /// ```
    pub signed: Option<String>,
    /// What a secret's text stands for; default: itself.
    ///
    /// ```yaml
    /// secret: { strip_prefix: whsec_, encoding: base64 }
    /// ```
    pub secret: Option<SecretFormSpec>,
    /// How public keys are written, or where the certificate is.
    ///
    /// ```yaml
    /// key: { encoding: hex }
    /// ```
    pub key: Option<KeyFormSpec>,
    /// Conditions that must hold beside the signature.
    ///
    /// ```yaml
    /// require: ["secure_equal(key_id, param.public_key)"]
    /// ```
    #[serde(default)]
    pub require: Vec<Expression>,
    /// Of the scheme `jwt`: how tokens may be signed (RFC 7518); default `[HS256]`, or what the keys
    /// of a set say.
    ///
    /// ```yaml
    /// algorithms: [RS256]
    /// ```
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Of the schemes `token` and `jwt`: where the token stands. Default of `jwt`: `Authorization`,
    /// after `Bearer`.
    ///
    /// ```yaml
    /// compare: { header: X-Gitlab-Token }
    /// ```
    pub compare: Option<CompareSpec>,
    /// Of an alternative: the condition on which it is the one.
    ///
    /// ```yaml
    /// when: has(query.bodySHA256)
    /// ```
    pub when: Option<Expression>,
    /// A JSON pointer to a list in the body, each item of which is signed by itself: all must be
    /// right, and there must be one. In the scheme, `body` and JSON pointers are the item's.
    ///
    /// ```yaml
    /// each: /notificationItems
    /// ```
    pub each: Option<String>,
    /// Of `each`: a JSON pointer into the item, to what is signed there.
    ///
    /// ```yaml
    /// scope: /NotificationRequestItem
    /// ```
    pub scope: Option<String>,
    /// Alternatives, of which the request must fulfil one.
    ///
    /// ```yaml
    /// any_of:
    ///   - { scheme: hmac-sha256, signature: { header: X-New, encoding: hex } }
    ///   - { scheme: hmac-sha1, signature: { header: X-Old, encoding: hex } }
    /// ```
    #[serde(default)]
    pub any_of: Vec<SignatureSpec>,
    /// What is done about confirmations that a handshake asks for (`then_get`): `automatic`
    /// (default) makes them at once; `by_hand` holds them until `hookweir handshakes visit`.
    ///
    /// ```yaml
    /// confirm: by_hand
    /// ```
    #[serde(default, deserialize_with = "confirm")]
    #[schemars(extend("enum" = ["automatic", "by_hand"]))]
    pub confirm: Option<String>,
    /// Requests by which the provider finds out whether somebody is there, and their answers; the
    /// first that fits is given, and the function does not run.
    ///
    /// ```yaml
    /// challenge:
    ///   - method: GET
    ///     when: has(query.challenge)
    ///     respond: { text: "${query.challenge}" }
    /// ```
    #[serde(default)]
    pub challenge: Option<Vec<ChallengeSpec>>,
}

/// Where a text stands in a request; one of the keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Source")]
pub struct SourceSpec {
    /// A header line, of which there must be one only.
    ///
    /// ```yaml
    /// header: X-Slack-Request-Timestamp
    /// ```
    pub header: Option<String>,
    /// A name in the query.
    ///
    /// ```yaml
    /// query: signature
    /// ```
    pub query: Option<String>,
    /// A field of a form.
    ///
    /// ```yaml
    /// form: timestamp
    /// ```
    pub form: Option<String>,
    /// A JSON pointer (RFC 6901) into the body, whatever content type it has.
    ///
    /// ```yaml
    /// json: /signature/timestamp
    /// ```
    pub json: Option<String>,
    /// An expression.
    ///
    /// ```yaml
    /// value: body.signature.token
    /// ```
    pub value: Option<Expression>,
}

/// Where the signature stands and how it is taken apart.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Taken")]
pub struct TakenSpec {
    /// A header line.
    ///
    /// ```yaml
    /// header: Stripe-Signature
    /// ```
    pub header: Option<String>,
    /// Several header lines; any of the signatures counts.
    ///
    /// ```yaml
    /// headers: [X-Signature-New, X-Signature-Old]
    /// ```
    #[serde(default)]
    pub headers: Vec<String>,
    /// Header lines that are numbered from 1: what stands before the number.
    ///
    /// ```yaml
    /// header_numbered: X-DocuSign-Signature-
    /// ```
    pub header_numbered: Option<String>,
    /// A name in the query.
    ///
    /// ```yaml
    /// query: signature
    /// ```
    pub query: Option<String>,
    /// A field of a form.
    ///
    /// ```yaml
    /// form: bt_signature
    /// ```
    pub form: Option<String>,
    /// A JSON pointer (RFC 6901) into the body.
    ///
    /// ```yaml
    /// json: /signature/signature
    /// ```
    pub json: Option<String>,
    /// An expression.
    ///
    /// ```yaml
    /// value: body.signature.signature
    /// ```
    pub value: Option<Expression>,
    /// What stands between the items of a list; blanks around items do not count.
    ///
    /// ```yaml
    /// split: ","
    /// ```
    pub split: Option<String>,
    /// The form of an item, in which `{sig}` is the signature; items of another form are passed
    /// over. Other names in braces become names for expressions.
    ///
    /// ```yaml
    /// item: "v1={sig}"
    /// ```
    pub item: Option<String>,
    /// How many items at the beginning of the list are none.
    ///
    /// ```yaml
    /// skip: 1
    /// ```
    #[serde(default)]
    pub skip: usize,
    /// `hex`, `base64` or `base64url`; default `hex`.
    ///
    /// ```yaml
    /// encoding: base64
    /// ```
    #[serde(default, deserialize_with = "encoding")]
    #[schemars(extend("enum" = ["hex", "base64", "base64url"]))]
    pub encoding: Option<String>,
    /// Of hexadecimal digits: `lower`, `upper` or `any` (default).
    ///
    /// ```yaml
    /// case: lower
    /// ```
    #[serde(default, deserialize_with = "case")]
    #[schemars(extend("enum" = ["lower", "upper", "any"]))]
    pub case: Option<String>,
}

/// When the sender signed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stamp")]
pub struct StampSpec {
    /// A header line.
    ///
    /// ```yaml
    /// header: X-Slack-Request-Timestamp
    /// ```
    pub header: Option<String>,
    /// A name in the query.
    ///
    /// ```yaml
    /// query: ts
    /// ```
    pub query: Option<String>,
    /// A field of a form.
    ///
    /// ```yaml
    /// form: timestamp
    /// ```
    pub form: Option<String>,
    /// A JSON pointer (RFC 6901) into the body.
    ///
    /// ```yaml
    /// json: /webhookTimestamp
    /// ```
    pub json: Option<String>,
    /// An expression.
    ///
    /// ```yaml
    /// value: body.sent_at
    /// ```
    pub value: Option<Expression>,
    /// An item of the signature's list, in which `{value}` is the time.
    ///
    /// ```yaml
    /// item: "t={value}"
    /// ```
    pub item: Option<String>,
    /// Which item of the signature's list it is, counted from 0.
    ///
    /// ```yaml
    /// index: 0
    /// ```
    pub index: Option<usize>,
    /// `unix` (seconds, default), `unix_ms` or `rfc3339`.
    ///
    /// ```yaml
    /// format: unix_ms
    /// ```
    #[serde(default, deserialize_with = "stamp_format")]
    #[schemars(extend("enum" = ["unix", "unix_ms", "rfc3339"]))]
    pub format: Option<String>,
    /// Seconds by which it may lie before or after the request's arrival; default 300.
    ///
    /// ```yaml
    /// tolerance: 300
    /// ```
    #[serde(default, deserialize_with = "tolerance")]
    #[schemars(range(min = 1, max = 86400))]
    pub tolerance: Option<u32>,
}

/// What a secret's text stands for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecretForm")]
pub struct SecretFormSpec {
    /// `utf8` (the text itself, default), `hex`, `base64` or `base64url`.
    ///
    /// ```yaml
    /// encoding: base64
    /// ```
    #[serde(default, deserialize_with = "secret_encoding")]
    #[schemars(extend("enum" = ["utf8", "hex", "base64", "base64url"]))]
    pub encoding: Option<String>,
    /// Taken off the front where it stands there.
    ///
    /// ```yaml
    /// strip_prefix: whsec_
    /// ```
    pub strip_prefix: Option<String>,
    /// The key is this hash of the secret: `sha1`, `sha256`, `sha384` or `sha512`.
    ///
    /// ```yaml
    /// derive: sha1
    /// ```
    #[serde(default, deserialize_with = "digest")]
    #[schemars(extend("enum" = ["sha1", "sha256", "sha384", "sha512"]))]
    pub derive: Option<String>,
}

/// How public keys are written, or where the certificate is.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeyForm")]
pub struct KeyFormSpec {
    /// `hex` or `base64` (the bytes of an Ed25519 key), `spki-base64` or `pem`; of tokens also
    /// `jwks`, a set of keys (RFC 7517).
    ///
    /// ```yaml
    /// encoding: spki-base64
    /// ```
    #[serde(default, deserialize_with = "key_encoding")]
    #[schemars(extend("enum" = ["hex", "base64", "spki-base64", "pem", "jwks"]))]
    pub encoding: Option<String>,
    /// Where the request says the address of its certificate.
    ///
    /// ```yaml
    /// certificate_url: { json: /SigningCertURL }
    /// ```
    pub certificate_url: Option<SourceSpec>,
    /// A regular expression for the whole host of that address.
    ///
    /// ```yaml
    /// allowed_host: 'sns\.[a-z0-9-]{3,}\.amazonaws\.com'
    /// ```
    pub allowed_host: Option<String>,
    /// The certificate must be for one of these hosts.
    ///
    /// ```yaml
    /// names: [sns.amazonaws.com]
    /// ```
    #[serde(default)]
    pub names: Vec<String>,
    /// `authority` (default): the certificate must come from an authority that is trusted, by way
    /// of those that stand behind it in the file. `host`: that the allowed host gives it out, over
    /// TLS, is enough; for providers whose file holds one certificate only.
    ///
    /// ```yaml
    /// chain: host
    /// ```
    #[serde(default, deserialize_with = "chain")]
    #[schemars(extend("enum" = ["authority", "host"]))]
    pub chain: Option<String>,
}

/// Where a token stands.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Compare")]
pub struct CompareSpec {
    /// A header line.
    ///
    /// ```yaml
    /// header: X-Gitlab-Token
    /// ```
    pub header: Option<String>,
    /// A name in the query.
    ///
    /// ```yaml
    /// query: token
    /// ```
    pub query: Option<String>,
    /// A field of a form.
    ///
    /// ```yaml
    /// form: token
    /// ```
    pub form: Option<String>,
    /// A JSON pointer (RFC 6901) into the body.
    ///
    /// ```yaml
    /// json: /token
    /// ```
    pub json: Option<String>,
    /// An expression.
    ///
    /// ```yaml
    /// value: body.token
    /// ```
    pub value: Option<Expression>,
    /// A JSON pointer to a list, each item of which must hold the token, and which must not be
    /// empty.
    ///
    /// ```yaml
    /// json_each: /value
    /// ```
    pub json_each: Option<String>,
    /// Of `json_each`: a JSON pointer into each item.
    ///
    /// ```yaml
    /// field: /clientState
    /// ```
    pub field: Option<String>,
}

impl SourceSpec {
    /// Whether it says no place.
    pub fn is_nowhere(&self) -> bool {
        self.header.is_none()
            && self.query.is_none()
            && self.form.is_none()
            && self.json.is_none()
            && self.value.is_none()
    }
}

/// What has more to say than where a text stands says that in the same words.
macro_rules! sources {
    ($($of:ident)*) => {
        $(impl $of {
            /// Where it stands, as far as that is one text.
            pub fn source(&self) -> SourceSpec {
                SourceSpec {
                    header: self.header.clone(),
                    query: self.query.clone(),
                    form: self.form.clone(),
                    json: self.json.clone(),
                    value: self.value.clone(),
                }
            }
        })*
    };
}

sources! { TakenSpec StampSpec CompareSpec }

impl SignatureSpec {
    /// This over another: each key that is written here replaces the other's. What is not part of
    /// a scheme (mode, secrets, keys) is kept from both sides by the same rule.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        fn list<T: Clone>(own: &[T], base: &[T]) -> Vec<T> {
            if own.is_empty() { base } else { own }.to_vec()
        }
        fn map<T: Clone>(
            own: &IndexMap<String, T>,
            base: &IndexMap<String, T>,
        ) -> IndexMap<String, T> {
            let mut all = base.clone();
            all.extend(own.iter().map(|(name, of)| (name.clone(), of.clone())));
            all
        }
        fn some<T: Clone>(own: Option<&T>, base: Option<&T>) -> Option<T> {
            own.or(base).cloned()
        }
        // A scheme of its own leaves nothing of the preset's alternatives, and the other way.
        let (any_of, base_rule) = if self.any_of.is_empty() && self.scheme.is_none() {
            (base.any_of.clone(), base.clone())
        } else if self.any_of.is_empty() {
            (Vec::new(), base.clone())
        } else {
            (self.any_of.clone(), Self::default())
        };
        let base_rule = &base_rule;
        Self {
            preset: self.preset.clone(),
            mode: some(self.mode.as_ref(), base.mode.as_ref()),
            secrets: list(&self.secrets, &base.secrets),
            keys: list(&self.keys, &base.keys),
            params: map(&self.params, &base.params),
            public_url: some(self.public_url.as_ref(), base.public_url.as_ref()),
            certificates: map(&self.certificates, &base.certificates),
            scheme: some(self.scheme.as_ref(), base_rule.scheme.as_ref()),
            signature: some(self.signature.as_ref(), base_rule.signature.as_ref()),
            timestamp: some(self.timestamp.as_ref(), base_rule.timestamp.as_ref()),
            fields: map(&self.fields, &base_rule.fields),
            signed: some(self.signed.as_ref(), base_rule.signed.as_ref()),
            secret: some(self.secret.as_ref(), base_rule.secret.as_ref()),
            key: some(self.key.as_ref(), base_rule.key.as_ref()),
            require: list(&self.require, &base_rule.require),
            algorithms: list(&self.algorithms, &base_rule.algorithms),
            compare: some(self.compare.as_ref(), base_rule.compare.as_ref()),
            each: some(self.each.as_ref(), base_rule.each.as_ref()),
            scope: some(self.scope.as_ref(), base_rule.scope.as_ref()),
            when: some(self.when.as_ref(), base_rule.when.as_ref()),
            any_of,
            confirm: some(self.confirm.as_ref(), base.confirm.as_ref()),
            challenge: some(self.challenge.as_ref(), base.challenge.as_ref()),
        }
    }

    /// Whether it says how anything is signed.
    pub fn has_scheme(&self) -> bool {
        self.scheme.is_some() || !self.any_of.is_empty()
    }
}

/// Within bounds, as the schema has them too.
fn tolerance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let seconds = u32::deserialize(deserializer)?;
    if (1..=86_400).contains(&seconds) {
        Ok(Some(seconds))
    } else {
        let message = format!("a tolerance must be 1 to 86400 seconds, not {seconds}");
        Err(serde::de::Error::custom(message))
    }
}

macro_rules! words {
    ($($name:ident: $words:expr;)*) => {
        $(fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
            either::word(deserializer, &$words)
        })*
    };
}

words! {
    mode: ["enforce", "observe"];
    encoding: ["hex", "base64", "base64url"];
    case: ["lower", "upper", "any"];
    stamp_format: ["unix", "unix_ms", "rfc3339"];
    secret_encoding: ["utf8", "hex", "base64", "base64url"];
    digest: ["sha1", "sha256", "sha384", "sha512"];
    confirm: ["automatic", "by_hand"];
    chain: ["authority", "host"];
    key_encoding: ["hex", "base64", "spki-base64", "pem", "jwks"];
}
