//! What TAB can put where somebody types: commands, files, names, functions, and the fields of a
//! value.
//!
//! The fields are found by evaluating what stands before the dot, so they are those that are
//! really there: of `body.repository`, of `body.commits[0]`, of the `c` in
//! `body.commits.map(c, c.`, where it is the first item.

use super::session::{COMMANDS, names};
use super::subject::Subject;
use crate::clock::{Clock as _, SystemClock};
use crate::expr::function::{self, Function};
use crate::expr::{MACROS, compile};
use crate::value::Value;

/// What can be put in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// In the list to choose from.
    pub(super) shown: String,
    /// In the line.
    pub(super) text: String,
}

impl Candidate {
    fn new(shown: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            shown: shown.into(),
            text: text.into(),
        }
    }
}

/// How many fields of one value are offered.
const FIELDS: usize = 200;

/// How many macros' variables are looked through.
const MACRO_DEPTH: usize = 8;

/// What may follow `before`, and at which byte of it that would begin.
pub(super) fn complete(before: &str, subject: &Subject) -> (usize, Vec<Candidate>) {
    let indent = before.len() - before.trim_start().len();
    let line = before.get(indent..).unwrap_or_default();
    let (at, mut found) = if line.starts_with(':') {
        let (at, found) = command(line, subject);
        (indent + at, found)
    } else {
        expression(before, subject)
    };
    found.sort();
    found.dedup();
    (at, found)
}

fn command(line: &str, subject: &Subject) -> (usize, Vec<Candidate>) {
    let Some((name, argument)) = line.split_once(' ') else {
        let known = COMMANDS.iter().filter(|known| known.name.starts_with(line));
        let found = known.map(|known| Candidate::new(known.name, format!("{} ", known.name)));
        return (0, found.collect());
    };
    let start = name.len() + 1;
    match name {
        ":help" => {
            let known = names().filter(|known| known.starts_with(argument));
            (
                start,
                known.map(|name| Candidate::new(name, name)).collect(),
            )
        }
        ":type" => {
            let (at, found) = expression(argument, subject);
            (start + at, found)
        }
        ":body" | ":request" => (start, files(argument)),
        _ => (start, Vec::new()),
    }
}

/// Files whose path begins like this.
fn files(typed: &str) -> Vec<Candidate> {
    let (folder, start) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let place = if folder.is_empty() { "." } else { folder };
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let mut name = entry.file_name().into_string().ok()?;
        let is_hidden = name.starts_with('.') && !start.starts_with('.');
        if is_hidden || !name.starts_with(start) {
            return None;
        }
        if entry.path().is_dir() {
            name.push('/');
        }
        Some(Candidate::new(name.as_str(), format!("{folder}{name}")))
    });
    found.collect()
}

fn expression(before: &str, subject: &Subject) -> (usize, Vec<Candidate>) {
    if let Some((value, quote, typed)) = open_key(before) {
        let keys = keys_of(value, before, subject);
        let matching = keys.iter().filter(|key| key.starts_with(typed));
        let found = matching.map(|key| Candidate::new(key.as_str(), format!("{key}{quote}]")));
        return (before.len() - typed.len(), found.collect());
    }
    let start = before.rfind(|c: char| !is_word(c)).map_or(0, |at| {
        at + before
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8)
    });
    let (head, typed) = before.split_at(start);
    if let Some((value, dot)) = head
        .strip_suffix(".?")
        .map(|value| (value, ".?"))
        .or_else(|| head.strip_suffix('.').map(|value| (value, ".")))
    {
        return selection(value, dot, typed, before, subject);
    }
    let mut found = Vec::new();
    let environment = subject.environment();
    let names = environment.variables().map(|(name, _)| name);
    found.extend(
        names
            .filter(|name| name.starts_with(typed))
            .map(|name| Candidate::new(name, name)),
    );
    found.extend(
        function::all()
            .iter()
            .filter(|function| function.name.starts_with(typed) && is_global(function))
            .map(|function| Candidate::new(function.name, format!("{}(", function.name))),
    );
    found.extend(
        ["has", "default", "coalesce"]
            .into_iter()
            .filter(|name| name.starts_with(typed))
            .map(|name| Candidate::new(name, format!("{name}("))),
    );
    (start, found)
}

