//! The public compliance suite for JSONPath (RFC 9535).

use std::fs;
use std::path::PathBuf;

use hookweir::expr::jsonpath::Query;
use hookweir::expr::{Budget, Fault, Provide, Scope, Slot};
use hookweir::value::{Arena, Value, json};
use serde_json::Value as Json;

struct Nothing;

impl<'a> Provide<'a> for Nothing {
    fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(Value::Null)
    }
}

#[test]
fn the_compliance_suite_passes() {
    let folder = std::env::var_os("HOOKWEIR_JSONPATH_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/jsonpath"),
        PathBuf::from,
    );
    let Ok(text) = fs::read_to_string(folder.join("cts.json")) else {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    };
    let suite: Json = serde_json::from_str(&text).unwrap();
    let tests = suite["tests"].as_array().unwrap();
    let wrong: Vec<String> = tests
        .iter()
        .filter_map(|test| {
            let why = judge(test).err()?;
            Some(format!("{}: {}: {why}", test["name"], test["selector"]))
        })
        .collect();
    println!("{} of {} passed", tests.len() - wrong.len(), tests.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(test: &Json) -> Result<(), String> {
    let query = Query::parse(test["selector"].as_str().unwrap());
    if test.get("invalid_selector").is_some() {
        return match query {
            Ok(_) => Err("is accepted".to_owned()),
            Err(_) => Ok(()),
        };
    }
    let query = query?;
    let (arena, provider) = (Arena::new(), Nothing);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let scope = Scope::new(&arena, &provider, 0, now, Budget::default());
    let document = json::from_tree(&test["document"], &arena);
    let found = query
        .select(document, &scope)
        .map_err(|fault| fault.to_string())?;
    let got = Json::Array(
        found
            .iter()
            .map(|value| json::to_tree(*value).map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?,
    );
    let is_wanted = match test.get("results").and_then(Json::as_array) {
        Some(results) => results.contains(&got),
        None => got == test["result"],
    };
    if is_wanted {
        Ok(())
    } else {
        Err(format!("gives {got}, not {}", test["result"]))
    }
}
