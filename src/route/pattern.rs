//! `accept.path`: an address with parameters.
//!
//! A pattern is a list of segments, each a literal or one `{parameter}`. Literals are compared
//! with the request's segments after these are percent-decoded once, so a pattern is written with
//! the characters themselves. An address matches only as it is written: letters' case counts, and
//! `/a/` is not `/a`.

use crate::diagnostic::{Problem, code};

/// Longest pattern, in segments: what it takes to find a route is bounded by it.
const MAX_SEGMENTS: usize = 16;

/// First segments that belong to the gateway.
const RESERVED: [&str; 5] = ["crm", "healthz", "readyz", "metrics", "admin"];

/// A parsed `accept.path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// In order.
    pub segments: Vec<Segment>,
}

/// One segment of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Literal(String),
    /// Any one segment that is not empty; its name in `path`.
    Parameter(String),
}

impl Pattern {
    /// Reads a pattern; all problems at once.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(vec![
                Problem::error(
                    code::route::BAD_PATH,
                    0..text.len(),
                    format!("`{text}` does not begin with `/`"),
                )
                .help(format!("write `/{text}`")),
            ]);
        };
        let mut segments: Vec<Segment> = Vec::new();
        let mut problems = Vec::new();
        let mut at = 1;
        for part in rest.split('/') {
            let range = at..at + part.len();
            at = range.end + 1;
            match segment(part) {
                Ok(Segment::Parameter(name))
                    if segments.contains(&Segment::Parameter(name.clone())) =>
                {
                    problems.push(Problem::error(
                        code::route::BAD_PATH,
                        range,
                        format!("the parameter `{name}` stands twice"),
                    ));
                }
                Ok(segment) => segments.push(segment),
                Err((message, help)) => {
                    problems.push(Problem::error(code::route::BAD_PATH, range, message).help(help));
                }
            }
        }
        if segments.len() > MAX_SEGMENTS {
            problems.push(Problem::error(
                code::route::BAD_PATH,
                0..text.len(),
                format!("more than {MAX_SEGMENTS} segments"),
            ));
        }
        if let Some(Segment::Literal(first)) = segments.first()
            && RESERVED.contains(&first.as_str())
        {
            problems.push(
                Problem::error(
                    code::route::RESERVED_PATH,
                    0..1 + first.len(),
                    format!("addresses under `/{first}` are the gateway's own"),
                )
                .help("choose another first segment, such as `/hooks`"),
            );
        }
        if problems.is_empty() {
            Ok(Self { segments })
        } else {
            Err(problems)
        }
    }

    /// The parameters' names, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// The pattern without its parameters' names: two patterns of one shape answer the same
    /// addresses.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                Segment::Parameter(_) => shape.push_str("{}"),
            }
        }
        shape
    }
}

fn segment(part: &str) -> Result<Segment, (String, String)> {
    if part.is_empty() {
        return Err((
            "an empty segment".to_owned(),
            "remove the `/`; an address answers exactly as it is written".to_owned(),
        ));
    }
    if part == "." || part == ".." {
        return Err((
            format!("the segment `{part}`"),
            "write the address that is meant".to_owned(),
        ));
    }
    if let Some(name) = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
    {
        return if is_value_name(name) {
            Ok(Segment::Parameter(name.to_owned()))
        } else {
            Err((
                format!("`{name}` cannot be a parameter's name"),
                "use lower-case letters, digits and `_`, beginning with a letter".to_owned(),
            ))
        };
    }
    if part.contains(['{', '}']) {
        return Err((
            format!("`{part}` mixes a parameter with text"),
            "a parameter is a whole segment: `/hooks/{form}`".to_owned(),
        ));
    }
    match part.chars().find(|&c| {
        matches!(
            c,
            '?' | '#' | '%' | '\\' | '*' | '"' | '<' | '>' | '^' | '`' | '|'
        ) || c.is_whitespace()
            || c.is_control()
    }) {
        Some('%') => Err((
            "a percent-encoded character".to_owned(),
            "write the character itself; requests are decoded before they are compared".to_owned(),
        )),
        Some(c) => Err((
            format!("`{}` cannot stand in an address", c.escape_debug()),
            "an address is only a path; queries are read as `query.NAME`".to_owned(),
        )),
        None => Ok(Segment::Literal(part.to_owned())),
    }
}

/// `[a-z][a-z0-9_]*`: names that expressions can use without quotes.
fn is_value_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], &[(std::ops::Range<usize>, &str)]>) {
        match (Pattern::parse(text), expected) {
            (Ok(pattern), Ok(names)) => {
                assert_eq!(pattern.parameters().collect::<Vec<_>>(), names, "{text}");
            }
            (Err(problems), Err(expected)) => {
                let found: Vec<_> = problems
                    .iter()
                    .map(|problem| (problem.range.clone(), problem.message.as_str()))
                    .collect();
                assert_eq!(found, expected, "{text}");
            }
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn a_parameter_is_a_whole_segment() {
        check("/hooks/github", Ok(&[]));
        check("/hooks/{form}/x/{part}", Ok(&["form", "part"]));
        check("/é/{x}", Ok(&["x"]));
        check("/a:b@c/d.e~f", Ok(&[]));
        check(
            "/a/v{n}",
            Err(&[(3..7, "`v{n}` mixes a parameter with text")]),
        );
        check("/a/{N}", Err(&[(3..6, "`N` cannot be a parameter's name")]));
    }

    #[test]
    fn all_problems_of_a_path_are_told_at_once() {
        check(
            "/{a}//{a}/b%20",
            Err(&[
                (5..5, "an empty segment"),
                (6..9, "the parameter `a` stands twice"),
                (10..14, "a percent-encoded character"),
            ]),
        );
        check("hooks", Err(&[(0..5, "`hooks` does not begin with `/`")]));
        check("/", Err(&[(1..1, "an empty segment")]));
        check("/a/", Err(&[(3..3, "an empty segment")]));
        check("/a?x=1", Err(&[(1..6, "`?` cannot stand in an address")]));
        check(&"/a".repeat(17), Err(&[(0..34, "more than 16 segments")]));
    }

    #[test]
    fn the_gateways_own_addresses_are_kept() {
        check(
            "/crm/v2/x",
            Err(&[(0..4, "addresses under `/crm` are the gateway's own")]),
        );
        check(
            "/healthz",
            Err(&[(0..8, "addresses under `/healthz` are the gateway's own")]),
        );
        check("/crmx", Ok(&[]));
    }

    #[test]
    fn names_of_parameters_do_not_tell_shapes_apart() {
        let shape = |text| Pattern::parse(text).unwrap().shape();
        assert_eq!(shape("/a/{x}"), shape("/a/{y}"));
        assert_ne!(shape("/a/{x}"), shape("/a/x"));
    }
}
