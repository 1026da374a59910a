//! `respond`, from what is written to the cases that run.

use std::path::Path;

use http::{HeaderName, HeaderValue, StatusCode, header};

use super::answer::{Answer, Case, Head, Line, RawAnswer};
use super::content::{Content, Filling, Node};
use super::expressions::Expressions;
use super::fallible::Place;
use super::files::Files;
use super::report::Complete;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::expr::Type;
use crate::spec::{CaseSpec, FieldPath, FunctionSpec, Tree};
use crate::template::{Escape, Template};
use crate::value::{Value, json};

/// Written by the server, or of one connection only.
pub(super) const FORBIDDEN_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Compiles the cases of a function. Without `respond` it is one: the empty envelope.
pub(super) fn compile(
    spec: &FunctionSpec,
    root: &Path,
    files: &mut Files<'_>,
    expressions: &mut Expressions<'_, '_>,
) -> Vec<Case> {
    let base = FieldPath::root().key("respond");
    if spec.respond.is_empty() {
        if spec.respond_is_list {
            expressions
                .report
                .error(code::route::NO_LAST_CASE, &base, "`respond` has no case")
                .help("leave `respond` out for Zoho's plain success, or write a case");
        }
        return vec![Case {
            when: None,
            answer: Answer::Envelope(None),
        }];
    }
    let last = spec.respond.len() - 1;
    let mut always: Option<Span> = None;
    let mut cases = Vec::with_capacity(spec.respond.len());
    for (index, case) in spec.respond.iter().enumerate() {
        let at = if spec.respond_is_list {
            base.index(index)
        } else {
            base.clone()
        };
        if let Some(always) = always {
            expressions
                .report
                .error(
                    code::route::UNREACHABLE_CASE,
                    &at,
                    "this case is never reached",
                )
                .related(always, "this one has no `when` and always holds")
                .help("put the case without `when` last");
        }
        let when = if let Some(when) = &case.when {
            if index == last && always.is_none() {
                expressions
                    .report
                    .error_at_key(
                        code::route::NO_LAST_CASE,
                        &at.key("when"),
                        "the last case has a `when`: there may be nothing to answer",
                    )
                    .help("add a last case without `when`");
            }
            expressions.at_place(Place::CaseWhen(index));
            expressions.condition(&at.key("when"), &when.0)
        } else {
            always = always.or_else(|| Some(expressions.report.value(&at)));
            None
        };
        expressions.at_place(Place::Case(index));
        let mut compiler = Compiler {
            root,
            files,
            expressions,
        };
        let answer = compiler.answer(case, &at);
        cases.push(Case { when, answer });
    }
    cases
}

/// Compiles a tree that is sent as JSON.
pub(super) fn tree(
    tree: &Tree,
    at: &FieldPath,
    root: &Path,
    files: &mut Files<'_>,
    expressions: &mut Expressions<'_, '_>,
) -> Option<Node> {
    let mut compiler = Compiler {
        root,
        files,
        expressions,
    };
    compiler.node(tree, at)
}

/// Compiles header lines.
pub(super) fn header_lines(
    headers: &indexmap::IndexMap<String, Tree>,
    at: &FieldPath,
    root: &Path,
    files: &mut Files<'_>,
    expressions: &mut Expressions<'_, '_>,
) -> Vec<(Box<str>, Line)> {
    let mut compiler = Compiler {
        root,
        files,
        expressions,
    };
    let lines = headers
        .iter()
        .filter_map(|(name, value)| compiler.header(name, value, at));
    lines.collect()
}

/// Compiles one text, or several, of a query or a form: what a header's value can be, too.
pub(super) fn texts(
    value: &Tree,
    at: &FieldPath,
    root: &Path,
    files: &mut Files<'_>,
    expressions: &mut Expressions<'_, '_>,
) -> Option<Line> {
    let mut compiler = Compiler {
        root,
        files,
        expressions,
    };
    match value {
        Tree::List(items) => Some(Line::Many(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| compiler.header_line(item, &at.index(index)))
                .collect::<Option<_>>()?,
        )),
        value => compiler.header_line(value, at),
    }
}

