//! One line a request.
//!
//! Written by hand and not through `tracing`: a line has a fixed set of fields, and there is one
//! for every request. What stands in it is fit to be kept: the path without its query, ids in
//! place of keys, nothing of headers or body. A key that was pasted into the path by mistake is cut
//! out.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::LogWriter;
use crate::auth::without_keys;
use crate::route::{Commit, LogFormat};

/// The longest part of a path that is logged, in bytes.
const LONGEST_PATH: usize = 512;
/// Enough for most lines, beside their path.
const USUAL_LENGTH: usize = 512;
/// The target that switches these lines on and off in a filter.
pub(super) const TARGET: &str = "hookweir::access";

/// Writes access lines.
#[derive(Debug, Clone)]
pub struct AccessLog {
    writer: LogWriter,
    format: LogFormat,
}

/// What a line says.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) time: Timestamp,
    pub(crate) request_id: &'a str,
    pub(crate) trace_id: Option<&'a str>,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) function: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) outcome: &'a str,
    pub(crate) bytes_in: usize,
    pub(crate) bytes_out: usize,
    pub(crate) duration: Duration,
    pub(crate) key: Option<&'a str>,
    pub(crate) environment: Option<&'a str>,
    /// Why the function did not run, or which of its checks failed.
    pub(crate) note: Option<&'a str>,
    pub(crate) peer: Option<&'a str>,
    pub(crate) generation: Option<u64>,
    pub(crate) commit: Option<&'a Commit>,
}

impl AccessLog {
    /// Lines of this format, to there.
    pub fn new(writer: LogWriter, format: LogFormat) -> Self {
        Self { writer, format }
    }

    pub(crate) fn write(&self, line: &Line<'_>) {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            match self.format {
                LogFormat::Json => write_json(buffer, line),
                LogFormat::Text => write_text(buffer, line),
            }
            self.writer.put(buffer);
        });
    }
}

fn write_json(out: &mut Vec<u8>, line: &Line<'_>) {
    out.reserve(USUAL_LENGTH + line.path.len());
    push(out, "{\"timestamp\":\"");
    push_time(out, line.time);
    // Our own words, ids that were found harmless, and a method, which is an HTTP token: none of
    // them has anything to escape.
    push(
        out,
        "\",\"level\":\"INFO\",\"target\":\"hookweir::access\",\"request_id\":\"",
    );
    push(out, line.request_id);
    if let Some(trace) = line.trace_id {
        push(out, "\",\"trace_id\":\"");
        push(out, trace);
    }
    push(out, "\",\"method\":\"");
    push(out, line.method.as_str());
    push(out, "\",\"path\":");
    push_json_text(out, shorten(&shown(line.path)));
    push(out, ",\"outcome\":\"");
    push(out, line.outcome);
    if let Some(function) = line.function {
        push(out, "\",\"function\":\"");
        push(out, function);
    }
    if let Some(key) = line.key {
        push(out, "\",\"key\":\"");
        push(out, key);
    }
    if let Some(environment) = line.environment {
        push(out, "\",\"environment\":\"");
        push(out, environment);
    }
    if let Some(peer) = line.peer {
        push(out, "\",\"peer\":\"");
        push(out, peer);
    }
    push(out, "\",\"status\":");
    push_number(out, u64::from(line.status));
    push(out, ",\"bytes_in\":");
    push_number(out, line.bytes_in as u64);
    push(out, ",\"bytes_out\":");
    push_number(out, line.bytes_out as u64);
    push(out, ",\"duration_ms\":");
    push_millis(out, line.duration);
    if let Some(generation) = line.generation {
        push(out, ",\"generation\":");
        push_number(out, generation);
    }
    if let Some(commit) = line.commit {
        push(out, ",\"commit\":\"");
        push_commit(out, commit);
        out.push(b'"');
    }
    if let Some(note) = line.note {
        push(out, ",\"note\":");
        push_json_text(out, note);
    }
    push(out, "}\n");
}

