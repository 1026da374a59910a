//! Values and types in the form of CEL's conformance data: `{"t": "int", "v": "42"}`.
//!
//! Unlike plain JSON it tells an int from a uint and a text from bytes. `hookweir eval --batch`
//! and the conformance tests speak it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Map, Value as Json, json};

use super::{Type, signature};
use crate::value::{Arena, Instant, Key, Value, network};

/// Reads a value; the error says what is wrong with it.
pub fn read<'a>(json: &Json, arena: &'a Arena) -> Result<Value<'a>, String> {
    let kind = json
        .get("t")
        .and_then(Json::as_str)
        .ok_or("a value has a kind, `t`")?;
    let body = json.get("v");
    let text = || {
        body.and_then(Json::as_str)
            .ok_or(format!("`v` of a {kind} is a text"))
    };
    let items = || {
        body.and_then(Json::as_array)
            .ok_or(format!("`v` of a {kind} is a list"))
    };
    Ok(match kind {
        "null" => Value::Null,
        "bool" => Value::Bool(
            body.and_then(Json::as_bool)
                .ok_or("`v` of a bool is true or false")?,
        ),
        "int" => Value::Int(text()?.parse().map_err(|_| "no int")?),
        "uint" => Value::UInt(text()?.parse().map_err(|_| "no uint")?),
        "double" => Value::Double(match text()? {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            other => other.parse().map_err(|_| "no double")?,
        }),
        "string" => Value::String(arena.string(text()?)),
        "bytes" => {
            let bytes = STANDARD.decode(text()?).map_err(|_| "no base64")?;
            Value::Bytes(arena.bytes(&bytes))
        }
        "list" => {
            let values = items()?.iter().map(|item| read(item, arena));
            arena.list(&values.collect::<Result<Vec<_>, _>>()?)
        }
        "map" => {
            let mut entries = Vec::new();
            for pair in items()? {
                let (Some(key), Some(value)) = (pair.get(0), pair.get(1)) else {
                    return Err("an entry is a key and a value".to_owned());
                };
                let key = Key::of(read(key, arena)?).ok_or("this is no key")?;
                entries.push((key, read(value, arena)?));
            }
            arena.keyed(&entries)
        }
        "type" => Value::Type(arena.string(text()?)),
        "timestamp" => {
            let since = span(json)?;
            Value::Timestamp(Instant::from_epoch(since).ok_or("no such time")?)
        }
        "duration" => Value::Duration(span(json)?),
        "ip" => Value::Ip(network::parse_ip(text()?)?),
        "cidr" => Value::Cidr(network::parse_cidr(text()?)?),
        "optional" => match body {
            None | Some(Json::Null) => Value::Optional(None),
            Some(inner) => arena.some(read(inner, arena)?),
        },
        other => return Err(format!("there is no kind `{other}`")),
    })
}

fn span(json: &Json) -> Result<SignedDuration, String> {
    let seconds = json.get("seconds").and_then(Json::as_str).unwrap_or("0");
    let nanos = json.get("nanos").and_then(Json::as_i64).unwrap_or(0);
    let seconds: i64 = seconds.parse().map_err(|_| "no number of seconds")?;
    let nanos = SignedDuration::from_nanos(nanos);
    SignedDuration::from_secs(seconds)
        .checked_add(nanos)
        .ok_or_else(|| "too long".to_owned())
}

/// Writes a value.
pub fn write(value: Value<'_>) -> Json {
    match value {
        Value::Null => json!({ "t": "null" }),
        Value::Bool(flag) => json!({ "t": "bool", "v": flag }),
        Value::Int(int) => json!({ "t": "int", "v": int.to_string() }),
        Value::UInt(uint) => json!({ "t": "uint", "v": uint.to_string() }),
        Value::Double(_) | Value::Number(_) => {
            json!({ "t": "double", "v": double(value.as_double().unwrap_or(f64::NAN)) })
        }
        Value::String(text) => json!({ "t": "string", "v": text }),
        Value::Bytes(bytes) => json!({ "t": "bytes", "v": STANDARD.encode(bytes) }),
        Value::List(items) => {
            json!({ "t": "list", "v": items.iter().map(|item| write(*item)).collect::<Vec<_>>() })
        }
        Value::Map(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| json!([write(key.value()), write(value)]));
            json!({ "t": "map", "v": entries.collect::<Vec<_>>() })
        }
        Value::Timestamp(at) => write_span("timestamp", at.unix(), at.subsecond()),
        Value::Duration(span) => write_span("duration", span.as_secs(), span.subsec_nanos()),
        Value::Optional(inner) => {
            let mut object = Map::new();
            object.insert("t".to_owned(), "optional".into());
            if let Some(inner) = inner {
                object.insert("v".to_owned(), write(*inner));
            }
            Json::Object(object)
        }
        Value::Ip(address) => json!({ "t": "ip", "v": address.to_string() }),
        Value::Cidr(network) => json!({ "t": "cidr", "v": network.to_string() }),
        Value::Type(name) => json!({ "t": "type", "v": name }),
    }
}

fn write_span(kind: &str, seconds: i64, nanos: i32) -> Json {
    json!({ "t": kind, "seconds": seconds.to_string(), "nanos": nanos })
}

fn double(double: f64) -> String {
    if double.is_nan() {
        "NaN".to_owned()
    } else if double.is_infinite() {
        if double > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned()
    } else {
        format!("{double:?}")
    }
}

/// Reads a type: `map(string, list(dyn))`.
pub fn read_type(text: &str) -> Option<Type> {
    signature::read_type(text)
}