/// What can be selected from a value: its fields, and the functions that it can be given to.
fn selection(
    value: &str,
    dot: &str,
    typed: &str,
    before: &str,
    subject: &Subject,
) -> (usize, Vec<Candidate>) {
    let at = value.len();
    let Some(receiver) = receiver(value) else {
        return (at, Vec::new());
    };
    // `math.` and its like are no values.
    let space = format!("{receiver}.");
    let start = before.len() - typed.len() - dot.len() - receiver.len();
    let mut found: Vec<_> = function::all()
        .iter()
        .filter(|function| {
            function
                .name
                .strip_prefix(&space)
                .is_some_and(|rest| rest.starts_with(typed))
        })
        .map(|function| Candidate::new(function.name, format!("{}(", function.name)))
        .collect();
    if !found.is_empty() {
        return (start, found);
    }
    let kind = with_value(receiver, before, subject, |value| {
        let optional = if dot == ".?" { "?" } else { "" };
        let fields = keys(value).into_iter().filter(|key| key.starts_with(typed));
        found.extend(fields.map(|key| {
            let text = if is_name(&key) {
                format!("{dot}{key}")
            } else {
                format!("[{optional}{}]", quoted(&key))
            };
            Candidate::new(key, text)
        }));
        value.type_name()
    });
    // What every map can be given to would bury the fields.
    let offers_functions = dot == "." && found.is_empty();
    if let (Some(kind), true) = (kind, offers_functions) {
        let functions = function::all()
            .iter()
            .filter(|function| function.name.starts_with(typed) && is_method_of(function, kind));
        found.extend(functions.map(|function| {
            Candidate::new(
                format!("{}(", function.name),
                format!(".{}(", function.name),
            )
        }));
        if matches!(kind, "list" | "map") {
            let macros = MACROS
                .iter()
                .filter(|(name, usage)| name.starts_with(typed) && !usage.starts_with("`optional"));
            found.extend(
                macros.map(|(name, _)| Candidate::new(format!("{name}("), format!(".{name}("))),
            );
        }
    }
    (at, found)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

fn is_name(key: &str) -> bool {
    key.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) && key.chars().all(is_word)
}

fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', r"\\").replace('"', r#"\""#))
}

