//! Presets in the vocabulary's own form, `{holes}` and all, as `preset:` documents.
//!
//! The vocabulary has `verify:` and `challenge:`, each a map from a provider's name to its rules.
//! Its holes are few and are written as expressions here; its conditions are maps, ours are
//! expressions. What is a `preset:` document already is left as it is.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

type Object = Map<String, Json>;

/// The documents, one after the other.
pub(super) fn documents(text: &str) -> String {
    let is_vocabulary = text
        .lines()
        .any(|line| line.starts_with("verify:") || line.starts_with("challenge:"));
    if !is_vocabulary {
        return text.to_owned();
    }
    let whole: Json = serde_yaml::from_str(text).expect("presets are YAML");
    let part = |name: &str| whole[name].as_object().cloned().unwrap_or_default();
    let (verify, challenge) = (part("verify"), part("challenge"));
    let mut names: Vec<&String> = verify.keys().chain(challenge.keys()).collect();
    names.sort();
    names.dedup();
    let mut documents = String::new();
    for name in names {
        let mut signature = verify.get(name).map(rule).unwrap_or_default();
        if let Some(challenges) = challenge.get(name).and_then(Json::as_array) {
            let challenges = challenges.iter().map(one_challenge).collect();
            signature.insert("challenge".to_owned(), Json::Array(challenges));
        }
        let document = json!({ "preset": name, "signature": signature });
        let _ = writeln!(documents, "---\n{}", yaml(&document));
    }
    documents
}

/// YAML that begins with the key `preset`.
fn yaml(document: &Json) -> String {
    // JSON is YAML, but for the first key, which says what the document is.
    let name = &document["preset"];
    format!("preset: {name}\nsignature: {}", document["signature"])
}

fn rule(spec: &Json) -> Object {
    let spec = spec.as_object().expect("a rule is a map");
    if let Some(hashes) = spec.get("hash_from") {
        return by_hash(spec, hashes);
    }
    if let Some(lines) = spec.get("signed_lines") {
        return by_lines(spec, lines);
    }
    let mut made = Object::new();
    for (key, value) in spec {
        let value = match key.as_str() {
            "when" => json!(condition(value).1),
            "signed" => json!(holes(value.as_str().unwrap())),
            "require" => requirements(value),
            "any_of" => Json::Array(
                value
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| Json::Object(rule(one)))
                    .collect(),
            ),
            "secret" => {
                let mut form = value.as_object().unwrap().clone();
                form.remove("from");
                Json::Object(form)
            }
            "key" => {
                let mut form = value.as_object().unwrap().clone();
                if let Some(Json::String(host)) = form.get_mut("allowed_host") {
                    *host = host
                        .trim_start_matches('^')
                        .trim_end_matches('$')
                        .to_owned();
                }
                Json::Object(form)
            }
            "scheme" if value == "rsa" => json!("rsa-sha256"),
            "each" => match value {
                Json::Object(place) => place["json"].clone(),
                pointer => pointer.clone(),
            },
            // Secrets are the function's.
            "secrets" | "keys" => continue,
            _ => value.clone(),
        };
        made.insert(key.clone(), value);
    }
    made
}

/// The hash is named by the request: an alternative for each.
fn by_hash(spec: &Object, hashes: &Json) -> Object {
    let mut rest = spec.clone();
    rest.remove("hash_from");
    let place = if let Some(pointer) = hashes["json"].as_str() {
        format!("json(raw_body){}", fields(pointer))
    } else {
        select("headers", hashes["header"].as_str().unwrap())
    };
    let mut alternatives = Vec::new();
    for (word, hash) in hashes["map"].as_object().unwrap() {
        let mut one = rest.clone();
        one.insert(
            "scheme".to_owned(),
            json!(format!("rsa-{}", hash.as_str().unwrap())),
        );
        let test = format!("{place} == {}", Json::from(word.as_str()));
        let made = rule(&Json::Object(one));
        match made.get("any_of").and_then(Json::as_array) {
            Some(inner) => alternatives.extend(inner.iter().map(|one| with_condition(one, &test))),
            None => alternatives.push(with_condition(&Json::Object(made), &test)),
        }
    }
    Object::from_iter([("any_of".to_owned(), Json::Array(alternatives))])
}

fn with_condition(rule: &Json, test: &str) -> Json {
    let mut rule = rule.clone();
    let when = match rule["when"].as_str() {
        Some(known) => format!("({test}) && ({known})"),
        None => test.to_owned(),
    };
    rule["when"] = json!(when);
    rule
}

