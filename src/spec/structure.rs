//! Structural mistakes of a document, all at once, in the user's words.
//!
//! The JSON Schema finds them; here each becomes a diagnostic at its key or value. A document is
//! validated only once its typed reading failed or the schema knows more than the types, so the
//! words here are for people, and speed does not matter.

use std::fmt::Write as _;
use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value as Json;

use super::either::KEY_RULES;
use super::layout::{Layout, NodeId, ROOT, Shape, Style, Value};
use super::names;
use super::path::Step;
use super::places::Places;
use super::read::error;
use super::scalar::{Measure, Period, Rate, Size};
use super::schema::{SCHEMA, properties};
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Diagnostic, suggest};

static VALIDATOR: LazyLock<Option<Validator>> =
    LazyLock::new(|| jsonschema::validator_for(&SCHEMA).ok());

/// Everything that the schema finds wrong with a document, in the order of places.
pub(super) fn problems(places: &Places) -> Vec<Diagnostic> {
    let layout = places.layout();
    let document = json(layout, ROOT);
    let mut problems: Vec<Diagnostic> = VALIDATOR
        .iter()
        .flat_map(|validator| validator.iter_errors(&document))
        .flat_map(|found| explain(places, &found))
        .collect();
    problems.extend(empty_expressions(places));
    // Of a value that has the wrong type, more than that need not be said.
    problems.sort_by_key(|problem| {
        let span = problem.span.map(|span| (span.start, span.end));
        (span, problem.code != code::WRONG_TYPE)
    });
    problems.dedup_by(|later, earlier| {
        let is_of_value = later.code == code::WRONG_TYPE || later.code == code::BAD_VALUE;
        later == earlier
            || (is_of_value && earlier.code == code::WRONG_TYPE && later.span == earlier.span)
    });
    problems
}

/// A document as JSON, which is what the schema describes.
fn json(layout: &Layout, id: NodeId) -> Json {
    match layout.shape(id) {
        None | Some(Shape::Alias(_)) => Json::Null,
        Some(Shape::List(items)) => items.iter().map(|item| json(layout, *item)).collect(),
        Some(Shape::Map(_)) => layout
            .keys(id)
            .map(|(key, _, value)| (key.to_owned(), json(layout, value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Some(Shape::Scalar(scalar)) => match scalar.value {
            Value::Null => Json::Null,
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::UInt(value) => value.into(),
            Value::Double(value) => value.into(),
            Value::Text => (*scalar.text).into(),
        },
    }
}

/// The field that an error is about.
struct Field<'a> {
    places: &'a Places,
    /// The key's node; of the document itself there is none.
    key: Option<NodeId>,
    value: NodeId,
    /// `status_code`, or `methods[1]`; empty for the document.
    name: String,
}

impl<'a> Field<'a> {
    fn at(places: &'a Places, path: &Location) -> Self {
        let layout = places.layout();
        let mut field = Self {
            places,
            key: None,
            value: ROOT,
            name: String::new(),
        };
        for segment in path {
            let step = match segment {
                LocationSegment::Property(name) => Step::Key(name.into_owned()),
                LocationSegment::Index(index) => Step::Index(index),
            };
            let Some((key, value)) = layout.step(field.value, &step) else {
                break;
            };
            field.value = value;
            match step {
                Step::Key(name) => {
                    field.name = name;
                    field.key = key;
                }
                Step::Index(index) => {
                    let _ = write!(field.name, "[{index}]");
                }
            }
        }
        field
    }

    /// Where the value stands; its key where it is left empty.
    fn span(&self) -> crate::diagnostic::Span {
        match self.key {
            Some(key) if self.places.layout().bytes(self.value).is_empty() => self.places.node(key),
            _ => self.places.node(self.value),
        }
    }

    /// Where to say that something is missing inside: the key, or the first key of an item.
    fn head(&self) -> crate::diagnostic::Span {
        let first = self
            .places
            .layout()
            .pairs(self.value)
            .first()
            .map(|&(key, _)| key);
        let is_item = self.name.ends_with(']');
        let node = match (self.key, first) {
            (Some(key), _) if !is_item => key,
            (_, Some(first)) => first,
            _ => self.value,
        };
        self.places.node(node)
    }

    fn title(&self) -> String {
        if self.name.is_empty() {
            "this document".to_owned()
        } else {
            format!("`{}`", self.name)
        }
    }

    fn scalar(&self) -> Option<(&'a str, Style, Value)> {
        let scalar = self.places.layout().scalar(self.value)?;
        Some((&*scalar.text, scalar.style, scalar.value))
    }
}

fn explain(places: &Places, found: &ValidationError<'_>) -> Vec<Diagnostic> {
    let field = Field::at(places, found.instance_path());
    let schema = enclosing(found.schema_path());
    let problem = match found.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known: Vec<String> = properties(&SCHEMA, schema)
                .into_iter()
                .map(|(name, ..)| name)
                .collect();
            return unexpected
                .iter()
                .map(|key| unknown_key(&field, key, &known))
                .collect();
        }
        ValidationErrorKind::Required { property } => missing_key(&field, property),
        ValidationErrorKind::Type { kind } => wrong_type(&field, kind, schema),
        ValidationErrorKind::Enum { options } => not_one_of(&field, options),
        ValidationErrorKind::Pattern { .. } => wrong_form(&field, schema),
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            out_of_range(&field, schema)
        }
        ValidationErrorKind::MinItems { .. } => error(
            code::BAD_VALUE,
            field.span(),
            format!("{} must have at least one item", field.title()),
        ),
        _ => error(
            code::BAD_VALUE,
            field.span(),
            format!("{} does not fit: {}", field.title(), found.masked()),
        ),
    };
    vec![problem]
}

