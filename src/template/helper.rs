//! The helpers that templates have, and the registries that hold them, one an escape.
//!
//! Value helpers only make values; [`PRINT`] alone writes them. A value that is missing fails
//! everywhere but in `if`, `unless`, `and`, `or`, `not` and `default`, which are there to ask.

use std::cmp::Ordering;
use std::sync::LazyLock;

use handlebars::{
    BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output,
    PathAndJson, RenderContext, RenderError, RenderErrorReason, Renderable, ScopedJson,
};
use serde_json::{Map as Object, Value as Json};

use super::Escape;
use super::call::Call;
use super::data::{MARK, Text, in_order, unmarked};
use crate::value::{Value, json};

/// The helper through which every value is printed. No template can name it.
pub(super) const PRINT: &str = "print value";

/// Evaluation steps of one segment of output. Handlebars is slower than an expression.
pub(super) const STEPS_A_WRITE: u64 = 8;

/// How a helper is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `{{#name …}}…{{/name}}`
    Block,
    /// `{{name …}}` or `(name …)`
    Value,
    /// `{{{{name}}}}…{{{{/name}}}}`, its content untouched.
    Raw,
}

/// A helper that a template may name.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// Least and most values it takes.
    pub(super) takes: (usize, usize),
    /// Names that it takes as `name=value`.
    pub(super) options: &'static [&'static str],
}

const MANY: usize = 20;

/// All helpers, in the order to show them.
pub(super) const KNOWN: &[Known] = &[
    block("if", &["includeZero"]),
    block("unless", &["includeZero"]),
    block("each", &[]),
    block("with", &[]),
    Known {
        name: "raw",
        form: Form::Raw,
        takes: (0, 0),
        options: &[],
    },
    value("eq", (2, 2)),
    value("ne", (2, 2)),
    value("lt", (2, 2)),
    value("lte", (2, 2)),
    value("gt", (2, 2)),
    value("gte", (2, 2)),
    value("and", (1, MANY)),
    value("or", (1, MANY)),
    value("not", (1, 1)),
    value("default", (2, MANY)),
    value("lookup", (2, 2)),
    value("len", (1, 1)),
    value("join", (1, 2)),
    value("upper", (1, 1)),
    value("lower", (1, 1)),
    value("json", (1, 2)),
];

const fn block(name: &'static str, options: &'static [&'static str]) -> Known {
    Known {
        name,
        form: Form::Block,
        takes: (1, 1),
        options,
    }
}

const fn value(name: &'static str, takes: (usize, usize)) -> Known {
    Known {
        name,
        form: Form::Value,
        takes,
        options: &[],
    }
}

/// The registry of an escape. It holds helpers only: a template is rendered without a name.
pub(super) fn registry(escape: Escape) -> &'static Handlebars<'static> {
    static NONE: LazyLock<Handlebars<'static>> = LazyLock::new(|| build(handlebars::no_escape));
    static HTML: LazyLock<Handlebars<'static>> = LazyLock::new(|| build(html));
    static JSON: LazyLock<Handlebars<'static>> = LazyLock::new(|| build(inside_json));
    match escape {
        Escape::None => &NONE,
        Escape::Html => &HTML,
        Escape::Json => &JSON,
    }
}

/// As [`registry`], with the calls of one template, by their [`call_name`].
pub(super) fn registry_with(escape: Escape, calls: Vec<Call>) -> Handlebars<'static> {
    let mut registry = registry(escape).clone();
    for (index, call) in calls.into_iter().enumerate() {
        registry.register_helper(&call_name(index), Box::new(call));
    }
    registry
}

/// What a template calls its calls. It cannot be written.
pub(super) fn call_name(index: usize) -> String {
    format!("call {index}")
}

