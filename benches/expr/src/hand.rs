//! What somebody writes who needs exactly these mappings, with serde_json.

use std::hint::black_box;

use serde_json::{Value, json};

use super::{Contender, Outcome};

pub(super) struct Hand {
    body: Value,
}

impl Hand {
    pub(super) fn new(body: &[u8]) -> Outcome<Self> {
        Ok(Self {
            body: serde_json::from_slice(body)?,
        })
    }
}

impl Contender for Hand {
    fn name(&self) -> &'static str {
        "by hand"
    }

    fn answer(&mut self, mapping: usize) -> Value {
        let body = &self.body;
        match mapping {
            0 => json!(field(body)),
            1 => json!(filter(body)),
            2 => json!(sentence(body)),
            3 => json!(messages(body)),
            _ => object(body),
        }
    }

    fn run(&mut self, mapping: usize, times: u32) {
        for _ in 0..times {
            let body = black_box(&self.body);
            match mapping {
                0 => drop(black_box(field(body))),
                1 => drop(black_box(filter(body))),
                2 => drop(black_box(sentence(body))),
                3 => drop(black_box(messages(body))),
                _ => drop(black_box(object(body))),
            }
        }
    }

    fn request(&mut self, body: &[u8]) -> String {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        black_box(field(&body));
        black_box(filter(&body));
        black_box(sentence(&body));
        black_box(messages(&body));
        object(&body).to_string()
    }
}

fn field(body: &Value) -> Option<&str> {
    body.get("repository")?.get("owner")?.get("login")?.as_str()
}

fn filter(body: &Value) -> Option<bool> {
    Some(
        body.get("ref")?.as_str()?.starts_with("refs/tags/")
            && body.get("deleted")?.as_bool()?
            && body.get("commits")?.as_array()?.len() > 2
            && body.get("sender")?.get("login")?.as_str()? == "Codertocat",
    )
}

fn sentence(body: &Value) -> Option<String> {
    Some(format!(
        "{} pushed {} to {}: {}",
        body.get("pusher")?.get("name")?.as_str()?,
        body.get("ref")?.as_str()?,
        body.get("repository")?.get("full_name")?.as_str()?,
        body.get("head_commit")?.get("message")?.as_str()?
    ))
}

fn messages(body: &Value) -> Option<Vec<&str>> {
    body.get("commits")?
        .as_array()?
        .iter()
        .filter(|commit| commit.get("distinct").and_then(Value::as_bool) == Some(true))
        .map(|commit| commit.get("message")?.as_str())
        .collect()
}

fn object(body: &Value) -> Value {
    let repository = &body["repository"];
    json!({
        "repository": repository["full_name"],
        "owner": repository["owner"]["login"],
        "fork": repository["fork"],
        "id": repository["id"],
        "ref": body["ref"],
        "commit": body["head_commit"]["id"],
        "author": body["head_commit"]["author"]["email"],
        "pusher": body["pusher"]["name"],
        "commits": body["commits"].as_array().map_or(0, Vec::len),
        "compare": body["compare"],
    })
}
