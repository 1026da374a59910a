//! Places in a template: from handlebars' lines and columns to bytes of the text; and the limits
//! that hold before handlebars sees a text.

use std::ops::Range;

use handlebars::{TemplateError, TemplateErrorReason};

use super::MAX_TEXT;
use crate::diagnostic::{Problem, code};
use crate::expr::function;

/// How deep blocks and parentheses may stand in each other. Handlebars' parser would use up the
/// stack.
const MAX_DEPTH: usize = 50;

/// Refuses a text that is too long or nests too deep.
pub(super) fn bounded(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_TEXT {
        let message = format!("the template is longer than {} KiB", MAX_TEXT >> 10);
        return Err(Problem::error(code::template::TOO_LARGE, 0..0, message));
    }
    let too_deep = |at: usize| {
        let message = format!("the template nests deeper than {MAX_DEPTH} levels");
        Problem::error(code::template::TOO_LARGE, at..end_of_tag(text, at), message)
    };
    // For each open block, how many `else if` it has: each of them stands inside the one before.
    let mut blocks: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    for at in tags(text) {
        let inside = text.get(at + 2..).unwrap_or("");
        let inside = inside.trim_start_matches(['{', '~']).trim_start();
        if inside.starts_with('#') {
            blocks.push(0);
            depth += 1;
        } else if inside.starts_with('/') {
            depth -= blocks.pop().map_or(0, |chained| chained + 1);
        } else if let (Some(_), Some(chained)) = (chain(inside), blocks.last_mut()) {
            *chained += 1;
            depth += 1;
        }
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
    }
    // Parentheses, lists and objects inside one tag.
    let (mut tag, mut open, mut last) = (0, 0_usize, b' ');
    for (at, byte) in text.bytes().enumerate() {
        if open > 0 {
            match byte {
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' | b'}' => open -= 1,
                _ => {}
            }
        } else if byte == b'{' && last == b'{' {
            (tag, open) = (at - 1, 2);
        }
        if open > MAX_DEPTH {
            return Err(too_deep(tag));
        }
        last = byte;
    }
    Ok(())
}

/// Where the tags start that can open and close blocks: not comments, raw blocks and escaped
/// braces.
fn tags(text: &str) -> impl Iterator<Item = usize> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text.get(from..)?.find("{{")?;
            let (before, tag) = (text.get(..at)?, text.get(at..)?);
            let length = |end: &str| tag.find(end).map(|found| found + end.len());
            let skipped = if before.ends_with('\\') && !before.ends_with("\\\\") {
                Some(2)
            } else if tag.starts_with("{{!--") {
                length("--}}").or_else(|| length("}}"))
            } else if tag.starts_with("{{!") {
                length("}}")
            } else if tag.starts_with("{{{{") {
                length("{{{{/").or(Some(4))
            } else {
                None
            };
            if let Some(bytes) = skipped {
                from = at + bytes;
            } else {
                from = at + 2;
                return Some(at);
            }
        }
    })
}

/// What stands behind the `else` (or `^`) of a tag that opens the next link of a chain.
fn chain(inside: &str) -> Option<&str> {
    let rest = inside
        .strip_prefix("else")
        .or_else(|| inside.strip_prefix('^'))?;
    let rest = rest.trim_start();
    (!rest.starts_with(['}', '~'])).then_some(rest)
}

