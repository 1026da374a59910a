//! A type from a JSON Schema.
//!
//! Read are the keywords that say what shape a value has: `type`, `properties`, `required`,
//! `items`, `prefixItems`, `enum`, `const`, the combining ones, and references inside the file.
//! All others restrict values and not shapes, or are unknown, and are passed over: the type may
//! only become wider by that. A reference to another file is `dyn`.
//!
//! A recursive schema is followed some levels deep and is `dyn` below: types are trees.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::expr::{Field, Others, Record, Type};

/// How often a schema that contains itself is gone into.
const LEVELS: u8 = 8;

/// How many types are made of one file; beyond, all is `dyn`.
const LARGEST: usize = 200_000;

pub(super) fn read(text: &str, source: &str) -> Result<Type, String> {
    let root = super::json(text)?;
    let mut reader = Reader {
        root: &root,
        source: source.into(),
        known: HashMap::new(),
        circular: HashMap::new(),
        made: 0,
        problem: None,
    };
    let of = reader.shape(&root, &mut String::new(), LEVELS);
    match reader.problem {
        Some(problem) => Err(problem),
        None => Ok(of),
    }
}

struct Reader<'s> {
    root: &'s Json,
    source: Arc<str>,
    /// References that were followed, with the levels that were left.
    known: HashMap<(&'s str, u8), Type>,
    /// Whether a reference leads to itself.
    circular: HashMap<&'s str, bool>,
    made: usize,
    /// The first thing that no schema may say, and where.
    problem: Option<String>,
}

impl<'s> Reader<'s> {
    /// The type of a schema; `at` is its JSON pointer.
    fn shape(&mut self, schema: &'s Json, at: &mut String, levels: u8) -> Type {
        self.made += 1;
        if self.made > LARGEST {
            return Type::Dyn;
        }
        let keywords = match schema {
            Json::Object(keywords) => keywords,
            Json::Bool(_) => return Type::Dyn,
            _ => return self.wrong(at, "a schema is an object, or true or false"),
        };
        let mut of = match keywords.get("$ref") {
            Some(Json::String(reference)) => self.reference(reference, at, levels),
            Some(_) => return self.wrong(&format!("{at}/$ref"), "a reference is a text"),
            None => Type::Dyn,
        };
        let own = self.own(keywords, at, levels);
        of = both(&of, &own);
        for part in self.parts(keywords, "allOf", at, levels) {
            of = both(&of, &part);
        }
        for keyword in ["anyOf", "oneOf"] {
            let branches = self.parts(keywords, keyword, at, levels);
            if let Some(any) = branches.into_iter().reduce(|a, b| a.union(&b)) {
                of = both(&of, &any);
            }
        }
        for part in self.conditional(keywords, at, levels) {
            of = with_more(&of, &part);
        }
        if keywords.get("nullable") == Some(&Json::Bool(true)) {
            of = of.or_null();
        }
        require(&of, &required(keywords))
    }

    /// What a schema says without others.
    fn own(&mut self, keywords: &'s Map<String, Json>, at: &mut String, levels: u8) -> Type {
        let mut kinds: Vec<&str> = Vec::new();
        match keywords.get("type") {
            None => {}
            Some(Json::String(kind)) => kinds.push(kind),
            Some(Json::Array(many)) => {
                for kind in many {
                    match kind {
                        Json::String(kind) => kinds.push(kind),
                        _ => return self.wrong(&format!("{at}/type"), "a type's name is a text"),
                    }
                }
            }
            Some(_) => {
                return self.wrong(&format!("{at}/type"), "a type is a text or a list of texts");
            }
        }
        let words = match (keywords.get("enum"), keywords.get("const")) {
            (_, Some(value)) => Some(values(std::slice::from_ref(value))),
            (Some(Json::Array(all)), None) => Some(values(all)),
            (Some(_), None) => return self.wrong(&format!("{at}/enum"), "`enum` is a list"),
            (None, None) => None,
        };
        if kinds.is_empty() {
            if let Some(words) = words {
                return words;
            }
            // Most who write `properties` mean an object, whether they say so or not.
            if ["properties", "patternProperties"]
                .iter()
                .any(|keyword| keywords.contains_key(*keyword))
            {
                kinds.push("object");
            } else if ["items", "prefixItems"]
                .iter()
                .any(|keyword| keywords.contains_key(*keyword))
            {
                kinds.push("array");
            }
        }
        let mut all: Option<Type> = None;
        for kind in kinds {
            let one = match kind {
                "null" => Type::Null,
                "boolean" => Type::Bool,
                "integer" => Type::Int,
                "number" => Type::Number,
                "string" => Type::String,
                "array" => self.array(keywords, at, levels),
                "object" => self.object(keywords, at, levels),
                unknown => {
                    let names = [
                        "null", "boolean", "integer", "number", "string", "array", "object",
                    ];
                    let near = crate::diagnostic::suggest::did_you_mean(unknown, names);
                    let near = near.map_or(String::new(), |near| format!(", {near}"));
                    return self.wrong(
                        &format!("{at}/type"),
                        &format!("`{unknown}` is not a type{near}"),
                    );
                }
            };
            all = Some(all.map_or_else(|| one.clone(), |all| all.union(&one)));
        }
        let all = all.unwrap_or(Type::Dyn);
        match words {
            Some(words) => both(&words, &all),
            None => all,
        }
    }

