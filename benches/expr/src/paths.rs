//! JSONPath, beside walks that are written by hand.
//!
//! By hand once over `serde_json::Value`, whose objects are trees, and once over our own values:
//! the first is what one would write, the second tells what the query adds to the walk.

use std::hint::black_box;

use hookweir::value::{Arena, Value};
use regex::Regex;
use serde_json::Value as Json;

use super::{Outcome, heading, measure, ours, row};

const QUERIES: [&str; 3] = [
    "$..login",
    "$.commits[?@.distinct == true].message",
    "$.commits[?search(@.message, 'page [02-9]')].id",
];
const PATTERN: &str = "page [02-9]";

pub(super) fn run(body: &[u8]) -> Outcome<()> {
    let json: Json = serde_json::from_slice(body)?;
    let value = ours::read(body)?;
    let regex = Regex::new(PATTERN)?;
    let mut names = vec!["by hand", "by hand, our values", "hookweir"];
    if cfg!(feature = "peers") {
        names.push("jsonpath-rust");
    }
    heading(names.into_iter());
    for (index, query) in QUERIES.iter().enumerate() {
        let program = ours::compile(&format!("body.jsonpath({query:?})"))?;
        let body = ours::Body(value);
        let mut arena = Arena::new();
        let by_hand: Vec<&Json> = over_json(index, &json, &regex);
        let by_hand_ours: Vec<Json> = over_values(index, value, &regex)
            .into_iter()
            .map(ours::as_json)
            .collect();
        let answer = {
            let scope = ours::scope(&arena, &body);
            ours::as_json(
                program
                    .evaluate(&scope)
                    .map_err(|fault| format!("{fault:?}"))?,
            )
        };
        let answer = answer.as_array().cloned().unwrap_or_default();
        // Objects of serde_json are sorted, ours keep their order.
        if answer != by_hand_ours || sorted(by_hand.iter().copied()) != sorted(answer.iter()) {
            return Err(format!("{query}: {by_hand:?}, {by_hand_ours:?}, {answer:?}").into());
        }
        if answer.is_empty() {
            return Err(format!("{query} finds nothing").into());
        }
        let mut turns: Vec<Box<dyn FnMut(u32) + '_>> = vec![
            Box::new(|times| {
                for _ in 0..times {
                    black_box(over_json(index, black_box(&json), &regex));
                }
            }),
            Box::new(|times| {
                for _ in 0..times {
                    black_box(over_values(index, black_box(value), &regex));
                }
            }),
            Box::new(|times| ours::run(&program, &body, &mut arena, times)),
        ];
        #[cfg(feature = "peers")]
        {
            use jsonpath_rust::parser::parse_json_path;
            use jsonpath_rust::query::js_path_process;
            let parsed = parse_json_path(query).map_err(|e| e.to_string())?;
            let found = js_path_process(&parsed, &json).map_err(|e| e.to_string())?;
            let found = found.into_iter().map(|found| found.val());
            if sorted(found) != sorted(answer.iter()) {
                return Err(format!("{query}: jsonpath-rust differs").into());
            }
            let json = &json;
            turns.push(Box::new(move |times| {
                for _ in 0..times {
                    let _ = black_box(js_path_process(black_box(&parsed), json));
                }
            }));
        }
        row(query.get(..28).unwrap_or(query), &measure(&mut turns));
    }
    Ok(())
}

fn sorted<'v>(values: impl Iterator<Item = &'v Json>) -> Vec<String> {
    let mut texts: Vec<String> = values.map(Json::to_string).collect();
    texts.sort();
    texts
}

fn over_json<'v>(query: usize, body: &'v Json, regex: &Regex) -> Vec<&'v Json> {
    let commits = || {
        body.get("commits")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
    };
    match query {
        0 => {
            let mut found = Vec::new();
            logins(body, &mut found);
            found
        }
        1 => commits()
            .filter(|commit| commit.get("distinct").and_then(Json::as_bool) == Some(true))
            .filter_map(|commit| commit.get("message"))
            .collect(),
        _ => commits()
            .filter(|commit| {
                let message = commit.get("message").and_then(Json::as_str);
                message.is_some_and(|message| regex.is_match(message))
            })
            .filter_map(|commit| commit.get("id"))
            .collect(),
    }
}

fn logins<'v>(node: &'v Json, found: &mut Vec<&'v Json>) {
    match node {
        Json::Object(object) => {
            found.extend(object.get("login"));
            object.values().for_each(|value| logins(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| logins(item, found)),
        _ => {}
    }
}

fn over_values<'v>(query: usize, body: Value<'v>, regex: &Regex) -> Vec<Value<'v>> {
    let field = |value: Value<'v>, name: &str| value.as_map()?.get_str(name);
    let commits = || {
        field(body, "commits")
            .and_then(Value::as_list)
            .unwrap_or_default()
    };
    match query {
        0 => {
            let mut found = Vec::new();
            our_logins(body, &mut found);
            found
        }
        1 => commits()
            .iter()
            .filter(|commit| field(**commit, "distinct").and_then(Value::as_bool) == Some(true))
            .filter_map(|commit| field(*commit, "message"))
            .collect(),
        _ => commits()
            .iter()
            .filter(|commit| {
                let message = field(**commit, "message").and_then(Value::as_str);
                message.is_some_and(|message| regex.is_match(message))
            })
            .filter_map(|commit| field(*commit, "id"))
            .collect(),
    }
}

fn our_logins<'v>(node: Value<'v>, found: &mut Vec<Value<'v>>) {
    match node {
        Value::Map(map) => {
            found.extend(map.get_str("login"));
            map.iter().for_each(|(_, value)| our_logins(value, found));
        }
        Value::List(items) => items.iter().for_each(|item| our_logins(*item, found)),
        _ => {}
    }
}
