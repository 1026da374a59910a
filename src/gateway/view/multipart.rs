//! Multipart bodies: parts with names, file names, types and bytes.
//!
//! What a part holds is borrowed from the body. Names and file names are data; nothing here makes a path of one. A body is bounded before its
//! parts are looked at; how many parts there may be, and how long the head of one, is bounded
//! here. A part is a *file* when it has a file name or is called `inputFile` (Zoho's name for
//! one), else it is a *field*, whose bytes are text. A file that a browser's form sends without
//! the user having chosen one (no name, no bytes) is left out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{Future, ready};

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{HeaderMap, header};
use memchr::memmem;
use percent_encoding::percent_decode_str;

use super::media::parameter;
use super::pairs::KEY;
use super::text::{declared, decode_lossy};
use super::{INPUT_FILE, ViewError};
use crate::value::Arena;

/// Bytes of one part's header lines.
const MAX_HEAD: usize = 8 << 10;

/// One part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// Its name; where it has none, its position, counted from 0.
    pub(super) name: &'a str,
    /// As the sender called the file; `None` for a field.
    pub(super) filename: Option<&'a str>,
    /// As sent; `text/plain` where the part does not say.
    pub(super) content_type: &'a str,
    /// As sent.
    pub(super) charset: Option<&'a str>,
    /// The content, byte for byte.
    pub(super) bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// The text of a field; U+FFFD for what is not a character.
    pub(super) fn text(&self, arena: &'a Arena) -> &'a str {
        let charset = declared(self.charset, arena).ok().flatten();
        decode_lossy(Cow::Borrowed(self.bytes), charset, arena)
    }
}

/// The parts of a body, without those that carry a key. At most `limit` parts.
pub(super) fn parts<'a>(
    body: &'a Bytes,
    boundary: Option<&str>,
    limit: usize,
    arena: &'a Arena,
) -> Result<&'a [Part<'a>], ViewError<'a>> {
    let broken = |message: &str| Err(ViewError::BadBody(arena.string(message)));
    let Some(boundary) = boundary else {
        return broken("the content type is multipart, but has no `boundary`");
    };
    let mut parts = Vec::new();
    match now(read(body, boundary, limit, arena, &mut parts)) {
        Ok(()) => Ok(arena.slice(&parts)),
        Err(Broken::Parts) => broken(&format!("the body has more than {limit} parts")),
        Err(Broken::Head) => broken("the header of a part is longer than 8 KiB"),
        Err(Broken::Other(error)) => {
            let count = parts.len();
            let place = || match count {
                0 => "the multipart body is broken in its first part".to_owned(),
                _ => format!("the multipart body is broken after {count} of its parts"),
            };
            match error {
                multer::Error::IncompleteStream if !has_boundary(body, boundary) => {
                    broken("the body does not hold the `boundary` that its content type names")
                }
                multer::Error::IncompleteStream | multer::Error::IncompleteFieldData { .. } => {
                    broken(&format!(
                        "{}: it ends without its closing boundary",
                        place()
                    ))
                }
                _ => broken(&format!("{}: the header of a part cannot be read", place())),
            }
        }
    }
}

/// The first values of the parts called `zapikey` and `auth_type`; none of a body without a key.
pub(super) fn credentials(
    body: &Bytes,
    boundary: Option<&str>,
    limit: usize,
) -> (Option<String>, Option<String>) {
    let (mut key, mut auth_type) = (None, None);
    let Some(boundary) = boundary.filter(|_| mentions_key(body)) else {
        return (key, auth_type);
    };
    let arena = Arena::new();
    let mut reader = Reader::new(body, boundary, limit, &arena);
    while let Some(Found { part, .. }) = now(reader.next()).ok().flatten() {
        let wanted = match part.name {
            KEY => &mut key,
            "auth_type" => &mut auth_type,
            _ => continue,
        };
        if wanted.is_none() {
            *wanted = std::str::from_utf8(part.bytes).ok().map(str::to_owned);
        }
        if key.is_some() && auth_type.is_some() {
            break;
        }
    }
    (key, auth_type)
}