    fn array(&mut self, keywords: &'s Map<String, Json>, at: &mut String, levels: u8) -> Type {
        let mut elements = Vec::new();
        let mut has_rest = true;
        for keyword in ["prefixItems", "items"] {
            match keywords.get(keyword) {
                // Before 2020-12 `items` was a list where it is `prefixItems` now.
                Some(Json::Array(_)) => elements.extend(self.parts(keywords, keyword, at, levels)),
                Some(Json::Bool(false)) if keyword == "items" => has_rest = false,
                Some(one) if keyword == "items" => {
                    elements.push(self.below(one, keyword, at, levels));
                    has_rest = false;
                }
                Some(_) => return self.wrong(&format!("{at}/{keyword}"), "it is a list"),
                None => {}
            }
        }
        if has_rest && !elements.is_empty() {
            match keywords.get("additionalItems") {
                Some(Json::Bool(false)) => {}
                Some(rest) => elements.push(self.below(rest, "additionalItems", at, levels)),
                None => elements.push(Type::Dyn),
            }
        }
        let element = elements.into_iter().reduce(|a, b| a.union(&b));
        Type::List(Arc::new(element.unwrap_or(Type::Dyn)))
    }

    fn object(&mut self, keywords: &'s Map<String, Json>, at: &mut String, levels: u8) -> Type {
        let mut fields = Vec::new();
        match keywords.get("properties") {
            Some(Json::Object(properties)) => {
                for (name, schema) in properties {
                    let of = self.below_two(schema, "properties", name, at, levels);
                    fields.push(Field {
                        optional: true,
                        least: self.least(schema),
                        ..Field::required(name, of)
                    });
                }
            }
            Some(_) => return self.wrong(&format!("{at}/properties"), "`properties` is an object"),
            None => {}
        }
        match keywords.get("required") {
            Some(Json::Array(names)) => {
                for name in names {
                    let Json::String(name) = name else {
                        return self.wrong(&format!("{at}/required"), "a field's name is a text");
                    };
                    if !fields.iter().any(|field| field.name == *name) {
                        fields.push(Field::required(name, Type::Dyn));
                    }
                }
            }
            // Draft 3 wrote it at the property, as a Boolean.
            Some(Json::Bool(_)) | None => {}
            Some(_) => return self.wrong(&format!("{at}/required"), "`required` is a list"),
        }
        let mut others: Option<Type> = None;
        match keywords.get("patternProperties") {
            Some(Json::Object(patterns)) => {
                for (pattern, schema) in patterns {
                    let of = self.below_two(schema, "patternProperties", pattern, at, levels);
                    others = Some(others.map_or_else(|| of.clone(), |others| others.union(&of)));
                }
            }
            Some(_) => {
                let at = format!("{at}/patternProperties");
                return self.wrong(&at, "`patternProperties` is an object");
            }
            None => {}
        }
        let additional = keywords.get("additionalProperties");
        match additional {
            Some(schema @ Json::Object(said)) if !said.is_empty() => {
                let of = self.below(schema, "additionalProperties", at, levels);
                others = Some(others.map_or_else(|| of.clone(), |others| others.union(&of)));
            }
            Some(Json::Bool(_) | Json::Object(_)) | None => {}
            Some(other) => {
                return self.below(other, "additionalProperties", at, levels);
            }
        }
        let has_properties = keywords.get("properties").is_some();
        let others = match others {
            Some(of) => Others::Of(of),
            None if has_properties => Others::Wrong,
            // An object of which nothing is said.
            None => Others::Of(Type::Dyn),
        };
        if let (true, Others::Of(of)) = (fields.is_empty(), &others) {
            return Type::Map(Arc::new(Type::String), Arc::new(of.clone()));
        }
        Type::Record(Arc::new(Record {
            name: None,
            fields,
            others,
            source: Some(Arc::clone(&self.source)),
            hint: None,
        }))
    }