/// The schema whose keyword failed.
fn enclosing(path: &Location) -> &'static Json {
    let pointer = path.as_str();
    let parent = pointer.rfind('/').and_then(|at| pointer.get(..at));
    parent
        .and_then(|parent| SCHEMA.pointer(parent))
        .unwrap_or(&Json::Null)
}

/// Keys that will come, or that people know from elsewhere, and what to write instead.
const KNOWN_ELSEWHERE: [(&str, &str); 10] = [
    ("if", "when"),
    ("condition", "when"),
    ("vars", "let"),
    ("variables", "let"),
    ("response", "respond"),
    ("status", "status_code"),
    ("validate", "check"),
    ("description", "summary"),
    ("methods", "accept"),
    ("path", "accept"),
];

fn unknown_key(field: &Field<'_>, key: &str, known: &[String]) -> Diagnostic {
    let layout = field.places.layout();
    let at = layout
        .field(field.value, key)
        .map_or_else(|| field.span(), |(key, _)| field.places.node(key));
    let place = match (field.name.as_str(), field.key) {
        ("", None) => String::new(),
        (name, _) => format!(" in `{name}`"),
    };
    let mut problem = error(code::UNKNOWN_KEY, at, format!("unknown key `{key}`{place}"));
    let known = || known.iter().map(String::as_str);
    let elsewhere = || {
        KNOWN_ELSEWHERE
            .iter()
            .find(|(other, ours)| *other == key && known().any(|known| known == *ours))
            .map(|(_, ours)| *ours)
    };
    let nearest = suggest::nearest(key, known()).or_else(elsewhere);
    problem.help.push(match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known().count() == 1 => format!("the only key here is {}", list(known())),
        None => format!("the keys here are {}", list(known())),
    });
    problem
}

fn missing_key(field: &Field<'_>, property: &Json) -> Diagnostic {
    let property = property.as_str().unwrap_or_default();
    let mut problem = error(
        code::MISSING_KEY,
        field.head(),
        format!("{} needs the key `{property}`", field.title()),
    );
    problem.label = Some(format!("`{property}` is missing"));
    problem
}

