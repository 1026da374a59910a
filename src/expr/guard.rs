//! What is looked at before a text is parsed: its size, its nesting, its quotes.
//!
//! A scan by bytes that knows only strings, comments and brackets. It is there because pest and
//! the tree's builder recurse, and because the words for an open string or bracket come out
//! better here than from a grammar.

use std::ops::Range;

use super::ast::HIGHEST;
use crate::diagnostic::Problem;
use crate::diagnostic::code::expr::{NESTED_HOLE, SYNTAX, TOO_LARGE};

/// The longest text of one expression, in bytes.
pub(super) const LONGEST: usize = 64 << 10;

/// Looks a text over, and says how deep its brackets nest; a problem here means that it is not
/// worth parsing.
pub(super) fn check(text: &str) -> Result<usize, Problem> {
    let mut deepest = 0;
    if text.len() > LONGEST {
        return Err(Problem::error(
            TOO_LARGE,
            0..text.len(),
            format!("this expression is longer than {} KiB", LONGEST >> 10),
        ));
    }
    let mut open: Vec<(u8, usize)> = Vec::new();
    let (mut conditions, mut signs) = (0_usize, 0_usize);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(token) = next(text, at) {
        let start = token.start;
        at = token.end;
        let Some(&byte) = bytes.get(start) else { break };
        let is_next = |wanted| bytes.get(start + 1) == Some(&wanted);
        // A run of `!` or `-` nests as brackets do.
        signs = if matches!(byte, b'!' | b'-') {
            signs + 1
        } else {
            0
        };
        match byte {
            b'\'' | b'"' if !is_closed(text, &token) => {
                return Err(
                    Problem::error(SYNTAX, start..start + 1, "this string is not closed").help(
                        format!(
                            "a string ends with the quote it starts with: `{}`",
                            char::from(byte)
                        ),
                    ),
                );
            }
            b'$' if is_next(b'{') => {
                return Err(Problem::error(
                    NESTED_HOLE,
                    start..start + 2,
                    "this is an expression already, it takes no `${`",
                )
                .help("write the names as they are, and join texts with `+`"));
            }
            b'(' | b'[' | b'{' => open.push((byte, start)),
            b')' | b']' | b'}' => match open.pop() {
                Some((opened, _)) if closes(opened) == byte => {}
                Some((opened, place)) => {
                    return Err(Problem::error(
                        SYNTAX,
                        start..start + 1,
                        format!(
                            "expected `{}`, found `{}`",
                            char::from(closes(opened)),
                            char::from(byte)
                        ),
                    )
                    .help(format!(
                        "`{}` was opened at byte {place} of the expression",
                        char::from(opened)
                    )));
                }
                None => {
                    return Err(Problem::error(
                        SYNTAX,
                        start..start + 1,
                        format!("`{}` closes nothing", char::from(byte)),
                    ));
                }
            },
            // `.?` and `[?` are other things. `??` nests to the right as conditions do.
            b'?' if is_next(b'?') => {
                at += 1;
                conditions += 1;
            }
            b'?' if start > 0 && !matches!(bytes.get(start - 1), Some(b'.' | b'[')) => {
                conditions += 1;
            }
            _ => {}
        }
        deepest = deepest.max(open.len() + signs).max(conditions);
        if open.len() + signs > usize::from(HIGHEST) || conditions > usize::from(HIGHEST) {
            return Err(Problem::error(
                TOO_LARGE,
                start..start + 1,
                format!("this expression is nested deeper than {HIGHEST} levels"),
            )
            .help("give a part of it a name of its own under `let`"));
        }
    }
    match open.pop() {
        Some((opened, place)) => Err(Problem::error(
            SYNTAX,
            place..place + 1,
            format!("this `{}` is not closed", char::from(opened)),
        )),
        None => Ok(deepest),
    }
}

fn closes(opened: u8) -> u8 {
    match opened {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// The next token that matters from `from` on: a whole string, or one byte of anything else.
/// Comments and blanks are passed over.
pub(super) fn next(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match *bytes.get(at)? {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0c => at += 1,
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
            }
            b'\'' | b'"' => return Some(at..string_end(text, at)),
            _ => return Some(at..at + 1),
        }
    }
}

/// One past the last byte of the string whose quote stands at `start`; the end of the text when it
/// is not closed.
fn string_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(&quote) = rest.first() else {
        return start;
    };
    let triple = rest.get(..3) == Some(&[quote; 3]);
    let raw = is_raw(bytes, start);
    let mut at = if triple { 3 } else { 1 };
    while let Some(&byte) = rest.get(at) {
        if byte == b'\\' && !raw {
            at += 2;
        } else if triple && rest.get(at..at + 3) == Some(&[quote; 3]) {
            return start + at + 3;
        } else if !triple && byte == quote {
            return start + at + 1;
        } else if !triple && matches!(byte, b'\n' | b'\r') {
            break;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// Whether an `r` that is not the end of a name stands before the quote.
fn is_raw(bytes: &[u8], quote: usize) -> bool {
    let before = |by: usize| quote.checked_sub(by).and_then(|at| bytes.get(at)).copied();
    let is_word = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    matches!(before(1), Some(b'r' | b'R'))
        && (!is_word(before(2)) || (matches!(before(2), Some(b'b' | b'B')) && !is_word(before(3))))
}

fn is_closed(text: &str, token: &Range<usize>) -> bool {
    let token_text = text.get(token.clone()).unwrap_or_default();
    let Some(quote) = token_text.chars().next() else {
        return false;
    };
    let triple = [quote; 3].iter().collect::<String>();
    if token_text.starts_with(&triple) {
        return token_text.len() >= 6 && token_text.ends_with(&triple);
    }
    let raw = is_raw(text.as_bytes(), token.start);
    let body = token_text.get(1..token_text.len().saturating_sub(1));
    let escaped = body.is_some_and(|body| {
        !raw && body.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
    });
    token_text.len() >= 2 && token_text.ends_with(quote) && !escaped && !token_text.contains('\n')
}

/// The word or sign at the start of `rest`, for a message.
pub(super) fn word(rest: &str) -> &str {
    let end = rest
        .char_indices()
        .find(|(at, c)| !(c.is_alphanumeric() || *c == '_' || *at == 0))
        .map_or(rest.len(), |(at, _)| at);
    let first = rest.chars().next();
    let is_word = first.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let end = if is_word {
        end.min(60)
    } else {
        first.map_or(0, char::len_utf8)
    };
    rest.get(..end).unwrap_or_default()
}

/// What people of other languages write, and what to write here.
pub(super) fn help(rest: &str, text: &str) -> Option<&'static str> {
    let before = text
        .get(..text.len() - rest.len())
        .unwrap_or_default()
        .trim_end();
    let word = word(rest);
    match word {
        "and" | "&" => Some("write `&&`"),
        "or" => Some("write `||`"),
        _ if word == "not" || before.ends_with("not") => Some("write `!`"),
        "if" => Some("write `condition ? a : b`"),
        "=" => Some("to compare, write `==`"),
        "|" => Some("there are no pipes; call functions, `a.trim()`"),
        "as" | "break" | "const" | "continue" | "else" | "for" | "function" | "import" | "let"
        | "loop" | "package" | "namespace" | "return" | "var" | "void" | "while" => {
            Some("this word is reserved by CEL")
        }
        _ => None,
    }
}
