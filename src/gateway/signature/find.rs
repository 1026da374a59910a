//! Texts of a request by the places that a scheme names.

use http::HeaderName;

use super::{Prover, Step, Unproven};
use crate::route::signature::Source;
use crate::value::Value;

impl<'a> Prover<'a> {
    /// The text at a place: there must be one, and only one.
    pub(super) fn text(&'a self, source: &'a Source, step: Step) -> Result<&'a str, Unproven> {
        let text = match source {
            Source::Header(name) => self.header(name, step)?,
            Source::Query(name) => only(self.view.query_pairs(), name, step)?,
            Source::Form(name) => {
                let pairs = self.view.form_pairs().map_err(|_| Unproven::Absent(step))?;
                only(pairs, name, step)?
            }
            Source::Json(pointer) => {
                let body = self.json().ok_or(Unproven::Absent(step))?;
                let value = pointed(body, pointer).ok_or(Unproven::Absent(step))?;
                self.scalar(value).ok_or(Unproven::Malformed(step))?
            }
            Source::Value(clause) => {
                let value = clause.evaluate(&self.scope());
                let value = value.map_err(|_| Unproven::Absent(step))?;
                self.scalar(value).ok_or(Unproven::Malformed(step))?
            }
        };
        if text.is_empty() {
            return Err(Unproven::Absent(step));
        }
        Ok(text)
    }

    /// The one line of a name.
    pub(super) fn header(&self, name: &HeaderName, step: Step) -> Result<&'a str, Unproven> {
        let mut lines = self.request.head.headers.get_all(name).iter();
        let line = lines.next().ok_or(Unproven::Absent(step))?;
        if lines.next().is_some() {
            return Err(Unproven::Repeated(step));
        }
        line.to_str().map_err(|_| Unproven::Malformed(step))
    }

    /// A scalar as the text that it was sent as.
    pub(super) fn scalar(&self, value: Value<'a>) -> Option<&'a str> {
        match value {
            Value::String(text) | Value::Number(text) => Some(text),
            Value::Int(number) => Some(self.arena.string(&number.to_string())),
            Value::UInt(number) => Some(self.arena.string(&number.to_string())),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Value::Optional(Some(value)) => self.scalar(*value),
            _ => None,
        }
    }
}

/// The value of a name that is there once.
fn only<'a>(pairs: &[(&'a str, &'a str)], name: &str, step: Step) -> Result<&'a str, Unproven> {
    let mut values = pairs.iter().filter(|(known, _)| *known == name);
    let (_, value) = values.next().ok_or(Unproven::Absent(step))?;
    if values.next().is_some() {
        return Err(Unproven::Repeated(step));
    }
    Ok(value)
}

/// What a JSON pointer (RFC 6901) points to.
pub(super) fn pointed<'a>(mut value: Value<'a>, pointer: &[Box<str>]) -> Option<Value<'a>> {
    for part in pointer {
        value = match value {
            Value::Map(map) => map.get((&**part).into())?,
            Value::List(items) => {
                let is_index = part.bytes().all(|byte| byte.is_ascii_digit())
                    && (part.len() == 1 || !part.starts_with('0'));
                *items.get(is_index.then(|| part.parse::<usize>().ok())??)?
            }
            _ => return None,
        };
    }
    Some(value)
}
