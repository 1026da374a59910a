//! Which names may be given to what.

use super::places::Places;
use super::read::error;
use super::{FieldPath, Spec};
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Diagnostic, Span};

/// Names that every expression knows already.
pub const ROOTS: [&str; 20] = [
    "body",
    "raw_body",
    "params",
    "query",
    "form",
    "path",
    "cookies",
    "headers",
    "files",
    "file_content",
    "method",
    "auth_type",
    "user_info",
    "crmAPIRequest",
    "arguments",
    "event",
    "env",
    "auth",
    "now",
    "deliveries",
];

/// Words that CEL keeps for itself.
pub const CEL_WORDS: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Reports names that cannot be given.
pub(super) fn check(spec: &Spec, places: &Places, problems: &mut Vec<Diagnostic>) {
    let Spec::Function(function) = spec else {
        return;
    };
    if !is_function_name(&function.function) {
        let at = FieldPath::root().key("function");
        problems.push(bad_function_name(&function.function, places.value(&at)));
    }
    for name in function.bindings.keys() {
        let reason = if CEL_WORDS.contains(&name.as_str()) {
            Some("CEL keeps this word for itself")
        } else if ROOTS.contains(&name.as_str()) {
            Some("every expression knows something else by this name")
        } else if !is_let_name(name) {
            Some("a name has lower-case letters, digits and `_`, and starts with a letter")
        } else {
            None
        };
        if let Some(reason) = reason {
            let at = FieldPath::root().key("let").key(name);
            let mut problem = error(
                code::NAME,
                places.key(&at),
                format!("`{name}` cannot be a name under `let`"),
            );
            problem.help.push(reason.to_owned());
            problems.push(problem);
        }
    }
}

/// Says which names a function may have.
pub(super) fn bad_function_name(name: &str, at: Span) -> Diagnostic {
    let mut problem = error(
        code::NAME,
        at,
        format!("`{name}` cannot be a function's name"),
    );
    problem.help.push(
        "a name starts with a letter and has letters, digits and `_`; an extension's is `namespace__name`"
            .to_owned(),
    );
    problem
}

fn is_function_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_let_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