/// The body without the values of the parts that carry a key; `None` when there are none.
pub(super) fn without_key(body: &Bytes, boundary: Option<&str>, limit: usize) -> Option<Vec<u8>> {
    let boundary = boundary.filter(|_| mentions_key(body))?;
    let arena = Arena::new();
    let mut reader = Reader::new(body, boundary, limit, &arena);
    let mut kept = Vec::new();
    let mut from = 0;
    while let Some(Found { part, start, .. }) = now(reader.next()).ok().flatten() {
        if part.name == KEY && !part.bytes.is_empty() {
            // Better no body than one with a key in it.
            let Some(start) = start else {
                return Some(Vec::new());
            };
            kept.extend_from_slice(body.get(from..start)?);
            from = start + part.bytes.len();
        }
    }
    kept.extend_from_slice(body.get(from..).filter(|_| from > 0)?);
    Some(kept)
}

/// Nearly no body has one: a stranger's request should not cost the reading of all parts.
fn mentions_key(body: &[u8]) -> bool {
    memmem::find(body, KEY.as_bytes()).is_some()
}

enum Broken {
    Parts,
    Head,
    Other(multer::Error),
}

async fn read<'a>(
    body: &'a Bytes,
    boundary: &str,
    limit: usize,
    arena: &'a Arena,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Broken> {
    let mut reader = Reader::new(body, boundary, limit, arena);
    while let Some(found) = reader.next().await? {
        if found.part.name != KEY && !found.is_empty_file {
            parts.push(found.part);
        }
    }
    Ok(())
}

/// A part, and what is known of it beside.
struct Found<'a> {
    part: Part<'a>,
    /// A file that nobody chose.
    is_empty_file: bool,
    /// Where its content begins in the body.
    start: Option<usize>,
}

struct Reader<'a> {
    parts: multer::Multipart<'static>,
    body: &'a [u8],
    /// `--` and the boundary.
    mark: Vec<u8>,
    /// How far the body was looked at.
    from: usize,
    count: usize,
    limit: usize,
    arena: &'a Arena,
}

impl<'a> Reader<'a> {
    fn new(body: &'a Bytes, boundary: &str, limit: usize, arena: &'a Arena) -> Self {
        let stream = stream::once(ready(Ok::<_, Infallible>(body.clone())));
        Self {
            parts: multer::Multipart::new(stream, boundary),
            body,
            mark: format!("--{boundary}").into_bytes(),
            from: 0,
            count: 0,
            limit,
            arena,
        }
    }

    async fn next(&mut self) -> Result<Option<Found<'a>>, Broken> {
        let Some(mut field) = self.parts.next_field().await.map_err(Broken::Other)? else {
            return Ok(None);
        };
        if self.count == self.limit {
            return Err(Broken::Parts);
        }
        let head = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len() + 4
        };
        if field.headers().iter().map(head).sum::<usize>() > MAX_HEAD {
            return Err(Broken::Head);
        }
        let arena = self.arena;
        let name = match field.name() {
            Some(name) => arena.string(name),
            None => arena.string(&self.count.to_string()),
        };
        self.count += 1;
        let content_type = line(field.headers(), header::CONTENT_TYPE)
            .map_or("text/plain", |text| arena.string(text.trim()));
        let filename = file_name(&field).map(|name| arena.string(&name));
        let mut chunks = Vec::with_capacity(1);
        while let Some(chunk) = field.chunk().await.map_err(Broken::Other)? {
            chunks.push(chunk);
        }
        drop(field);
        let start = self.locate(&chunks);
        let length = chunks.iter().map(Bytes::len).sum::<usize>();
        let bytes = match start.and_then(|start| self.body.get(start..start + length)) {
            Some(bytes) => bytes,
            None => arena.bytes(&chunks.concat()),
        };
        let is_empty_file = filename == Some("") && bytes.is_empty();
        let filename = filename.or_else(|| (name == INPUT_FILE).then_some(""));
        let charset = parameter(content_type, "charset");
        let part = Part {
            name,
            filename,
            content_type,
            charset,
            bytes,
        };
        Ok(Some(Found {
            part,
            is_empty_file,
            start,
        }))
    }

    /// Where the content of the part that was just read lies in the body: the reader hands out
    /// copies. `None` when it is not there, which no body is known to bring about.
    fn locate(&mut self, chunks: &[Bytes]) -> Option<usize> {
        let find = |from, sought: &[u8]| {
            let rest = self.body.get(from..)?;
            memmem::find(rest, sought).map(|at| from + at + sought.len())
        };
        // Behind the mark the line ends, so that a part without any header is found, too.
        let line = find(self.from, &self.mark)?;
        let start = find(line + 2, b"\r\n\r\n")?;
        let mut end = start;
        for chunk in chunks {
            let next = end + chunk.len();
            if self.body.get(end..next)? != chunk {
                return None;
            }
            end = next;
        }
        self.from = end;
        Some(start)
    }
}