fn write_text(out: &mut Vec<u8>, line: &Line<'_>) {
    push_time(out, line.time);
    out.extend_from_slice(b"  INFO ");
    out.extend_from_slice(TARGET.as_bytes());
    out.extend_from_slice(b": ");
    push_plain(out, line.method.as_str());
    out.push(b' ');
    push_plain(out, shorten(&shown(line.path)));
    out.push(b' ');
    push_number(out, u64::from(line.status));
    out.push(b' ');
    push_millis(out, line.duration);
    out.extend_from_slice(b"ms ");
    push_plain(out, line.outcome);
    let mut field = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            push_field(out, name);
            push_plain(out, value);
        }
    };
    field("function", line.function);
    field("request_id", Some(line.request_id));
    field("trace_id", line.trace_id);
    field("key", line.key);
    field("environment", line.environment);
    push_field(out, "bytes_in");
    push_number(out, line.bytes_in as u64);
    push_field(out, "bytes_out");
    push_number(out, line.bytes_out as u64);
    if let Some(peer) = line.peer {
        push_field(out, "peer");
        push_plain(out, peer);
    }
    if let Some(generation) = line.generation {
        push_field(out, "generation");
        push_number(out, generation);
    }
    if let Some(commit) = line.commit {
        push_field(out, "commit");
        push_commit(out, commit);
    }
    if let Some(note) = line.note {
        push_field(out, "note");
        push_json_text(out, note);
    }
    out.push(b'\n');
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn push_field(out: &mut Vec<u8>, name: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
}

fn push_json_text(out: &mut Vec<u8>, text: &str) {
    // Without an early end, so that many bytes are looked at at once.
    let odd = text.bytes().fold(0, |odd, byte| {
        odd | u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    if odd == 0 {
        out.push(b'"');
        push(out, text);
        out.push(b'"');
    } else {
        // Writing text to memory does not fail.
        let _ = serde_json::to_writer(out, text);
    }
}

/// Text that cannot look like another line or another field.
fn push_plain(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            0x21..=0x7e | 0x80.. => out.push(byte),
            _ => out.push(b'?'),
        }
    }
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        let last = (rest % 10) as u8;
        *digit = b'0' | last;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// With microseconds: `0.042`.
fn push_millis(out: &mut Vec<u8>, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    push_number(out, micros / 1000);
    out.push(b'.');
    push_padded(out, micros % 1000);
}

/// Three digits.
fn push_padded(out: &mut Vec<u8>, number: u64) {
    if number < 100 {
        out.push(b'0');
    }
    if number < 10 {
        out.push(b'0');
    }
    push_number(out, number);
}

fn push_commit(out: &mut Vec<u8>, commit: &Commit) {
    out.extend_from_slice(commit.id.as_bytes());
    if commit.modified {
        out.extend_from_slice(b"+modified");
    }
}

/// RFC 3339 with milliseconds. Most requests share their second with the one before.
fn push_time(out: &mut Vec<u8>, time: Timestamp) {
    thread_local! {
        static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
    }
    let second = time.as_second();
    SECOND.with_borrow_mut(|(cached, text)| {
        if *cached != second {
            *text = Timestamp::from_second(second).unwrap_or(time).to_string();
            text.truncate("2026-11-23T22:10:57".len());
            *cached = second;
        }
        out.extend_from_slice(text.as_bytes());
    });
    out.push(b'.');
    let nanos = u64::try_from(time.subsec_nanosecond()).unwrap_or(0);
    push_padded(out, nanos / 1_000_000);
    out.push(b'Z');
}

/// The path without keys. One that has a key in escapes is shown decoded, to cut it out.
fn shown(path: &str) -> Cow<'_, str> {
    if path.contains('%') {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        if let Cow::Owned(shown) = without_keys(&decoded) {
            return Cow::Owned(shown);
        }
    }
    without_keys(path)
}

