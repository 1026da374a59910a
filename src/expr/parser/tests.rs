//! How much work parsing is.
//!
//! pest counts the rules and combinators it enters and gives up at a limit, so that the smallest
//! limit that a text passes is the work that it takes, the same on every machine. The limit holds
//! for the whole process and every grammar in it: the counting is done by a process of its own.

use std::num::NonZero;
use std::process::Command;

use pest::error::{Error, ErrorVariant};

use super::grammar::{Grammar, Rule};

/// Set in the process that counts.
const COUNTING: &str = "HOOKWEIR_TEST_COUNTING";

/// Runs a test of this file by itself, in a process that may change pest's limit.
fn alone(test: &str, work: impl FnOnce()) {
    if std::env::var_os(COUNTING).is_some() {
        return work();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("expr::parser::tests::{test}"), "--exact"])
        .env(COUNTING, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Whether a text is parsed, or refused for another reason, within so many steps.
fn fits<R: pest::RuleType, P: pest::Parser<R>>(rule: R, text: &str, steps: usize) -> bool {
    pest::set_call_limit(NonZero::new(steps));
    let stopped = |error: &Error<R>| matches!(&error.variant, ErrorVariant::CustomError { message } if message == "call limit reached");
    !P::parse(rule, text).is_err_and(|error| stopped(&error))
}

/// The steps that a text takes.
fn steps<R: pest::RuleType, P: pest::Parser<R>>(rule: R, text: &str) -> usize {
    let (mut few, mut enough) = (0, 1);
    while !fits::<R, P>(rule, text, enough) {
        (few, enough) = (enough, enough * 2);
    }
    while enough - few > 1 {
        let middle = usize::midpoint(few, enough);
        if fits::<R, P>(rule, text, middle) {
            enough = middle;
        } else {
            few = middle;
        }
    }
    enough
}

/// Whether twice the nesting is no more than twice the work.
fn is_in_line<R: pest::RuleType, P: pest::Parser<R>>(rule: R, open: &str, close: &str) -> bool {
    let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let allowed = 2 * steps::<R, P>(rule, &nested(32));
    fits::<R, P>(rule, &nested(64), allowed)
}

#[test]
fn work_grows_in_line_with_nesting() {
    alone("work_grows_in_line_with_nesting", || {
        let brackets = [
            ("(", ")"),
            ("[", "]"),
            ("[?", "]"),
            ("{1:", "}"),
            ("{?1:", "}"),
            ("f(", ")"),
            (".f(", ")"),
            ("a[", "]"),
            ("a[?", "]"),
            ("a.f(", ")"),
            ("a{b:", "}"),
            ("a + (", ")"),
            ("1 ? (", ") : 2"),
            ("!(", ")"),
            ("-(", ")"),
        ];
        for (open, close) in brackets {
            for close in [close, ""] {
                assert!(
                    is_in_line::<Rule, Grammar>(Rule::program, open, close),
                    "{open} {close}"
                );
            }
        }
    });
}

mod doubling {
    //! A grammar as ours must not be: what stands in brackets is read twice.

    #[derive(pest_derive::Parser)]
    #[grammar_inline = r#"
        sum = { term ~ "+" ~ sum | term }
        term = { "(" ~ sum ~ ")" | "1" }
    "#]
    pub(super) struct Doubling;
}

#[test]
fn work_that_doubles_with_each_level_is_seen() {
    alone("work_that_doubles_with_each_level_is_seen", || {
        use doubling::{Doubling, Rule};
        let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        let count = |depth| steps::<Rule, Doubling>(Rule::sum, &nested(depth));
        assert!(count(8) > 10 * count(4));
        assert!(!fits::<Rule, Doubling>(
            Rule::sum,
            &nested(64),
            2 * count(8)
        ));
    });
}