fn wrong_type(field: &Field<'_>, expected: &TypeKind, schema: &Json) -> Diagnostic {
    let title = schema.get("title").and_then(Json::as_str);
    if title == Some("expression") {
        return not_an_expression(field);
    }
    let scalar = field.scalar();
    if let Some(form) = title.and_then(measure) {
        let mut problem = error(
            code::UNIT,
            field.span(),
            format!("{} must be {form}", field.title()),
        );
        if let Some((text, _, Value::Int(_) | Value::UInt(_) | Value::Double(_))) = scalar {
            problem.label = Some(format!("`{text}` has no unit"));
        }
        return problem;
    }
    let wanted = match title {
        Some("auth") => "`none`, or a map with `zapikey`".to_owned(),
        Some("respond") => "an answer (a map), or a list of answers with `when`".to_owned(),
        Some("key") => "`none`, or a map that describes a key".to_owned(),
        Some("status") => "a number, or a text with `${ }`".to_owned(),
        _ => match schema.get("enum").and_then(Json::as_array) {
            Some(options) => one_of(options),
            None => words(expected),
        },
    };
    let message = if scalar.is_some_and(|(text, style, _)| text.is_empty() && style == Style::Plain)
    {
        format!("{} is left empty, but must be {wanted}", field.title())
    } else {
        format!("{} must be {wanted}, not {}", field.title(), is(field))
    };
    let mut problem = error(code::WRONG_TYPE, field.span(), message);
    if let (Some((text, ..)), TypeKind::Single(JsonType::Array)) = (scalar, expected)
        && !text.is_empty()
        && !text.contains([',', '[', ']', '{', '}', '\n', '#'])
        // What stands there is a secret, or was meant to be one.
        && field.title() != "`secrets`"
    {
        problem.help.push(format!("write it as a list: `[{text}]`"));
    }
    if let (Some((text, _, Value::Text)), Some("respond")) = (scalar, title)
        && !text.contains('\n')
    {
        problem
            .help
            .push(format!("for Zoho's envelope write `respond: {{ output: {text} }}`, for the text itself `respond: {{ body: {text} }}`"));
    }
    match (scalar, wants_text(expected)) {
        (Some((text, _, Value::Bool(_))), _) if schema.get("enum").is_some() => {
            problem.help.push(format!("`{text}` is a Boolean in YAML"));
        }
        (Some((text, _, value)), true) if value != Value::Text && !text.is_empty() => {
            problem
                .help
                .push(format!("for the text put it into quotes: `\"{text}\"`"));
        }
        (Some((text, style, Value::Text)), false)
            if style == Style::Plain && is_old_boolean(text) =>
        {
            problem.help.push(format!(
                "only `true` and `false` are Booleans; `{text}` is one to some YAML readers only"
            ));
        }
        (Some((text, style, Value::Text)), false)
            if style != Style::Plain && text.parse::<f64>().is_ok() =>
        {
            problem
                .help
                .push(format!("write it without quotes: `{text}`"));
        }
        _ => {}
    }
    problem
}

/// A list, map or nothing where CEL belongs.
fn not_an_expression(field: &Field<'_>) -> Diagnostic {
    let layout = field.places.layout();
    let span = field.span();
    let written = field.places.text(span);
    let what = match layout.shape(field.value) {
        Some(Shape::List(_)) => "list",
        _ => "map",
    };
    let mut problem = error(
        code::NOT_AN_EXPRESSION,
        span,
        format!("{} is a YAML {what}, not an expression", field.title()),
    );
    let is_flow = written.starts_with(['[', '{']);
    problem.help.push(if is_flow && !written.contains('\n') {
        if written.contains('\'') {
            format!("for a {what} in CEL put it into a block: `|`, and on the next line `{written}`")
        } else {
            format!("for a {what} in CEL put it into quotes: `'{written}'`")
        }
    } else {
        "write one CEL expression, in quotes or in a block (`|`) if YAML takes it for something else".to_owned()
    });
    problem
}

fn not_one_of(field: &Field<'_>, options: &Json) -> Diagnostic {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let written = field.scalar().map_or("this", |(text, ..)| text);
    let mut problem = error(
        code::BAD_VALUE,
        field.span(),
        format!("`{written}` is not a value of {}", field.title()),
    );
    let known = || options.iter().filter_map(Json::as_str);
    if field.name == "auth" && KEY_RULES.contains(&written) {
        problem
            .help
            .push(format!("write `auth: {{ zapikey: {written} }}`"));
    } else if let Some(nearest) = suggest::nearest(written, known()) {
        problem.help.push(format!("did you mean `{nearest}`?"));
    } else {
        problem.help.push(format!("write {}", one_of(options)));
        if is_old_boolean(written) && known().any(|known| known == "none") {
            problem.help.push(format!(
                "`{written}` is a Boolean to some YAML readers, so no value is spelled so"
            ));
        }
    }
    problem
}

/// A text that does not have the form of its kind.
fn wrong_form(field: &Field<'_>, schema: &Json) -> Diagnostic {
    let text = field.scalar().map_or("", |(text, ..)| text);
    let title = schema.get("title").and_then(Json::as_str);
    let message = match title {
        Some(Size::TITLE) => Size::parse(text).err(),
        Some(Period::TITLE) => Period::parse(text).err(),
        Some(Rate::TITLE) => Rate::parse(text).err(),
        _ => None,
    };
    if let (Some(message), Some(form)) = (message, title.and_then(measure)) {
        let mut problem = error(code::UNIT, field.span(), message);
        problem
            .help
            .push(format!("{} must be {form}", field.title()));
        return problem;
    }
    match title {
        Some("status") => {
            let mut problem = error(
                code::BAD_VALUE,
                field.span(),
                format!(
                    "{} must be a number, or a text with `${{ }}`",
                    field.title()
                ),
            );
            if text.parse::<u16>().is_ok() {
                problem
                    .help
                    .push(format!("write it without quotes: `{text}`"));
            }
            problem
        }
        _ if field.name == "function" => names::bad_function_name(text, field.span()),
        _ => error(
            code::BAD_VALUE,
            field.span(),
            format!("`{text}` is not a value of {}", field.title()),
        ),
    }
}

