//! Expression text: it compiles or says why, and what compiles ends within its budget.
//!
//! Input: the expression, then, after a NUL, JSON that stands as `body` (else `BODY`); a few typed
//! names stand beside it. Besides not crashing: every problem lies inside the text and on character
//! boundaries, compiling twice gives the same, and evaluating twice does too.

#![no_main]

use hookweir::expr::{self, Budget, Environment, Fault, Provide, Scope, Slot, Type};
use hookweir::value::{Arena, Value, json};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Something of each kind for expressions to work on.
const BODY: &str = r#"{
    "id": 9007199254740993, "big": 18446744073709551615, "price": 1.10, "zero": 0, "none": null,
    "text": "Ada Lovel\u00e4ce, 7 \ud83d\ude00", "empty": "", "mail": " Ada@Example.com ", "flag": true,
    "at": "2026-11-01T10:00:00.5+01:00", "wait": "1h2.5s", "csv": "a,b\n1,2", "xml": "<a b='1'>c</a>",
    "form": "a=1&b=x%20y", "json": "{\"a\": [1, 2]}", "b64": "aGk=", "url": "https://a.b:8/c?d=e#f",
    "items": [{"sku": "tea", "price": 4, "tags": ["x", "y"]}, {"sku": "cup", "price": 12.5}],
    "a": [1, "b", null, {"c": 2.5}, [3, [4]]], "m": {"k": {"k": 1}, "b-c": 2}
}"#;

/// The slots in the order of their declaration.
struct Names<'a>(Vec<Value<'a>>);

impl<'a> Provide<'a> for Names<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(self.0[usize::from(slot.0)])
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (text, body) = text.split_once('\0').unwrap_or((text, BODY));

    let mut environment = Environment::new();
    for (name, of) in [
        ("body", Type::Dyn),
        ("x", Type::Int),
        ("s", Type::String),
        ("t", Type::Timestamp),
        ("b", Type::Bytes),
        ("list", Type::List(Type::Dyn.into())),
        (
            "headers",
            Type::Map(Type::String.into(), Type::String.into()),
        ),
    ] {
        environment.declare(name, of);
    }
    let compiled = match expr::compile(text, &environment) {
        Ok(compiled) => compiled,
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                assert!(
                    text.get(problem.range.clone()).is_some(),
                    "{problem:?} of {text:?}"
                );
            }
            assert_eq!(expr::compile(text, &environment).unwrap_err(), problems);
            return;
        }
    };
    for warning in &compiled.warnings {
        assert!(
            text.get(warning.range.clone()).is_some(),
            "{warning:?} of {text:?}"
        );
    }

    let first = evaluate(&compiled.program, body);
    // Random by design.
    if !text.contains("uuid") {
        assert_eq!(first, evaluate(&compiled.program, body), "{text}");
    }
});

fn read<'a>(text: &'a str, arena: &'a Arena) -> Value<'a> {
    json::read(text.as_bytes(), arena, 64).unwrap_or(Value::Null)
}

/// The value as JSON, or the fault.
fn evaluate(program: &expr::Program, body: &str) -> String {
    let arena = Arena::new();
    let names = Names(vec![
        read(body, &arena),
        Value::Int(-7),
        Value::String("h\u{e9}llo, w\u{f6}rld"),
        Value::Timestamp(
            hookweir::value::Instant::from_epoch(jiff::SignedDuration::new(1_700_000_000, 5))
                .expect("a time"),
        ),
        Value::Bytes(b"\x00\xffhi"),
        read(r#"[3, 1.5, "a", null, [1], {"a": 1}]"#, &arena),
        read(
            r#"{"x-event": "order.created", "content-type": "application/json"}"#,
            &arena,
        ),
    ]);
    let budget = Budget {
        steps: 100_000,
        memory: 4 << 20,
    };
    let scope = Scope::new(&arena, &names, names.0.len(), Timestamp::UNIX_EPOCH, budget);
    match program.evaluate(&scope) {
        Ok(value) => {
            let mut out = Vec::new();
            match json::write(value, &mut out) {
                Ok(()) => String::from_utf8(out).expect("JSON is UTF-8"),
                Err(error) => format!("unwritable: {error:?}"),
            }
        }
        Err(fault) => format!("fault: {fault}"),
    }
}
