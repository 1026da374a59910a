//! The one JSON Schema of all documents, made from the types.
//!
//! Editors get it by `hookweir schema`, `check` validates with it, `explain` reads it out. The
//! root is a chain of `if … then … else` over the first key, not `oneOf`: a validator then reports
//! what is wrong inside the kind that was meant.

use std::fmt::Write as _;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::{ConnectionSpec, FunctionSpec, GatewaySpec, PresetSpec};

/// Which version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draft {
    /// Draft 7, which every editor knows.
    Seven,
    /// 2020-12.
    Latest,
}

/// The schema of all documents.
pub fn schema(draft: Draft) -> Value {
    let mut settings = match draft {
        Draft::Seven => SchemaSettings::draft07(),
        Draft::Latest => SchemaSettings::draft2020_12(),
    };
    settings
        .transforms
        .insert(0, Box::new(RecursiveTransform(strip_null)));
    settings
        .transforms
        .push(Box::new(RecursiveTransform(split_example)));
    let definitions_at = settings.definitions_path.trim_matches('/').to_owned();
    let meta = settings.meta_schema.clone();
    let mut generator = settings.into_generator();
    let function = reference::<FunctionSpec>(&mut generator);
    let gateway = reference::<GatewaySpec>(&mut generator);
    let preset = reference::<PresetSpec>(&mut generator);
    let connection = reference::<ConnectionSpec>(&mut generator);
    let definitions = generator.take_definitions(true);
    let mut root = Map::new();
    root.insert("$schema".to_owned(), json!(meta));
    root.insert("title".to_owned(), json!("hookweir"));
    root.insert(
        "description".to_owned(),
        json!(
            "A function, a connection, the gateway's settings or a provider's preset; the first key says which."
        ),
    );
    root.insert("type".to_owned(), json!("object"));
    root.insert("if".to_owned(), json!({ "required": ["function"] }));
    root.insert("then".to_owned(), function);
    root.insert(
        "else".to_owned(),
        json!({
            "if": { "required": ["gateway"] },
            "then": gateway,
            "else": {
                "if": { "required": ["preset"] },
                "then": preset,
                "else": {
                    "if": { "required": ["connection"] },
                    "then": connection,
                    "else": {
                        "properties": {
                            "function": { "type": "string", "description": "This document is a function." },
                            "gateway": { "type": "string", "description": "This document is the gateway's settings." },
                            "preset": { "type": "string", "description": "This document describes a provider." },
                            "connection": { "type": "string", "description": "This document says how a third party is reached." }
                        },
                        "additionalProperties": false,
                        "minProperties": 1
                    }
                }
            }
        }),
    );
    root.insert(definitions_at, Value::Object(definitions));
    Value::Object(root)
}

/// The schema that this program itself validates with.
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(|| schema(Draft::Seven));

/// The schema behind a `$ref` of this file, or the schema itself.
pub(super) fn resolve<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    // References of generated schemas do not go in circles without a property between.
    for _ in 0..16 {
        let reference = schema.get("$ref").or_else(|| {
            // Draft 7 ignores what stands beside `$ref`, so it is wrapped.
            schema.get("allOf")?.get(0)?.get("$ref")
        });
        let target = reference
            .and_then(Value::as_str)
            .and_then(|reference| root.pointer(reference.trim_start_matches('#')));
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// What the reference says about a key: `function.accept.max_body`. `None` if there is no such
/// key; then [`keys_under`] tells which there are.
pub fn explain_key(path: &str) -> Option<String> {
    let root = &*SCHEMA;
    let (schema, own) = find(root, path)?;
    let mut page = format!("# `{path}`\n");
    let [own_text, text] = [own, schema].map(|described| {
        described
            .get("markdownDescription")
            .or_else(|| described.get("description"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    });
    // Where the key's words begin as its type's do, they are said once.
    let own_text = if text.starts_with(own_text) {
        ""
    } else {
        own_text
    };
    let text = if own_text.starts_with(text) { "" } else { text };
    for text in [own_text, text].into_iter().filter(|text| !text.is_empty()) {
        page.push('\n');
        page.push_str(text);
        page.push('\n');
    }
    let values = schema.get("enum").and_then(Value::as_array);
    if let Some(values) = values {
        let values: Vec<String> = values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| format!("`{value}`"))
            .collect();
        let _ = writeln!(page, "\nOne of {}.", values.join(", "));
    }
    let keys: Vec<(String, &Value, bool)> = properties(root, schema);
    if !keys.is_empty() {
        page.push_str("\nKeys:\n\n");
        let width = keys.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        for (name, key, required) in keys {
            let summary = key
                .get("description")
                .or_else(|| resolve(root, key).get("description"))
                .and_then(Value::as_str)
                .and_then(|text| text.lines().next())
                .unwrap_or_default();
            let must = if required { " (must be there)" } else { "" };
            let _ = writeln!(page, "  {name:width$}  {summary}{must}");
        }
    }
    Some(page)
}

/// The keys below one that exists; the kinds of document for the empty path.
pub fn keys_under(path: &str) -> Vec<String> {
    let root = &*SCHEMA;
    if path.is_empty() {
        return super::load::KINDS.map(str::to_owned).to_vec();
    }
    find(root, path)
        .map(|(schema, _)| properties(root, schema))
        .unwrap_or_default()
        .into_iter()
        .map(|(name, ..)| name)
        .collect()
}

/// The schema of a key, and the place that refers to it, which may have words of its own.
fn find<'a>(root: &'a Value, path: &str) -> Option<(&'a Value, &'a Value)> {
    let mut steps = path.split('.');
    let mut schema = kind(root, steps.next()?)?;
    let mut own = schema;
    for step in steps {
        let name = step.split('[').next().unwrap_or(step);
        own = properties(root, schema)
            .into_iter()
            .find(|(known, ..)| known == name)
            .map(|(_, key, _)| key)?;
        schema = resolve(root, own);
    }
    Some((schema, own))
}

/// The schema of one kind of document.
pub(super) fn kind<'a>(root: &'a Value, kind: &str) -> Option<&'a Value> {
    let reference = match kind {
        "function" => root.pointer("/then"),
        "gateway" => root.pointer("/else/then"),
        "preset" => root.pointer("/else/else/then"),
        "connection" => root.pointer("/else/else/else/then"),
        _ => None,
    }?;
    Some(resolve(root, reference))
}

