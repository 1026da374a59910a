//! Fields that may be a text or a map, a map or a list: one hand-written reader each.
//!
//! Untagged enums would lose the place and the sense of an error. The schemas here say
//! `if … then … else …` for the same reason: a validator reports what is wrong inside the branch
//! that was meant.

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};

use super::{AuthSpec, CaseSpec, KeyRule, SignatureSpec, TestKeySpec, Tree};

/// `auth:` as a map.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AuthKeys")]
struct AuthMap {
    /// Whether a key is needed: `required` (without a valid one: 401), `optional` (one that is
    /// given must be valid) or `none` (keys are not looked at).
    ///
    /// ```yaml
    /// zapikey: required
    /// ```
    zapikey: Option<KeyRule>,
    /// How requests are signed.
    ///
    /// ```yaml
    /// signature: { preset: github, secrets: [{ env: GITHUB_SECRET }] }
    /// ```
    signature: Option<SignatureSpec>,
    /// Addresses and networks (CIDR) from which requests may come, beside what else is asked for.
    /// Behind a proxy that is trusted, the address that it names.
    ///
    /// ```yaml
    /// allow_ips: [192.0.2.0/24, "2001:db8::/32"]
    /// ```
    #[serde(default)]
    #[schemars(length(min = 1))]
    allow_ips: Option<Vec<String>>,
    /// Names (hosts or URIs) of which the caller's certificate must be for one; `"*"`: any that an
    /// authority of `listen.tls.client_authorities` has signed.
    ///
    /// ```yaml
    /// client_certificate: [crm.example.com]
    /// ```
    #[serde(default)]
    #[schemars(length(min = 1))]
    client_certificate: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for AuthSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = AuthSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or a map with `zapikey` or `signature`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AuthSpec, E> {
                match text {
                    "none" => Ok(AuthSpec::None),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthSpec, A::Error> {
                let AuthMap {
                    zapikey,
                    signature,
                    allow_ips,
                    client_certificate,
                } = AuthMap::deserialize(MapAccessDeserializer::new(map))?;
                Ok(AuthSpec::Callers {
                    zapikey,
                    signature: signature.map(Box::new),
                    allow_ips,
                    client_certificate,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for AuthSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Auth".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<AuthMap>();
        json_schema!({
            "title": "auth",
            "description": "`none`, or how callers are authenticated.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": keys,
            "else": { "enum": ["none"] }
        })
    }
}

pub(super) const KEY_RULES: [&str; 3] = ["required", "optional", "none"];

impl<'de> Deserialize<'de> for KeyRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = KeyRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`required`, `optional` or `none`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<KeyRule, E> {
                match text {
                    "required" => Ok(KeyRule::Required),
                    "optional" => Ok(KeyRule::Optional),
                    "none" => Ok(KeyRule::None),
                    _ => Err(E::unknown_variant(text, &KEY_RULES)),
                }
            }
        }
        deserializer.deserialize_any(Word)
    }
}

impl JsonSchema for KeyRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeyRule".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": KEY_RULES })
    }
}

/// `respond:` for the schema: one case or a list.
pub(super) struct Respond;

impl JsonSchema for Respond {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Respond".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let case = generator.subschema_for::<CaseSpec>();
        json_schema!({
            "title": "respond",
            "description": "One answer, or a list of cases of which the first that holds is given.",
            "type": ["object", "array"],
            "if": { "type": "array" },
            "then": { "items": case, "minItems": 1 },
            "else": case
        })
    }
}

/// A map is one case.
pub(super) fn respond<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<CaseSpec>, D::Error> {
    struct Either;
    impl<'de> Visitor<'de> for Either {
        type Value = Vec<CaseSpec>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an answer, or a list of answers with `when`")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut cases = Vec::new();
            while let Some(case) = items.next_element()? {
                cases.push(case);
            }
            if cases.is_empty() {
                return Err(de::Error::custom(
                    "a list of answers must have at least one",
                ));
            }
            Ok(cases)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            CaseSpec::deserialize(MapAccessDeserializer::new(map)).map(|case| vec![case])
        }
    }
    deserializer.deserialize_any(Either)
}

/// `request.sample` for the schema: one path or a list.
pub(super) struct Paths;

impl JsonSchema for Paths {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Paths".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "array"],
            "if": { "type": "array" },
            "then": { "items": { "type": "string" }, "minItems": 1 }
        })
    }
}

/// A text is a list of one.
pub(super) fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Either;
    impl<'de> Visitor<'de> for Either {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path, or a list of paths")
        }

        fn visit_str<E: de::Error>(self, path: &str) -> Result<Self::Value, E> {
            Ok(vec![path.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = items.next_element()? {
                paths.push(path);
            }
            if paths.is_empty() {
                return Err(de::Error::custom(
                    "a list of samples must have at least one",
                ));
            }
            Ok(paths)
        }
    }
    deserializer.deserialize_any(Either)
}

/// `respond.status_code` for the schema: a number, or a text with `${ }`.
pub(super) struct StatusCode;

