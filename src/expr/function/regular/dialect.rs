//! RE2's expressions in the words of the engine.
//!
//! The two agree but for a few signs. RE2's `\d`, `\s`, `\w` and `\b` know only ASCII: `'é'` is no
//! `\w`, and `'٣'` no `\d`. `\Q…\E` quotes. In a class, `[`, `&&`, `--` and `~~` are characters
//! and not classes and their sums. All else is passed on as it is, mistakes too.

use std::iter::Peekable;
use std::str::Chars;

/// RE2 repeats no part more often than this.
const MOST_REPETITIONS: u32 = 1000;

/// Rewrites an expression. Each sign stays one place of it, so its weight is that of the original.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, &mut out, false),
            '[' => class(&mut rest, &mut out),
            '{' => {
                if repeats_too_often(rest.clone()) {
                    return Err(format!(
                        "not a regular expression: a part repeats more than {MOST_REPETITIONS} times"
                    ));
                }
                out.push('{');
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Whether `3`, `3,` or `3,5`, up to the closing brace, has a number beyond the limit.
fn repeats_too_often(rest: Peekable<Chars<'_>>) -> bool {
    let inside: String = rest.take_while(|c| *c != '}').collect();
    inside
        .split(',')
        .filter(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
        .any(|number| number.parse().is_ok_and(|n: u32| n > MOST_REPETITIONS) || number.len() > 9)
}

/// What stands behind a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String, in_class: bool) {
    match rest.next() {
        Some('d') => out.push_str("[0-9]"),
        Some('D') => out.push_str("[^0-9]"),
        Some('s') => out.push_str(r"[\t\n\f\r ]"),
        Some('S') => out.push_str(r"[^\t\n\f\r ]"),
        Some('w') => out.push_str("[0-9A-Za-z_]"),
        Some('W') => out.push_str("[^0-9A-Za-z_]"),
        Some('b') if !in_class => out.push_str(r"(?-u:\b)"),
        Some('Q') if !in_class => quoted(rest, out),
        Some(other) => out.extend(['\\', other]),
        None => out.push('\\'),
    }
}

/// Text up to `\E`, or to the end.
fn quoted(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        if c == '\\' && rest.next_if_eq(&'E').is_some() {
            break;
        }
        text.push(c);
    }
    out.push_str(&regex::escape(&text));
}

/// A class, whose bracket is read already.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    // A bracket that comes first is a character.
    if rest.next_if_eq(&']').is_some() {
        out.push_str(r"\]");
    }
    while let Some(c) = rest.next() {
        match c {
            ']' => {
                out.push(']');
                return;
            }
            '\\' => escape(rest, out, true),
            '[' if rest.peek() == Some(&':') => named(rest, out),
            '[' => out.push_str(r"\["),
            '&' | '~' => out.extend(['\\', c]),
            '-' if rest.next_if_eq(&'-').is_some() => out.push_str(r"-\-"),
            c => out.push(c),
        }
    }
}

/// `[:alpha:]`, or a bracket that is a character after all.
fn named(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let name: String = rest
        .clone()
        .skip(1)
        .take_while(|c| c.is_ascii_lowercase() || *c == '^')
        .collect();
    let is_closed = rest.clone().skip(1 + name.len()).take(2).eq([':', ']']);
    if name.is_empty() || !is_closed {
        out.push_str(r"\[");
        return;
    }
    out.push('[');
    out.extend(rest.by_ref().take(name.len() + 3));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_mean_what_they_mean_in_re2() {
        let check = |pattern: &str, text: &str, want: bool| {
            let found =
                regex::Regex::new(&translate(pattern).unwrap()).map(|regex| regex.is_match(text));
            assert_eq!(found, Ok(want), "{pattern} in {text}");
        };
        check(r"^\w$", "é", false);
        check(r"^\W$", "é", true);
        check(r"^[\w.-]+$", "a.b-c_9", true);
        check(r"^[^\w]$", "é", true);
        check(r"^[\W]$", "a", false);
        check(r"\d", "٣", false);
        check(r"^\D$", "٣", true);
        check(r"\s", "\u{a0}\u{2028}\u{b}", false);
        check(r"^\S\s$", "é\t", true);
        check(r"\bb", "éb", true);
        check(r"\ba", "ba", false);
        check(r"^\Qa.b[\E+$", "a.b[[", true);
        check(r"^\Q\\E$", r"\", true);
        check(r"^[a[]$", "[", true);
        check(r"^[&&a]$", "&", true);
        check(r"^[a~~]$", "~", true);
        check(r"^[+--]$", ",", true);
        check(r"^[]a]$", "]", true);
        check(r"^[^]a]$", "]", false);
        check(r"^[[:alpha:]_]+$", "a_", true);
        check(r"^[[:^digit:]]$", "a", true);
        check(r"^[[:x]$", ":", true);
        check(r"^[\]\\]$", r"\", true);
        check(r"\\d", r"\d", true);
        check(r"^\pL$", "é", true);
        check(r"^\x{e9}$", "é", true);
        check(r"(?i)É", "é", true);
    }

    #[test]
    fn mistakes_stay_mistakes() {
        for pattern in [
            r"\",
            "[",
            "[a",
            r"(a)\1",
            "a(?=b)",
            r"\Qa\E)",
            "[[:alpha:]",
            r"a\",
        ] {
            let translated = translate(pattern).unwrap();
            assert!(regex::Regex::new(&translated).is_err(), "{pattern}");
        }
        for pattern in ["a{1001}", "a{1,1001}", "a{1001,}", "a{99999999999}"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
        for pattern in ["a{1000}", "a{0,1000}", "[{1001}]", r"\{1001", r"\Q{1001}"] {
            assert!(translate(pattern).is_ok(), "{pattern}");
        }
    }
}