/// The keys of a map, also where the map is the item of a list or one branch of several.
pub(super) fn properties<'a>(root: &'a Value, schema: &'a Value) -> Vec<(String, &'a Value, bool)> {
    let schema = resolve(root, schema);
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|required| required.iter().any(|other| other == name))
        };
        let mut keys: Vec<_> = properties
            .iter()
            .map(|(name, key)| (name.clone(), key, is_required(name)))
            .collect();
        // Whether a JSON map keeps its order is up to a feature of `serde_json`.
        keys.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        return keys;
    }
    ["items", "then", "else"]
        .into_iter()
        .filter_map(|branch| schema.get(branch))
        .map(|branch| properties(root, branch))
        .find(|properties| !properties.is_empty())
        .unwrap_or_default()
}

fn reference<T: JsonSchema>(generator: &mut schemars::SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// A field that may be left out is not one that may be null.
fn strip_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object
        .get("title")
        .is_some_and(|title| title == "expression")
    {
        return;
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else {
        return;
    };
    let before = branches.len();
    branches.retain(|branch| branch != &json!({ "type": "null" }));
    if branches.len() < before
        && let [only] = branches.as_slice()
        && let Value::Object(only) = only.clone()
    {
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
}

/// The doc comments end with an example in YAML: editors show it as Markdown, and the plain
/// description is better without.
fn split_example(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    let Some(Value::String(description)) = object.get("description") else {
        return;
    };
    let Some((text, _)) = description.split_once("```yaml") else {
        return;
    };
    let markdown = description.clone();
    let text = text.trim_end().to_owned();
    object.insert("description".to_owned(), Value::String(text));
    object.insert("markdownDescription".to_owned(), Value::String(markdown));
}

#[cfg(test)]
mod tests {
    use super::{Draft, SCHEMA, explain_key, keys_under, properties, schema};
    use serde_json::Value;

    /// Everything that has a description of a key has an example in it that is YAML.
    #[test]
    fn every_key_has_words_and_an_example() {
        fn walk(path: &str, seen: &mut usize) {
            for key in keys_under(path) {
                let path = format!("{path}.{key}");
                let page = explain_key(&path).unwrap();
                let example = page
                    .split("```yaml\n")
                    .nth(1)
                    .unwrap_or_else(|| panic!("{path} has no example: {page}"))
                    .split("```")
                    .next()
                    .unwrap();
                let value: serde_yaml::Value = serde_yaml::from_str(example).unwrap();
                assert!(value.get(&key).is_some(), "{path}: {example}");
                *seen += 1;
                // Alternatives are written like what they are alternatives of.
                if key != "any_of" {
                    walk(&path, seen);
                }
            }
        }
        let mut seen = 0;
        walk("function", &mut seen);
        walk("gateway", &mut seen);
        walk("preset", &mut seen);
        walk("connection", &mut seen);
        assert!(seen > 60, "{seen}");
    }

    #[test]
    fn optional_fields_are_not_nullable() {
        fn nulls(path: &str, value: &Value, found: &mut Vec<String>) {
            match value {
                Value::String(text) if text == "null" => found.push(path.to_owned()),
                Value::Array(items) => items.iter().for_each(|item| nulls(path, item, found)),
                Value::Object(map) => {
                    for (key, value) in map {
                        nulls(&format!("{path}/{key}"), value, found);
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        nulls("", &SCHEMA, &mut found);
        assert_eq!(found, ["/definitions/Expression/type"]);
    }

    #[test]
    fn both_drafts_are_valid_schemas() {
        for draft in [Draft::Seven, Draft::Latest] {
            let schema = schema(draft);
            jsonschema::meta::validate(&schema).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            for (document, fits) in [
                (r#"{"function":"f","auth":"none"}"#, true),
                (
                    r#"{"function":"f","respond":[{"body":1}],"when":null}"#,
                    true,
                ),
                (r#"{"gateway":"g","limits":{"body":"1MiB"}}"#, true),
                (r#"{"gateway":"g","when":"x"}"#, false),
                (r#"{"function":"f","aut":"none"}"#, false),
                (r#"{"functoin":"f"}"#, false),
                (r#"{"function":"f","summary":null}"#, false),
                (r#"{"function":"f","respond":[]}"#, false),
                (r"{}", false),
            ] {
                let value: Value = serde_json::from_str(document).unwrap();
                assert_eq!(validator.is_valid(&value), fits, "{draft:?} {document}");
            }
        }
        assert!(properties(&SCHEMA, &SCHEMA["then"]).len() > 8);
    }
}
