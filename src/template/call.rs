//! Functions of the language as helpers: `{{truncate title 40}}`, `(startsWith name "A")`.
//!
//! When a template is compiled, such a call becomes an expression, `a0.truncate(40)`, whose names
//! are the values that the helper is given. So it is checked as expressions are, literals
//! included, and a regular expression is built once. The first value stands before the dot where
//! the function is a method. Handlebars takes no dot in a helper's name: `math.round` is called
//! `math_round` here.
//!
//! Handlebars hands a helper nothing of the request. What a call may still use of the request's
//! budget, and what it used, therefore pass through a cell of the thread: from [`Turn::begin`] to
//! [`Turn::end`] one template is rendered on it, and [`Turn::settle`] charges the request.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason,
    ScopedJson,
};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::data::{self, Need};
use super::helper::{Parameters, other, restored};
use crate::diagnostic::code;
use crate::expr::function::Function;
use crate::expr::{
    Budget, Environment, Fault, FaultKind, Program, Provide, Scope, Slot, Type, compile,
};
use crate::value::{Arena, Value};

/// A call that is ready to run.
pub(super) struct Call {
    function: &'static str,
    program: Program,
    /// Which of the helper's values the names are, in the order of their slots.
    names: Vec<usize>,
}

/// What is known at load of a value that a call is given.
#[derive(Debug)]
pub(super) enum Given {
    Literal(Json),
    Value(Type),
}

/// Why a call is none.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: Vec<String>,
    /// Which value is to blame, if it is one.
    pub(super) value: Option<usize>,
}

/// Compiles a call; with it comes the type of its value.
pub(super) fn prepare(
    function: &'static Function,
    given: &[Given],
) -> Result<(Call, Type), Box<Wrong>> {
    let name = function.name;
    let method = format!(".{name}(");
    let is_method = function
        .signatures
        .iter()
        .any(|signature| signature.contains(&method));
    let is_global = function
        .signatures
        .iter()
        .any(|signature| !signature.contains(&method));
    let mut wrong = None;
    for as_method in [true, false] {
        if !(if as_method { is_method } else { is_global }) || (as_method && given.is_empty()) {
            continue;
        }
        match Written::of(name, given, as_method).compile(function) {
            Ok(made) => return Ok(made),
            // Of two forms that do not fit, the first one's reason is as good as the other's.
            Err(why) => wrong = wrong.or(Some(why)),
        }
    }
    Err(wrong.unwrap_or_else(|| {
        Box::new(Wrong {
            message: format!("`{}` needs a value", spelling(function)),
            help: usages(function),
            value: None,
        })
    }))
}

/// What a function is called in a template, where names have no dots: `math_round`.
pub(super) fn spelling(function: &Function) -> Cow<'static, str> {
    if function.name.contains('.') {
        Cow::Owned(function.name.replace('.', "_"))
    } else {
        Cow::Borrowed(function.name)
    }
}

/// How the function is written in a template, once for each signature.
fn usages(function: &Function) -> Vec<String> {
    let usage = |signature: &&str| {
        let call = signature.split("->").next()?.trim();
        let (before, arguments) = call.split_once(&format!("{}(", function.name))?;
        let arguments = arguments.strip_suffix(')')?;
        let first = before.strip_suffix('.').unwrap_or(before);
        let comma = |c: &char| *c == ',';
        let mut depth = 0_usize;
        // The commas of `map(A, B)` stay.
        let arguments: String = arguments
            .chars()
            .filter(|c| {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth > 0 || !comma(c)
            })
            .collect();
        let name = spelling(function);
        let words = [&*name, first, &arguments];
        let words = words.into_iter().filter(|word| !word.is_empty());
        Some(format!("`{{{{{}}}}}`", words.collect::<Vec<_>>().join(" ")))
    };
    function.signatures.iter().filter_map(usage).collect()
}

/// A call as an expression.
struct Written {
    text: String,
    environment: Environment,
    names: Vec<usize>,
    /// Where each value stands.
    values: Vec<Range<usize>>,
}

impl Written {
    fn of(name: &str, given: &[Given], as_method: bool) -> Self {
        let mut made = Self {
            text: String::new(),
            environment: Environment::new(),
            names: Vec::new(),
            values: Vec::new(),
        };
        if !as_method {
            made.text = format!("{name}(");
        }
        for (index, value) in given.iter().enumerate() {
            let separator = match (as_method, index) {
                (_, 0) | (true, 1) => "",
                _ => ", ",
            };
            made.text.push_str(separator);
            let start = made.text.len();
            made.value(index, value);
            made.values.push(start..made.text.len());
            if as_method && index == 0 {
                made.text.push_str(&format!(".{name}("));
            }
        }
        made.text.push(')');
        made
    }

