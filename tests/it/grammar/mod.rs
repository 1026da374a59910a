//! The language reference, `grammar/README.md`, says what is so: its examples are evaluated, its
//! lists of names are complete, and its list of functions is the one that the functions state.
//!
//! A `http` block of the page is a request; the `cel` blocks below it are evaluated over the views
//! that the gateway makes of it. In a `cel` block each expression is followed by `// ` and its
//! value, written as an expression, or `error`, or `error: ` and the words of the failure, or
//! `error at load: ` and words of the problem. An expression may take several lines; its value
//! stands on the last. A table whose last two columns are `here` and `gives` holds such claims too,
//! each cell in backticks; what stands before them is said of other languages and is not run.

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

/// The claims of the page's tables.
fn claims_of_tables(page: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    let (mut is_code, mut is_claims) = (false, false);
    for (number, line) in page.lines().enumerate() {
        is_code ^= line.starts_with("```");
        let cells = match line.strip_prefix('|') {
            Some(row) if !is_code => cells(row),
            _ => {
                is_claims = false;
                continue;
            }
        };
        match cells.as_slice() {
            [.., here, gives] if here == "here" && gives == "gives" => is_claims = true,
            [first, ..] if first.starts_with("---") => {}
            [.., here, gives] if is_claims => claims.push(Claim {
                line: number + 1,
                expression: code(here).to_owned(),
                value: code(gives).to_owned(),
            }),
            _ => {}
        }
    }
    claims
}

/// The cells of a row, in which `\|` is a bar that parts nothing.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\0");
    let row = row.trim_end().trim_end_matches('|');
    row.split('|')
        .map(|cell| cell.trim().replace('\0', "|"))
        .collect()
}

/// What a cell has in backticks.
fn code(cell: &str) -> &str {
    cell.strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'))
        .unwrap_or_else(|| panic!("not in backticks: {cell}"))
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
    let page = page().1;
    let mut requests = Vec::new();
    let mut claimed = claims_of_tables(&page);
    for block in blocks(&page) {
        match block.language.as_str() {
            "http" => requests.push((block.line, Sample::read(&block.text))),
            "cel" => claimed.extend(claims(&block)),
            _ => {}
        }
    }
    let (mut wrong, mut right) = (Vec::new(), 0);
    for claim in claimed {
        let above = requests.iter().rfind(|(line, _)| *line < claim.line);
        let (_, sample) = above.expect("a request stands above");
        match refute(sample, &claim) {
            None => right += 1,
            Some(why) => wrong.push(why),
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

#[test]
fn a_table_claims_what_its_last_two_columns_say() {
    let page = "| them | here | gives |\n|---|---|---|\n| `x` | `a \\|\\| b` | `true` |\n\n\
                | here | else |\n|---|---|\n| `no` | `claim` |\n";
    let claims = claims_of_tables(page);
    let found: Vec<_> = claims
        .iter()
        .map(|claim| (claim.line, claim.expression.as_str(), claim.value.as_str()))
        .collect();
    assert_eq!(found, [(3, "a || b", "true")]);
}