/// The file name; the extended form (`filename*=UTF-8''caf%C3%A9.txt`) where there is no plain one.
fn file_name(field: &multer::Field<'_>) -> Option<String> {
    if let Some(name) = field.file_name() {
        return Some(name.to_owned());
    }
    let disposition = line(field.headers(), header::CONTENT_DISPOSITION)?;
    let (_, escaped) = parameter(disposition, "filename*")?.rsplit_once('\'')?;
    Some(percent_decode_str(escaped).decode_utf8_lossy().into_owned())
}

fn line(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    std::str::from_utf8(headers.get(name)?.as_bytes()).ok()
}

/// The whole body is in memory, so the reader never waits. If it did, the body would have to be
/// incomplete.
fn now<T>(reading: impl Future<Output = Result<T, Broken>>) -> Result<T, Broken> {
    let waits = || Err(Broken::Other(multer::Error::IncompleteStream));
    reading.now_or_never().unwrap_or_else(waits)
}

fn has_boundary(body: &[u8], boundary: &str) -> bool {
    memmem::find(body, format!("--{boundary}").as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "preamble\r\n--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
        --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"..\\\\é.csv\"\r\n\
        Content-Type: text/csv; charset=utf-8\r\n\r\nid\r\n1\r\n--x--\r\nepilogue";

    /// Name, file name, text.
    type Seen<'s> = (&'s str, Option<&'s str>, &'s str);

    fn check(body: &str, boundary: Option<&str>, expected: Result<&[Seen<'_>], &str>) {
        let arena = Arena::new();
        let body = Bytes::from(body.to_owned());
        let parts = parts(&body, boundary, 3, &arena);
        let seen = parts.map(|parts| {
            let seen = |part: &Part<'_>| {
                (
                    part.name.to_owned(),
                    part.filename.map(str::to_owned),
                    part.text(&arena).to_owned(),
                )
            };
            parts.iter().map(seen).collect::<Vec<_>>()
        });
        let expected = expected.map(|parts| {
            let owned = |part: &(&str, Option<&str>, &str)| {
                (
                    part.0.to_owned(),
                    part.1.map(str::to_owned),
                    part.2.to_owned(),
                )
            };
            parts.iter().map(owned).collect::<Vec<_>>()
        });
        assert_eq!(seen.map_err(ViewError::message), expected, "{body:?}");
    }

    fn part(disposition: &str, content: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data{disposition}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn parts_have_names_file_names_and_bytes() {
        check(
            TWO,
            Some("x"),
            Ok(&[("a", None, "1"), ("f", Some("..\\\\é.csv"), "id\r\n1")]),
        );
        let nameless = part("", "v") + "--x--";
        check(&nameless, Some("x"), Ok(&[("0", None, "v")]));
        let input = part("; name=inputFile", "v") + "--x--";
        check(&input, Some("x"), Ok(&[("inputFile", Some(""), "v")]));
        let extended = part("; name=a; filename*=UTF-8''caf%C3%A9.txt", "v") + "--x--";
        check(&extended, Some("x"), Ok(&[("a", Some("café.txt"), "v")]));
        check("--x--", Some("x"), Ok(&[]));
    }

    #[test]
    fn what_a_part_holds_is_borrowed_from_the_body() {
        let sent = [
            TWO.to_owned(),
            // Marks and empty lines where they mean nothing.
            format!(
                "\r\n\r\n--y\r\n{}{}{}--x--",
                part("; name=a", "\r\n\r\n--y\r\n"),
                part("; name=b", ""),
                part("; name=c", "--x"),
            ),
            "--x\r\n\r\n\r\nv\r\n--x--".to_owned(),
        ];
        for sent in sent {
            let (arena, body) = (Arena::new(), Bytes::from(sent));
            let within = body.as_ptr_range();
            let Ok(parts) = parts(&body, Some("x"), 9, &arena) else {
                panic!("{body:?}")
            };
            assert!(!parts.is_empty());
            for part in parts {
                let held = part.bytes.as_ptr_range();
                assert!(
                    within.start <= held.start && held.end <= within.end,
                    "{part:?}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_nobody_chose_is_left_out() {
        let empty = part("; name=a; filename=\"\"", "") + "--x--";
        check(&empty, Some("x"), Ok(&[]));
        let named = part("; name=a; filename=\"e.txt\"", "") + "--x--";
        check(&named, Some("x"), Ok(&[("a", Some("e.txt"), "")]));
    }

    #[test]
    fn each_way_to_be_broken_has_its_own_message() {
        check(
            TWO,
            None,
            Err("the content type is multipart, but has no `boundary`"),
        );
        let wrong = "the body does not hold the `boundary` that its content type names";
        check(TWO, Some("y"), Err(wrong));
        check("", Some("y"), Err(wrong));
        let open =
            "the multipart body is broken in its first part: it ends without its closing boundary";
        check("--x", Some("x"), Err(open));
        check(
            "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nv",
            Some("x"),
            Err(open),
        );
        let cut = "the multipart body is broken after 1 of its parts: it ends without its closing boundary";
        let second = part("; name=a", "v")
            + "--x
Content-Disposition: form-data; name=b

v";
        check(&second, Some("x"), Err(cut));
        let head =
            "the multipart body is broken in its first part: the header of a part cannot be read";
        check(
            "--x\r\nno header line\r\n\r\nv\r\n--x--",
            Some("x"),
            Err(head),
        );
        let many = part("; name=a", "v").repeat(4) + "--x--";
        check(&many, Some("x"), Err("the body has more than 3 parts"));
        let long = part(&format!("; name=\"{}\"", "n".repeat(9000)), "v") + "--x--";
        check(
            &long,
            Some("x"),
            Err("the header of a part is longer than 8 KiB"),
        );
    }

    #[test]
    fn a_key_is_found_and_cut_out() {
        let body = Bytes::from(
            part("; name=a", "k") + &part("; name=zapikey", "k") + &part("; name=b", "2") + "--x--",
        );
        let (key, auth_type) = credentials(&body, Some("x"), 3);
        assert_eq!((key.as_deref(), auth_type), (Some("k"), None));
        let rest = without_key(&body, Some("x"), 3).unwrap();
        let expected = part("; name=a", "k") + &part("; name=zapikey", "") + &part("; name=b", "2");
        assert_eq!(String::from_utf8(rest).unwrap(), expected + "--x--");
        let none = Bytes::from(part("; name=a", "zapikey") + "--x--");
        assert_eq!(credentials(&none, Some("x"), 3), (None, None));
        assert_eq!(without_key(&none, Some("x"), 3), None);
    }
}