fn build(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    // It writes to the process's log, which is no business of a template.
    registry.unregister_helper("log");
    registry.register_helper(PRINT, Box::new(Print));
    registry.register_helper("each", Box::new(Each));
    registry.register_helper("if", Box::new(If { wanted: true }));
    registry.register_helper("unless", Box::new(If { wanted: false }));
    let values: [(&str, Run); 16] = [
        ("eq", |p| Ok(Json::Bool(equal(p.get(0)?, p.get(1)?)))),
        ("ne", |p| Ok(Json::Bool(!equal(p.get(0)?, p.get(1)?)))),
        ("lt", |p| compared(p, Ordering::is_lt)),
        ("lte", |p| compared(p, Ordering::is_le)),
        ("gt", |p| compared(p, Ordering::is_gt)),
        ("gte", |p| compared(p, Ordering::is_ge)),
        ("and", |p| {
            Ok(Json::Bool(p.all().all(|value| is_truthy(value, false))))
        }),
        ("or", |p| {
            Ok(Json::Bool(p.all().any(|value| is_truthy(value, false))))
        }),
        ("not", |p| {
            Ok(Json::Bool(!p.all().any(|value| is_truthy(value, false))))
        }),
        ("default", |p| {
            Ok(p.all()
                .find(|value| !value.is_null())
                .cloned()
                .unwrap_or_default())
        }),
        ("lookup", lookup),
        ("len", len),
        ("join", join),
        ("upper", |p| Ok(Json::String(p.text(0)?.to_uppercase()))),
        ("lower", |p| Ok(Json::String(p.text(0)?.to_lowercase()))),
        ("json", to_json),
    ];
    for (name, run) in values {
        registry.register_helper(name, Box::new(Make { name, run }));
    }
    registry
}

fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

fn inside_json(text: &str) -> String {
    let mut quoted = Vec::with_capacity(text.len() + 8);
    json::write_string(text, &mut quoted);
    let quoted = String::from_utf8_lossy(&quoted);
    let bare = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    bare.unwrap_or_default().to_owned()
}

/// Writes one value, escaped unless three braces say otherwise.
struct Print;

impl HelperDef for Print {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        _: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let parameters = Parameters(helper.params());
        let name = helper.param(0).and_then(PathAndJson::relative_path);
        let text = match parameters.get(0)? {
            Json::Null => return Ok(()),
            value => plain(value).ok_or_else(|| {
                let what = if value.is_array() { "a list" } else { "a map" };
                let what = match name {
                    Some(name) => format!("`{name}` is {what}"),
                    None => format!("this is {what}"),
                };
                other(format!(
                    "{what}: print one of its values, or all of it with `json`"
                ))
            })?,
        };
        if state.is_disable_escape() {
            out.write(&text)?;
        } else {
            out.write(&registry.get_escape_fn()(&text))?;
        }
        Ok(())
    }
}

/// `each`: as handlebars' own, but through a map in the order of its source, and each round costs
/// what a segment of output costs, so that a loop that prints nothing comes to an end too.
struct Each;

impl HelperDef for Each {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let parameter = helper.param(0);
        let name = parameter.and_then(PathAndJson::relative_path);
        let rounds = match parameter.map(PathAndJson::value) {
            Some(Json::Array(items)) => rounds_of_list(items),
            Some(Json::Object(fields)) => rounds_of_map(fields),
            None | Some(Json::Null) if helper.inverse().is_none() => {
                return Err(RenderError::strict_error(name));
            }
            None | Some(Json::Null) => Vec::new(),
            Some(_) => return Err(other("`each` goes through lists and maps only".to_owned())),
        };
        let (Some(inside), false) = (helper.template(), rounds.is_empty()) else {
            return match helper.inverse().filter(|_| rounds.is_empty()) {
                Some(otherwise) => otherwise.render(registry, context, state, out),
                None => Ok(()),
            };
        };
        let path = parameter.and_then(PathAndJson::context_path);
        state.push_block(BlockContext::new());
        for (index, round) in rounds.iter().enumerate() {
            out.write("")?;
            if let Some(block) = state.block_mut() {
                block.set_local_var("index", Json::from(index));
                block.set_local_var("first", Json::Bool(index == 0));
                block.set_local_var("last", Json::Bool(index + 1 == rounds.len()));
                if let Some(key) = round.key {
                    block.set_local_var("key", Json::String(key.to_owned()));
                }
                enter(block, helper, round, index, path)?;
            }
            inside.render(registry, context, state, out)?;
        }
        state.pop_block();
        Ok(())
    }
}

/// One round of an `each`.
struct Round<'r> {
    /// Of a map.
    key: Option<&'r str>,
    item: &'r Json,
}