/// Compiles a text, or a template that is escaped as its type needs.
pub(super) fn text_content(
    tree: &Tree,
    content_type: &str,
    at: &FieldPath,
    root: &Path,
    files: &mut Files<'_>,
    expressions: &mut Expressions<'_, '_>,
) -> Option<Content> {
    let mut compiler = Compiler {
        root,
        files,
        expressions,
    };
    compiler.content(tree, at, escape_for(Some(content_type)))
}

struct Compiler<'x, 'f, 'c, 'd> {
    root: &'x Path,
    files: &'x mut Files<'f>,
    expressions: &'x mut Expressions<'c, 'd>,
}

impl Compiler<'_, '_, '_, '_> {
    fn answer(&mut self, case: &CaseSpec, at: &FieldPath) -> Answer {
        if let Some(output) = &case.output {
            let others = [
                ("status_code", case.status_code.is_some()),
                ("content_type", case.content_type.is_some()),
                ("headers", case.headers.is_some()),
                ("body", case.body.is_some()),
            ];
            for (key, _) in others.into_iter().filter(|(_, is_there)| *is_there) {
                self.expressions
                    .report
                    .error_at_key(
                        code::route::MIXED_ANSWER,
                        &at.key(key),
                        format!("`{key}` cannot stand beside `output`"),
                    )
                    .help("`output` is put into Zoho's envelope, whose status and type are fixed; for another answer use `body`");
            }
            return Answer::Envelope(self.content(output, &at.key("output"), Escape::None));
        }
        let empty = case.status_code.is_none()
            && case.content_type.is_none()
            && case.headers.is_none()
            && case.body.is_none();
        if empty {
            return Answer::Envelope(None);
        }
        let status = case
            .status_code
            .as_ref()
            .and_then(|status| self.status(status, &at.key("status_code")));
        let content_type = case
            .content_type
            .as_ref()
            .and_then(|text| self.content_type(text, &at.key("content_type")));
        let headers = case.headers.as_ref().map(|headers| {
            let at = at.key("headers");
            headers
                .iter()
                .filter_map(|(name, value)| self.header(name, value, &at))
                .collect::<Vec<_>>()
        });
        let body = case.body.as_ref().and_then(|body| {
            let kind = case.content_type.as_deref().or_else(|| {
                let mut headers = case.headers.iter().flatten();
                let found = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                match found {
                    Some((_, Tree::Text(text))) => Some(text.as_str()),
                    _ => None,
                }
            });
            self.content(body, &at.key("body"), escape_for(kind))
        });
        let head = Head::fixed(status.as_ref(), content_type.as_ref(), headers.as_deref())
            .unwrap_or(Head::Computed {
                status,
                content_type,
                headers,
            });
        if let (Head::Fixed { status, .. }, Some(_)) = (&head, &body)
            && *status == StatusCode::NO_CONTENT
        {
            self.expressions
                .report
                .error_at_key(
                    code::route::MIXED_ANSWER,
                    &at.key("body"),
                    "an answer with status 204 has no body",
                )
                .help("remove `body`, or use 200");
        }
        Answer::Raw(RawAnswer { head, body })
    }

