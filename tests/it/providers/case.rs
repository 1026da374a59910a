//! One case of a corpus, and the function that it is sent to.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use crate::harness::Answer;

/// One request, and what must come of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) method: String,
    /// Path and query as they are sent.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Seconds since 1970.
    pub(super) now: i64,
    origin: String,
    json: Json,
}

/// Cases with the same secrets at the same address.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) origin: String,
    pub(super) path: String,
    pub(super) cases: Vec<Case>,
}

impl Case {
    pub(super) fn of(json: Json) -> Self {
        let request = &json["request"];
        let url = request["url"].as_str().unwrap();
        let at = url.find("://").unwrap() + 3;
        let end = url[at..].find('/').map_or(url.len(), |end| at + end);
        let (origin, target) = url.split_at(end);
        let target = target.split('#').next().unwrap();
        let mut headers = Vec::new();
        for (name, value) in request["headers"].as_object().unwrap() {
            let lines = match value {
                Json::Array(lines) => lines.clone(),
                line => vec![line.clone()],
            };
            for line in lines {
                headers.push((name.clone(), line.as_str().unwrap().to_owned()));
            }
        }
        headers.retain(|(name, _)| {
            !["host", "content-length", "connection", "transfer-encoding"]
                .contains(&name.to_lowercase().as_str())
        });
        Self {
            method: request["method"].as_str().unwrap().to_owned(),
            target: if target.is_empty() { "/" } else { target }.to_owned(),
            headers,
            body: body(request),
            now: json["now_unix"].as_i64().unwrap(),
            origin: origin.to_owned(),
            json,
        }
    }

    pub(super) fn id(&self) -> String {
        let text = |key: &str| self.json[key].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text("provider"), text("name"))
    }

    pub(super) fn why(&self) -> &str {
        self.json["why"].as_str().unwrap_or_default()
    }

    /// This request at a function that has the secrets, or the public keys, of another one of its
    /// provider, and none of its own.
    pub(super) fn with_secrets_of_another(&self, all: &[Self]) -> Option<Self> {
        let parts = |case: &Self, key: &str| -> Vec<String> {
            let found = &case.json[key];
            let lists = found.as_object().into_iter().flat_map(Map::values);
            let lists = lists.chain([found]).filter_map(Json::as_array).flatten();
            let single = ["private_key"].iter().filter_map(|name| found.get(name));
            lists.chain(single).map(ToString::to_string).collect()
        };
        ["secrets", "keys"].into_iter().find_map(|key| {
            let own = parts(self, key);
            let other = all.iter().find(|other| {
                let theirs = parts(other, key);
                other.preset() == self.preset()
                    && !theirs.is_empty()
                    && theirs.iter().all(|secret| !own.contains(secret))
            })?;
            let mut swapped = self.clone();
            swapped.json[key] = other.json[key].clone();
            Some(swapped)
        })
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.json["expect"] == "accept"
    }

    pub(super) fn preset(&self) -> &str {
        self.json["preset"]
            .as_str()
            .or_else(|| self.json["provider"].as_str())
            .unwrap()
    }

    /// What a function must have in common with another to be the same.
    pub(super) fn identity(&self) -> String {
        let path = address(&self.target);
        let parts = [
            &self.json["secrets"],
            &self.json["keys"],
            &self.json["params"],
        ];
        format!("{} {} {path} {parts:?}", self.preset(), self.origin)
    }

    /// Whether the answer is the one that the provider wants.
    pub(super) fn judge_handshake(&self, answer: &Answer) -> Result<(), String> {
        let expected = &self.json["expect_response"];
        let status = Json::from(answer.status);
        let allowed = expected["status_any_of"].as_array();
        if expected["status"].as_u64().is_some() && expected["status"] != status
            || allowed.is_some_and(|allowed| !allowed.contains(&status))
        {
            return Err(format!("the status must be {expected}"));
        }
        for (name, value) in expected["headers"].as_object().unwrap_or(&Map::new()) {
            let value = value.as_str().unwrap();
            let found = answer.header(name).unwrap_or_default();
            let found = if name == "content-type" {
                found.split(';').next().unwrap().trim()
            } else {
                found
            };
            if found != value {
                return Err(format!("`{name}` must be {value:?}"));
            }
        }
        if let Some(text) = expected["body_text"].as_str()
            && answer.body != text.as_bytes()
        {
            return Err(format!("the body must be {text:?}"));
        }
        if let Some(json) = expected.get("body_json") {
            let found: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
            if found != *json && expected.get("body_json_also_ok") != Some(&found) {
                return Err(format!("the body must be {json}"));
            }
        }
        Ok(())
    }
}

