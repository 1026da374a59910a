//! Handlebars templates: prose, HTML, XML; never JSON by hand.
//!
//! ```text
//! text ─handlebars─▶ AST ─check─▶ problems | names used, AST with every output through one door
//! names used + Scope ─data─▶ what handlebars sees ─render─▶ text, or a Fault
//! ```
//!
//! A template is compiled at load. Its names are checked against the environment, also where
//! handlebars itself would not ask (`{{#if nope}}`), and it is given only the values it uses. Data
//! is never evaluated again: a value that holds `{{…}}` is printed with its braces. There are no
//! partials, so a template cannot include itself, and no helper reaches outside. The helpers are
//! those that compare and choose, and the functions of the language.
//!
//! Each print goes through one helper of ours. So a missing value is a failure, a map or list is
//! never printed as `[object]`, and a number keeps the text it came in. The output counts against
//! the request's budget while it is written.

mod call;
mod check;
mod data;
mod helper;
mod path;
mod place;

#[cfg(test)]
mod tests;

use std::fmt;

use handlebars::{Context, Output, RenderContext, RenderErrorReason, Renderable};

use crate::diagnostic::Problem;
use crate::expr::{Environment, Fault, FaultKind, Scope, Slot, Survey};
use call::Turn;
use check::Checked;
use data::Need;

/// Bytes of a template's text.
const MAX_TEXT: usize = 256 << 10;

/// Bytes of a failure's text.
const MAX_DETAIL: usize = 200;

/// How a value is escaped when it is put into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// Not at all: plain text, or text that a JSON writer escapes later.
    None,
    /// `& < > " '` for HTML and XML.
    Html,
    /// As inside a JSON string.
    Json,
}

/// A compiled template.
pub struct Template {
    text: String,
    escape: Escape,
    parsed: handlebars::Template,
    /// The helpers, where the template calls functions of the language.
    registry: Option<Box<handlebars::Handlebars<'static>>>,
    uses: Vec<Slot>,
    needs: Vec<(String, Slot, Need)>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("text", &self.text)
            .field("escape", &self.escape)
            .finish_non_exhaustive()
    }
}

impl Template {
    /// Compiles a template; all problems at once.
    pub fn compile(
        text: &str,
        escape: Escape,
        environment: &Environment,
    ) -> Result<Self, Vec<Problem>> {
        place::bounded(text).map_err(|problem| vec![problem])?;
        let mut parsed = handlebars::Template::compile(text)
            .map_err(|error| vec![place::syntax_problem(text, &error)])?;
        let Checked { needs, calls } = check::check(text, &mut parsed, environment)?;
        let registry = (!calls.is_empty()).then(|| Box::new(helper::registry_with(escape, calls)));
        Ok(Self {
            text: text.to_owned(),
            escape,
            parsed,
            registry,
            uses: needs.iter().map(|(_, slot, _)| *slot).collect(),
            needs,
        })
    }

    /// The variables it reads.
    pub fn uses(&self) -> &[Slot] {
        &self.uses
    }

    /// Tells what it looks at.
    pub fn survey(&self, survey: &mut Survey<'_>) {
        for (_, slot, need) in &self.needs {
            need.each(&mut Vec::new(), &mut |names| survey.keep_path(*slot, names));
        }
    }

    /// Fills the template in. Spans of the fault count bytes of the template's text.
    pub fn render<'a>(&'a self, scope: &Scope<'a>) -> Result<String, Fault<'a>> {
        let mut data = serde_json::Map::new();
        for (name, slot, need) in &self.needs {
            let value = scope.variable(*slot)?;
            data.insert(name.clone(), data::convert(value, need, scope)?);
        }
        let context = Context::from(serde_json::Value::Object(data));
        let mut output = Bounded {
            scope,
            text: String::with_capacity(self.text.len() * 2),
            fault: None,
        };
        let mut state = RenderContext::new(None);
        let registry = match &self.registry {
            Some(registry) => &**registry,
            None => helper::registry(self.escape),
        };
        Turn::begin(scope);
        let rendered = self
            .parsed
            .render(registry, &context, &mut state, &mut output);
        let settled = Turn::settle(scope);
        let kind = Turn::end();
        match rendered {
            Ok(()) => settled.map(|()| output.text),
            Err(error) => {
                let span = place::of_tag(&self.text, error.line_no, error.column_no);
                let mut fault = output.fault.unwrap_or_else(|| failure(&error, scope));
                fault.kind = kind.unwrap_or(fault.kind);
                Err(Fault { span, ..fault })
            }
        }
    }
}

fn failure<'a>(error: &handlebars::RenderError, scope: &Scope<'a>) -> Fault<'a> {
    let (kind, detail) = match error.reason() {
        RenderErrorReason::MissingVariable(Some(path)) => (FaultKind::Absent, path.clone()),
        RenderErrorReason::MissingVariable(None) => (
            FaultKind::Absent,
            "a value that the template needs".to_owned(),
        ),
        RenderErrorReason::InvalidJsonIndex(name) => (
            FaultKind::Absent,
            format!("{name} (of a list, whose items have numbers)"),
        ),
        RenderErrorReason::Other(message) => (FaultKind::BadArgument, message.clone()),
        other => (FaultKind::BadArgument, other.to_string()),
    };
    // A key that was looked up may be any text of the request.
    let shown = detail.get(..detail.floor_char_boundary(MAX_DETAIL));
    Fault {
        kind,
        span: (0, 0),
        detail: scope.arena().string(shown.unwrap_or(&detail)),
    }
}

/// The text as it grows, within the request's budget.
struct Bounded<'s, 'a> {
    scope: &'s Scope<'a>,
    text: String,
    fault: Option<Fault<'a>>,
}

impl Output for Bounded<'_, '_> {
    fn write(&mut self, segment: &str) -> Result<(), std::io::Error> {
        let steps = helper::STEPS_A_WRITE + segment.len() as u64 / 16;
        let charged = Turn::settle(self.scope);
        let charged = charged.and_then(|()| self.scope.charge_steps(steps));
        match charged.and_then(|()| self.scope.charge_memory(segment.len())) {
            Ok(()) => {
                self.text.push_str(segment);
                Ok(())
            }
            Err(fault) => {
                self.fault = Some(fault);
                Err(std::io::Error::other("the budget is spent"))
            }
        }
    }
}
