//! Bad specs, and what is said about them, whole.
//!
//! Each `cases/diagnostics/NAME.yaml` is read as `check` would, and the drawn diagnostics must be
//! those of `NAME.txt` beside it; files that it names lie beside it, too. With `UPDATE=1` in the environment the `.txt` files are written
//! instead: read each new one as if it were code.

use std::fs;
use std::path::{Path, PathBuf};

use hookweir::diagnostic::{Code, Diagnostic, Format, Severity, arrange, code, render};
use hookweir::route::{Compilation, compile};
use hookweir::spec::load_text;

#[test]
fn bad_specs_are_told_what_is_wrong() {
    let below = "tests/it/cases/diagnostics/";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    cases.sort();
    assert!(cases.len() > 20, "the cases are gone");
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&case).unwrap();
        // Its folder is in the name for the sake of the files that it names.
        let found = check(&format!("{below}{name}"), &text);
        let drawn = render(
            &arrange(found.diagnostics),
            &found.sources,
            Format::Human { colored: false },
        )
        .replace(below, "");
        let golden = case.with_extension("txt");
        if update {
            fs::write(&golden, &drawn).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if drawn != expected {
            let diff = similar::TextDiff::from_lines(&expected, &drawn);
            wrong.push(format!(
                "{name}:\n{}",
                diff.unified_diff().header("expected", "drawn")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `explain` shows as wrong is reported with that very code; in what it shows as right there
/// is no error at all.
#[test]
fn pages_show_what_is_wrong_and_what_is_right() {
    let mut amiss = Vec::new();
    for (code, page) in code::all() {
        let block = |words: &str| {
            let (_, rest) = page.split_once(&format!("\n{words}:\n\n```yaml\n"))?;
            rest.split_once("```").map(|(block, _)| block)
        };
        for (words, fits) in [
            ("Wrong", is_reported as fn(&Diagnostic, Code) -> bool),
            ("Right", is_in_the_way),
        ] {
            let Some(text) = block(words) else { continue };
            let found = check("tests/it/cases/pages/page.yaml", text);
            let any = found.diagnostics.iter().any(|found| fits(found, code));
            if any != (words == "Wrong") {
                let drawn = render(
                    &found.diagnostics,
                    &found.sources,
                    Format::Human { colored: false },
                );
                amiss.push(format!("{}, {words}:\n{drawn}", code.0));
            }
        }
    }
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

fn is_reported(found: &Diagnostic, code: Code) -> bool {
    found.code == code
}

/// Warnings of another kind, such as that there is no test, may stand in a page.
fn is_in_the_way(found: &Diagnostic, code: Code) -> bool {
    found.code == code || found.severity == Severity::Error
}

fn check(name: &str, text: &str) -> Compilation {
    compile(load_text(name, text), &|_| None)
}