fn out_of_range(field: &Field<'_>, schema: &Json) -> Diagnostic {
    let written = field.scalar().map_or("", |(text, ..)| text);
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    let range = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "in another range".to_owned(),
    };
    error(
        code::BAD_VALUE,
        field.span(),
        format!("{} must be {range}, not {written}", field.title()),
    )
}

/// The schema takes null for an expression; the types see that nothing is written at all.
fn empty_expressions(places: &Places) -> Vec<Diagnostic> {
    let layout = places.layout();
    let below = |id: NodeId, name: &str| {
        layout
            .field(id, name)
            .map(|(key, value)| (Some(key), value))
    };
    let items = |id: NodeId| match layout.shape(id) {
        Some(Shape::List(items)) => items.as_slice(),
        _ => &[],
    };
    let list = |name: &str| below(ROOT, name).map_or(&[][..], |(_, value)| items(value));
    let mut fields = Vec::new();
    fields.extend(below(ROOT, "when"));
    if let Some((_, bindings)) = below(ROOT, "let") {
        fields.extend(
            layout
                .pairs(bindings)
                .iter()
                .map(|&(key, value)| (Some(key), value)),
        );
    }
    fields.extend(list("check").iter().filter_map(|item| below(*item, "that")));
    if let Some((_, respond)) = below(ROOT, "respond") {
        fields.extend(below(respond, "when"));
        fields.extend(
            items(respond)
                .iter()
                .filter_map(|item| below(*item, "when")),
        );
    }
    for test in list("tests") {
        if let Some((_, assert)) = below(*test, "assert") {
            fields.extend(items(assert).iter().map(|item| (None, *item)));
        }
    }
    fields
        .into_iter()
        .filter(|(_, value)| {
            layout
                .scalar(*value)
                .is_some_and(|scalar| scalar.text.trim().is_empty())
        })
        .map(|(key, value)| {
            let name = key
                .and_then(|key| layout.scalar(key))
                .map_or("assert", |key| &*key.text);
            let at = key
                .filter(|_| layout.bytes(value).is_empty())
                .unwrap_or(value);
            let mut problem = error(
                code::NOT_AN_EXPRESSION,
                places.node(at),
                format!("`{name}` has no expression"),
            );
            problem
                .help
                .push("write one, or remove the key; for an empty text write `'\"\"'`".to_owned());
            problem
        })
        .collect()
}

/// What a value is, in the user's words.
fn is(field: &Field<'_>) -> String {
    match field.places.layout().shape(field.value) {
        Some(Shape::List(_)) => "a list".to_owned(),
        Some(Shape::Map(_)) => "a map".to_owned(),
        Some(Shape::Scalar(scalar)) => match scalar.value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "a Boolean".to_owned(),
            Value::Int(_) | Value::UInt(_) | Value::Double(_) => "a number".to_owned(),
            Value::Text => "a text".to_owned(),
        },
        Some(Shape::Alias(_)) | None => "this".to_owned(),
    }
}

fn words(expected: &TypeKind) -> String {
    let one = |name: &JsonType| match name {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "a text",
    };
    match expected {
        TypeKind::Single(name) => one(name).to_owned(),
        TypeKind::Multiple(names) => names
            .iter()
            .map(|name| one(&name))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn wants_text(expected: &TypeKind) -> bool {
    match expected {
        TypeKind::Single(name) => *name == JsonType::String,
        TypeKind::Multiple(names) => names.iter().any(|name| name == JsonType::String),
    }
}

fn measure(title: &str) -> Option<&'static str> {
    match title {
        Size::TITLE => Some(Size::FORM),
        Period::TITLE => Some(Period::FORM),
        Rate::TITLE => Some(Rate::FORM),
        _ => None,
    }
}

fn one_of(options: &[Json]) -> String {
    let options: Vec<&str> = options.iter().filter_map(Json::as_str).collect();
    match options.as_slice() {
        [] => "something else".to_owned(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("{} or `{last}`", list(first.iter().copied())),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// YAML 1.1's other words for true and false.
fn is_old_boolean(text: &str) -> bool {
    ["on", "off", "yes", "no", "y", "n"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}
