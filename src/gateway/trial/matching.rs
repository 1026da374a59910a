//! What a test expects, against what came.
//!
//! Maps must hold what is expected and may hold more; lists are compared whole, item by item;
//! numbers by value; everything else must be equal. A map whose keys begin with `$` is a matcher:
//!
//! ```text
//! { $contains: x }     a text that holds x, or a list with an item that matches x
//! { $matches: re }     a text that the regular expression finds itself in
//! { $exists: false }   the key is not there
//! { $any: true }       anything, as long as it is there
//! { $exact: {…} }      a map with these keys and no other
//! ```

use regex::Regex;

use crate::spec::{FieldPath, Tree};
use crate::value::{Value, json};

/// One place where expectation and answer part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The expectation's field.
    pub(super) at: FieldPath,
    /// What was expected and what came.
    pub(super) message: String,
}

/// Compares; `None` is a value that is not there.
pub(super) fn compare(
    expected: &Tree,
    actual: Option<Value<'_>>,
    at: &FieldPath,
    mismatches: &mut Vec<Mismatch>,
) {
    if let Tree::Map(entries) = expected
        && is_matcher(entries)
    {
        for (key, argument) in entries {
            if let Err(message) = matcher(key, argument, actual, &at.key(key.as_str()), mismatches)
            {
                mismatches.push(Mismatch {
                    at: at.key(key.as_str()),
                    message,
                });
            }
        }
        return;
    }
    let mut differs = |message: String| {
        mismatches.push(Mismatch {
            at: at.clone(),
            message,
        });
    };
    let Some(actual) = actual else {
        return differs(format!("expected {}, found nothing", shown_tree(expected)));
    };
    match (expected, actual) {
        (Tree::Map(entries), Value::Map(map)) => {
            for (key, item) in entries {
                compare(item, map.get_str(key), &at.key(key.as_str()), mismatches);
            }
        }
        (Tree::List(items), Value::List(values)) => {
            if items.len() != values.len() {
                differs(format!(
                    "expected {} items, found {}",
                    items.len(),
                    values.len()
                ));
            }
            for (index, (item, value)) in items.iter().zip(values).enumerate() {
                compare(item, Some(*value), &at.index(index), mismatches);
            }
        }
        (expected, actual) => {
            if !scalar(expected).is_some_and(|expected| expected.equals(actual)) {
                differs(format!(
                    "expected {}, found {}",
                    shown_tree(expected),
                    shown(actual)
                ));
            }
        }
    }
}

/// Whether nothing parts.
pub(super) fn is_met(expected: &Tree, actual: Value<'_>) -> bool {
    let mut mismatches = Vec::new();
    compare(expected, Some(actual), &FieldPath::root(), &mut mismatches);
    mismatches.is_empty()
}

pub(super) fn is_matcher(entries: &[(String, Tree)]) -> bool {
    entries.iter().any(|(key, _)| key.starts_with('$'))
}

fn matcher(
    key: &str,
    argument: &Tree,
    actual: Option<Value<'_>>,
    at: &FieldPath,
    mismatches: &mut Vec<Mismatch>,
) -> Result<(), String> {
    match (key, argument) {
        ("$exists", Tree::Bool(wanted)) => match (wanted, actual) {
            (true, None) => Err("expected something, found nothing".to_owned()),
            (false, Some(value)) => Err(format!("expected nothing, found {}", shown(value))),
            (true, Some(_)) | (false, None) => Ok(()),
        },
        ("$any", Tree::Bool(true)) => match actual {
            Some(_) => Ok(()),
            None => Err("expected something, found nothing".to_owned()),
        },
        ("$any", _) => Ok(()),
        ("$matches", Tree::Text(pattern)) => match actual {
            Some(Value::String(text)) => {
                let is_found = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
                if is_found {
                    Ok(())
                } else {
                    Err(format!(
                        "expected a text that matches `{pattern}`, found {}",
                        shown(Value::String(text))
                    ))
                }
            }
            other => Err(format!("expected a text, found {}", found(other))),
        },
        ("$contains", argument) => contains(argument, actual),
        ("$exact", argument) => {
            exact(argument, actual, at, mismatches);
            Ok(())
        }
        // Refused at load.
        _ => Err(format!("`{key}` is not a matcher")),
    }
}

