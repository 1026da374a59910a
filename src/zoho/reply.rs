//! The two forms of an answer: Zoho's envelope, and `crmAPIResponse`.
//!
//! Both are written straight to bytes. What a function put into header names and values is
//! checked here: nothing can split the answer or contradict the connection it goes through.

use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::value::json::{self, WriteError};
use crate::value::{Map, Value};

/// Zoho's content type for everything that does not name one.
pub const JSON: &str = "application/json;charset=utf-8";

/// What an answer without headers of its own carries.
const DISPOSITION: &str = "attachment;filename=response.json";

/// The key that makes a map an answer of its own.
const RESPONSE: &str = "crmAPIResponse";

/// Headers that belong to one connection, not to the answer.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// An answer, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Header lines, `Content-Type` included; no `Content-Length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a function's result is no answer. For the operator; the caller gets a 500.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Not a number, or not one of 200 to 599.
    #[error("`status_code` is {0}: it must be a number from 200 to 599")]
    Status(String),
    /// `crmAPIResponse` is there and is not a map.
    #[error("`crmAPIResponse` is not a map")]
    NotAMap,
    /// A header that HTTP does not allow.
    #[error("header `{name}`: {why}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A value that JSON cannot hold.
    #[error("{0}")]
    Json(#[from] WriteError),
}

/// The parts of a `crmAPIResponse`; what is `None` has Zoho's default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Response<'v> {
    /// A number, or a text that is one. Default 200.
    pub status_code: Option<Value<'v>>,
    /// Stands beside the headers and wins over one among them. Default [`JSON`].
    pub content_type: Option<Value<'v>>,
    /// Names and values. Given, they replace Zoho's `Content-Disposition`. A list repeats the
    /// line; null leaves it out.
    pub headers: Option<&'v [(&'v str, Value<'v>)]>,
    /// Text and bytes are sent as they are, anything else as JSON; null is empty.
    pub body: Option<Value<'v>>,
}

/// What a function returned, as an answer: a map with the key `crmAPIResponse` is one itself, any
/// other value goes into the envelope of `function`.
pub fn returned(value: Value<'_>, function: &str) -> Result<Answer, ReplyError> {
    match value {
        Value::Map(map) => match map.get_str(RESPONSE) {
            Some(Value::Map(response)) => from_map(response),
            Some(_) => Err(ReplyError::NotAMap),
            None => envelope(value, function),
        },
        _ => envelope(value, function),
    }
}

/// Zoho's envelope. `output` is always a text: of a list or map its JSON, of null nothing.
pub fn envelope(output: Value<'_>, function: &str) -> Result<Answer, ReplyError> {
    let mut body = b"{\"code\":\"success\",\"details\":{\"output\":".to_vec();
    match output {
        Value::String(text) => json::write_string(text, &mut body),
        Value::Null => body.extend_from_slice(b"\"\""),
        _ => {
            let mut text = Vec::new();
            json::write(output, &mut text)?;
            let text = String::from_utf8_lossy(&text);
            // Times, durations and bytes are texts in JSON already.
            if text.starts_with('"') {
                body.extend_from_slice(text.as_bytes());
            } else {
                json::write_string(&text, &mut body);
            }
        }
    }
    body.extend_from_slice(b",\"output_type\":\"string\",\"id\":\"");
    body.extend_from_slice(function_id(function).as_bytes());
    body.extend_from_slice(
        b"\",\"userMessage\":[]},\"message\":\"function executed successfully\"}",
    );
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(JSON))]);
    Ok(Answer {
        status: StatusCode::OK,
        headers,
        body,
    })
}

