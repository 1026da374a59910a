//! Errors of YAML's syntax, told in terms of what people meant to write.
//!
//! Most of them are expressions that YAML takes for something else: `a ? b : c`, `'x' + y`,
//! `!flag`. The line is looked at again to say so, and what to do.

use std::fmt::Write as _;

use super::read::error;
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Diagnostic, SourceId, Span};

/// Explains the parser's complaint at byte `at`.
pub(super) fn explain(source: SourceId, text: &str, at: usize, complaint: &str) -> Diagnostic {
    let (start, line) = line_at(text, at);
    let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
    let tab = line.get(..indentation).and_then(|blanks| blanks.find('\t'));
    if let Some(tab) = tab {
        let span = span(source, start + tab, start + tab + 1);
        let mut problem = error(code::TAB, span, "a tab cannot indent YAML");
        problem.help.push("indent with spaces".to_owned());
        return problem;
    }
    // The parser may only notice on a later line that a quote or bracket went wrong.
    let value = value_of(line).map(|(offset, value)| (start + offset, value));
    if let Some((from, value)) = value
        && let Some(problem) = trap(source, from, value, at, complaint)
    {
        return problem;
    }
    let end = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(at, |c| if c == '\n' { at } else { at + c.len_utf8() });
    let mut problem = error(
        code::SYNTAX,
        span(source, at, end),
        format!("this is not YAML: {}", plain_words(complaint)),
    );
    problem.help.extend(advice(complaint).map(str::to_owned));
    problem
}

/// A tag: perhaps an expression that starts with `!`.
pub(super) fn tag(text: &str, at: Span) -> Diagnostic {
    let tag = text.get(at.start..at.end).unwrap_or_default();
    let mut problem = error(
        code::TAG,
        at,
        format!("`{tag}` is a YAML tag, and tags are not supported"),
    );
    let line = text
        .get(at.start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or(tag)
        .trim_end();
    let is_whole = !line.contains([',', ']', '}', '#']);
    problem
        .help
        .push(starts_with_not(if is_whole { line } else { tag }));
    problem
}

fn starts_with_not(written: &str) -> String {
    if written.len() < 2 || written.starts_with("!!") || written.contains('\'') {
        return "an expression that starts with `!` needs quotes around it, or a block (`|`); or write `x == false` for `!x`"
            .to_owned();
    }
    let mut help = format!("an expression that starts with `!` needs quotes: `'{written}'`");
    let name = written.trim_start_matches('!');
    if !name.contains(' ') {
        let _ = write!(help, "; or write `{name} == false`");
    }
    help
}

/// What YAML took a value on this line for, if an expression was meant.
fn trap(
    source: SourceId,
    from: usize,
    value: &str,
    at: usize,
    complaint: &str,
) -> Option<Diagnostic> {
    let whole = span(source, from, from + value.len());
    let first = value.chars().next()?;
    let (message, label): (String, _) = match first {
        '!' => {
            let word = value.split_whitespace().next().unwrap_or(value);
            let mut problem = error(
                code::TAG,
                span(source, from, from + word.len()),
                "a value that starts with `!` is a YAML tag, and tags are not supported",
            );
            problem.help.push(starts_with_not(value));
            return Some(problem);
        }
        '\'' | '"' if closes_early(value, first) => (
            format!("a value that starts with {} must end with it", quote(first)),
            "goes on behind the quote",
        ),
        '[' | '{' if closes_bracket_early(value) => (
            format!("a value that starts with `{first}` ends with its bracket"),
            "goes on behind the bracket",
        ),
        '`' | '@' | '%' => (
            match first {
                '`' => "no value can start with a backtick in YAML".to_owned(),
                _ => format!("no value can start with `{first}` in YAML"),
            },
            "needs quotes",
        ),
        _ if complaint.contains("mapping values are not allowed") && value.contains(": ") => {
            let colon = value
                .match_indices(": ")
                .map(|(offset, _)| from + offset)
                .find(|colon| *colon >= at.saturating_sub(1))
                .unwrap_or(at);
            let mut problem = error(
                code::UNQUOTED,
                span(source, colon, colon + 1),
                "an expression or a text with `: ` needs quotes or a block (`|`)",
            );
            problem.label = Some("YAML takes what is before this for a key".to_owned());
            problem.help.push(quoted(value));
            return Some(problem);
        }
        _ => return None,
    };
    let mut problem = error(code::UNQUOTED, whole, message);
    problem.label = Some(label.to_owned());
    problem.help.push(quoted(value));
    Some(problem)
}

/// How to write the value so that YAML leaves it alone.
fn quoted(value: &str) -> String {
    let value = value.trim_end();
    if value.contains(" #") {
        return "put it into a block: `|`, and the value on the next line".to_owned();
    }
    if value.chars().count() > 60 {
        return "put the whole value into single quotes, each `'` in it twice; or into a block: `|`, and the value on the next line".to_owned();
    }
    if value.contains('\'') {
        return format!(
            "put it into a block: `|`, and on the next line `{value}`; or into quotes: `'{}'`",
            value.replace('\'', "''")
        );
    }
    format!("write `'{value}'`")
}

fn quote(c: char) -> &'static str {
    if c == '"' { "`\"`" } else { "`'`" }
}