/// A text that is no template.
pub(super) fn syntax_problem(text: &str, error: &TemplateError) -> Problem {
    let (line, column) = error.pos().unwrap_or((1, 1));
    let at = offset(text, line, column);
    let range = at..end_of_tag(text, at);
    match error.reason() {
        TemplateErrorReason::MismatchingClosedHelper(open, close)
        | TemplateErrorReason::MismatchingClosedDecorator(open, close) => Problem::error(
            code::template::SYNTAX,
            range,
            format!("`{{{{/{close}}}}}` closes nothing: the open block is `{open}`"),
        )
        .help(format!("write `{{{{/{open}}}}}` first")),
        TemplateErrorReason::InvalidParam(text) => Problem::error(
            code::template::SYNTAX,
            range,
            format!("`{text}` is not a value that a template can hold"),
        ),
        _ => {
            let unclosed = open_block(text);
            let message = match &unclosed {
                Some((_, name)) => format!("the block `{{{{#{name}}}}}` is not closed"),
                None => "this is not Handlebars".to_owned(),
            };
            let range = unclosed.map_or(range, |(at, _)| at..end_of_tag(text, at));
            let before = text.get(..at).unwrap_or_default().trim_end();
            let word = before
                .rsplit(|c: char| c.is_whitespace() || "{(#".contains(c))
                .next()
                .unwrap_or_default();
            let problem = Problem::error(code::template::SYNTAX, range, message);
            if word.contains('.') && function::find(word).is_some() {
                let spelling = word.replace('.', "_");
                return problem.help(format!("a helper's name has no dot: write `{spelling}`"));
            }
            problem.help("a tag is `{{name}}`, `{{#if name}}…{{/if}}`, `{{#each list}}…{{/each}}` or `{{helper value}}`")
        }
    }
}

/// The last block that is never closed, and its name.
fn open_block(text: &str) -> Option<(usize, &str)> {
    let mut open = Vec::new();
    for at in tags(text) {
        let inside = text.get(at + 2..)?.trim_start_matches('~').trim_start();
        let word = |rest: &'_ str| rest.split([' ', '}', '~', '\n']).next().map(str::len);
        if let Some(rest) = inside.strip_prefix('#') {
            open.push((at, rest.get(..word(rest)?)?));
        } else if let Some(rest) = inside.strip_prefix('/') {
            let name = rest.get(..word(rest)?)?;
            match open.last() {
                Some((_, known)) if *known == name => drop(open.pop()),
                _ => return None,
            }
        }
    }
    open.pop()
}

/// The byte at a line and column, both counted from 1, columns in characters.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = text.get(before..).unwrap_or("");
    let within = rest
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(rest.len(), |(at, _)| at);
    before + within
}

/// One past the tag that starts at `at`; the rest of its line where there is none.
pub(super) fn end_of_tag(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    let tag = rest
        .starts_with("{{")
        .then(|| rest.find("}}"))
        .flatten()
        .map(|end| {
            let braces = rest
                .get(end..)
                .unwrap_or("")
                .bytes()
                .take_while(|byte| *byte == b'}')
                .count();
            end + braces.min(3)
        });
    let line = rest.find('\n').unwrap_or(rest.len());
    let end = at + tag.unwrap_or(line);
    // Never empty, but at the end of the text.
    end.max((at + rest.chars().next().map_or(0, char::len_utf8)).min(text.len()))
}

/// The span of the tag that handlebars names.
pub(super) fn of_tag(text: &str, line: Option<usize>, column: Option<usize>) -> (u32, u32) {
    let (Some(line), Some(column)) = (line, column) else {
        return (0, 0);
    };
    let at = offset(text, line, column);
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    (number(at), number(end_of_tag(text, at)))
}

/// Where `word` stands as a whole, inside a tag, at or after `from`; the tag itself when it is
/// not found.
pub(super) fn word(text: &str, from: usize, word: &str) -> Range<usize> {
    let is_part =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | '/' | '@' | '[' | ']');
    let rest = text.get(from..).unwrap_or("");
    let found = rest
        .match_indices(word)
        .map(|(at, _)| at + from)
        .find(|&at| {
            let before = text.get(..at).unwrap_or("");
            let after = text.get(at + word.len()..).unwrap_or("");
            let is_inside = before.rfind("{{") > before.rfind("}}");
            let edges = before.chars().next_back().is_some_and(is_part)
                || after.chars().next().is_some_and(is_part);
            is_inside && !edges && !word.is_empty()
        });
    found.map_or(from..end_of_tag(text, from), |at| at..at + word.len())
}
