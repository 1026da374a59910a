//! Paths as a template writes them: `body.name`, `../name`, `@root/env.X`, `@index`, `this.x`.
//!
//! Handlebars has parsed the path already; its own form cannot be looked into from outside, so the
//! text is taken apart once more, by the same grammar.

/// A path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplatePath<'t> {
    /// Where it starts.
    pub(super) start: Start,
    /// The names after it.
    pub(super) names: Vec<&'t str>,
}

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the current item; so many `../` up.
    Here(usize),
    /// `@root`.
    Root,
    /// A variable of the enclosing block: `@index`, `@key`, `@first`, `@last`.
    Local,
}

pub(super) fn parse(raw: &str) -> TemplatePath<'_> {
    let mut rest = ["this.", "this/", "./"]
        .iter()
        .find_map(|prefix| raw.strip_prefix(prefix))
        .unwrap_or(raw);
    let mut start = Start::Here(0);
    let below = rest.strip_prefix("@root");
    if let Some(after) = below.and_then(|rest| rest.strip_prefix(['.', '/'])) {
        start = Start::Root;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('@') {
        start = Start::Local;
        rest = after;
    }
    while let Some(after) = rest
        .strip_prefix("../")
        .or_else(|| rest.strip_prefix("..."))
    {
        if let Start::Here(up) = &mut start {
            *up += 1;
        }
        rest = after;
    }
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, after) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (name, after) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (name, after.strip_prefix(['.', '/']).unwrap_or(after))
            }
            None => rest.split_once(['.', '/']).unwrap_or((rest, "")),
        };
        // `this` stands for the value itself wherever it is written.
        if name != "this" {
            names.push(name);
        }
        rest = after;
    }
    TemplatePath { start, names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_start_and_names() {
        let check = |raw: &str, start: Start, names: &[&str]| {
            assert_eq!(
                parse(raw),
                TemplatePath {
                    start,
                    names: names.to_vec()
                },
                "{raw}"
            );
        };
        check("body", Start::Here(0), &["body"]);
        check("body.a/b", Start::Here(0), &["body", "a", "b"]);
        check("this", Start::Here(0), &[]);
        check("this.a", Start::Here(0), &["a"]);
        check("./a", Start::Here(0), &["a"]);
        check("../../a.b", Start::Here(2), &["a", "b"]);
        check("../this", Start::Here(1), &[]);
        check("@root/a.b", Start::Root, &["a", "b"]);
        check("@index", Start::Local, &["index"]);
        check("@../key", Start::Local, &["key"]);
        check(
            "headers.[user-agent].x",
            Start::Here(0),
            &["headers", "user-agent", "x"],
        );
        check("a.[b.c]", Start::Here(0), &["a", "b.c"]);
        check("items.0.id", Start::Here(0), &["items", "0", "id"]);
    }
}
