//! From a layout to the typed spec: a serde `Deserializer` over nodes.
//!
//! An error knows its node, so that it has a place even where the schema sees nothing wrong.

use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::layout::{Layout, NodeId, ROOT, Scalar, Shape, Value};

/// The name under which [`Expression`](super::Expression) asks for the text of a scalar.
pub(super) const EXPRESSION: &str = "hookweir::Expression";

/// What does not fit, and the innermost node for which it is known.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) message: String,
    pub(super) at: Option<NodeId>,
    pub(super) kind: MisfitKind,
}

/// What could make a document readable that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MisfitKind {
    /// A key more in the map.
    MissingKey(&'static str),
    /// Any expression instead of the node.
    NotAnExpression,
    /// The node left out.
    Other,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            at: None,
            kind: MisfitKind::Other,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            message: format!("the key `{field}` is missing"),
            at: None,
            kind: MisfitKind::MissingKey(field),
        }
    }
}

/// One node to be read as some type.
#[derive(Clone, Copy)]
pub(super) struct NodeReader<'a> {
    layout: &'a Layout,
    at: NodeId,
}

impl<'a> NodeReader<'a> {
    /// The whole document.
    pub(super) fn new(layout: &'a Layout) -> Self {
        Self { layout, at: ROOT }
    }

    fn here<T>(self, result: Result<T, Misfit>) -> Result<T, Misfit> {
        result.map_err(|misfit| Misfit {
            at: misfit.at.or(Some(self.at)),
            ..misfit
        })
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.layout.shape(self.at) {
            Some(Shape::Scalar(scalar)) => visit_scalar(scalar, visitor),
            Some(Shape::List(items)) => visitor.visit_seq(Items { of: self, items }),
            Some(Shape::Map(pairs)) => visitor.visit_map(Pairs {
                of: self,
                rest: pairs,
                value: None,
            }),
            // `shape` looks behind aliases.
            Some(Shape::Alias(_)) | None => visitor.visit_unit(),
        }
    }
}

fn visit_scalar<'de, V: Visitor<'de>>(scalar: &Scalar, visitor: V) -> Result<V::Value, Misfit> {
    match scalar.value {
        Value::Null => visitor.visit_unit(),
        Value::Bool(value) => visitor.visit_bool(value),
        Value::Int(value) => visitor.visit_i64(value),
        Value::UInt(value) => visitor.visit_u64(value),
        Value::Double(value) => visitor.visit_f64(value),
        Value::Text => visitor.visit_str(&scalar.text),
    }
}

/// The text of an expression: a number, Boolean or null means in CEL what it means in YAML.
fn expression(scalar: &Scalar) -> Result<String, &'static str> {
    let text = &*scalar.text;
    match scalar.value {
        Value::Text if text.trim().is_empty() => Err("an expression is missing here"),
        Value::Null if text.is_empty() => Err("an expression is missing here"),
        Value::Text | Value::UInt(_) => Ok(text.to_owned()),
        Value::Null => Ok("null".to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Int(_) if text.starts_with("0x") => Ok(text.to_owned()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Double(value) if !value.is_finite() => {
            Err("CEL has no word for this number: write `double('inf')` or `double('nan')`")
        }
        // As written where CEL reads it so, to keep the places inside it.
        Value::Double(_) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            Ok(text.to_owned())
        }
        Value::Double(value) => Ok(format!("{value:?}")),
    }
}

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.here(self.any(visitor))
    }

    /// A field that is written has a value; null is one only where any value may stand.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.here(visitor.visit_some(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name != EXPRESSION {
            return self.here(visitor.visit_newtype_struct(self));
        }
        let text = match self.layout.shape(self.at) {
            Some(Shape::Scalar(scalar)) => expression(scalar),
            Some(Shape::List(_)) => Err("this is a YAML list, not an expression"),
            _ => Err("this is a YAML map, not an expression"),
        };
        self.here(match text {
            Ok(text) => visitor.visit_string(text),
            Err(message) => Err(Misfit {
                kind: MisfitKind::NotAnExpression,
                ..de::Error::custom(message)
            }),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}

struct Items<'a> {
    of: NodeReader<'a>,
    items: &'a [NodeId],
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let Some((&at, rest)) = self.items.split_first() else {
            return Ok(None);
        };
        self.items = rest;
        let item = NodeReader { at, ..self.of };
        item.here(seed.deserialize(item)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Pairs<'a> {
    of: NodeReader<'a>,
    rest: &'a [(NodeId, NodeId)],
    value: Option<NodeId>,
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((&(key, value), rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        self.value = Some(value);
        let text = self
            .of
            .layout
            .scalar(key)
            .map(|scalar| &*scalar.text)
            .unwrap_or_default();
        seed.deserialize(text.into_deserializer())
            .map_err(|misfit: Misfit| Misfit {
                at: misfit.at.or(Some(key)),
                ..misfit
            })
            .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let at = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("a value was asked for before its key"))?;
        // A field with a reader of its own may refuse what it has read already.
        let value = NodeReader { at, ..self.of };
        value.here(seed.deserialize(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}