/// Lines `Name\nvalue\n`, whose list depends on a field: an alternative for each list.
fn by_lines(spec: &Object, lines: &Json) -> Object {
    let mut rest = spec.clone();
    rest.remove("signed_lines");
    let (mut alternatives, mut others) = (Vec::new(), Vec::new());
    for list in lines.as_array().unwrap() {
        let names: Vec<&str> = list["fields"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Json::as_str)
            .collect();
        let plain: Vec<&str> = names
            .iter()
            .map(|name| name.trim_end_matches('?'))
            .collect();
        let may_lack: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_suffix('?'))
            .collect();
        let signed = format!(
            "${{cel.bind(sent, json(raw_body), {}.filter(k, !(k in {}) || k in sent).map(k, k + \"\\n\" + sent[k] + \"\\n\").join(\"\"))}}",
            json!(plain),
            if may_lack.is_empty() {
                "[\"\"]".to_owned()
            } else {
                json!(may_lack).to_string()
            },
        );
        let own = list.get("when").map(|when| condition(when).1);
        let mut tests: Vec<String> = others.iter().map(|other| format!("!({other})")).collect();
        tests.extend(own.iter().map(|own| format!("({own})")));
        others.extend(own);
        let mut one = rule(&Json::Object(rest.clone()));
        one.insert("signed".to_owned(), json!(signed));
        let one = Json::Object(one);
        alternatives.push(if tests.is_empty() {
            one
        } else {
            with_condition(&one, &tests.join(" && "))
        });
    }
    Object::from_iter([("any_of".to_owned(), Json::Array(alternatives))])
}

