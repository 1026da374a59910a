//! Values from and to `serde_json`'s own tree, for templates, schemas and tests.

use serde_json::Value as Tree;

use super::WriteError;
use crate::value::{Arena, Value};

/// The value of a tree. Strings and keys are borrowed from it.
pub fn from_tree<'a>(tree: &'a Tree, arena: &'a Arena) -> Value<'a> {
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(flag) => Value::Bool(*flag),
        Tree::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(uint)) => Value::UInt(uint),
            (None, None) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Tree::String(text) => Value::String(text),
        Tree::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| from_tree(item, arena)).collect();
            arena.list(&items)
        }
        Tree::Object(fields) => {
            let entries: Vec<_> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), from_tree(value, arena)))
                .collect();
            arena.object(&entries)
        }
    }
}

/// The tree of a value, by the rules of [`write()`](super::write()): what JSON cannot hold is an
/// error. A number outside 64 bits becomes its double.
pub fn to_tree(value: Value<'_>) -> Result<Tree, WriteError> {
    let mut text = Vec::new();
    super::write(value, &mut text)?;
    // What the writer wrote parses, but for lexemes beyond a double, which only a reader with
    // wider limits than this one lets in.
    serde_json::from_slice(&text).map_err(|_| WriteError {
        path: String::new(),
        what: "a number beyond the range of doubles",
    })
}