    /// A literal as it is; a name for anything else, converted back from what handlebars holds.
    fn value(&mut self, index: usize, given: &Given) {
        let of = match given {
            // JSON is an expression. In parentheses, since `-1.f()` is `-(1.f())`.
            Given::Literal(literal) => {
                self.text.push_str(&format!("({literal})"));
                return;
            }
            Given::Value(of) => of,
        };
        let name = format!("a{}", self.names.len());
        let (of, text) = match of {
            Type::Timestamp => (Type::String, format!("timestamp({name})")),
            Type::Duration => (Type::String, format!("duration({name})")),
            Type::Bytes => (Type::String, format!("base64.decode({name})")),
            Type::UInt => (Type::Dyn, format!("uint({name})")),
            Type::Opaque(kind, _) if &**kind == "net.IP" => (Type::String, format!("ip({name})")),
            Type::Opaque(kind, _) if &**kind == "net.CIDR" => {
                (Type::String, format!("cidr({name})"))
            }
            Type::Bool
            | Type::Int
            | Type::Double
            | Type::String
            | Type::Null
            | Type::List(_)
            | Type::Map(..)
            | Type::Record(_) => (of.clone(), name.clone()),
            _ => (Type::Dyn, name.clone()),
        };
        self.environment.declare(name, of);
        self.names.push(index);
        self.text.push_str(&text);
    }

    fn compile(self, function: &'static Function) -> Result<(Call, Type), Box<Wrong>> {
        let problems = match compile(&self.text, &self.environment) {
            Ok(compiled) => {
                let call = Call {
                    function: function.name,
                    program: compiled.program,
                    names: self.names,
                };
                return Ok((call, compiled.result));
            }
            Err(problems) => problems,
        };
        let problem = problems.into_iter().next();
        let (code, mut message, range) = match problem {
            Some(problem) => (problem.code, problem.message, problem.range),
            None => (code::expr::SYNTAX, String::new(), 0..0),
        };
        let mut help = usages(function);
        let mut value = None;
        if code == code::expr::WRONG_ARITY {
            let count = self.values.len();
            let values = if count == 1 { "value" } else { "values" };
            message = format!("`{}` does not take {count} {values}", spelling(function));
        } else if code == code::expr::BAD_LITERAL {
            let holds = |at: &Range<usize>| at.start <= range.start && range.end <= at.end;
            value = self.values.iter().position(holds);
            help.clear();
        }
        if let Some(first) = help.first_mut() {
            *first = format!("write {first}");
        }
        Err(Box::new(Wrong {
            message,
            help,
            value,
        }))
    }
}

impl HelperDef for Call {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let parameters = Parameters(helper.params());
        let arena = Arena::new();
        let values = self.names.iter();
        let values = values.map(|&at| Ok(restored(parameters.get(at)?, &arena)));
        let values = Values(values.collect::<Result<_, RenderError>>()?);
        let Some(mut turn) = TURN.get() else {
            return Err(RenderErrorReason::Other(self.function.to_owned()).into());
        };
        let scope = Scope::new(&arena, &values, self.names.len(), turn.now, turn.left);
        // What handlebars holds had to be copied for the call.
        let copied = arena.allocated();
        let made = scope
            .charge_steps(copied as u64 / 16)
            .and_then(|()| scope.charge_memory(copied))
            .and_then(|()| self.program.evaluate(&scope))
            .and_then(|value| data::convert(value, &Need::Whole, &scope));
        turn.left = scope.left();
        let outcome = made.map(ScopedJson::Derived).map_err(|fault| {
            turn.failure = Some(fault.kind);
            other(match fault.kind {
                FaultKind::BadArgument | FaultKind::Range => {
                    format!("`{}`: {}", self.function, fault.detail)
                }
                _ => fault.detail.to_owned(),
            })
        });
        TURN.set(Some(turn));
        outcome
    }
}

struct Values<'a>(Vec<Value<'a>>);

impl<'a> Provide<'a> for Values<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        let value = self.0.get(usize::from(slot.0)).copied();
        value.ok_or(Fault {
            kind: FaultKind::Absent,
            span: (0, 0),
            detail: "variable",
        })
    }
}

thread_local! {
    static TURN: Cell<Option<Turn>> = const { Cell::new(None) };
}

/// What the calls of the template that is being rendered share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    now: Timestamp,
    /// What was left when the request was last charged.
    given: Budget,
    left: Budget,
    failure: Option<FaultKind>,
}

impl Turn {
    /// A template begins.
    pub(super) fn begin(scope: &Scope<'_>) {
        TURN.set(Some(Self {
            now: scope.now(),
            given: scope.left(),
            left: scope.left(),
            failure: None,
        }));
    }

    /// Charges the request for the calls so far.
    pub(super) fn settle<'a>(scope: &Scope<'a>) -> Result<(), Fault<'a>> {
        let Some(turn) = TURN.get() else {
            return Ok(());
        };
        let memory = turn.given.memory - turn.left.memory;
        scope.charge_steps(turn.given.steps - turn.left.steps)?;
        scope.charge_memory(usize::try_from(memory).unwrap_or(usize::MAX))?;
        TURN.set(Some(Self {
            given: scope.left(),
            left: scope.left(),
            ..turn
        }));
        Ok(())
    }

    /// The template ends; of which kind the failure was that a call ended it with.
    pub(super) fn end() -> Option<FaultKind> {
        TURN.take()?.failure
    }
}