fn contains(argument: &Tree, actual: Option<Value<'_>>) -> Result<(), String> {
    let holds = match (argument, actual) {
        (Tree::Text(part), Some(Value::String(text))) => text.contains(part.as_str()),
        (item, Some(Value::List(values))) => values.iter().any(|value| is_met(item, *value)),
        (_, other) => {
            return Err(format!("expected a text or a list, found {}", found(other)));
        }
    };
    if holds {
        return Ok(());
    }
    Err(format!(
        "expected {} in {}",
        shown_tree(argument),
        found(actual)
    ))
}

/// As [`compare`], with no key more than expected, at any depth.
fn exact(
    expected: &Tree,
    actual: Option<Value<'_>>,
    at: &FieldPath,
    mismatches: &mut Vec<Mismatch>,
) {
    match (expected, actual) {
        (Tree::Map(entries), Some(Value::Map(map))) => {
            for (key, item) in entries {
                exact(item, map.get_str(key), &at.key(key.as_str()), mismatches);
            }
            for (key, value) in map.iter() {
                let key = key.to_string();
                if !entries.iter().any(|(known, _)| *known == key) {
                    mismatches.push(Mismatch {
                        at: at.clone(),
                        message: format!("`{key}` is not expected: {}", shown(value)),
                    });
                }
            }
        }
        (Tree::List(items), Some(Value::List(values))) if items.len() == values.len() => {
            for (index, (item, value)) in items.iter().zip(values).enumerate() {
                exact(item, Some(*value), &at.index(index), mismatches);
            }
        }
        _ => compare(expected, actual, at, mismatches),
    }
}

fn scalar(tree: &Tree) -> Option<Value<'_>> {
    match tree {
        Tree::Null => Some(Value::Null),
        Tree::Bool(flag) => Some(Value::Bool(*flag)),
        Tree::Int(number) => Some(Value::Int(*number)),
        Tree::UInt(number) => Some(Value::UInt(*number)),
        Tree::Double(number) => Some(Value::Double(*number)),
        Tree::Text(text) => Some(Value::String(text)),
        Tree::List(_) | Tree::Map(_) => None,
    }
}

fn found(actual: Option<Value<'_>>) -> String {
    actual.map_or_else(|| "nothing".to_owned(), shown)
}

fn shown(value: Value<'_>) -> String {
    let mut text = Vec::new();
    if json::write(value, &mut text).is_err() {
        return value.type_name().to_owned();
    }
    short(&String::from_utf8_lossy(&text))
}

fn shown_tree(tree: &Tree) -> String {
    let mut text = Vec::new();
    match super::request::write_json(tree, &mut text) {
        Ok(()) => short(&String::from_utf8_lossy(&text)),
        Err(message) => message,
    }
}