    /// What holds of some values only: fields that those may have.
    fn conditional(
        &mut self,
        keywords: &'s Map<String, Json>,
        at: &mut String,
        levels: u8,
    ) -> Vec<Type> {
        let mut all = Vec::new();
        for keyword in ["if", "then", "else"] {
            if let Some(schema) = keywords.get(keyword) {
                all.push(self.below(schema, keyword, at, levels));
            }
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            if let Some(Json::Object(of)) = keywords.get(keyword) {
                for (name, schema) in of.iter().filter(|(_, schema)| !schema.is_array()) {
                    all.push(self.below_two(schema, keyword, name, at, levels));
                }
            }
        }
        all
    }

    fn parts(
        &mut self,
        keywords: &'s Map<String, Json>,
        keyword: &str,
        at: &mut String,
        levels: u8,
    ) -> Vec<Type> {
        match keywords.get(keyword) {
            None => Vec::new(),
            Some(Json::Array(parts)) => parts
                .iter()
                .enumerate()
                .map(|(index, part)| self.below_two(part, keyword, &index.to_string(), at, levels))
                .collect(),
            Some(_) => vec![self.wrong(&format!("{at}/{keyword}"), "it is a list of schemas")],
        }
    }

    fn below(&mut self, schema: &'s Json, step: &str, at: &mut String, levels: u8) -> Type {
        let keep = at.len();
        at.push('/');
        at.push_str(&step.replace('~', "~0").replace('/', "~1"));
        let of = self.shape(schema, at, levels);
        at.truncate(keep);
        of
    }

    fn below_two(
        &mut self,
        schema: &'s Json,
        first: &str,
        second: &str,
        at: &mut String,
        levels: u8,
    ) -> Type {
        let keep = at.len();
        at.push('/');
        at.push_str(first);
        let of = self.below(schema, second, at, levels);
        at.truncate(keep);
        of
    }

    fn reference(&mut self, reference: &'s str, at: &str, levels: u8) -> Type {
        if !reference.starts_with('#') {
            return Type::Dyn;
        }
        let Some(target) = self.target(reference) else {
            // `#name` is an anchor, which is looked up by other means.
            if reference.starts_with("#/") || reference == "#" {
                let what = format!("there is nothing at `{reference}`");
                return self.wrong(&format!("{at}/$ref"), &what);
            }
            return Type::Dyn;
        };
        let levels = if self.is_circular(reference) {
            match levels.checked_sub(1) {
                Some(levels) => levels,
                None => return Type::Dyn,
            }
        } else {
            levels
        };
        if let Some(known) = self.known.get(&(reference, levels)) {
            return known.clone();
        }
        let mut at = reference.trim_start_matches('#').to_owned();
        let of = self.shape(target, &mut at, levels);
        self.known.insert((reference, levels), of.clone());
        of
    }

    fn target(&self, reference: &str) -> Option<&'s Json> {
        let pointer = reference.strip_prefix('#')?;
        let pointer = percent_encoding::percent_decode_str(pointer)
            .decode_utf8()
            .ok()?;
        if pointer.is_empty() {
            return Some(self.root);
        }
        self.root.pointer(&pointer)
    }

    /// Whether following a reference comes back to it.
    fn is_circular(&mut self, reference: &'s str) -> bool {
        if let Some(&known) = self.circular.get(reference) {
            return known;
        }
        let mut seen = HashSet::new();
        let mut open = vec![reference];
        let mut is_circular = false;
        while let Some(next) = open.pop() {
            let mut found = Vec::new();
            if let Some(target) = self.target(next) {
                references(target, &mut found);
            }
            for inner in found {
                is_circular |= inner == reference;
                if seen.insert(inner) {
                    open.push(inner);
                }
            }
        }
        self.circular.insert(reference, is_circular);
        is_circular
    }

    /// How many elements a list has at least, by the schema itself or by what it refers to.
    fn least(&self, schema: &Json) -> u64 {
        let mut schema = schema;
        for _ in 0..LEVELS {
            if let Some(least) = schema.get("minItems").and_then(Json::as_u64) {
                return least;
            }
            let target = schema.get("$ref").and_then(Json::as_str);
            match target.and_then(|target| self.target(target)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        0
    }

    fn wrong(&mut self, at: &str, what: &str) -> Type {
        let at = if at.is_empty() { "/" } else { at };
        self.problem
            .get_or_insert_with(|| format!("at `{at}`: {what}"));
        Type::Dyn
    }
}

fn references<'s>(schema: &'s Json, out: &mut Vec<&'s str>) {
    match schema {
        Json::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Json::String(reference) if keyword == "$ref" => out.push(reference),
                    value => references(value, out),
                }
            }
        }
        Json::Array(parts) => parts.iter().for_each(|part| references(part, out)),
        _ => {}
    }
}