fn is_global(function: &Function) -> bool {
    let name = function.name;
    let is_call = |signature: &&str| {
        let rest = signature.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    function.signatures.iter().any(is_call)
}

/// Whether a signature takes a value of this kind before the dot.
fn is_method_of(function: &Function, kind: &str) -> bool {
    let kind = match kind {
        "google.protobuf.Timestamp" => "timestamp",
        "google.protobuf.Duration" => "duration",
        other => other,
    };
    let call = format!(".{}(", function.name);
    function.signatures.iter().any(|signature| {
        let receiver = signature.split_once(&call).map(|(receiver, _)| receiver);
        receiver.is_some_and(|receiver| {
            let name = receiver.split('(').next().unwrap_or_default();
            name == kind || name == "dyn" || name.len() == 1
        })
    })
}

/// The key that is being typed in `value["typed`: the value, the quote, what is there of it.
fn open_key(before: &str) -> Option<(&str, char, &str)> {
    let at = before.rfind(['"', '\''])?;
    let (head, tail) = before.split_at(at);
    let quote = tail.chars().next()?;
    let typed = tail.get(1..)?;
    let value = head.strip_suffix('[').or_else(|| head.strip_suffix("[?"))?;
    Some((receiver(value)?, quote, typed))
}

fn keys_of(receiver: &str, before: &str, subject: &Subject) -> Vec<String> {
    with_value(receiver, before, subject, keys).unwrap_or_default()
}

fn keys(value: Value<'_>) -> Vec<String> {
    let value = match value {
        Value::Optional(Some(inner)) => *inner,
        other => other,
    };
    let Some(map) = value.as_map() else {
        return Vec::new();
    };
    map.iter()
        .take(FIELDS)
        .map(|(key, _)| key.to_string())
        .collect()
}

/// Does something with the value of an expression that stands in `before`, if it has one.
fn with_value<R>(
    expression: &str,
    before: &str,
    subject: &Subject,
    mut then: impl FnMut(Value<'_>) -> R,
) -> Option<R> {
    let expression = without_macro(expression, before, MACRO_DEPTH);
    let compiled = compile(&expression, &subject.environment()).ok()?;
    subject.evaluate(&compiled.program, SystemClock.now(), |outcome| {
        outcome.ok().map(&mut then)
    })
}

/// The expression with the first item of a list in place of a macro's variable.
fn without_macro(expression: &str, before: &str, depth: usize) -> String {
    let end = expression
        .find(|c: char| !is_word(c))
        .unwrap_or(expression.len());
    let (variable, rest) = expression.split_at(end);
    let binds = format!("({variable},");
    let Some(at) = before
        .rfind(&binds)
        .filter(|_| is_name(variable) && depth > 0)
    else {
        return expression.to_owned();
    };
    let call = before.get(..at).unwrap_or_default();
    let list = call
        .trim_end_matches(is_word)
        .strip_suffix('.')
        .and_then(receiver);
    match list {
        Some(list) => {
            let list = without_macro(list, call, depth - 1);
            format!("{list}[0]{rest}")
        }
        None => expression.to_owned(),
    }
}

/// The operand at the end of a text: `body.a[0].b`, `f(x).c`, `"text"`.
fn receiver(text: &str) -> Option<&str> {
    let mut at = text.len();
    loop {
        let head = text.get(..at)?;
        let last = head.chars().next_back()?;
        at = match last {
            ')' | ']' | '}' => {
                let open = opening(head)?;
                // A call's name, or what an index is of.
                let before = text.get(..open)?;
                let continues = before
                    .chars()
                    .next_back()
                    .is_some_and(|c| is_word(c) || matches!(c, ')' | ']' | '$'));
                if continues {
                    at = open;
                    continue;
                }
                open
            }
            '"' | '\'' => head.get(..at - 1)?.rfind(last)?,
            c if is_word(c) || c == '$' => head.trim_end_matches(|c| is_word(c) || c == '$').len(),
            _ => return None,
        };
        let before = text.get(..at)?;
        match before
            .strip_suffix(".?")
            .or_else(|| before.strip_suffix('.'))
        {
            Some(object) => at = object.len(),
            None => return text.get(at..),
        }
    }
}

/// Where the bracket opens that closes at the end.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices().rev() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, ')' | ']' | '}') => depth += 1,
            (None, '(' | '[' | '{') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::cli::console::Console;

    const REQUEST: &str = "POST /hooks/a?source=web HTTP/1.1\nUser-Agent: x\nX-A: 1\nContent-Type: application/json\n\n\
        {\"repository\": {\"full_name\": \"a/b\", \"fork\": false, \"two words\": 1, \"owner\": {\"login\": \"o\"}},
          \"commits\": [{\"id\": \"c1\", \"author\": {\"name\": \"n\"}, \"added\": [{\"path\": \"p\"}]}], \"text\": \"t\"}";

    fn subject() -> Subject {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(REQUEST.as_bytes()).unwrap();
        let mut subject = Subject::default();
        let mut console = Console {
            input: &mut std::io::empty(),
            input_is_terminal: false,
            out: &mut Vec::new(),
            err: &mut Vec::new(),
            clock: &SystemClock,
        };
        subject
            .load_request(file.path(), None, &mut console)
            .unwrap();
        subject
    }

    /// What the line becomes with each candidate.
    #[track_caller]
    fn check(before: &str, expected: &[&str]) {
        let (at, found) = complete(before, &subject());
        let lines: Vec<String> = found
            .iter()
            .map(|candidate| format!("{}{}", before.split_at(at).0, candidate.text))
            .collect();
        assert_eq!(lines, expected, "{before}");
    }

    #[test]
    fn names_and_functions_complete() {
        check("raw", &["raw_body"]);
        check("1 + bod", &["1 + body"]);
        check("md", &["md5("]);
        check("f(ha", &["f(has("]);
        check("math.gr", &["math.greatest("]);
        check("size(math.le", &["size(math.least("]);
        check("nothing_is_called_like_this", &[]);
    }

    #[test]
    fn fields_are_those_that_are_there() {
        check("body.repository.fu", &["body.repository.full_name"]);
        check(
            "body.repository.",
            &[
                "body.repository.fork",
                "body.repository.full_name",
                "body.repository.owner",
                "body.repository[\"two words\"]",
            ],
        );
        check(
            "1 + (body.repository.owner.",
            &["1 + (body.repository.owner.login"],
        );
        check("body.?repository.?fo", &["body.?repository.?fork"]);
        check("body.commits[0].i", &["body.commits[0].id"]);
        check(
            "body[\"repository\"].owner.l",
            &["body[\"repository\"].owner.login"],
        );
        check("$.body.repository.ow", &["$.body.repository.owner"]);
        check("headers.user", &["headers[\"user-agent\"]"]);
        check("headers[\"us", &["headers[\"user-agent\"]"]);
        check("headers['x", &["headers['x-a']"]);
        check("query.so", &["query.source"]);
        check("body.nope.", &[]);
        check(" :type body.te", &[" :type body.text"]);
    }

    #[test]
    fn a_macros_variable_is_an_item() {
        check("body.commits.map(c, c.i", &["body.commits.map(c, c.id"]);
        check(
            "body.commits.map(c, c.author.",
            &["body.commits.map(c, c.author.name"],
        );
        check(
            "body.commits.map(c, c.added.filter(a, a.",
            &["body.commits.map(c, c.added.filter(a, a.path"],
        );
    }

    #[test]
    fn functions_follow_values_of_their_kind() {
        check("body.text.upperA", &["body.text.upperAscii("]);
        check("'a b'.tit", &["'a b'.title("]);
        check("body.commits.exists_", &["body.commits.exists_one("]);
        check("now.getFullY", &["now.getFullYear("]);
        check(
            "body.commits.map(c, c.id).jo",
            &["body.commits.map(c, c.id).join("],
        );
        check("size(body).upper", &[]);
    }

    #[test]
    fn commands_complete() {
        check(":q", &[":quit "]);
        check(
            ":",
            &[
                ":body ",
                ":help ",
                ":names ",
                ":quit ",
                ":request ",
                ":type ",
            ],
        );
        check(":help math.gr", &[":help math.greatest"]);
        check(":help exists_", &[":help exists_one"]);
        check(":quit x", &[]);
        check(":body Cargo.to", &[":body Cargo.toml"]);
        check(":request src/cli/eva", &[":request src/cli/eval/"]);
    }

    #[test]
    fn whatever_is_typed_completes_or_does_not() {
        let text = "body.commits.map(c, c['é\"].x).?y[0](\"'{é.}) ]. :type ";
        let chars: Vec<char> = text.chars().collect();
        for start in 0..chars.len() {
            for end in start..=chars.len() {
                let typed: String = chars[start..end].iter().collect();
                let (at, _) = complete(&typed, &Subject::default());
                assert!(typed.is_char_boundary(at), "{typed}");
            }
        }
    }
}
