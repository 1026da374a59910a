//! Calls: which overload is meant, and what is said when none is.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Checker, article, range};
use crate::diagnostic::code::expr::{BAD_MACRO, UNKNOWN_FUNCTION, WRONG_ARITY, WRONG_TYPE};
use crate::diagnostic::{Problem, suggest};
use crate::expr::ast::{Call, Span};
use crate::expr::compiler::{Callee, callee};
use crate::expr::signature::{self, Signature};
use crate::expr::{Type, function};

impl Checker<'_> {
    pub(super) fn call(&mut self, span: Span, call: &Call) -> Type {
        let (name, is_method) = match callee(call, self.environment, &self.names) {
            Callee::Static(name) => (name, false),
            Callee::Method => (call.name.clone(), true),
        };
        let known = signatures(&name, self.environment);
        if !known.iter().any(|one| one.is_method == is_method) {
            if self.is_broken_macro(span) {
                return Type::Dyn;
            }
            self.unknown_function(call, &name, is_method, &known);
            for arg in &call.args {
                self.of(arg);
            }
            return Type::Dyn;
        }
        let receiver = if is_method {
            call.target.as_ref()
        } else {
            None
        };
        let arguments: Vec<Type> = receiver
            .into_iter()
            .chain(&call.args)
            .map(|arg| self.of(arg))
            .collect();
        let candidates: Vec<&Signature> = known
            .iter()
            .filter(|one| one.takes(is_method, arguments.len()))
            .collect();
        if candidates.is_empty() {
            self.wrong_arity(call, &name, is_method, &known);
            return Type::Dyn;
        }
        let mut result: Option<Type> = None;
        // What takes anything is there for what the others do not take: it comes last, and says
        // nothing where the arguments are known and one of them takes these.
        let is_known = !arguments
            .iter()
            .any(|argument| matches!(argument, Type::Dyn | Type::Parameter(_)));
        let (open, exact): (Vec<&Signature>, Vec<&Signature>) =
            candidates.iter().partition(|one| one.takes_anything());
        for candidate in exact.into_iter().chain(open) {
            if is_known && result.is_some() && candidate.takes_anything() {
                break;
            }
            let Some(of) = self.matches(candidate, &arguments) else {
                continue;
            };
            result = Some(match result {
                None => of,
                Some(before) if before == of => before,
                Some(_) => Type::Dyn,
            });
        }
        result.unwrap_or_else(|| {
            self.no_overload(span, call, &name, is_method, &arguments, &candidates);
            Type::Dyn
        })
    }

    /// Whether the macros have said already what is wrong here.
    fn is_broken_macro(&self, span: Span) -> bool {
        let span = range(span);
        self.problems.iter().any(|problem| {
            problem.code == BAD_MACRO
                && span.start <= problem.range.start
                && problem.range.end <= span.end
        })
    }

    /// The result of a signature, if the arguments fit it.
    fn matches(&mut self, signature: &Signature, arguments: &[Type]) -> Option<Type> {
        let mut letters = HashMap::new();
        let parameters: Vec<Type> = signature
            .parameters
            .iter()
            .map(|parameter| self.unifier.instantiate(parameter, &mut letters))
            .collect();
        let last = parameters.last();
        let wanted = parameters.iter().chain(last.into_iter().cycle());
        if !self.unifier.fit_all(arguments.iter().zip(wanted)) {
            return None;
        }
        let result = self.unifier.instantiate(&signature.result, &mut letters);
        Some(self.unifier.known(&result, false))
    }

    fn unknown_function(&mut self, call: &Call, name: &str, is_method: bool, known: &[Signature]) {
        let place = if !is_method && let Some(target) = &call.target {
            (target.span.0, call.name_span.1)
        } else {
            call.name_span
        };
        let problem = if known.is_empty() {
            let problem = Problem::error(
                UNKNOWN_FUNCTION,
                range(place),
                format!("there is no function `{name}`"),
            );
            let names = function::all().iter().map(|function| function.name);
            let macros = [
                "all",
                "exists",
                "exists_one",
                "filter",
                "map",
                "has",
                "default",
                "coalesce",
                "sortBy",
                "group_by",
                "key_by",
                "orValue",
                "or",
                "optMap",
            ];
            match suggest::nearest(name, names.chain(macros)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            }
        } else {
            let message = if is_method {
                format!("`{name}` is not a function of a value")
            } else {
                format!("`{name}` is a function of a value")
            };
            let problem = Problem::error(UNKNOWN_FUNCTION, range(place), message);
            known.iter().fold(problem, |problem, one| {
                problem.help(format!("`{}`", one.text))
            })
        };
        self.problems.push(problem);
    }

    fn wrong_arity(&mut self, call: &Call, name: &str, is_method: bool, known: &[Signature]) {
        let count = call.args.len();
        let plural = if count == 1 { "argument" } else { "arguments" };
        let problem = Problem::error(
            WRONG_ARITY,
            range(call.name_span),
            format!("`{name}` does not take {count} {plural}"),
        );
        let known = known.iter().filter(|one| one.is_method == is_method);
        self.problems.push(known.fold(problem, |problem, one| {
            problem.help(format!("`{}`", one.text))
        }));
    }

    fn no_overload(
        &mut self,
        span: Span,
        call: &Call,
        name: &str,
        is_method: bool,
        arguments: &[Type],
        candidates: &[&Signature],
    ) {
        let (receiver, given) = match arguments.split_first() {
            Some((receiver, rest)) if is_method => (Some(receiver), rest),
            _ => (None, arguments),
        };
        let given: Vec<String> = given.iter().map(article).collect();
        let with = if given.is_empty() {
            String::new()
        } else {
            format!(" with {}", given.join(" and "))
        };
        let message = match receiver {
            Some(receiver) => format!("{} has no `{name}`{with}", article(receiver)),
            None => format!("`{name}` cannot be called{with}"),
        };
        let place = if is_method { call.name_span } else { span };
        let mut problem = Problem::error(WRONG_TYPE, range(place), message);
        if let Some(Type::Optional(_)) = receiver {
            problem = problem.help("take the value out of the optional first: `.orValue(…)`");
        }
        self.problems
            .push(candidates.iter().take(6).fold(problem, |problem, one| {
                problem.help(format!("`{}`", one.text))
            }));
    }
}

/// All signatures of a name: the functions', the macros' that are like functions, the declared.
fn signatures(name: &str, environment: &crate::expr::Environment) -> Vec<Signature> {
    let lazy = signature::LAZY
        .iter()
        .filter(|(known, _)| *known == name)
        .filter_map(|(name, text)| signature::read(name, text));
    let declared = environment.functions(name).map(|function| Signature {
        text: "declared",
        is_method: function.is_method,
        parameters: function.parameters.clone(),
        repeats: false,
        result: function.result.clone(),
    });
    let known = signature::of(name).cloned();
    let mut all: Vec<Signature> = known.chain(lazy).chain(declared).collect();
    if name == "dyn" && all.is_empty() {
        all.push(Signature {
            text: "dyn(A) -> dyn",
            is_method: false,
            parameters: vec![Type::Parameter(0)],
            repeats: false,
            result: Type::Dyn,
        });
    }
    if name == "type" {
        for one in &mut all {
            one.parameters = vec![Type::Parameter(0)];
            one.result = Type::Type(Arc::new(Type::Parameter(0)));
        }
    }
    all
}
