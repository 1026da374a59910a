//! CEL's public conformance data: every test that needs no protobuf.
//!
//! `cel_skipped.txt` names the tests that do not pass, each with its reason. A test on the list
//! that passes fails this one, so the list can only get shorter.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use hookweir::cli::eval::answer_line;
use serde_json::Value as Json;

const SKIPPED: &str = include_str!("cel_skipped.txt");

#[test]
fn the_conformance_tests_pass() {
    let folder = std::env::var_os("HOOKWEIR_CEL_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/cel"),
        PathBuf::from,
    );
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    let skipped = skipped();
    let (mut passed, mut known, mut wrong) = (0, 0, Vec::new());
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            if case.get("needs_proto").is_some() {
                continue;
            }
            let part = |key: &str| case[key].as_str().unwrap().to_owned();
            let name = format!("{}/{}/{}", part("file"), part("section"), part("name"));
            match (judge(&case, line), skipped.get(name.as_str())) {
                (Ok(()), None) => passed += 1,
                (Err(_), Some(_)) => known += 1,
                (Err(why), None) => wrong.push(format!("{name}: {}: {why}", part("expr"))),
                (Ok(()), Some(_)) => wrong.push(format!("{name}: is skipped, and passes")),
            }
        }
    }
    println!("{passed} passed, {known} skipped, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 0, "no tests in {}", folder.display());
}

/// Name of the test, a blank, the reason.
fn skipped() -> BTreeMap<&'static str, &'static str> {
    let lines = SKIPPED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            line.split_once(" -- ")
                .expect("a reason stands after ` -- `")
        })
        .collect()
}

fn judge(case: &Json, line: &str) -> Result<(), String> {
    let answer = answer_line(line);
    let expect = &case["expect"];
    let is_typed = expect.get("type").is_some();
    if expect.get("error").is_some() {
        return match answer.get("error") {
            Some(_) => Ok(()),
            None => Err(format!("gives {answer}, not an error")),
        };
    }
    if let Some(want) = expect.get("value")
        && !answer.get("value").is_some_and(|got| same(got, want))
    {
        return Err(format!("gives {answer}, not {want}"));
    }
    if is_typed {
        let mut check = case.clone();
        check["check_only"] = Json::Bool(true);
        let answer = answer_line(&check.to_string());
        if answer.get("type") != expect.get("type") {
            return Err(format!("has type {answer}, not {}", expect["type"]));
        }
    }
    Ok(())
}

/// Equal by value: NaN equals NaN, maps have no order.
fn same(got: &Json, want: &Json) -> bool {
    if got["t"] != want["t"] {
        return false;
    }
    match want["t"].as_str().unwrap() {
        "double" => {
            let number = |json: &Json| match json["v"].as_str().unwrap() {
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                other => other.parse().unwrap(),
            };
            let (got, want) = (number(got), number(want));
            got.total_cmp(&want).is_eq()
                || got.partial_cmp(&want) == Some(std::cmp::Ordering::Equal)
                || (got.is_nan() && want.is_nan())
        }
        "list" => {
            let (got, want) = (got["v"].as_array().unwrap(), want["v"].as_array().unwrap());
            got.len() == want.len() && got.iter().zip(want).all(|(got, want)| same(got, want))
        }
        "map" => {
            let (got, want) = (got["v"].as_array().unwrap(), want["v"].as_array().unwrap());
            let matches = |a: &Json, b: &Json| same(&a[0], &b[0]) && same(&a[1], &b[1]);
            got.len() == want.len() && want.iter().all(|w| got.iter().any(|g| matches(g, w)))
        }
        "timestamp" | "duration" => {
            let parts = |json: &Json| {
                let nanos = json.get("nanos").and_then(Json::as_i64).unwrap_or(0);
                (json["seconds"].as_str().unwrap_or("0").to_owned(), nanos)
            };
            parts(got) == parts(want)
        }
        _ => got["v"] == want["v"],
    }
}