    fn status(&mut self, status: &Tree, at: &FieldPath) -> Option<Line> {
        let code = match status {
            Tree::Int(code) => u16::try_from(*code).ok(),
            Tree::Text(text) if text.contains("${") => {
                let (clause, of) = self.expressions.text(at, text)?;
                if !matches!(
                    of.bare(),
                    Type::Int | Type::UInt | Type::Number | Type::String | Type::Dyn
                ) {
                    self.expressions.report.error(
                        code::route::BAD_STATUS,
                        at,
                        format!("a status is a number, this is `{of}`"),
                    );
                }
                return Some(Line::Computed(clause));
            }
            Tree::Text(text) => text.parse().ok(),
            _ => None,
        };
        let status = code.and_then(answer_status);
        if status.is_none() {
            self.expressions
                .report
                .error(
                    code::route::BAD_STATUS,
                    at,
                    "not a status that an answer can have",
                )
                .help("a number from 200 to 599");
        }
        status.map(|status| Line::Fixed(status.as_str().into()))
    }

    fn content_type(&mut self, text: &str, at: &FieldPath) -> Option<Line> {
        if text.contains("${") {
            let (clause, _) = self.expressions.text(at, text)?;
            return Some(Line::Computed(clause));
        }
        if !is_content_type(text) || HeaderValue::from_str(text).is_err() {
            self.expressions
                .report
                .error(
                    code::route::BAD_CONTENT_TYPE,
                    at,
                    format!("`{text}` is not a content type"),
                )
                .help("write it as in `text/plain; charset=utf-8`");
            return None;
        }
        Some(Line::Fixed(text.into()))
    }