/// Whether a quoted scalar ends before the value does.
fn closes_early(value: &str, quote: char) -> bool {
    let mut chars = value.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') {
                chars.next();
                continue;
            }
            let rest = value.get(at + 1..).unwrap_or_default().trim_start();
            return !rest.is_empty() && !rest.starts_with('#');
        }
    }
    false
}

/// Whether a flow list or map ends before the value does.
fn closes_bracket_early(value: &str) -> bool {
    let mut depth = 0_usize;
    let mut inside: Option<char> = None;
    for (at, c) in value.char_indices() {
        match (inside, c) {
            (Some(quote), c) if c == quote => inside = None,
            (None, '"' | '\'') => inside = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let rest = value.get(at + 1..).unwrap_or_default().trim_start();
                    return !rest.is_empty() && !rest.starts_with('#');
                }
            }
            _ => {}
        }
    }
    false
}

/// The value of a line `key: value`, `- value` or `- key: value`, and its offset.
fn value_of(line: &str) -> Option<(usize, &str)> {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    if !rest.starts_with(['\'', '"', '[', '{', '!', '`', '@', '%'])
        && let Some((key, value)) = rest.split_once(": ")
        && !key.contains(' ')
    {
        rest = value.trim_start();
    }
    let value = rest.trim_end();
    (!value.is_empty()).then(|| (line.len() - rest.len(), value))
}

/// The line around a byte, and where it starts. A place at the very end of the text belongs to
/// the last line that has something on it.
fn line_at(text: &str, at: usize) -> (usize, &str) {
    let mut at = at.min(text.len());
    if text.get(at..).is_some_and(|rest| rest.trim().is_empty()) {
        at = text.trim_end().len();
    }
    let start = text
        .get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |line_break| line_break + 1);
    let line = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    (start, line)
}

fn span(source: SourceId, start: usize, end: usize) -> Span {
    Span { source, start, end }
}

/// The parser's complaints in words that do not speak of parsing.
fn plain_words(complaint: &str) -> &str {
    for (begins, words) in [
        (
            "while parsing a block mapping, did not find expected key",
            "a `key:` was expected here, with the indentation of the keys above",
        ),
        (
            "while parsing a block collection, did not find expected '-'",
            "a `-` was expected here, with the indentation of the items above",
        ),
        (
            "while parsing a flow mapping, did not find expected ',' or '}'",
            "a `,` or `}` was expected here",
        ),
        (
            "while parsing a flow sequence, expected ',' or ']'",
            "a `,` or `]` was expected here",
        ),
        (
            "mapping values are not allowed",
            "a second `: ` cannot stand in one value",
        ),
        ("simple key expect", "a `:` was expected behind this key"),
        (
            "while scanning a quoted scalar, found unexpected end of stream",
            "this quote is never closed",
        ),
        (
            "invalid indentation in quoted scalar",
            "this quote is not closed before the text is indented less",
        ),
        (
            "while scanning a simple key, could not find expected ':'",
            "a `:` was expected behind this key",
        ),
        (
            "wrongly indented line in block scalar",
            "this block starts with a line that is indented further than its text",
        ),
        (
            "while parsing node, found unknown anchor",
            "this alias repeats an anchor that does not exist",
        ),
        ("recursion limit exceeded", "it is nested too deeply"),
        (
            "did not find expected <document start>",
            "a new document needs `---` before it",
        ),
        (
            "a byte order mark must not",
            "a byte order mark stands inside the text",
        ),
    ] {
        if complaint.starts_with(begins) {
            return words;
        }
    }
    complaint
}

fn advice(complaint: &str) -> Option<&'static str> {
    if complaint.contains("quoted scalar") {
        return Some("close the quote at the end of the text");
    }
    complaint
        .contains("illegal placement of ':'")
        .then_some("close the bracket before the next key")
}