impl JsonSchema for StatusCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StatusCode".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "status",
            "type": ["integer", "string"],
            "minimum": 200,
            "maximum": 599,
            "pattern": "\\$\\{"
        })
    }
}

/// `tests[].request.zapikey` as a map.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MadeKey {
    /// Functions that the key opens; default: all.
    ///
    /// ```yaml
    /// functions: [other]
    /// ```
    functions: Option<Vec<String>>,
    /// The key has expired.
    ///
    /// ```yaml
    /// expired: true
    /// ```
    #[serde(default)]
    expired: bool,
    /// The key has been revoked.
    ///
    /// ```yaml
    /// revoked: true
    /// ```
    #[serde(default)]
    revoked: bool,
    /// The key was never made.
    ///
    /// ```yaml
    /// unknown: true
    /// ```
    #[serde(default)]
    unknown: bool,
    /// Where the key is sent: `query` (default), `header` or `form`.
    ///
    /// ```yaml
    /// sent_in: header
    /// ```
    #[serde(default, deserialize_with = "key_place")]
    #[schemars(extend("enum" = ["query", "header", "form"]))]
    sent_in: Option<String>,
}

impl<'de> Deserialize<'de> for TestKeySpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TestKeySpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or a map that describes a key")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TestKeySpec, E> {
                match text {
                    "none" => Ok(TestKeySpec::None),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TestKeySpec, A::Error> {
                let made = MadeKey::deserialize(MapAccessDeserializer::new(map))?;
                Ok(TestKeySpec::Made {
                    functions: made.functions,
                    expired: made.expired,
                    revoked: made.revoked,
                    unknown: made.unknown,
                    sent_in: made.sent_in,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for TestKeySpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TestKey".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let made = generator.subschema_for::<MadeKey>();
        json_schema!({
            "title": "key",
            "description": "`none`, or the key that is made and sent.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": made,
            "else": { "enum": ["none"] }
        })
    }
}

/// A map that keeps its order.
pub(super) fn map<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, T>, D::Error> {
    struct Pairs<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
        type Value = IndexMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut map = IndexMap::with_capacity(pairs.size_hint().unwrap_or_default());
            while let Some((key, value)) = pairs.next_entry()? {
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Pairs(PhantomData))
}

/// As [`map`], for a field whose absence means something else than an empty map.
pub(super) fn some_map<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IndexMap<String, T>>, D::Error> {
    map(deserializer).map(Some)
}

/// A status within bounds, as the schema has them too.
pub(super) fn status<'de, const LOW: u16, const HIGH: u16, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (LOW..=HIGH).contains(&status) {
        Ok(status)
    } else {
        Err(de::Error::custom(format!(
            "a status must be {LOW} to {HIGH} here, not {status}"
        )))
    }
}

/// As [`status`], for a field that may be left out.
pub(super) fn some_status<'de, const LOW: u16, const HIGH: u16, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u16>, D::Error> {
    status::<LOW, HIGH, D>(deserializer).map(Some)
}

/// `respond.status_code`: a number, or a text with `${ }`.
pub(super) fn case_status<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Tree>, D::Error> {
    let status = Tree::deserialize(deserializer)?;
    let fits = match &status {
        Tree::Int(status) => (200..=599).contains(status),
        Tree::Text(text) => text.contains("${"),
        Tree::Null
        | Tree::Bool(_)
        | Tree::UInt(_)
        | Tree::Double(_)
        | Tree::List(_)
        | Tree::Map(_) => false,
    };
    if fits {
        Ok(Some(status))
    } else {
        Err(de::Error::custom(
            "a status must be a number, 200 to 599, or a text with `${ }`",
        ))
    }
}

/// One of a few words.
pub(super) fn word<'de, D: Deserializer<'de>>(
    deserializer: D,
    words: &'static [&'static str],
) -> Result<Option<String>, D::Error> {
    let word = String::deserialize(deserializer)?;
    if words.contains(&word.as_str()) {
        Ok(Some(word))
    } else {
        Err(de::Error::unknown_variant(&word, words))
    }
}

/// `tests[].environment`
pub(super) fn environment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    word(deserializer, &["sandbox", "production"])
}

/// `tests[].request.sign`
pub(super) fn sign<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    word(deserializer, &["right", "wrong", "missing", "stale"])
}

/// `deliver[].on_dead`
pub(super) fn on_dead<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    word(deserializer, &["skip", "block", "park"])
}

/// `deliver[].evaluate`
pub(super) fn evaluate<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    word(deserializer, &["at_accept", "at_delivery"])
}

/// `auth.oauth2.grant` of a connection
pub(super) fn grant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    word(
        deserializer,
        &["authorization_code", "client_credentials", "refresh_token"],
    )
}

/// `auth.oauth2.client` of a connection
pub(super) fn client<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    word(deserializer, &["body", "basic"])
}

/// `deliver[].request.raw`
pub(super) fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    word(deserializer, &["body"])
}

/// `keep`
pub(super) fn keep<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    word(deserializer, &["events"])
}

/// `log.format`
pub(super) fn log_format<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    word(deserializer, &["text", "json"])
}

fn key_place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    word(deserializer, &["query", "header", "form"])
}