fn shorten(path: &str) -> &str {
    path.get(..path.floor_char_boundary(LONGEST_PATH))
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Line<'_>), json: &str, text: &str) {
        let commit = Commit {
            id: "f00d".to_owned(),
            modified: true,
        };
        let mut line = Line {
            time: "2026-11-01T10:00:00.007Z".parse().unwrap(),
            request_id: "id-1",
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
            method: &Method::POST,
            path: "/hooks/a",
            function: Some("lead_in"),
            status: 200,
            outcome: "answered",
            bytes_in: 7678,
            bytes_out: 0,
            duration: Duration::from_micros(1_042),
            key: Some("key_1"),
            environment: Some("sandbox"),
            note: None,
            peer: Some("203.0.113.7"),
            generation: Some(3),
            commit: Some(&commit),
        };
        change(&mut line);
        let mut out = Vec::new();
        write_json(&mut out, &line);
        let out = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&out).unwrap();
        assert_eq!(out, format!("{json}\n"));
        let mut out = Vec::new();
        write_text(&mut out, &line);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{text}\n"));
    }

    #[test]
    fn a_key_in_the_path_is_cut_out_however_it_is_written() {
        let key = format!("1003.{}.{}", "0a".repeat(16), "f1".repeat(16));
        for path in [
            format!("/k/{key}/x%20y"),
            format!("/k/{}/x", key.replace('.', "%2E")),
            format!("/k&zapikey%3D{}", key.replace('0', "%30")),
        ] {
            let shown = shown(&path);
            assert!(
                shown.contains("1003.…") && !shown.contains("f1f1"),
                "{shown}"
            );
        }
        assert_eq!(shown("/k/%2E%20"), "/k/%2E%20");
    }

    #[test]
    fn a_line_says_all_of_a_request() {
        check(
            |_| {},
            r#"{"timestamp":"2026-11-01T10:00:00.007Z","level":"INFO","target":"hookweir::access","request_id":"id-1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","method":"POST","path":"/hooks/a","outcome":"answered","function":"lead_in","key":"key_1","environment":"sandbox","peer":"203.0.113.7","status":200,"bytes_in":7678,"bytes_out":0,"duration_ms":1.042,"generation":3,"commit":"f00d+modified"}"#,
            "2026-11-01T10:00:00.007Z  INFO hookweir::access: POST /hooks/a 200 1.042ms answered function=lead_in request_id=id-1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 key=key_1 environment=sandbox bytes_in=7678 bytes_out=0 peer=203.0.113.7 generation=3 commit=f00d+modified",
        );
    }

    #[test]
    fn nothing_in_a_line_looks_like_another() {
        check(
            |line| {
                line.path = "/\u{e9}\" \nx";
                line.trace_id = None;
                line.function = None;
                line.key = None;
                line.environment = None;
                line.note = Some("a \"check\"");
                line.peer = Some("2001:db8::1");
                line.generation = None;
                line.commit = None;
                line.duration = Duration::ZERO;
            },
            "{\"timestamp\":\"2026-11-01T10:00:00.007Z\",\"level\":\"INFO\",\"target\":\"hookweir::access\",\"request_id\":\"id-1\",\"method\":\"POST\",\"path\":\"/\u{e9}\\\" \\nx\",\"outcome\":\"answered\",\"peer\":\"2001:db8::1\",\"status\":200,\"bytes_in\":7678,\"bytes_out\":0,\"duration_ms\":0.000,\"note\":\"a \\\"check\\\"\"}",
            "2026-11-01T10:00:00.007Z  INFO hookweir::access: POST /\u{e9}\"??x 200 0.000ms answered request_id=id-1 bytes_in=7678 bytes_out=0 peer=2001:db8::1 note=\"a \\\"check\\\"\"",
        );
    }

    #[test]
    fn numbers_are_written_as_numbers() {
        for number in [0, 9, 10, 99, 100, 65_535, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let path = format!("/{}", "\u{e9}".repeat(400));
        assert_eq!(shorten(&path).len(), 511);
        assert_eq!(shorten("/a"), "/a");
    }
}