fn rounds_of_list(items: &[Json]) -> Vec<Round<'_>> {
    items.iter().map(|item| Round { key: None, item }).collect()
}

fn rounds_of_map(fields: &Object<String, Json>) -> Vec<Round<'_>> {
    in_order(fields)
        .map(|(key, item)| Round {
            key: Some(key),
            item,
        })
        .collect()
}

/// Makes the item of a round the one that names belong to.
fn enter<'rc>(
    block: &mut BlockContext<'rc>,
    helper: &Helper<'rc>,
    round: &Round<'_>,
    index: usize,
    path: Option<&Vec<String>>,
) -> HelperResult {
    if let Some(path) = path {
        let base = block.base_path_mut();
        base.clone_from(path);
        base.push(round.key.map_or_else(|| index.to_string(), str::to_owned));
    } else {
        block.set_base_value(round.item.clone());
    }
    let pair = helper.block_param_pair();
    if let Some(name) = helper.block_param().or(pair.map(|(item, _)| item)) {
        let mut parameters = BlockParams::new();
        match path {
            Some(_) => parameters.add_path(name, Vec::new())?,
            None => parameters.add_value(name, round.item.clone())?,
        }
        if let Some((_, key)) = pair {
            let value = round.key.map_or_else(|| Json::from(index), Json::from);
            parameters.add_value(key, value)?;
        }
        block.set_block_params(parameters);
    }
    Ok(())
}

/// `if` and `unless`.
struct If {
    wanted: bool,
}

impl HelperDef for If {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let include_zero = helper
            .hash_get("includeZero")
            .is_some_and(|v| v.value() == &Json::Bool(true));
        let value = helper.param(0).map_or(&Json::Null, PathAndJson::value);
        let branch = if is_truthy(value, include_zero) == self.wanted {
            helper.template()
        } else {
            helper.inverse()
        };
        branch.map_or(Ok(()), |branch| {
            branch.render(registry, context, state, out)
        })
    }
}

type Made = Result<Json, RenderError>;

type Run = fn(&Parameters<'_, '_>) -> Made;

/// A helper that makes a value of its parameters.
struct Make {
    name: &'static str,
    run: Run,
}

impl HelperDef for Make {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let made = (self.run)(&Parameters(helper.params()));
        made.map(ScopedJson::Derived)
            .map_err(|error| match error.reason() {
                RenderErrorReason::Other(message) => other(format!("`{}`: {message}", self.name)),
                _ => error,
            })
    }
}

/// What a helper was given.
pub(super) struct Parameters<'p, 'rc>(pub(super) &'p [PathAndJson<'rc>]);

impl<'p> Parameters<'p, '_> {
    /// A value that must be there.
    pub(super) fn get(&self, index: usize) -> Result<&'p Json, RenderError> {
        let missing = |name: Option<&String>| RenderError::strict_error(name);
        let parameter = self.0.get(index).ok_or_else(|| missing(None))?;
        if parameter.is_value_missing() {
            return Err(missing(parameter.relative_path()));
        }
        Ok(parameter.value())
    }

    /// All values; null for what is missing.
    fn all(&self) -> impl Iterator<Item = &'p Json> {
        self.0.iter().map(PathAndJson::value)
    }

    /// A value as text.
    fn text(&self, index: usize) -> Result<String, RenderError> {
        let value = self.get(index)?;
        plain(value).ok_or_else(|| other("a map or list is no text".to_owned()))
    }
}

pub(super) fn other(message: String) -> RenderError {
    RenderErrorReason::Other(message).into()
}

/// A scalar as text; `None` for maps and lists.
fn plain(value: &Json) -> Option<String> {
    Some(match value {
        Json::Null => String::new(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => match unmarked(text) {
            Text::Number(text) | Text::Plain(text) => text.to_owned(),
        },
        Json::Array(_) | Json::Object(_) => return None,
    })
}

fn is_truthy(value: &Json, include_zero: bool) -> bool {
    if let Some(number) = number(value) {
        return include_zero || !number.as_double().is_some_and(|number| number == 0.0);
    }
    match value {
        Json::Null => false,
        Json::Bool(flag) => *flag,
        Json::Number(_) => true,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
    }
}

/// A number as a value, so that it compares as in an expression.
fn number(value: &Json) -> Option<Value<'_>> {
    match value {
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_u64().map(Value::UInt))
            .or_else(|| number.as_f64().map(Value::Double)),
        Json::String(text) => match unmarked(text) {
            Text::Number(text) => Some(Value::Number(text)),
            Text::Plain(_) => None,
        },
        _ => None,
    }
}