/// Fit for a line.
fn short(text: &str) -> String {
    if text.chars().count() <= 120 {
        return text.to_owned();
    }
    let start: String = text.chars().take(117).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Arena;

    #[track_caller]
    fn check(expected: &str, actual: &str, mismatches: &[(&str, &str)]) {
        let arena = Arena::new();
        let value = json::read(actual.as_bytes(), &arena, 128).unwrap();
        let mut found = Vec::new();
        let expected_tree: Tree = serde_json::from_str(expected).unwrap();
        compare(
            &expected_tree,
            Some(value),
            &FieldPath::root().key("body"),
            &mut found,
        );
        let found: Vec<_> = found
            .iter()
            .map(|mismatch| (mismatch.at.to_string(), mismatch.message.clone()))
            .collect();
        let mismatches: Vec<_> = mismatches
            .iter()
            .map(|&(at, message)| (at.to_owned(), message.to_owned()))
            .collect();
        assert_eq!(found, mismatches, "{expected} against {actual}");
    }

    #[test]
    fn maps_may_hold_more_and_lists_may_not() {
        check(r#"{"a": 1}"#, r#"{"a":1,"b":2}"#, &[]);
        check(r"{}", r#"{"b":2}"#, &[]);
        check(r#"[{"a": 1}]"#, r#"[{"a":1,"b":2}]"#, &[]);
        check(r"[1]", "[1,2]", &[("body", "expected 1 items, found 2")]);
        check(r"[]", "[]", &[]);
        check(
            r#"{"a": {"b": 1}}"#,
            r#"{"a":{"b":2}}"#,
            &[("body.a.b", "expected 1, found 2")],
        );
        check(
            r#"{"a": 1}"#,
            r#"{"b":2}"#,
            &[("body.a", "expected 1, found nothing")],
        );
        check(
            r#"{"a": 1}"#,
            "[1]",
            &[("body", r#"expected {"a":1}, found [1]"#)],
        );
    }

    #[test]
    fn numbers_are_compared_by_value_and_texts_are_no_numbers() {
        check(r"1", "1.0", &[]);
        check(r"1.5", "15e-1", &[]);
        check(r"9007199254740993", "9007199254740993", &[]);
        check(
            r"9007199254740993",
            "9007199254740992",
            &[("body", "expected 9007199254740993, found 9007199254740992")],
        );
        check(r"1", r#""1""#, &[("body", r#"expected 1, found "1""#)]);
        check(r"null", "null", &[]);
        check(
            r#"{"a": null}"#,
            "{}",
            &[("body.a", "expected null, found nothing")],
        );
        check(r"true", "1", &[("body", "expected true, found 1")]);
    }

    #[test]
    fn matchers_say_what_they_wanted() {
        check(r#"{"$contains": "b"}"#, r#""abc""#, &[]);
        check(
            r#"{"$contains": "x"}"#,
            r#""abc""#,
            &[("body.$contains", r#"expected "x" in "abc""#)],
        );
        check(
            r#"{"$contains": {"a": 1}}"#,
            r#"[{"a":2},{"a":1,"b":1}]"#,
            &[],
        );
        check(
            r#"{"$contains": 3}"#,
            "[1,2]",
            &[("body.$contains", "expected 3 in [1,2]")],
        );
        check(
            r#"{"$contains": 3}"#,
            "3",
            &[("body.$contains", "expected a text or a list, found 3")],
        );
        check(r#"{"$matches": "^a.c$"}"#, r#""abc""#, &[]);
        check(
            r#"{"$matches": "^b"}"#,
            r#""abc""#,
            &[(
                "body.$matches",
                r#"expected a text that matches `^b`, found "abc""#,
            )],
        );
        check(r#"{"a": {"$exists": false}}"#, "{}", &[]);
        check(
            r#"{"a": {"$exists": false}}"#,
            r#"{"a":null}"#,
            &[("body.a.$exists", "expected nothing, found null")],
        );
        check(
            r#"{"a": {"$exists": true}}"#,
            "{}",
            &[("body.a.$exists", "expected something, found nothing")],
        );
        check(r#"{"a": {"$any": true}}"#, r#"{"a":null}"#, &[]);
        check(
            r#"{"a": {"$any": true}}"#,
            "{}",
            &[("body.a.$any", "expected something, found nothing")],
        );
        check(r#"{"$exact": {"a": {"b": 1}}}"#, r#"{"a":{"b":1}}"#, &[]);
        check(
            r#"{"$exact": {"a": {"b": 1}}}"#,
            r#"{"a":{"b":1,"c":2}}"#,
            &[("body.$exact.a", "`c` is not expected: 2")],
        );
        check(r#"{"$matches": "^a", "$contains": "c"}"#, r#""abc""#, &[]);
    }
}
