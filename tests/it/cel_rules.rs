//! The rules of CEL, by area, as claims of our own: a line of `cases/cel/*.txt` is an expression
//! and, after two blanks and `// `, its value as an expression, `error`, or `: ` and the type that
//! the checker finds. Declarations and values of names stand before it, after `@@`, in the form
//! that `hookweir eval --batch` takes.
//!
//! Where CEL's two reference implementations agree, so do these lines; what language this is
//! beyond CEL is tested by the language's reference, `grammar/README.md`.

use std::fs;
use std::path::Path;

use hookweir::cli::eval::answer_line;
use serde_json::{Value as Json, json};

#[test]
fn each_expression_gives_what_its_line_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases/cel");
    let (mut wrong, mut right) = (Vec::new(), 0);
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (line, number) in fs::read_to_string(&file).unwrap().lines().zip(1..) {
            match refute(line) {
                None => right += 1,
                Some(why) => wrong.push(format!("{name}:{number}: {line}\n    {why}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right > 2000, "only {right} lines");
}

/// What is wrong with a line.
fn refute(line: &str) -> Option<String> {
    let (expression, want) = line.rsplit_once("  // ").expect("a value after `  // `");
    let (expression, given) = expression
        .split_once("  @@ ")
        .map_or((expression, json!({})), |(expression, given)| {
            (expression, serde_json::from_str(given).expect("JSON"))
        });
    let answer = |expression: &str, more: &[(&str, Json)]| {
        let mut case = given.clone();
        case["expr"] = expression.into();
        for (key, value) in more {
            case[*key] = value.clone();
        }
        answer_line(&case.to_string())
    };
    let said = answer(expression, &[]);
    if want == "error" {
        return said.get("error").is_none().then(|| said.to_string());
    }
    if let Some(want) = want.strip_prefix(": ") {
        let said = answer(expression, &[("check_only", true.into())]);
        return (said["type"] != want).then(|| said.to_string());
    }
    let wanted = answer(want, &[]);
    let is_same = said.get("value").is_some() && wanted.get("value").is_some() && {
        plain(&said["value"]) == plain(&wanted["value"])
    };
    (!is_same).then(|| said.to_string())
}

/// A map's entries in an order of their own, so that two maps are the same in any.
fn plain(value: &Json) -> Json {
    let mut value = value.clone();
    let is_map = value["t"] == "map";
    if let Some(parts) = value.get_mut("v").and_then(Json::as_array_mut) {
        for part in parts.iter_mut() {
            *part = match part.as_array() {
                Some(pair) => pair.iter().map(plain).collect(),
                None => plain(part),
            };
        }
        if is_map {
            parts.sort_by_key(Json::to_string);
        }
    }
    value
}

#[test]
fn a_wrong_line_is_found() {
    for line in [
        "1  // 2",
        "1  // 1.0",
        "1  // error",
        "nothing  // 1",
        "[1]  // [1u]",
        "{1: 2}  // {1: 3}",
        "1  // : string",
    ] {
        assert!(refute(line).is_some(), "{line}");
    }
    for line in [
        "1  // 1",
        "{1: 2, 3: 4}  // {3: 4, 1: 2}",
        "1  // : int",
        "1/0  // error",
    ] {
        assert!(refute(line).is_none(), "{line}");
    }
}