    fn header(&mut self, name: &str, value: &Tree, at: &FieldPath) -> Option<(Box<str>, Line)> {
        let at = at.key(name);
        let Ok(header) = HeaderName::try_from(name) else {
            self.expressions
                .report
                .error_at_key(
                    code::route::BAD_HEADER,
                    &at,
                    format!("`{name}` cannot be a header's name"),
                )
                .help("use letters, digits and `-`");
            return None;
        };
        if FORBIDDEN_HEADERS.contains(&header.as_str()) {
            self.expressions
                .report
                .error_at_key(
                    code::route::BAD_HEADER,
                    &at,
                    format!("the header `{name}` is the server's own"),
                )
                .help("remove it");
            return None;
        }
        let line = match value {
            Tree::Text(text) if header == header::CONTENT_TYPE => self.content_type(text, &at)?,
            Tree::List(items) => Line::Many(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.header_line(item, &at.index(index)))
                    .collect::<Option<_>>()?,
            ),
            value => self.header_line(value, &at)?,
        };
        Some((name.into(), line))
    }

    fn header_line(&mut self, value: &Tree, at: &FieldPath) -> Option<Line> {
        let text = match value {
            Tree::Text(text) => text.clone(),
            Tree::Int(number) => number.to_string(),
            Tree::UInt(number) => number.to_string(),
            Tree::Bool(flag) => flag.to_string(),
            Tree::Null | Tree::Double(_) | Tree::List(_) | Tree::Map(_) => {
                self.expressions
                    .report
                    .error(code::route::BAD_HEADER, at, "a header's value is text")
                    .help("put it in quotes");
                return None;
            }
        };
        if text.contains("${") {
            let (clause, _) = self.expressions.text(at, &text)?;
            return Some(Line::Computed(clause));
        }
        if HeaderValue::try_from(text.as_str()).is_err() {
            self.expressions.report.error(
                code::route::BAD_HEADER,
                at,
                "a line break or control character in a header's value",
            );
            return None;
        }
        Some(Line::Fixed(text.into()))
    }

    /// What is sent as it is when it is text, and as JSON when it is a tree.
    fn content(&mut self, tree: &Tree, at: &FieldPath, escape: Escape) -> Option<Content> {
        match tree {
            Tree::Text(text) if text.contains("${") => {
                let (clause, _) = self.expressions.text(at, text)?;
                Some(Content::Computed(clause))
            }
            Tree::Text(text) => Some(Content::Text(text.as_str().into())),
            Tree::Map(entries) if is_template(entries) => {
                Some(Content::Template(self.template(entries, at, escape)?))
            }
            tree => Some(Content::Tree(self.node(tree, at)?)),
        }
    }

    fn node(&mut self, tree: &Tree, at: &FieldPath) -> Option<Node> {
        match tree {
            Tree::Null => self.fixed(Value::Null, at),
            Tree::Bool(flag) => self.fixed(Value::Bool(*flag), at),
            Tree::Int(number) => self.fixed(Value::Int(*number), at),
            Tree::UInt(number) => self.fixed(Value::UInt(*number), at),
            Tree::Double(number) => self.fixed(Value::Double(*number), at),
            Tree::Text(text) if text.contains("${") => {
                let (clause, of) = self.expressions.text(at, text)?;
                if matches!(of, Type::Type(_)) {
                    self.expressions
                        .report
                        .error(
                            code::route::BAD_ANSWER_VALUE,
                            at,
                            format!("`{of}` cannot be written as JSON"),
                        )
                        .help("use `string(type(x))` for a type's name");
                }
                Some(Node::Value(clause))
            }
            Tree::Text(text) => self.fixed(Value::String(text), at),
            Tree::Map(entries) if is_template(entries) => {
                // The text becomes a JSON string, and is escaped as one when it is written.
                Some(Node::Template(self.template(entries, at, Escape::None)?))
            }
            Tree::List(items) => {
                let mut is_whole = true;
                let mut nodes = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match self.node(item, &at.index(index)) {
                        Some(node) => nodes.push(node),
                        None => is_whole = false,
                    }
                }
                is_whole.then(|| fold_list(nodes))
            }
            Tree::Map(entries) => {
                let mut is_whole = true;
                let mut nodes = Vec::with_capacity(entries.len());
                for (key, item) in entries {
                    match self.node(item, &at.key(key.as_str())) {
                        Some(node) => nodes.push((key_bytes(key), node)),
                        None => is_whole = false,
                    }
                }
                is_whole.then(|| fold_map(nodes))
            }
        }
    }

    fn fixed(&mut self, value: Value<'_>, at: &FieldPath) -> Option<Node> {
        let mut text = Vec::new();
        if let Err(error) = json::write(value, &mut text) {
            self.expressions
                .report
                .error(code::route::BAD_ANSWER_VALUE, at, error.to_string());
            return None;
        }
        Some(Node::Fixed(text.into()))
    }

    /// `$template: text` or `$template: { file: path }`
    fn template(
        &mut self,
        entries: &[(String, Tree)],
        at: &FieldPath,
        escape: Escape,
    ) -> Option<Filling> {
        for (key, _) in entries.iter().filter(|(key, _)| key != TEMPLATE) {
            self.expressions.report.error_at_key(
                code::route::BAD_TEMPLATE,
                &at.key(key.as_str()),
                format!("`{key}` cannot stand beside `{TEMPLATE}`"),
            );
        }
        let at = at.key(TEMPLATE);
        let (_, tree) = entries.iter().find(|(key, _)| key == TEMPLATE)?;
        match tree {
            Tree::Text(text) => {
                match Template::compile(text, escape, &self.expressions.environment) {
                    Ok(template) => Some(self.filling(template, &at)),
                    Err(problems) => {
                        self.expressions.report.inside(&at, problems);
                        None
                    }
                }
            }
            Tree::Map(fields) => match fields.as_slice() {
                [(key, Tree::Text(path))] if key == "file" => {
                    self.template_file(path, &at.key("file"), escape)
                }
                _ => self.bad_template(&at),
            },
            _ => self.bad_template(&at),
        }
    }

    fn bad_template(&mut self, at: &FieldPath) -> Option<Filling> {
        self.expressions
            .report
            .error(code::route::BAD_TEMPLATE, at, "not a template")
            .help("write the text, or `{ file: path }`");
        None
    }

    fn template_file(&mut self, path: &str, at: &FieldPath, escape: Escape) -> Option<Filling> {
        let (source, text) = match self.files.read(self.root, path) {
            Ok(found) => found,
            Err(why) => {
                self.expressions
                    .report
                    .error(
                        code::route::BAD_TEMPLATE,
                        at,
                        format!("cannot read `{path}`: {why}"),
                    )
                    .help("a path is relative to the folder of the function's file");
                return None;
            }
        };
        match Template::compile(&text, escape, &self.expressions.environment) {
            Ok(template) => Some(self.filling(template, at)),
            Err(problems) => {
                let used_here = self.expressions.report.value(at);
                for problem in problems {
                    self.expressions.report.elsewhere(Diagnostic {
                        code: problem.code,
                        severity: problem.severity,
                        message: problem.message,
                        span: Some(Span {
                            source,
                            start: problem.range.start.min(text.len()),
                            end: problem.range.end.min(text.len()),
                        }),
                        label: problem.label,
                        related: vec![(used_here, "used here".to_owned())],
                        help: problem.help,
                    });
                }
                None
            }
        }
    }

    fn filling(&mut self, template: Template, at: &FieldPath) -> Filling {
        self.expressions.uses(at, template.uses());
        Filling {
            template,
            site: self.expressions.report.site(at),
        }
    }
}

