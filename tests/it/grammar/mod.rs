//! The language reference, `grammar/README.md`, says what is so: its examples are evaluated, its
//! lists of names are complete, and its list of functions is the one that the functions state.
//!
//! A `http` block of the page is a request; the `cel` blocks below it are evaluated over the views
//! that the gateway makes of it. In a `cel` block each expression is followed by `// ` and its
//! value, written as an expression, or `error`, or `error: ` and the words of the failure, or
//! `error at load: ` and words of the problem. An expression may take several lines; its value
//! stands on the last.

mod reference;
mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use crate::docs::{Block, blocks};
use sample::Sample;

fn page() -> (PathBuf, String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/README.md");
    let text = fs::read_to_string(&file).unwrap();
    (file, text)
}

/// An expression of the page and what it gives.
struct Claim {
    line: usize,
    expression: String,
    value: String,
}

fn claims(block: &Block) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut open = String::new();
    for (number, line) in block.text.lines().enumerate() {
        // A text may hold `//`; what the page claims is last.
        if let Some((last, value)) = line.rsplit_once("// ") {
            claims.push(Claim {
                line: block.line + number,
                expression: format!("{open}{last}"),
                value: value.trim().to_owned(),
            });
            open.clear();
        } else {
            open.push_str(line);
            open.push('\n');
        }
    }
    assert!(
        open.trim().is_empty(),
        "line {}: an expression without its value",
        block.line
    );
    claims
}

/// What is wrong with a claim.
fn refute(sample: &Sample, claim: &Claim) -> Option<String> {
    let said = sample.evaluate(&claim.expression);
    let wrong = |said: &str| {
        Some(format!(
            "grammar/README.md:{}: `{}` gives {said}, not {}",
            claim.line,
            claim.expression.trim(),
            claim.value
        ))
    };
    if let Some(words) = claim.value.strip_prefix("error at load: ") {
        return match said {
            Err(sample::Failure::AtLoad(why)) if why.contains(words) => None,
            said => wrong(&format!("{said:?}")),
        };
    }
    if let Some(words) = claim.value.strip_prefix("error: ") {
        return match said {
            Err(sample::Failure::AtRun(why)) if why == words => None,
            said => wrong(&format!("{said:?}")),
        };
    }
    if claim.value == "error" {
        return match said {
            Err(_) => None,
            Ok(said) => wrong(&said),
        };
    }
    match said {
        Ok(_) if sample.is_same(&claim.expression, &claim.value) => None,
        said => wrong(&format!("{said:?}")),
    }
}

#[test]
fn every_example_gives_what_the_page_says() {
    let mut sample = None;
    let (mut wrong, mut right) = (Vec::new(), 0);
    for block in blocks(&page().1) {
        match block.language.as_str() {
            "http" => sample = Some(Sample::read(&block.text)),
            "cel" => {
                let sample = sample.as_ref().expect("a request stands above");
                for claim in claims(&block) {
                    match refute(sample, &claim) {
                        None => right += 1,
                        Some(why) => wrong.push(why),
                    }
                }
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right > 200, "only {right} examples");
}

#[test]
fn a_wrong_claim_is_found() {
    let sample = Sample::read("POST /hooks/a\ncontent-type: application/json\n\n{\"a\": 1}");
    let check = |expression: &str, value: &str, is_right: bool| {
        let claim = Claim {
            line: 1,
            expression: expression.to_owned(),
            value: value.to_owned(),
        };
        let why = refute(&sample, &claim);
        assert_eq!(why.is_none(), is_right, "{why:?}");
    };
    check("body.a", "1", true);
    check("body.a", "2", false);
    check("body.a", "1.0", false);
    check("body.a", "error", false);
    check("body.b", "error", true);
    check("body.b", "error: no such key: b", true);
    check("body.b", "error: no such key: c", false);
    check("nothing", "error at load: nothing", true);
    check("body.b", "error at load: b", false);
    check("body.b", "null", false);
}
