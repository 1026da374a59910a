//! From values to what handlebars sees, and only as much as the template names.
//!
//! A number that is not a plain integer goes as a text with a mark before it, because handlebars
//! would print the double it stands for: `1.10` would lose its zero. The mark is a character that
//! no text may hold (a noncharacter); if one does, it is doubled. Under the same mark a map says in
//! which order its keys came, where that is not the order of the alphabet, the only one that
//! handlebars' own maps know. Only [`super::helper`] sees either.

use std::borrow::Cow;

use serde_json::{Map as Object, Value as Json};

use crate::expr::{Fault, FaultKind, Scope};
use crate::value::{Value, convert as scalar, json};

/// Stands before the text of a number.
pub(super) const MARK: char = '\u{fdd0}';

/// The entry of a map that has its keys in their order.
const ORDER: &str = "\u{fdd0}";

/// Bytes that a node of handlebars' own tree takes, about.
const NODE: usize = 64;

/// Which part of a value a template looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// All of it.
    Whole,
    /// These fields of a map.
    Fields(Vec<(String, Need)>),
}

impl Need {
    /// Nothing yet.
    pub(super) fn nothing() -> Self {
        Self::Fields(Vec::new())
    }

    /// Adds the value at the end of `names`.
    pub(super) fn add(&mut self, names: &[&str]) {
        let (Self::Fields(fields), Some((first, rest))) = (&mut *self, names.split_first()) else {
            *self = Self::Whole;
            return;
        };
        if let Some((_, need)) = fields.iter_mut().find(|(name, _)| name == first) {
            need.add(rest);
        } else {
            let mut need = Self::nothing();
            need.add(rest);
            fields.push(((*first).to_owned(), need));
        }
    }

    /// The paths of names at whose ends all is needed.
    pub(super) fn each<'n>(&'n self, names: &mut Vec<&'n str>, visit: &mut dyn FnMut(&[&str])) {
        match self {
            Self::Whole => visit(names),
            Self::Fields(fields) => {
                for (name, need) in fields {
                    names.push(name);
                    need.each(names, visit);
                    names.pop();
                }
            }
        }
    }
}

/// The part of `value` that is needed. Its size counts against the request's memory.
pub(super) fn convert<'a>(
    value: Value<'a>,
    need: &Need,
    scope: &Scope<'a>,
) -> Result<Json, Fault<'a>> {
    match (value, need) {
        (Value::Map(map), Need::Fields(fields)) => {
            let mut object = Object::new();
            for (name, need) in fields {
                // What is not there is found out where the template asks for it.
                if let Some(value) = map.get_str(name) {
                    object.insert(name.clone(), convert(value, need, scope)?);
                }
            }
            Ok(Json::Object(object))
        }
        (Value::Optional(Some(value)), need) => convert(*value, need, scope),
        (value, _) => whole(value, scope, json::DEPTH),
    }
}

fn whole<'a>(value: Value<'a>, scope: &Scope<'a>, depth: usize) -> Result<Json, Fault<'a>> {
    scope.charge_memory(NODE)?;
    let deeper = || depth.checked_sub(1).ok_or(too_deep());
    Ok(match value {
        Value::Null | Value::Optional(None) => Json::Null,
        Value::Bool(flag) => Json::Bool(flag),
        Value::Int(int) => Json::from(int),
        Value::UInt(uint) => Json::from(uint),
        Value::String(text) => {
            scope.charge_memory(text.len())?;
            Json::String(marked(text).into_owned())
        }
        Value::List(items) => {
            let depth = deeper()?;
            let items = items.iter().map(|item| whole(*item, scope, depth));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Map(map) => {
            let depth = deeper()?;
            let mut object = Object::new();
            let mut keys = Vec::with_capacity(map.len());
            for (key, value) in map.iter() {
                let key = key.to_string();
                if key != ORDER {
                    scope.charge_memory(key.len())?;
                    object.insert(key.clone(), whole(value, scope, depth)?);
                    keys.push(key);
                }
            }
            if !keys.is_sorted() {
                object.insert(ORDER.to_owned(), Json::from(keys));
            }
            Json::Object(object)
        }
        Value::Optional(Some(value)) => whole(*value, scope, depth)?,
        Value::Double(_) | Value::Number(_) => {
            let mut text = String::from(MARK);
            let _ = scalar::write_scalar(value, &mut text);
            Json::String(text)
        }
        // As JSON has them: RFC 3339, `3.5s`, base64.
        Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Bytes(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Type(_) => {
            let mut text = Vec::new();
            let written = json::write(value, &mut text);
            scope.charge_memory(text.len())?;
            match (written, serde_json::from_slice(&text)) {
                (Ok(()), Ok(value)) => value,
                _ => Json::Null,
            }
        }
    })
}

fn too_deep() -> Fault<'static> {
    Fault {
        kind: FaultKind::Depth,
        span: (0, 0),
        detail: "a value for a template",
    }
}

fn marked(text: &str) -> Cow<'_, str> {
    if text.starts_with(MARK) {
        let mut doubled = String::with_capacity(text.len() + MARK.len_utf8());
        doubled.push(MARK);
        doubled.push_str(text);
        return Cow::Owned(doubled);
    }
    Cow::Borrowed(text)
}

/// The entries of a map in the order of their source.
pub(super) fn in_order(fields: &Object<String, Json>) -> impl Iterator<Item = (&str, &Json)> {
    let order = fields.get(ORDER).and_then(Json::as_array);
    let listed = order.into_iter().flatten().filter_map(|key| {
        let key = key.as_str()?;
        Some((key, fields.get(key)?))
    });
    let sorted = fields.iter().filter(move |_| order.is_none());
    listed.chain(sorted.map(|(key, value)| (key.as_str(), value)))
}

/// What a text stands for.
pub(super) enum Text<'t> {
    /// A number, in the text it came in.
    Number(&'t str),
    /// Itself.
    Plain(&'t str),
}

/// Takes the mark off.
pub(super) fn unmarked(text: &str) -> Text<'_> {
    match text.strip_prefix(MARK) {
        Some(doubled) if doubled.starts_with(MARK) => Text::Plain(doubled),
        Some(number) => Text::Number(number),
        None => Text::Plain(text),
    }
}
