//! The body, by its content type.
//!
//! | content type | `body` | `form`, `params` | `files` |
//! |---|---|---|---|
//! | none, or a method without a body | null | – | – |
//! | `application/json`, `text/json`, `+json` | the JSON | – | – |
//! | `application/x-www-form-urlencoded` | map of texts, names may repeat | the fields | – |
//! | `application/xml`, `text/xml`, `+xml` | map | – | – |
//! | `multipart/*` | map of parts: texts and files | the text parts | the files |
//! | other `text/*` | the text | – | – |
//! | anything else | text if it is UTF-8, else bytes | – | – |

use bytes::Bytes;

use super::media::Media;
use super::multipart::{self, Part};
use super::pairs::{self, Pair};
use super::text::{declared, declared_in_xml, decode, without_mark};
use super::{Facts, View, ViewError, objects};
use crate::value::{Value, json, xml};
use crate::zoho::RequestBody;

impl<'a> View<'a> {
    /// `body`.
    pub(super) fn body(&self) -> Result<Value<'a>, ViewError<'a>> {
        let Facts { arena, reach, .. } = self.facts;
        let bytes: &'a [u8] = self.bytes();
        match self.media {
            Media::Absent => Ok(Value::Null),
            Media::Encoded(_) => Err(self.encoded()),
            Media::Json(charset) => {
                // The reader looks for bytes that are no text itself: no need to look twice.
                let text = match charset {
                    None => without_mark(bytes),
                    Some(_) => decode(bytes, charset, arena)?.as_bytes(),
                };
                json::read_parts(text, arena, json::DEPTH, reach).map_err(|error| {
                    decode(bytes, charset, arena)
                        .err()
                        .unwrap_or_else(|| self.bad(&format!("the body is not JSON: {error}")))
                })
            }
            Media::Form(_) => Ok(objects::multi(self.form()?, arena)),
            Media::Xml(charset) => {
                let text = decode(bytes, charset.or_else(|| declared_in_xml(bytes)), arena)?;
                xml::read(text, arena, xml::DEPTH)
                    .map_err(|error| self.bad(&format!("the body is not XML: {error}")))
            }
            Media::Multipart(_) => Ok(objects::parts(self.parts()?, arena)),
            Media::Text(charset) => Ok(Value::String(decode(bytes, charset, arena)?)),
            Media::Other(charset) => Ok(match decode(bytes, charset, arena) {
                Ok(text) => Value::String(text),
                Err(_) => Value::Bytes(bytes),
            }),
        }
    }

    /// `raw_body`: as sent, but for the key.
    pub(super) fn raw_body(&self) -> &'a [u8] {
        let Facts { arena, parts, .. } = self.facts;
        let bytes = self.bytes();
        let without = match self.media {
            Media::Form(_) => pairs::without_key(bytes, self.facts.credentials.key()),
            Media::Multipart(boundary) => multipart::without_key(bytes, boundary, parts),
            _ => None,
        };
        without.map_or(bytes, |bytes| arena.bytes(&bytes))
    }

    /// What all that is seen of the body is read from.
    fn bytes(&self) -> &'a Bytes {
        self.facts.credentials.body(self.facts.request)
    }

    /// `crmAPIRequest.body`: the text as sent, never parsed, and never a reason to refuse.
    pub(super) fn body_text(&self) -> RequestBody<'a> {
        let arena = self.facts.arena;
        let charset = match self.media {
            Media::Absent | Media::Multipart(_) => return RequestBody::None,
            Media::Encoded(_) => None,
            Media::Json(charset)
            | Media::Form(charset)
            | Media::Xml(charset)
            | Media::Text(charset)
            | Media::Other(charset) => charset,
        };
        let bytes = self.raw_body();
        // The text of a UTF-8 body keeps its byte order mark: byte for byte.
        if let Ok(text) = std::str::from_utf8(bytes) {
            return RequestBody::Text(text);
        }
        match charset.map(|charset| decode(bytes, Some(charset), arena)) {
            Some(Ok(text)) => RequestBody::Text(text),
            Some(Err(_)) | None => RequestBody::Binary(bytes),
        }
    }

    /// The fields of a form: url-encoded, or the text parts of a multipart body.
    pub(super) fn form(&self) -> Result<&'a [Pair<'a>], ViewError<'a>> {
        if let Some(form) = self.form.get() {
            return form;
        }
        let form = self.read_form();
        self.form.set(Some(form));
        form
    }

    fn read_form(&self) -> Result<&'a [Pair<'a>], ViewError<'a>> {
        let arena = self.facts.arena;
        match self.media {
            Media::Form(charset) => {
                let pairs = pairs::pairs(self.bytes(), declared(charset, arena)?, arena);
                Ok(self.without_key(pairs))
            }
            Media::Multipart(_) => {
                let fields = self.parts()?.iter().filter(|part| part.filename.is_none());
                let fields: Vec<_> = fields.map(|part| (part.name, part.text(arena))).collect();
                Ok(arena.slice(&fields))
            }
            Media::Encoded(_) => Err(self.encoded()),
            Media::Absent | Media::Json(_) | Media::Xml(_) | Media::Text(_) | Media::Other(_) => {
                Ok(&[])
            }
        }
    }

    /// The parts of a multipart body; none of any other.
    pub(super) fn parts(&self) -> Result<&'a [Part<'a>], ViewError<'a>> {
        if let Some(parts) = self.parts.get() {
            return parts;
        }
        let Facts {
            arena,
            parts: limit,
            ..
        } = self.facts;
        let parts = match self.media {
            Media::Multipart(boundary) => multipart::parts(self.bytes(), boundary, limit, arena),
            _ => Ok([].as_slice()),
        };
        self.parts.set(Some(parts));
        parts
    }

    fn encoded(&self) -> ViewError<'a> {
        let encoding = match self.media {
            Media::Encoded(encoding) => encoding,
            _ => "unknown",
        };
        let encoding: String = encoding.chars().take(40).collect();
        let message = format!("a body in the content encoding `{encoding}` is not taken");
        ViewError::UnsupportedMediaType(self.facts.arena.string(&message))
    }

    fn bad(&self, message: &str) -> ViewError<'a> {
        ViewError::BadBody(self.facts.arena.string(message))
    }
}