fn body(request: &Json) -> Vec<u8> {
    let decode = |value: &Json| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    match request.get("body_recipe") {
        None | Some(Json::Null) => decode(&request["body_base64"]),
        Some(recipe) => {
            let part = |name: &str| {
                let plain = &recipe[name];
                if plain.is_string() {
                    decode(plain)
                } else {
                    decode(&recipe[format!("{name}_base64")])
                }
            };
            let count = usize::try_from(recipe["count"].as_u64().unwrap()).unwrap();
            [part("prefix"), part("repeat").repeat(count), part("suffix")].concat()
        }
    }
}

/// The path of a target, as a function can have it.
fn address(target: &str) -> String {
    let path = target.split('?').next().unwrap();
    path.trim_end_matches('/').to_owned()
}

impl Group {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            origin: case.origin.clone(),
            path: address(&case.target),
            cases: Vec::new(),
        }
    }

    /// The function's file and those of its secrets.
    pub(super) fn files(&self, number: usize) -> Vec<(String, String)> {
        let case = &self.cases[0];
        let json = &case.json;
        let mut files = Vec::new();
        let secret = |name: String, text: &str, files: &mut Vec<(String, String)>| {
            // The line break at a file's end is not part of the secret; one of its own is.
            files.push((name.clone(), format!("{text}\n")));
            format!("{{ file: {name} }}")
        };
        let mut params: Vec<(String, String)> = Vec::new();
        flatten("", &json["params"], &mut params);
        let mut secrets: Vec<String> = Vec::new();
        for text in json["secrets"].as_array().into_iter().flatten() {
            let name = format!("secrets/{number}-{}", secrets.len());
            secrets.push(secret(name, text.as_str().unwrap(), &mut files));
        }
        let (mut keys, mut certificates) = (Vec::new(), String::new());
        for (kind, value) in json["keys"].as_object().into_iter().flatten() {
            match (kind.as_str(), value) {
                ("private_key", Json::String(text)) => {
                    secrets.push(secret(
                        format!("secrets/{number}-private"),
                        text,
                        &mut files,
                    ));
                }
                ("certificates", Json::Object(by_url)) => {
                    for (index, (url, pem)) in by_url.iter().enumerate() {
                        let name = format!("secrets/{number}-{index}.pem");
                        let at = secret(name, pem.as_str().unwrap(), &mut files);
                        let _ = writeln!(certificates, "      {url:?}: {at}");
                    }
                }
                (_, Json::Array(list)) => {
                    keys.extend(list.iter().map(ToString::to_string));
                }
                (name, Json::String(text)) => params.push((name.to_owned(), text.clone())),
                other => panic!("{other:?} is no kind of key"),
            }
        }
        // Handshakes come before there is a secret; a function has one all the same.
        if secrets.is_empty() && keys.is_empty() && certificates.is_empty() {
            secrets.push(secret(
                format!("secrets/{number}-none"),
                "not given out yet",
                &mut files,
            ));
        }
        let mut spec = format!(
            "function: f{number}\naccept:\n  methods: [GET, POST, PUT, PATCH, DELETE]\n  path: {:?}\n  max_body: 40MiB\nauth:\n",
            self.path
        );
        let only_handshakes = hookweir::spec::built_in(case.preset())
            .is_some_and(|preset| !preset.signature.has_scheme());
        if only_handshakes {
            spec += "  zapikey: required\n";
        }
        let _ = writeln!(spec, "  signature:\n    preset: {}", case.preset());
        if json.get("expect_response").is_some() {
            // What only events need is not in the case of a handshake.
            let preset = hookweir::spec::built_in_text(case.preset()).unwrap_or_default();
            let rules = preset.split("challenge:").next().unwrap();
            for rest in rules.split("param.").skip(1) {
                let end = rest
                    .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
                    .unwrap();
                if !params.iter().any(|(name, _)| *name == rest[..end]) {
                    params.push((rest[..end].to_owned(), "unknown yet".to_owned()));
                }
            }
        }
        if !secrets.is_empty() {
            let _ = writeln!(spec, "    secrets: [{}]", secrets.join(", "));
        }
        if !keys.is_empty() {
            let _ = writeln!(spec, "    keys: [{}]", keys.join(", "));
        }
        if !params.is_empty() {
            spec += "    params:\n";
            for (name, value) in params {
                let _ = writeln!(spec, "      {name}: {value:?}");
            }
        }
        if !certificates.is_empty() {
            let _ = write!(spec, "    certificates:\n{certificates}");
        }
        spec += "respond:\n  status_code: 200\n  body: taken\n";
        files.push((format!("f{number}.yaml"), spec));
        files
    }
}

/// `query_token: { key: … }` is the parameter `query_token_key`.
fn flatten(prefix: &str, value: &Json, found: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => {
            for (name, value) in map {
                let name = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}_{name}")
                };
                flatten(&name, value, found);
            }
        }
        Json::String(text) => found.push((prefix.to_owned(), text.clone())),
        Json::Null => {}
        other => found.push((prefix.to_owned(), other.to_string())),
    }
}