/// The key that makes a map a template.
const TEMPLATE: &str = "$template";

fn is_template(entries: &[(String, Tree)]) -> bool {
    entries.iter().any(|(key, _)| key == TEMPLATE)
}

fn key_bytes(key: &str) -> Box<[u8]> {
    let mut text = Vec::with_capacity(key.len() + 3);
    json::write_string(key, &mut text);
    text.push(b':');
    text.into()
}

/// A list without anything to compute is its JSON.
fn fold_list(nodes: Vec<Node>) -> Node {
    let mut text = vec![b'['];
    for (index, node) in nodes.iter().enumerate() {
        let Node::Fixed(item) = node else {
            return Node::List(nodes);
        };
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(item);
    }
    text.push(b']');
    Node::Fixed(text.into())
}

/// A map without anything to compute is its JSON.
fn fold_map(nodes: Vec<(Box<[u8]>, Node)>) -> Node {
    let mut text = vec![b'{'];
    for (index, (key, node)) in nodes.iter().enumerate() {
        let Node::Fixed(item) = node else {
            return Node::Map(nodes);
        };
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(key);
        text.extend_from_slice(item);
    }
    text.push(b'}');
    Node::Fixed(text.into())
}

/// A status that an answer may have: not one of the interim ones.
fn answer_status(code: u16) -> Option<StatusCode> {
    (200..=599)
        .contains(&code)
        .then(|| StatusCode::from_u16(code).ok())
        .flatten()
}

/// How a template that is a whole body is escaped. The default type is JSON.
fn escape_for(content_type: Option<&str>) -> Escape {
    let Some(content_type) = content_type else {
        return Escape::Json;
    };
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    if essence.ends_with("json") {
        Escape::Json
    } else if essence.ends_with("html") || essence.ends_with("xml") {
        Escape::Html
    } else {
        Escape::None
    }
}

/// `type/subtype`, and whatever parameters follow.
pub(super) fn is_content_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or("").trim();
    essence
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_escaped_as_its_content_type_needs() {
        for (content_type, expected) in [
            (None, Escape::Json),
            (Some("application/problem+json"), Escape::Json),
            (Some("text/html; charset=utf-8"), Escape::Html),
            (Some("image/SVG+XML"), Escape::Html),
            (Some("text/plain"), Escape::None),
            (Some("text/csv"), Escape::None),
        ] {
            assert_eq!(escape_for(content_type), expected, "{content_type:?}");
        }
    }

    #[test]
    fn content_types_have_two_parts() {
        for good in ["text/plain", "application/vnd.api+json; x=y"] {
            assert!(is_content_type(good), "{good}");
        }
        for bad in ["", "text", "text/", "/plain", "text/pl ain", "a/b/c"] {
            assert!(!is_content_type(bad), "{bad}");
        }
    }
}