fn requirements(spec: &Json) -> Json {
    let tests = spec.as_object().unwrap().iter().map(|(left, right)| {
        let right = match right {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let left_inner = inner(left);
        if right == "true" {
            return json!(expression(left_inner.expect("a hole")));
        }
        let side = |text: &str| match inner(text) {
            Some(hole) => expression(hole),
            None => json!(text).to_string(),
        };
        // The body may be JSON under another name.
        let left = side(left).replace("body.", "json(raw_body).");
        json!(format!("secure_equal({left}, {})", side(&right)))
    });
    tests.collect()
}

/// What a text that is one hole and nothing else holds.
fn inner(text: &str) -> Option<&str> {
    let hole = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut in_quotes = false;
    let is_one = hole.chars().all(|c| {
        in_quotes ^= c == '\'';
        in_quotes || !matches!(c, '{' | '}')
    });
    is_one.then_some(hole)
}

/// The method, and the rest as an expression.
fn condition(spec: &Json) -> (Option<String>, String) {
    let spec = spec.as_object().unwrap();
    let mut method = None;
    let mut tests = Vec::new();
    for (key, value) in spec {
        let text = value.as_str().unwrap_or_default();
        let pairs = || value.as_object().cloned().unwrap_or_default();
        match key.as_str() {
            "method" => method = Some(text.to_owned()),
            "query_present" => tests.push(format!("{value} in query")),
            "query_absent" => tests.push(format!("!({value} in query)")),
            "form_present" => tests.push(format!("{value} in form")),
            "header_present" => tests.push(format!("{value} in headers")),
            "header_absent" => tests.push(format!("!({value} in headers)")),
            "json_present" => tests.push(format!("has(body{})", fields(text))),
            "json_absent" => tests.push(format!("!has(body{})", fields(text))),
            "header" | "form" | "query" => {
                let root = if key == "header" { "headers" } else { key };
                for (name, value) in pairs() {
                    tests.push(format!("{} == {value}", select(root, &name)));
                }
            }
            "json" if value.is_string() => {
                let list = &spec["in"];
                tests.push(format!("json(raw_body){} in {list}", fields(text)));
            }
            "json" => {
                for (pointer, value) in pairs() {
                    tests.push(if value.is_null() {
                        format!("!has(body{})", fields(&pointer))
                    } else {
                        format!("body{} == {value}", fields(&pointer))
                    });
                }
            }
            "in" => {}
            other => panic!("the condition `{other}` is not known"),
        }
    }
    (method, tests.join(" && "))
}

fn one_challenge(spec: &Json) -> Json {
    let (method, when) = condition(&spec["when"]);
    let mut made = Object::new();
    // Without a method a header says what it is.
    made.insert(
        "method".to_owned(),
        json!(method.unwrap_or("POST".to_owned())),
    );
    if !when.is_empty() {
        made.insert("when".to_owned(), json!(when));
    }
    for key in ["verify", "otherwise"] {
        if let Some(value) = spec.get(key) {
            made.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(require) = spec.get("require") {
        made.insert("require".to_owned(), requirements(require));
    }
    let mut respond = spec["respond"].clone();
    for key in ["text", "json", "headers"] {
        if let Some(value) = respond.get_mut(key) {
            filled(value);
        }
    }
    made.insert("respond".to_owned(), respond);
    Json::Object(made)
}

/// Every text with its holes.
fn filled(value: &mut Json) {
    match value {
        Json::String(text) => *text = holes(text),
        Json::Array(items) => items.iter_mut().for_each(filled),
        Json::Object(map) => map.values_mut().for_each(filled),
        _ => {}
    }
}

/// `{hole}` as `${expression}`.
fn holes(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('{') {
        made += before;
        let (mut depth, mut in_quotes) = (1, false);
        let end = from
            .char_indices()
            .find(|(_, c)| {
                in_quotes ^= *c == '\'';
                if !in_quotes {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                }
                depth == 0
            })
            .expect("a hole ends")
            .0;
        let _ = write!(made, "${{{}}}", expression(&from[..end]));
        rest = &from[end + 1..];
    }
    made + rest
}

/// A JSON pointer as selections.
fn fields(pointer: &str) -> String {
    pointer
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| match part.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => select("", part),
        })
        .collect()
}

fn select(root: &str, name: &str) -> String {
    let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if is_name {
        format!("{root}.{name}")
    } else {
        format!("{root}[{}]", json!(name))
    }
}

/// What stands in a hole.
fn expression(hole: &str) -> String {
    let hole = hole.trim();
    let (plain, may_lack) = match hole.strip_suffix('?') {
        Some(plain) => (plain, true),
        None => (hole, false),
    };
    let or_empty = |text: String| {
        if may_lack {
            format!("({text} ?? \"\")")
        } else {
            text
        }
    };
    match plain {
        "body" => return "raw_body".to_owned(),
        "path" => return "url_path".to_owned(),
        _ => {}
    }
    if let Some(text) = plain.strip_prefix('\'') {
        return format!("r'{text}");
    }
    for (prefix, root) in [
        ("header.", "headers"),
        ("query.", "query"),
        ("form.", "form"),
    ] {
        if let Some(name) = plain.strip_prefix(prefix) {
            return or_empty(select(root, name));
        }
    }
    if let Some(pointer) = plain.strip_prefix("json.") {
        return or_empty(format!("body{}", fields(pointer)));
    }
    if let Some(name) = plain.strip_prefix("param.") {
        return format!("param.{}", name.replace('.', "_"));
    }
    match plain.strip_prefix("key.") {
        Some("private_key") => return "secret".to_owned(),
        Some(name) => return format!("param.{name}"),
        None => {}
    }
    if let Some((name, rest)) = plain.split_once('(') {
        let arguments = arguments(rest.strip_suffix(')').expect("a call ends"));
        return call(name, &arguments);
    }
    plain.to_owned()
}

fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut in_quotes) = (0, false);
    let mut parts = vec![String::new()];
    for c in text.chars() {
        in_quotes ^= c == '\'';
        if !in_quotes {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
        }
        if c == ',' && depth == 0 && !in_quotes {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
    }
    parts.iter().map(|part| expression(part)).collect()
}

fn call(name: &str, arguments: &[String]) -> String {
    let joined = arguments.join(" + ");
    match name {
        "crc32" => format!("big_endian(crc32({joined}))"),
        "matches" => format!("{}.matches({})", arguments[0], arguments[1]),
        // The key's form says how it is derived.
        "sha1" => arguments[0].clone(),
        "lower" => format!("{}.lowerAscii()", arguments[0]),
        "upper" => format!("{}.upperAscii()", arguments[0]),
        "headers_listed_in" => format!(
            "{}.split(\",\").map(h, h.trim().lowerAscii() + \":\" + headers[h.trim()]).join(\";\")",
            arguments[0]
        ),
        _ => {
            let (function, encoding) = name.rsplit_once('_').expect("a function and an encoding");
            let bytes = match function.strip_prefix("hmac_") {
                Some(hash) => format!("hmac(\"{hash}\", {}, {})", arguments[0], arguments[1]),
                None => format!("{function}({joined})"),
            };
            format!("{encoding}.encode({bytes})")
        }
    }
}
