//! Where a secret, or another value that is not written into the spec, comes from.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

/// `{ env: NAME }`, `{ file: path }`, `{ credential: NAME }`, or the text itself where it is no
/// secret.
#[derive(Clone, PartialEq, Eq)]
pub enum ValueSpec {
    /// An environment variable.
    Env(String),
    /// A file's content, without the line break at its end.
    File(String),
    /// A credential that systemd hands over (`LoadCredential=`).
    Credential(String),
    /// The text.
    Text(String),
}

/// What was written as text may be a secret, even where it should not.
impl fmt::Debug for ValueSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Credential(name) => f.debug_tuple("Credential").field(name).finish(),
            Self::Text(_) => f.write_str("Text(…)"),
        }
    }
}

/// Where it is; one key.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct Elsewhere {
    /// An environment variable.
    ///
    /// ```yaml
    /// env: STRIPE_SECRET
    /// ```
    env: Option<String>,
    /// A file, relative to this one; the line break at its end is not part of it.
    ///
    /// ```yaml
    /// file: /run/secrets/stripe
    /// ```
    file: Option<String>,
    /// A credential of systemd: the name in `LoadCredential=`.
    ///
    /// ```yaml
    /// credential: stripe
    /// ```
    credential: Option<String>,
}

impl<'de> Deserialize<'de> for ValueSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ValueSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with `env`, `file` or `credential`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ValueSpec, E> {
                Ok(ValueSpec::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ValueSpec, A::Error> {
                let place = Elsewhere::deserialize(MapAccessDeserializer::new(map))?;
                match (place.env, place.file, place.credential) {
                    (Some(name), None, None) => Ok(ValueSpec::Env(name)),
                    (None, Some(path), None) => Ok(ValueSpec::File(path)),
                    (None, None, Some(name)) => Ok(ValueSpec::Credential(name)),
                    _ => Err(de::Error::custom(
                        "one of `env`, `file` and `credential` says where it is",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ValueSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let place = generator.subschema_for::<Elsewhere>();
        json_schema!({
            "title": "value",
            "description": "`{ env: NAME }`, `{ file: path }` or `{ credential: NAME }`; what is no secret may be a text.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": place
        })
    }
}
