//! YAML of any kind: it loads and compiles, or every problem has a place inside the text.

#![no_main]

use hookweir::diagnostic::Severity;
use hookweir::{route, spec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let compilation = route::compile(spec::load_text("fuzz.yaml", text), &|_| None);
    let mut errors = 0;
    for diagnostic in &compilation.diagnostics {
        errors += usize::from(diagnostic.severity == Severity::Error);
        if let Some(span) = &diagnostic.span {
            let (start, end) = (span.start, span.end);
            assert!(text.get(start..end).is_some(), "{diagnostic:?}");
        }
    }
    assert_eq!(
        compilation.generation.is_none(),
        errors > 0,
        "{:?}",
        compilation.diagnostics
    );
});
