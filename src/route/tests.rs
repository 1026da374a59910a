//! What comes of a folder does not depend on how many threads compile it.

use std::fs;
use std::path::Path;

use super::*;
use crate::spec;

/// Functions of which some share a template or have mistakes, in their own text or in a template's.
fn write(folder: &Path) {
    fs::write(folder.join("good.hbs"), "Hello {{body.name}}").unwrap();
    fs::write(folder.join("bad.hbs"), "{{#if body.name}}\n{{nope}}").unwrap();
    for number in 0..24 {
        let body = match number % 6 {
            0 => "{ $template: { file: good.hbs } }",
            1 => "{ name: '${body.name}', number: '${nope}' }",
            2 => "{ $template: { file: bad.hbs } }",
            3 => "{ $template: { file: missing.hbs } }",
            4 => "{ name: '${name}' }",
            _ => "{ text: '${1 + \"a\"}' }",
        };
        let text = format!(
            "function: f_{number}\n\
             summary: A function\n\
             auth: none\n\
             let:\n  name: body.name\n  other: {number}\n\
             respond:\n  status_code: 200\n  body: {body}\n"
        );
        fs::write(folder.join(format!("f_{number:02}.yaml")), text).unwrap();
    }
}

/// All that a person sees of it, with the files that the places lie in.
fn told(compilation: &Compilation) -> Vec<String> {
    let file = |span: &crate::diagnostic::Span| {
        let source = compilation.sources.get(span.source).unwrap();
        format!("{}:{}-{}", source.path, span.start, span.end)
    };
    let problems = compilation.diagnostics.iter().map(|problem| {
        let places: Vec<_> = problem
            .span
            .iter()
            .chain(problem.related.iter().map(|(span, _)| span))
            .map(file)
            .collect();
        format!("{} {} {places:?}", problem.code, problem.message)
    });
    let files = compilation
        .sources
        .iter()
        .map(|(_, file)| file.path.to_string());
    let routes = compilation
        .suites
        .iter()
        .map(|suite| suite.route.name.to_string());
    problems.chain(files).chain(routes).collect()
}

#[test]
fn shares_of_any_length_give_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let compile = |length| {
        let loaded = spec::load(folder.path()).unwrap();
        told(&compile_in_shares(
            loaded,
            Outside::variables(&|_| None),
            length,
        ))
    };
    let whole = compile(usize::MAX);
    let mentions = |text: &str| whole.iter().filter(|line| line.contains(text)).count();
    assert!(mentions("bad.hbs") > 1, "{whole:#?}");
    assert_eq!(
        whole
            .iter()
            .filter(|line| line.ends_with("good.hbs"))
            .count(),
        1
    );
    assert!(mentions("missing.hbs") > 0, "{whole:#?}");
    for length in [1, 2, 3, 7, 12, 23] {
        assert_eq!(compile(length), whole, "{length}");
    }
}
