//! YAML of any kind: it loads and compiles, or every problem has a place inside the text.
//!
//! What compiles also runs its own tests, the first eight, in the engine that serves: they pass
//! or fail with a reason, and never crash. Variables have their own name as their value, as in
//! `hookweir test`.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use hookweir::diagnostic::{Diagnostic, Severity};
use hookweir::gateway::trial::{Trials, Verdict};
use hookweir::{route, server, spec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let own_name = |name: &str| Some(name.to_owned());
    let compilation = route::compile(spec::load_text("fuzz.yaml", text), &own_name);
    // Places count from after a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_places(text, &compilation.diagnostics);
    let is_broken = compilation
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(
        compilation.generation.is_none(),
        is_broken,
        "{:?}",
        compilation.diagnostics
    );
    // A spec may allow itself more work than a fuzzer's patience.
    let is_patient = compilation.settings.limits.steps <= 1_000_000;
    let Some(generation) = compilation.generation.filter(|_| is_patient) else {
        return;
    };

    let trials = Trials {
        generation: Arc::new(generation),
        corpus: Path::new("no-corpus"),
        refuse: &|refusal| {
            server::refusal_reply(refusal, "fuzz", compilation.settings.zoho_failures)
        },
    };
    let tests = compilation
        .suites
        .iter()
        .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)));
    for (suite, test) in tests.take(8) {
        if let Verdict::Failed(failed) = trials.run(suite, test) {
            assert!(!failed.problems.is_empty());
            check_places(text, &failed.problems);
        }
    }
});

/// Every place lies inside the text and on character boundaries.
fn check_places(text: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        if let Some(span) = &diagnostic.span {
            let (start, end) = (span.start, span.end);
            assert!(text.get(start..end).is_some(), "{diagnostic:?}");
        }
    }
}
