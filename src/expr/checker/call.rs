//! Calls: which overload is meant, and what is said when none is.

use std::collections::HashMap;
use std::sync::Arc;

use super::lack::{Lack, is_described};
use super::{Checker, article, range};
use crate::diagnostic::code::expr::{BAD_MACRO, UNKNOWN_FUNCTION, WRONG_ARITY, WRONG_TYPE};
use crate::diagnostic::{Problem, suggest};
use crate::expr::ast::{Ast, Call, Literal, Node, Span};
use crate::expr::compiler::{Callee, callee};
use crate::expr::signature::{self, Signature};
use crate::expr::{Type, function};

/// What other languages call it, where the name is not near ours.
const OTHER_NAMES: [(&str, &str); 22] = [
    ("toLower", "lowerAscii"),
    ("toLowerCase", "lowerAscii"),
    ("to_lower", "lowerAscii"),
    ("lower", "lowerAscii"),
    ("lowercase", "lowerAscii"),
    ("downcase", "lowerAscii"),
    ("toUpper", "upperAscii"),
    ("toUpperCase", "upperAscii"),
    ("to_upper", "upperAscii"),
    ("upper", "upperAscii"),
    ("uppercase", "upperAscii"),
    ("upcase", "upperAscii"),
    ("len", "size"),
    ("length", "size"),
    ("strip", "trim"),
    ("substr", "substring"),
    ("includes", "contains"),
    ("any", "exists"),
    ("some", "exists"),
    ("every", "all"),
    ("parse_json", "json"),
    ("match", "matches"),
];

/// What turns one type into another, or asks for it: whoever writes one has thought of the type.
const CONVERSIONS: [&str; 10] = [
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "timestamp",
    "duration",
    "type",
    "dyn",
];

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
        let parts: Vec<&Ast> = receiver.into_iter().chain(&call.args).collect();
        let arguments: Vec<Type> = parts.iter().map(|part| self.of(part)).collect();
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
        self.null_arguments(&parts, &arguments, &candidates);
        if !CONVERSIONS.contains(&name.as_str()) {
            self.mismatched(&parts, &arguments, &candidates);
        }
        self.linted(&name, &parts);
        if let Some(of) = self.queried(&name, &parts, &arguments) {
            return of;
        }
        result.unwrap_or_else(|| {
            self.no_overload(span, call, &name, is_method, &arguments, &candidates);
            Type::Dyn
        })
    }

    /// Notes arguments that may be null, which the function does not take.
    fn null_arguments(&mut self, parts: &[&Ast], arguments: &[Type], candidates: &[&Signature]) {
        for (index, (part, of)) in parts.iter().zip(arguments).enumerate() {
            let takes_null = |candidate: &&Signature| {
                let wanted = candidate
                    .parameters
                    .get(index)
                    .or(candidate.parameters.last());
                matches!(
                    wanted,
                    Some(Type::Dyn | Type::Parameter(_) | Type::Null | Type::Nullable(_))
                )
            };
            if matches!(of, Type::Nullable(_)) && !candidates.iter().any(takes_null) {
                self.may_lack(part, part.span, Lack::Null, true);
            }
        }
    }

    /// Notes arguments that may be of a type that the function does not take.
    fn mismatched(&mut self, parts: &[&Ast], arguments: &[Type], candidates: &[&Signature]) {
        for (index, (part, of)) in parts.iter().zip(arguments).enumerate() {
            if !matches!(of.unless_null(), Type::Dyn | Type::Several(_)) {
                continue;
            }
            let parameters = candidates
                .iter()
                .filter_map(|one| one.parameters.get(index).or(one.parameters.last()));
            let mut wanted: Vec<&Type> = Vec::new();
            for parameter in parameters {
                if !wanted.contains(&parameter) {
                    wanted.push(parameter);
                }
            }
            if wanted
                .iter()
                .any(|of| matches!(of, Type::Dyn | Type::Parameter(_)))
            {
                continue;
            }
            let words: Vec<String> = wanted.iter().map(|of| kind(of)).collect();
            self.may_mismatch(part, of, &words.join(" or "), |checker, of| {
                wanted.iter().any(|wanted| {
                    let wanted = checker.unifier.instantiate(wanted, &mut HashMap::new());
                    checker.unifier.fits(of, &wanted)
                })
            });
        }
    }

    /// The type of what a literal JSONPath finds in a value of a known type.
    fn queried(&mut self, name: &str, parts: &[&Ast], arguments: &[Type]) -> Option<Type> {
        let ([root, query], [of, _]) = (parts, arguments) else {
            return None;
        };
        let Node::Literal(Literal::String(text)) = &query.node else {
            return None;
        };
        if (name != "jsonpath" && name != "jsonpath_one") || !is_described(of) {
            return None;
        }
        let shown = self.written(root.span).to_owned();
        let node = Arc::new(self.nodes(of, text, query.span, &shown));
        Some(if name == "jsonpath" {
            Type::List(node)
        } else {
            Type::Optional(node)
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
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
            let near = other.map(|(_, ours)| *ours);
            match near.or_else(|| suggest::nearest(name, names.chain(macros))) {
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
        if let Some(Type::Optional(_)) = receiver.map(Type::unless_null) {
            problem = problem.help("take the value out of the optional first: `.orValue(…)`");
        }
        if name == "string" && arguments.iter().any(is_container) {
            self.problems
                .push(problem.help("select a part of it, or write it with `to_json(…)`"));
            return;
        }
        self.problems
            .push(candidates.iter().take(6).fold(problem, |problem, one| {
                problem.help(format!("`{}`", one.text))
            }));
    }
}

fn is_container(of: &Type) -> bool {
    matches!(of.bare(), Type::List(_) | Type::Map(..) | Type::Record(_))
}

/// A type in a sentence, without what it holds.
fn kind(of: &Type) -> String {
    match of {
        Type::List(_) => "a list".to_owned(),
        Type::Map(..) => "a map".to_owned(),
        of => article(of),
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
