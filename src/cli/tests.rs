//! Every command's help has examples, and each example is a command line that the program takes.

use clap::{Command, CommandFactory};

use super::Cli;

#[test]
fn every_command_has_examples_and_takes_them() {
    let mut wrong = Vec::new();
    look(&Cli::command(), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn look(command: &Command, wrong: &mut Vec<String>) {
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let examples = examples(&help);
    if examples.is_empty() {
        wrong.push(format!("`{}` has no examples", command.get_name()));
    }
    for example in examples {
        if let Err(error) = Cli::command().try_get_matches_from(words(&example)) {
            wrong.push(format!("{example}\n{error}"));
        }
    }
    for inner in command.get_subcommands() {
        look(inner, wrong);
    }
}

/// The command lines of a help text that call this program, without what a shell does around them.
fn examples(help: &str) -> Vec<String> {
    let help = help.replace("\\\n      ", "");
    help.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .flat_map(|line| line.split(" | "))
        .filter(|part| part.starts_with("hookweir"))
        .map(|part| {
            let end = [part.find("  "), part.find(" > ")];
            let end = end.into_iter().flatten().min().unwrap_or(part.len());
            part.get(..end).unwrap_or(part).to_owned()
        })
        .collect()
}

/// The words of a command line, as a shell reads them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn an_example_is_found_between_what_stands_around_it() {
    let help = "Examples:\n  cat a | hookweir check -      why\n  hookweir keys \\\n      list > b";
    assert_eq!(examples(help), ["hookweir check -", "hookweir keys list"]);
    assert_eq!(words("hookweir eval 'a b'"), ["hookweir", "eval", "a b"]);
}