/// `details.id`: a long number as text, the same for a function at each call and each start.
pub fn function_id(function: &str) -> String {
    const FIRST: u64 = 100_000_000_000_000_000;
    let digest = Sha256::digest(function.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    (FIRST + number % (9 * FIRST)).to_string()
}

impl Response<'_> {
    /// The answer.
    pub fn answer(&self) -> Result<Answer, ReplyError> {
        let status = status(self.status_code)?;
        let mut headers = match self.headers {
            Some(lines) => header_lines(lines)?,
            None => {
                HeaderMap::from_iter([(CONTENT_DISPOSITION, HeaderValue::from_static(DISPOSITION))])
            }
        };
        let content_type = self.content_type.unwrap_or(Value::Null);
        if let Some(line) = header_value("Content-Type", content_type)? {
            headers.insert(CONTENT_TYPE, line);
        }
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(JSON));
        let mut body = Vec::new();
        let has_body = !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
            && status != StatusCode::NOT_MODIFIED;
        match self.body {
            Some(value) if has_body => write_body(value, &mut body)?,
            Some(_) | None => {}
        }
        if !has_body {
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_DISPOSITION);
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

fn from_map(map: &Map<'_>) -> Result<Answer, ReplyError> {
    let headers: Option<Vec<(&str, Value<'_>)>> = match map.get_str("headers") {
        Some(Value::Map(lines)) => Some(
            lines
                .entries()
                .filter_map(|(name, value)| Some((name.as_str()?, value)))
                .collect(),
        ),
        _ => None,
    };
    let content_type = map.iter().find_map(|(key, value)| {
        key.as_str()
            .is_some_and(|key| key.eq_ignore_ascii_case("content-type"))
            .then_some(value)
    });
    Response {
        status_code: map.get_str("status_code"),
        content_type,
        headers: headers.as_deref(),
        body: map.get_str("body"),
    }
    .answer()
}

fn status(value: Option<Value<'_>>) -> Result<StatusCode, ReplyError> {
    let value = value.unwrap_or(Value::Null);
    let number = match value {
        Value::Null => Some(200),
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_int(),
    };
    number
        .filter(|number| (200..=599).contains(number))
        .and_then(|number| StatusCode::from_u16(u16::try_from(number).ok()?).ok())
        .ok_or_else(|| ReplyError::Status(shown(value)))
}

fn header_lines(lines: &[(&str, Value<'_>)]) -> Result<HeaderMap, ReplyError> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for (name, value) in lines {
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ReplyError::Header {
            name: name.chars().take(60).collect(),
            why: "this is not a header's name",
        })?;
        if HOP_BY_HOP.contains(&known.as_str()) || known == CONTENT_LENGTH {
            continue;
        }
        match value {
            Value::List(values) => {
                for value in *values {
                    if let Some(line) = header_value(name, *value)? {
                        headers.append(known.clone(), line);
                    }
                }
            }
            value => {
                if let Some(line) = header_value(name, *value)? {
                    headers.insert(known, line);
                }
            }
        }
    }
    Ok(headers)
}

fn header_value(name: &str, value: Value<'_>) -> Result<Option<HeaderValue>, ReplyError> {
    let bad = |why| ReplyError::Header {
        name: name.to_owned(),
        why,
    };
    let text = match value {
        Value::Null | Value::Optional(None) => return Ok(None),
        Value::Optional(Some(value)) => return header_value(name, *value),
        Value::String(text) => text.to_owned(),
        Value::List(_) | Value::Map(_) | Value::Bytes(_) | Value::Type(_) => {
            return Err(bad("its value is not a text"));
        }
        _ => shown(value),
    };
    HeaderValue::from_bytes(text.as_bytes())
        .map(Some)
        .map_err(|_| bad("its value holds a line break or another control character"))
}

fn write_body(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ReplyError> {
    match value {
        Value::Null | Value::Optional(None) => {}
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        Value::Optional(Some(value)) => write_body(*value, out)?,
        _ => json::write(value, out)?,
    }
    Ok(())
}

/// A value as text, at most 60 characters of it.
fn shown(value: Value<'_>) -> String {
    let mut text = Vec::new();
    if json::write(value, &mut text).is_err() {
        return "not a value".to_owned();
    }
    let text = String::from_utf8_lossy(&text);
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    bare.unwrap_or(&text).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Arena;

    /// The answer to a returned JSON value: status, header lines sorted by name, body.
    fn answer(json: &str) -> Result<(u16, Vec<String>, String), String> {
        let arena = Arena::new();
        let value = json::read(json.as_bytes(), &arena, 128).unwrap();
        let answer = returned(value, "f").map_err(|error| error.to_string())?;
        let mut lines: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        Ok((
            answer.status.as_u16(),
            lines,
            String::from_utf8(answer.body).unwrap(),
        ))
    }

    #[test]
    fn what_a_function_returns_goes_into_the_envelope() {
        let check = |returned: &str, output: &str| {
            let (status, headers, body) = answer(returned).unwrap();
            assert_eq!(status, 200);
            assert_eq!(headers, ["content-type: application/json;charset=utf-8"]);
            let id = function_id("f");
            let expected = format!(
                r#"{{"code":"success","details":{{"output":{output},"output_type":"string","id":"{id}","userMessage":[]}},"message":"function executed successfully"}}"#
            );
            assert_eq!(body, expected, "{returned}");
        };
        check("\"First Name: Jane\"", "\"First Name: Jane\"");
        check("\"é \\\" \\n\"", "\"é \\\" \\n\"");
        check("null", "\"\"");
        check("42", "\"42\"");
        check("1.10", "\"1.10\"");
        check("true", "\"true\"");
        check(r#"{"a":"b"}"#, r#""{\"a\":\"b\"}""#);
        check("[9007199254740993]", r#""[9007199254740993]""#);
    }

    #[test]
    fn a_functions_id_is_a_long_number_that_stays() {
        assert_eq!(function_id("typeform_lead"), function_id("typeform_lead"));
        assert_ne!(function_id("a"), function_id("b"));
        for name in ["", "a", "typeform_lead", "ns__name"] {
            let id = function_id(name);
            assert_eq!(id.len(), 18);
            assert!(id.parse::<i64>().is_ok(), "{id}");
        }
    }

    #[test]
    fn crm_api_response_has_zohos_defaults() {
        let check = |response: &str, status: u16, headers: &[&str], body: &str| {
            let found = answer(&format!(r#"{{"crmAPIResponse":{response}}}"#)).unwrap();
            let headers: Vec<_> = headers.iter().map(|&line| line.to_owned()).collect();
            assert_eq!(found, (status, headers, body.to_owned()), "{response}");
        };
        let json = "content-type: application/json;charset=utf-8";
        let attachment = "content-disposition: attachment;filename=response.json";
        check("{}", 200, &[attachment, json], "");
        check(
            r#"{"status_code":"404","body":null}"#,
            404,
            &[attachment, json],
            "",
        );
        check(r#"{"body":"as is"}"#, 200, &[attachment, json], "as is");
        check(
            r#"{"body":[1.10,{"a":null}]}"#,
            200,
            &[attachment, json],
            r#"[1.10,{"a":null}]"#,
        );
        check(
            r#"{"status_code":201,"Content-Type":"application/json","headers":{"X-Trace":"abc"},"body":{"ok":true},"unknown":1}"#,
            201,
            &["content-type: application/json", "x-trace: abc"],
            r#"{"ok":true}"#,
        );
        check(r#"{"headers":{}}"#, 200, &[json], "");
        check(
            r#"{"headers":{"content-type":"text/xml"}}"#,
            200,
            &["content-type: text/xml"],
            "",
        );
        check(
            r#"{"Content-Type":"text/csv","headers":{"content-type":"text/xml"}}"#,
            200,
            &["content-type: text/csv"],
            "",
        );
        check(r#"{"status_code":204,"body":{"a":1}}"#, 204, &[], "");
        check(
            r#"{"headers":{"Set-Cookie":["a=1","b=2"],"X-N":7,"X-Null":null}}"#,
            200,
            &[json, "set-cookie: a=1", "set-cookie: b=2", "x-n: 7"],
            "",
        );
    }

    #[test]
    fn headers_of_the_connection_are_dropped() {
        for name in [
            "Content-Length",
            "Transfer-Encoding",
            "connection",
            "Keep-Alive",
            "Upgrade",
            "TE",
            "trailer",
        ] {
            let (_, headers, _) = answer(&format!(
                r#"{{"crmAPIResponse":{{"headers":{{"{name}":"1"}}}}}}"#
            ))
            .unwrap();
            assert_eq!(
                headers,
                ["content-type: application/json;charset=utf-8"],
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let check = |response: &str, expected: &str| {
            let found = answer(&format!(r#"{{"crmAPIResponse":{response}}}"#));
            assert_eq!(found.unwrap_err(), expected, "{response}");
        };
        check(
            r#"{"status_code":199}"#,
            "`status_code` is 199: it must be a number from 200 to 599",
        );
        check(
            r#"{"status_code":600}"#,
            "`status_code` is 600: it must be a number from 200 to 599",
        );
        check(
            r#"{"status_code":"ok"}"#,
            "`status_code` is ok: it must be a number from 200 to 599",
        );
        check(
            r#"{"status_code":[200]}"#,
            "`status_code` is [200]: it must be a number from 200 to 599",
        );
        check("7", "`crmAPIResponse` is not a map");
        check(
            r#"{"headers":{"a b":"c"}}"#,
            "header `a b`: this is not a header's name",
        );
        let control = "header `x`: its value holds a line break or another control character";
        check(r#"{"headers":{"x":"a\r\nSet-Cookie: b=c"}}"#, control);
        check(
            r#"{"Content-Type":"text/html\nx: y"}"#,
            &control.replace("`x`", "`Content-Type`"),
        );
        check(
            r#"{"headers":{"x":{"a":1}}}"#,
            "header `x`: its value is not a text",
        );
    }
}
