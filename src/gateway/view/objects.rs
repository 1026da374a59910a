//! The smaller objects of a request: maps of pairs, headers, files, the owner, the event's id.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use uuid::Uuid;

use super::credentials::{Credentials, KEY_HEADER, REMOVED, is_oauth};
use super::multipart::Part;
use super::pairs::{self, Pair};
use super::text::decode;
use super::{INPUT_FILE, ViewError};
use crate::auth::Caller;
use crate::gateway::InboundRequest;
use crate::value::{Arena, Value};

/// A map whose names may repeat.
pub(super) fn multi<'a>(pairs: &[Pair<'a>], arena: &'a Arena) -> Value<'a> {
    let entries: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (*name, Value::String(value)))
        .collect();
    arena.multi(&entries)
}

/// A map whose names are there once.
pub(super) fn texts<'a>(texts: &'a [(String, String)], arena: &'a Arena) -> Value<'a> {
    let entry = |(name, value): &'a (String, String)| (name.as_str(), Value::String(value));
    arena.object(&texts.iter().map(entry).collect::<Vec<_>>())
}

/// All cookies, in their order.
pub(super) fn cookies<'a>(headers: &'a HeaderMap, arena: &'a Arena) -> &'a [Pair<'a>] {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs: Vec<_> = lines
        .flat_map(|line| pairs::cookies(header_text(line, arena)))
        .collect();
    arena.slice(&pairs)
}

/// All header lines, names in lower case, without those that let somebody in.
pub(super) fn header_lines<'a>(
    request: &'a InboundRequest,
    credentials: &Credentials<'_>,
    arena: &'a Arena,
) -> Vec<(&'a str, Value<'a>)> {
    let hidden = hidden(request, credentials);
    let lines = request.head.headers.iter();
    lines
        .filter(|(name, value)| {
            *name != KEY_HEADER && !(*name == header::AUTHORIZATION && is_oauth(value))
        })
        .map(|(name, value)| {
            let mut text = header_text(value, arena);
            for key in &hidden {
                if text.contains(key.as_ref()) {
                    text = arena.string(&text.replace(key.as_ref(), REMOVED));
                }
            }
            (name.as_str(), Value::String(text))
        })
        .collect()
}

/// The spellings of the presented key: decoded, and as the query had it.
fn hidden<'r>(request: &'r InboundRequest, credentials: &'r Credentials<'_>) -> Vec<Cow<'r, str>> {
    let Some(key) = credentials.key() else {
        return Vec::new();
    };
    let mut spellings = vec![Cow::Borrowed(key)];
    let query = request.head.query();
    for pair in query.split('&') {
        if let Some((_, raw)) = pair.split_once('=') {
            let is_escaped =
                raw.contains('%') && pairs::first(pair.as_bytes(), [pairs::KEY]) != [None];
            if is_escaped {
                spellings.push(Cow::Borrowed(raw));
            }
        }
    }
    spellings
}

/// The lines of each name as one, as RFC 9110 joins them.
pub(super) fn joined<'a>(
    lines: &[(&'a str, Value<'a>)],
    arena: &'a Arena,
) -> Vec<(&'a str, Value<'a>)> {
    let mut joined: Vec<(&'a str, Value<'a>)> = Vec::with_capacity(lines.len());
    for (name, value) in lines {
        match joined.iter_mut().find(|(known, _)| known == name) {
            Some((_, Value::String(first))) => {
                let next = if let Value::String(next) = value {
                    next
                } else {
                    ""
                };
                let separator = if *name == "cookie" { "; " } else { ", " };
                *first = arena.string(&[*first, next].join(separator));
            }
            Some(_) => {}
            None => joined.push((name, *value)),
        }
    }
    joined
}

/// Header values are bytes; nearly all are ASCII. Those that are not are UTF-8, or else Latin-1.
fn header_text<'a>(value: &'a HeaderValue, arena: &'a Arena) -> &'a str {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).unwrap_or_else(|_| {
        arena.string(
            &bytes
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>(),
        )
    })
}