/// The type of some values that are listed.
fn values(all: &[Json]) -> Type {
    let kinds = all.iter().map(|value| match value {
        Json::Null => Type::Null,
        Json::Bool(_) => Type::Bool,
        Json::Number(number) if number.is_f64() => Type::Number,
        Json::Number(_) => Type::Int,
        Json::String(word) => Type::Word([word.clone()].into()),
        Json::Array(_) => Type::List(Arc::new(Type::Dyn)),
        Json::Object(_) => Type::Map(Arc::new(Type::String), Arc::new(Type::Dyn)),
    });
    kinds.reduce(|a, b| a.union(&b)).unwrap_or(Type::Dyn)
}

/// The fields that are required by the schema and by all of its parts.
fn required(keywords: &Map<String, Json>) -> Vec<&str> {
    let own = keywords.get("required").and_then(Json::as_array);
    let mut names: Vec<&str> = own.into_iter().flatten().filter_map(Json::as_str).collect();
    let parts = keywords.get("allOf").and_then(Json::as_array);
    for part in parts.into_iter().flatten().filter_map(Json::as_object) {
        names.extend(required(part));
    }
    names
}

/// The type with these fields always there.
fn require(of: &Type, names: &[&str]) -> Type {
    match of {
        Type::Record(record) if names.iter().any(|name| is_optional(record, name)) => {
            let mut record = Record::clone(record);
            for field in &mut record.fields {
                field.optional &= !names.contains(&field.name.as_str());
            }
            Type::Record(Arc::new(record))
        }
        Type::Nullable(inner) => require(inner, names).or_null(),
        of => of.clone(),
    }
}

fn is_optional(record: &Record, name: &str) -> bool {
    record.field(name).is_some_and(|field| field.optional)
}

/// The type of values that are of both types.
fn both(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (a, b) if a == b => a.clone(),
        (Type::Dyn, of) | (of, Type::Dyn) => of.clone(),
        (Type::Nullable(a), Type::Nullable(b)) => both(a, b).or_null(),
        (Type::Nullable(_), Type::Null) | (Type::Null, Type::Nullable(_)) => Type::Null,
        (Type::Nullable(of), other) | (other, Type::Nullable(of)) => both(of, other),
        (Type::Int, Type::Number) | (Type::Number, Type::Int) => Type::Int,
        (Type::Word(words), Type::String) | (Type::String, Type::Word(words)) => {
            Type::Word(Arc::clone(words))
        }
        (Type::Word(a), Type::Word(b)) => {
            let common: Vec<String> = a.iter().filter(|word| b.contains(word)).cloned().collect();
            Type::Word(common.into())
        }
        (Type::List(a), Type::List(b)) => Type::List(Arc::new(both(a, b))),
        (Type::Map(key, a), Type::Map(_, b)) => Type::Map(Arc::clone(key), Arc::new(both(a, b))),
        (record @ Type::Record(_), Type::Map(..)) | (Type::Map(..), record @ Type::Record(_)) => {
            record.clone()
        }
        (Type::Record(a), Type::Record(b)) => Type::Record(Arc::new(combined(a, b, false))),
        // Nothing is of both; whoever wrote that is not told here.
        _ => Type::Dyn,
    }
}

/// The type with the fields that another may add to it.
fn with_more(of: &Type, more: &Type) -> Type {
    match (of, more.unless_null()) {
        (Type::Nullable(of), more) => with_more(of, more).or_null(),
        (Type::Record(a), Type::Record(b)) => Type::Record(Arc::new(combined(a, b, true))),
        (of, _) => of.clone(),
    }
}

