//! The part of the page that is made from what the functions state about themselves, and the
//! names that the rest of it must not forget.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use hookweir::expr::function::{self, Function};
use hookweir::route::Root;

use super::page;

const START: &str =
    "<!-- The functions: made by `HOOKWEIR_UPDATE=1 cargo test --test it grammar`. -->\n";
const END: &str = "<!-- End of the functions. -->\n";

fn reference() -> String {
    function::all()
        .iter()
        .map(|function| entry(function))
        .collect()
}

fn entry(function: &Function) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    line(&format!("\n### `{}`\n", function.name));
    line(&format!("{}.\n", sentence(function.summary)));
    line("```text");
    function
        .signatures
        .iter()
        .for_each(|signature| line(signature));
    line("```");
    if let Some(fails) = function.fails {
        line(&format!("\nFails: {fails}."));
    }
    line("\n```cel");
    let width = function
        .examples
        .iter()
        .map(|(example, _)| example.chars().count())
        .max();
    let width = width.unwrap_or_default().min(60);
    for (example, value) in function.examples {
        line(&format!("{example:width$}  // {value}"));
    }
    line("```");
    text
}

fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[test]
fn the_functions_on_the_page_are_those_of_the_language() {
    let (file, text) = page();
    let (before, rest) = text.split_once(START).expect("where the functions begin");
    let (shown, after) = rest.split_once(END).expect("where the functions end");
    let made = reference() + "\n";
    if shown == made {
        return;
    }
    assert!(
        std::env::var_os("HOOKWEIR_UPDATE").is_some(),
        "grammar/README.md is behind the functions; HOOKWEIR_UPDATE=1 writes it"
    );
    fs::write(file, format!("{before}{START}{made}{END}{after}")).unwrap();
}

/// The words in backticks in a table's rows, of the column, below a heading.
fn table(text: &str, heading: &str, column: usize) -> Vec<String> {
    let (_, section) = text.split_once(heading).expect(heading);
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cell = row.split('|').nth(column + 1).expect(row);
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_table_by_area_names_each_function_once() {
    let named = table(&page().1, "## Functions by area\n", 1);
    let known: BTreeSet<&str> = function::all()
        .iter()
        .map(|function| function.name)
        .collect();
    let mut seen = BTreeSet::new();
    let mut said = String::new();
    for name in &named {
        if !known.contains(name.as_str()) {
            let _ = writeln!(said, "there is no `{name}`");
        }
        if !seen.insert(name.as_str()) {
            let _ = writeln!(said, "`{name}` stands twice");
        }
    }
    for name in known.difference(&seen) {
        let _ = writeln!(said, "`{name}` is missing");
    }
    assert!(said.is_empty(), "{said}");
}

#[test]
fn the_table_of_names_has_every_name_that_a_function_sees() {
    let named = table(&page().1, "## What a function sees\n", 0);
    let known: Vec<&str> = Root::ALL.iter().map(|root| root.name()).collect();
    assert_eq!(named, known);
}