fn equal(a: &Json, b: &Json) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.equals(b),
        _ => match (a, b) {
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
            }
            (Json::Object(a), Json::Object(b)) => {
                in_order(a).count() == in_order(b).count()
                    && in_order(a).all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
            }
            _ => a == b,
        },
    }
}

fn compared(parameters: &Parameters<'_, '_>, holds: fn(Ordering) -> bool) -> Made {
    let (a, b) = (parameters.get(0)?, parameters.get(1)?);
    let ordering = match (number(a), number(b)) {
        (Some(a), Some(b)) => a.compare(b),
        _ => match (a, b) {
            (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
            _ => {
                return Err(other(
                    "numbers compare with numbers, texts with texts".to_owned(),
                ));
            }
        },
    };
    Ok(Json::Bool(ordering.is_some_and(holds)))
}

fn lookup(parameters: &Parameters<'_, '_>) -> Made {
    let (collection, key) = (parameters.get(0)?, parameters.get(1)?);
    let found = match collection {
        Json::Array(items) => key
            .as_u64()
            .and_then(|at| items.get(usize::try_from(at).ok()?)),
        Json::Object(fields) => plain(key).and_then(|key| fields.get(&key)),
        _ => {
            return Err(other(
                "its first value is neither a map nor a list".to_owned(),
            ));
        }
    };
    found
        .cloned()
        .ok_or_else(|| RenderError::strict_error(plain(key).as_ref()))
}

fn len(parameters: &Parameters<'_, '_>) -> Made {
    let length = match parameters.get(0)? {
        Json::Array(items) => items.len(),
        Json::Object(fields) => in_order(fields).count(),
        value @ Json::String(text) if number(value).is_none() => text.chars().count(),
        _ => {
            return Err(other(
                "only a list, a map or a text has a length".to_owned(),
            ));
        }
    };
    Ok(Json::from(length))
}

fn join(parameters: &Parameters<'_, '_>) -> Made {
    let separator = if parameters.0.len() > 1 {
        parameters.text(1)?
    } else {
        ", ".to_owned()
    };
    let Json::Array(items) = parameters.get(0)? else {
        return Err(other("its first value is not a list".to_owned()));
    };
    let texts = items.iter().map(plain).collect::<Option<Vec<_>>>();
    let texts = texts.ok_or_else(|| other("an item is itself a map or a list".to_owned()))?;
    Ok(Json::String(texts.join(&separator)))
}

fn to_json(parameters: &Parameters<'_, '_>) -> Made {
    let indent = match parameters.0.len() {
        2 => parameters
            .get(1)?
            .as_u64()
            .filter(|indent| (1..=8).contains(indent)),
        _ => None,
    };
    let arena = crate::value::Arena::new();
    let value = restored(parameters.get(0)?, &arena);
    let mut text = Vec::new();
    let written = match indent {
        Some(spaces) => {
            json::write_indented(value, usize::try_from(spaces).unwrap_or(2), &mut text)
        }
        None => json::write(value, &mut text),
    };
    written.map_err(|error| other(error.to_string()))?;
    Ok(Json::String(String::from_utf8_lossy(&text).into_owned()))
}

/// The value that was converted for handlebars, its numbers in their own text again.
pub(super) fn restored<'a>(tree: &'a Json, arena: &'a crate::value::Arena) -> Value<'a> {
    if let Some(number) = number(tree) {
        return number;
    }
    match tree {
        Json::Null | Json::Number(_) => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::String(text) => match unmarked(text) {
            Text::Number(text) | Text::Plain(text) => Value::String(text),
        },
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| restored(item, arena)).collect();
            arena.list(&items)
        }
        Json::Object(fields) => {
            let fields = in_order(fields).map(|(key, value)| (key, restored(value, arena)));
            arena.object(&fields.collect::<Vec<_>>())
        }
    }
}

/// A mark in a literal of the template would make a number of it.
pub(super) fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}