/// The fields of both records. With `is_maybe`, `b` holds of some values only.
fn combined(a: &Record, b: &Record, is_maybe: bool) -> Record {
    let mut record = a.clone();
    for field in &b.fields {
        match record
            .fields
            .iter_mut()
            .find(|known| known.name == field.name)
        {
            Some(known) if is_maybe => known.of = known.of.union(&field.of),
            Some(known) => {
                known.of = both(&known.of, &field.of);
                known.optional &= field.optional;
                known.least = known.least.max(field.least);
            }
            None => record.fields.push(Field {
                optional: field.optional || is_maybe,
                ..field.clone()
            }),
        }
    }
    record.others = match (&a.others, &b.others) {
        (Others::Of(Type::Dyn), others) if !is_maybe => others.clone(),
        (Others::Of(of), _) => Others::Of(of.clone()),
        (_, Others::Of(of)) if *of != Type::Dyn => Others::Of(of.clone()),
        _ => a.others.clone(),
    };
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &str, shown: &str) {
        assert_eq!(read(schema, "s").unwrap().to_string(), shown, "{schema}");
    }

    #[track_caller]
    fn wrong(schema: &str, why: &str) {
        assert_eq!(read(schema, "s").unwrap_err(), why, "{schema}");
    }

    #[test]
    fn kinds_and_their_unions() {
        check("true", "dyn");
        check("{}", "dyn");
        check(r#"{"type": "integer"}"#, "int");
        check(r#"{"type": "number"}"#, "number");
        check(r#"{"type": ["string", "null"]}"#, "string or null");
        check(r#"{"type": "string", "nullable": true}"#, "string or null");
        check(r#"{"type": ["string", "integer"]}"#, "string or int");
        check(r#"{"enum": ["a", "b", null]}"#, r#""a" | "b" or null"#);
        check(r#"{"type": "string", "const": "a"}"#, r#""a""#);
        check(r#"{"enum": [1, 2.5]}"#, "number");
        check(
            r#"{"anyOf": [{"type": "integer"}, {"type": "number"}]}"#,
            "number",
        );
        check(
            r#"{"oneOf": [{"type": "null"}, {"type": "boolean"}]}"#,
            "bool or null",
        );
        check(
            r#"{"frobnicate": 7, "format": "uri", "type": "string"}"#,
            "string",
        );
    }

    #[test]
    fn lists() {
        check(r#"{"type": "array"}"#, "list(dyn)");
        check(r#"{"items": {"type": "string"}}"#, "list(string)");
        check(
            r#"{"prefixItems": [{"type": "integer"}, {"type": "number"}], "items": false}"#,
            "list(number)",
        );
        check(r#"{"prefixItems": [{"type": "integer"}]}"#, "list(dyn)");
        check(
            r#"{"items": [{"type": "integer"}], "additionalItems": {"type": "integer"}}"#,
            "list(int)",
        );
    }

    #[test]
    fn objects() {
        check(r#"{"type": "object"}"#, "map(string, dyn)");
        check(
            r#"{"additionalProperties": {"type": "integer"}, "type": "object"}"#,
            "map(string, int)",
        );
        check(
            r#"{"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}"#,
            "{a: string, b?: dyn}",
        );
        check(
            r#"{"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}, {"required": ["b"]}]}"#,
            "{a?: string, b: int}",
        );
        check(
            r#"{"properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}"#,
            "{a?: dyn}",
        );
        check(
            r#"{"oneOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {}}}]}"#,
            "{a?: string, b?: dyn}",
        );
        check(
            r#"{"properties": {"a": {}}, "required": ["a"], "if": {"properties": {"a": {"const": 1}}}, "then": {"properties": {"b": {"type": "string"}}}}"#,
            "{a: dyn, b?: string}",
        );
    }

    #[test]
    fn references_and_circles() {
        check(
            r##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}"##,
            "string",
        );
        check(r#"{"$ref": "https://example.org/other.json"}"#, "dyn");
        check(r##"{"$ref": "#anchor"}"##, "dyn");
        check(
            r##"{"type": "object", "properties": {"id": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}}}"##,
            "{id?: string, kids?: list(map)}",
        );
        check(r##"{"$ref": "#"}"##, "dyn");
        check(
            r##"{"$defs": {"l": {"type": "array", "items": {"$ref": "#/$defs/l"}}}, "$ref": "#/$defs/l"}"##,
            &format!("{}dyn{}", "list(".repeat(8), ")".repeat(8)),
        );
    }

    #[test]
    fn what_no_schema_says_is_an_error_with_its_place() {
        wrong("7", "at `/`: a schema is an object, or true or false");
        wrong("{", "line 1, column 1: EOF while parsing an object");
        wrong(
            r#"{"properties": {"a": {"type": "strnig"}}}"#,
            "at `/properties/a/type`: `strnig` is not a type, did you mean `string`?",
        );
        wrong(
            r##"{"items": {"$ref": "#/$defs/none"}}"##,
            "at `/items/$ref`: there is nothing at `#/$defs/none`",
        );
        wrong(
            r#"{"type": "object", "properties": []}"#,
            "at `/properties`: `properties` is an object",
        );
        wrong(r#"{"allOf": {}}"#, "at `/allOf`: it is a list of schemas");
    }
}
