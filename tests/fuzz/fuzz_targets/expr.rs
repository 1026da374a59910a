//! Expression text: it compiles or says why, and what compiles ends within its budget.
//!
//! Input: the expression, then, after a NUL, JSON that stands as `body`. Besides not crashing:
//! every problem lies inside the text and on character boundaries, compiling twice gives the same,
//! and evaluating twice does too.

#![no_main]

use hookweir::expr::{self, Budget, Environment, Fault, Provide, Scope, Slot, Type};
use hookweir::value::{Arena, Value, json};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

struct Body<'a>(Value<'a>);

impl<'a> Provide<'a> for Body<'a> {
    fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(self.0)
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (text, body) = text
        .split_once('\0')
        .unwrap_or((text, r#"{"a": [1, "b", null, {"c": 2.5}]}"#));

    let mut environment = Environment::new();
    environment.declare("body", Type::Dyn);
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
    assert_eq!(first, evaluate(&compiled.program, body), "{text}");
});

/// The value as JSON, or the fault.
fn evaluate(program: &expr::Program, body: &str) -> String {
    let arena = Arena::new();
    let body = Body(json::read(body.as_bytes(), &arena, 64).unwrap_or(Value::Null));
    let budget = Budget {
        steps: 100_000,
        memory: 4 << 20,
    };
    let scope = Scope::new(&arena, &body, 1, Timestamp::UNIX_EPOCH, budget);
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