/// The body of a multipart request: texts and files by name. A text part whose bytes are no text
/// in its charset is bytes, so that nothing is lost.
pub(super) fn parts<'a>(parts: &[Part<'a>], arena: &'a Arena) -> Value<'a> {
    let entries: Vec<_> = parts
        .iter()
        .map(|part| {
            let value = match (part.filename, decode(part.bytes, part.charset, arena)) {
                (Some(_), _) => file(part, arena),
                (None, Ok(text)) => Value::String(text),
                (None, Err(_)) => Value::Bytes(part.bytes),
            };
            (part.name, value)
        })
        .collect();
    arena.multi(&entries)
}

/// The files of a multipart request by the names of their parts, which may repeat.
pub(super) fn files<'a>(parts: &[Part<'a>], arena: &'a Arena) -> Value<'a> {
    let files = parts.iter().filter(|part| part.filename.is_some());
    arena.multi(
        &files
            .map(|part| (part.name, file(part, arena)))
            .collect::<Vec<_>>(),
    )
}

fn file<'a>(part: &Part<'a>, arena: &'a Arena) -> Value<'a> {
    let detected = detected_type(part.bytes).map_or(Value::Null, Value::String);
    arena.object(&[
        ("name", Value::String(part.name)),
        ("filename", Value::String(part.filename.unwrap_or(""))),
        ("content_type", Value::String(part.content_type)),
        ("detected_type", detected),
        (
            "size",
            Value::Int(i64::try_from(part.bytes.len()).unwrap_or(i64::MAX)),
        ),
        ("bytes", Value::Bytes(part.bytes)),
        (
            "text",
            file_text(part, arena).map_or(Value::Null, Value::String),
        ),
    ])
}

/// `file_content`: the text of the first `inputFile`, null without one. Zoho takes text only.
pub(super) fn file_content<'a>(
    parts: &[Part<'a>],
    arena: &'a Arena,
) -> Result<Value<'a>, ViewError<'a>> {
    let Some(part) = parts.iter().find(|part| part.name == INPUT_FILE) else {
        return Ok(Value::Null);
    };
    let text = file_text(part, arena).ok_or(ViewError::BadBody("invalid file type"))?;
    Ok(Value::String(text))
}

/// A file's text, if it is one: by its bytes, not by what its sender calls it.
fn file_text<'a>(part: &Part<'a>, arena: &'a Arena) -> Option<&'a str> {
    let is_text = detected_type(part.bytes).is_none_or(|kind| kind.starts_with("text/"));
    let is_utf_16 = part
        .charset
        .is_some_and(|charset| charset.len() >= 6 && starts_utf_16(charset));
    let has_nul = part.bytes.contains(&0) && !is_utf_16;
    if !is_text || has_nul {
        return None;
    }
    decode(part.bytes, part.charset, arena).ok()
}

fn starts_utf_16(charset: &str) -> bool {
    charset
        .get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("utf-16"))
}

fn detected_type(bytes: &[u8]) -> Option<&'static str> {
    infer::get(bytes).map(|kind| kind.mime_type())
}

/// `apikey` for who came by a key, `none` for who needed none.
pub(super) fn auth_type(caller: &Caller) -> &'static str {
    match caller.key {
        Some(_) => "apikey",
        None => "none",
    }
}

/// The key's owner; without a key an empty map, so that `has` and `??` see nobody there.
pub(super) fn user_info<'a>(caller: &'a Caller, arena: &'a Arena) -> Value<'a> {
    let Some(key) = &caller.key else {
        return arena.object(&[]);
    };
    let owner = &key.owner;
    arena.object(&[
        ("id", Value::String(&owner.id)),
        ("email", Value::String(&owner.email)),
        ("name", Value::String(&owner.name)),
        ("org_id", Value::String(&owner.org_id)),
    ])
}

/// `evt_` and a UUID of version 7 without its hyphens: ids sort by the time of arrival.
pub(in crate::gateway) fn event_id(received_at: Timestamp) -> String {
    let seconds = u64::try_from(received_at.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(received_at.subsec_nanosecond()).unwrap_or(0);
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds);
    format!("evt_{}", Uuid::new_v7(stamp).simple())
}
