//! Every function keeps the promises of its file.

use std::cell::Cell;

use super::*;

#[test]
fn names_are_unique_and_sorted() {
    let names: Vec<_> = all().iter().map(|function| function.name).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| find(name).is_some_and(|function| function.name == *name))
    );
}

#[test]
fn each_says_what_it_does_with_signatures_and_examples() {
    for function in all() {
        let name = function.name;
        assert!(
            !function.summary.is_empty() && !function.summary.ends_with('.'),
            "{name}"
        );
        assert!(
            !function.signatures.is_empty() && !function.examples.is_empty(),
            "{name}"
        );
        for signature in function.signatures {
            let (call, result) = signature.split_once(" -> ").expect(signature);
            assert!(
                call.contains(&format!("{name}(")) && call.ends_with(')') && !result.is_empty(),
                "{signature}"
            );
        }
        let fails = function
            .examples
            .iter()
            .any(|(_, result)| *result == "error");
        assert_eq!(
            fails,
            function.fails.is_some(),
            "{name}: a way to fail and an example of it go together"
        );
    }
}

#[test]
fn examples_give_what_they_say() {
    let mut wrong = Vec::new();
    for function in all() {
        for (example, want) in function.examples {
            let said = evaluate(example);
            let is_right = match (&said, *want) {
                (Err(_), "error") => true,
                (Ok(_), "error") | (Err(_), _) => false,
                (Ok(_), want) => {
                    evaluate(&format!(
                        "[{example}] == [{want}] && type({example}) == type({want})"
                    ))
                    .as_deref()
                        == Ok("true")
                }
            };
            if !is_right {
                wrong.push(format!(
                    "{}: {example} gives {said:?}, not {want}",
                    function.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an expression without variables gives, as text.
fn evaluate(text: &str) -> Result<String, String> {
    let compiled =
        crate::expr::compile(text, &crate::expr::Environment::new()).map_err(|problems| {
            problems
                .iter()
                .map(|problem| problem.message.clone())
                .collect::<Vec<_>>()
                .join("; ")
        })?;
    let (arena, provider) = (Arena::new(), Nothing);
    let now = "2026-11-23T09:05:00Z".parse().expect("a time");
    let scope = Scope::new(&arena, &provider, 0, now, crate::expr::Budget::default());
    let outcome = compiled.program.evaluate(&scope);
    outcome
        .map(|value| match value {
            Value::Bool(flag) => flag.to_string(),
            other => format!("{other:?}"),
        })
        .map_err(|fault| fault.to_string())
}

struct Nothing;

impl<'a> crate::expr::Provide<'a> for Nothing {
    fn provide(&'a self, _: crate::expr::Slot, _: &Scope<'a>) -> Outcome<'a> {
        Ok(Value::Null)
    }
}

/// Calls a function with the usual budget and hands over what it gave.
fn run<T>(
    name: &str,
    arguments: impl for<'a> FnOnce(&'a Arena) -> Vec<Value<'a>>,
    look: impl FnOnce(&Outcome<'_>, &Arena) -> T,
) -> T {
    let (arena, provider) = (Arena::new(), Nothing);
    let now = "2026-11-23T09:05:00Z".parse().expect("a time");
    let scope = Scope::new(&arena, &provider, 0, now, crate::expr::Budget::default());
    let function = find(name).expect(name);
    let call = Call {
        scope: &scope,
        name: function.name,
        prepared: None,
        span: (0, 0),
    };
    let outcome = (function.run)(&call, &arguments(&arena));
    look(&outcome, &arena)
}

#[test]
fn growth_of_text_and_lists_is_stopped_by_the_budget_before_it_happens() {
    let int = Value::Int;
    check_growth("pad_start", |_| vec![Value::String("a"), int(i64::MAX)]);
    check_growth("pad_end", |_| {
        vec![Value::String("a"), int(i64::MAX), Value::String("é")]
    });
    check_growth("lists.range", |_| vec![int(i64::MAX)]);
    check_growth("replace", |arena| {
        vec![text(arena, 10_000), Value::String("a"), text(arena, 10_000)]
    });
    check_growth("replace", |arena| {
        vec![text(arena, 10_000), Value::String(""), text(arena, 10_000)]
    });
    check_growth("regex.replace", |arena| {
        vec![text(arena, 10_000), Value::String("a"), text(arena, 10_000)]
    });
    check_growth("join", |arena| {
        vec![
            nested(arena, text(arena, 20_000), 1000, 1),
            Value::String(""),
        ]
    });
    check_growth("join", |arena| {
        vec![
            nested(arena, Value::String(""), 10_000, 1),
            text(arena, 10_000),
        ]
    });
}

#[test]
fn growth_of_what_is_nested_or_parsed_is_stopped_by_the_budget() {
    let int = Value::Int;
    check_growth("format", |arena| {
        vec![
            Value::String("%s"),
            arena.list(&[nested(arena, text(arena, 1000), 30, 6)]),
        ]
    });
    check_growth("format", |arena| {
        vec![
            text_of(arena, "%.1000f", 20_000),
            nested(arena, Value::Double(1.0), 20_000, 1),
        ]
    });
    check_growth("to_json", |arena| {
        vec![nested(arena, text(arena, 1000), 30, 12)]
    });
    check_growth("to_form", |arena| {
        vec![arena.object(&[("a", nested(arena, text(arena, 20_000), 1000, 1))])]
    });
    check_growth("flatten", |arena| {
        vec![nested(arena, int(1), 100, 12), int(i64::MAX)]
    });
    check_growth("distinct", |arena| {
        vec![nested(
            arena,
            arena.list(&[Value::Double(f64::NAN)]),
            20_000,
            1,
        )]
    });
    check_growth("sets.contains", |arena| {
        vec![
            nested(arena, text(arena, 1 << 20), 100, 1),
            arena.list(&[int(1)]),
        ]
    });
    check_growth("sort", |arena| {
        vec![nested(arena, text(arena, 1 << 20), 100, 1)]
    });
    check_growth("html.escape", |arena| vec![text_of(arena, "<", 5 << 20)]);
    check_growth("url.encode", |arena| vec![text_of(arena, "é", 5 << 20)]);
    check_growth("base64.encode", |arena| vec![text(arena, 15 << 20)]);
    check_growth("split", |arena| {
        vec![text(arena, 2 << 20), Value::String("")]
    });
    check_growth("words", |arena| vec![text_of(arena, "a ", 2 << 20)]);
    check_growth("json", |arena| vec![text_of(arena, "[1],", 1 << 20)]);
    check_growth("csv", |arena| vec![text_of(arena, "a,b\n", 1 << 20)]);
    check_growth("xml", |arena| vec![text_of(arena, "<a/>", 1 << 20)]);
    check_growth("form", |arena| vec![text_of(arena, "a=1&", 1 << 20)]);
    check_growth("matches", |arena| {
        vec![text(arena, 1 << 20), Value::String("[ab]*a[ab]{500}c")]
    });
}

/// The budget ends the call, and no more was made than it allows, but for what a buffer left behind
/// when it grew.
fn check_growth(name: &str, arguments: impl for<'a> FnOnce(&'a Arena) -> Vec<Value<'a>>) {
    let given = Cell::new(0);
    run(
        name,
        |arena| {
            let arguments = arguments(arena);
            given.set(arena.allocated());
            arguments
        },
        |outcome, arena| {
            let kind = outcome.as_ref().err().map(|fault| fault.kind);
            assert_eq!(kind, Some(FaultKind::Budget), "{name}: {kind:?}");
            let made = arena.allocated() - given.get();
            assert!(made <= 40 << 20, "{name} made {made} bytes");
        },
    );
}

fn text(arena: &Arena, length: usize) -> Value<'_> {
    Value::String(arena.string(&"a".repeat(length)))
}

fn text_of<'a>(arena: &'a Arena, part: &str, times: usize) -> Value<'a> {
    Value::String(arena.string(&part.repeat(times)))
}

/// A list that holds the same value so often, so many levels deep: small here, huge written out.
fn nested<'a>(arena: &'a Arena, leaf: Value<'a>, width: usize, depth: usize) -> Value<'a> {
    (0..depth).fold(leaf, |inner, _| arena.list(&vec![inner; width]))
}

#[test]
fn arguments_of_other_kinds_are_refused_and_never_panic() {
    for function in all() {
        for count in 0..5 {
            for odd in [
                Value::Null,
                Value::Int(i64::MIN),
                Value::Double(f64::NAN),
                Value::String("é\0"),
                Value::List(&[]),
                Value::Type("int"),
            ] {
                run(function.name, |_| vec![odd; count], |_, _| ());
            }
        }
    }
}
