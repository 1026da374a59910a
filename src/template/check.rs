//! The names, helpers and shapes of a template, checked against the environment; and the template
//! rewritten so that every value is printed by [`helper::PRINT`].
//!
//! Handlebars' own strict mode finds a wrong name when the template runs, and not everywhere
//! (`{{#if nope}}` passes). Here each path is resolved with its type, through `each`, `with`,
//! block parameters and `../`.

use std::ops::Range;

use handlebars::Template;
use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, Subexpression, TemplateElement,
};

use super::call::{self, Call, Given};
use super::data::Need;
use super::helper::{self, Form, KNOWN, Known};
use super::path::{Start, TemplatePath, parse};
use super::place;
use crate::diagnostic::suggest::{did_you_mean, nearest};
use crate::diagnostic::{Problem, code};

use crate::expr::function::{self, Function};
use crate::expr::{Environment, Others, Slot, Type};

/// What a template needs of each variable.
type Needs = Vec<(String, Slot, Need)>;

/// What the check of a template gives.
pub(super) struct Checked {
    pub(super) needs: Needs,
    /// The functions of the language that it calls, by the numbers of their
    /// [`call_name`](helper::call_name).
    pub(super) calls: Vec<Call>,
}

/// Checks a template and rewrites it.
pub(super) fn check(
    text: &str,
    template: &mut Template,
    environment: &Environment,
) -> Result<Checked, Vec<Problem>> {
    let mut checker = Checker {
        text,
        environment,
        scopes: Vec::new(),
        at: 0,
        cursor: 0,
        needs: Vec::new(),
        calls: Vec::new(),
        problems: Vec::new(),
    };
    checker.template(template);
    if checker.problems.is_empty() {
        Ok(Checked {
            needs: checker.needs,
            calls: checker.calls,
        })
    } else {
        checker.problems.sort_by_key(|problem| problem.range.start);
        checker.problems.dedup();
        Err(checker.problems)
    }
}

struct Checker<'c> {
    text: &'c str,
    environment: &'c Environment,
    /// The blocks around the present place that have an item, the innermost last.
    scopes: Vec<Scope>,
    /// The byte at which the present tag starts.
    at: usize,
    /// The byte from which the next word of the tag is looked for: its words are visited in the
    /// order in which they stand.
    cursor: usize,
    needs: Needs,
    calls: Vec<Call>,
    problems: Vec<Problem>,
}

/// What `each` and `with` make of the names inside them.
struct Scope {
    item: Type,
    is_each: bool,
    parameters: Vec<(String, Type)>,
}

impl Checker<'_> {
    fn template(&mut self, template: &mut Template) {
        let Template {
            elements, mapping, ..
        } = template;
        for (index, element) in elements.iter_mut().enumerate() {
            if let Some(place) = mapping.get(index) {
                self.at = place::offset(self.text, place.0, place.1);
                self.cursor = self.at;
            }
            match element {
                TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => {
                    self.print(tag);
                }
                TemplateElement::HelperBlock(block) => self.block(block),
                TemplateElement::PartialExpression(tag) | TemplateElement::PartialBlock(tag) => {
                    self.unsupported(
                        tag,
                        "partials",
                        "write its text here, or a template file of its own",
                    );
                }
                TemplateElement::DecoratorExpression(tag)
                | TemplateElement::DecoratorBlock(tag) => {
                    self.unsupported(
                        tag,
                        "decorators",
                        "a template holds values, blocks and helpers",
                    );
                }
                // Text and comments.
                _ => {}
            }
        }
    }

    fn unsupported(&mut self, tag: &DecoratorTemplate, what: &str, help: &str) {
        let name = tag.name.as_name().unwrap_or("…");
        let range = self.word(name);
        let message = format!("templates have no {what}: `{name}`");
        self.problems
            .push(Problem::error(code::template::UNSUPPORTED, range, message).help(help));
    }

    /// `{{path}}`, `{{helper value}}`: whatever it is, it is printed by our helper.
    fn print(&mut self, tag: &mut HelperTemplate) {
        let is_path = tag.params.is_empty() && tag.hash.is_empty();
        let name = std::mem::replace(&mut tag.name, Parameter::Name(helper::PRINT.to_owned()));
        let printed = if is_path {
            name
        } else {
            let params = std::mem::take(&mut tag.params);
            let hash = std::mem::take(&mut tag.hash);
            Parameter::Subexpression(Subexpression::new(name, params, hash))
        };
        if let Parameter::Path(_) | Parameter::Name(_) = &printed {
            let raw = printed.as_name().unwrap_or("").to_owned();
            if let Some(known) = self.bare_helper(&raw) {
                self.wrong_use(known, &format!("`{raw}` is a helper and needs a value"));
            } else {
                let of = self.path(&raw);
                self.printable(&raw, &of);
            }
            // A name that handlebars took for a helper's is looked up as a path.
            self.pass(&raw);
            tag.params = vec![match handlebars::Path::parse(&raw) {
                Ok(path) => Parameter::Path(path),
                Err(_) => printed,
            }];
            return;
        }
        let mut printed = printed;
        let shown = match &printed {
            Parameter::Subexpression(sub) => sub_name(sub).unwrap_or("").to_owned(),
            _ => String::new(),
        };
        let of = self.parameter(&mut printed);
        self.cursor = self.at;
        self.printable(&shown, &of);
        tag.params = vec![printed];
    }

    /// The helper that a lone name is, when no variable has that name.
    fn bare_helper(&self, name: &str) -> Option<&'static Known> {
        let is_variable = self.environment.find(name).is_some()
            || self
                .scopes
                .iter()
                .any(|scope| scope.parameters.iter().any(|known| known.0 == name))
            || !self.scopes.is_empty();
        known(name).filter(|_| !is_variable)
    }

    fn printable(&mut self, raw: &str, of: &Type) {
        let what = match of.bare() {
            Type::Map(..) | Type::Record(_) => "a map",
            Type::List(_) => "a list",
            _ => return,
        };
        let range = self.word(raw);
        let message = format!("`{raw}` is {what} and cannot be printed");
        let problem = Problem::error(code::template::NOT_PRINTABLE, range, message).help(format!(
            "print one of its values, or all of it: `{{{{json {raw}}}}}`"
        ));
        self.problems.push(problem);
    }

    fn block(&mut self, block: &mut HelperTemplate) {
        let start = self.at;
        let name = block.name.as_name().unwrap_or("").to_owned();
        let Some(known) = known(&name) else {
            if function_named(&name).is_some() {
                let help = format!("write `{{{{#if ({name} …)}}}}…{{{{/if}}}}`");
                self.wrong_call(&name, &format!("`{name}` is not a block"), help);
                return;
            }
            let of = self.environment.find(&name).map(|(_, of)| of.clone());
            let mut problem = self.unknown_helper(&name);
            if let Some(of) = of {
                let with = if matches!(of, Type::List(_) | Type::Map(..)) {
                    "each"
                } else {
                    "if"
                };
                problem = problem.help(format!("write `{{{{#{with} {name}}}}}…{{{{/{with}}}}}`"));
            }
            self.problems.push(problem);
            return;
        };
        match known.form {
            Form::Value => {
                let message = format!("`{name}` is not a block");
                self.wrong_use_with(
                    known,
                    &message,
                    &format!("write `{{{{#if ({name} …)}}}}…{{{{/if}}}}`"),
                );
                return;
            }
            Form::Raw => return,
            Form::Block => {}
        }
        self.pass(&name);
        self.usage(known, &block.params, block.hash.keys());
        let of = block
            .params
            .first_mut()
            .map_or(Type::Dyn, |parameter| self.parameter(parameter));
        for value in block.hash.values_mut() {
            self.cursor = self.at;
            self.parameter(value);
        }
        self.cursor = self.at;
        let opens = matches!(name.as_str(), "each" | "with");
        if opens {
            let item = if name == "each" {
                self.item(block, &of)
            } else {
                of
            };
            let parameters = self.block_parameters(block, &name, &item);
            self.scopes.push(Scope {
                item,
                is_each: name == "each",
                parameters,
            });
        } else if block.block_param.is_some() {
            self.wrong_use(known, &format!("`{name}` gives no block parameters"));
        }
        if let Some(inside) = &mut block.template {
            self.template(inside);
        }
        if opens {
            self.scopes.pop();
        }
        self.at = start;
        if let Some(otherwise) = &mut block.inverse {
            self.template(otherwise);
        }
        self.at = start;
    }

    /// The type of an `each`'s items.
    fn item(&mut self, block: &HelperTemplate, of: &Type) -> Type {
        match of.bare() {
            Type::List(item) => (**item).clone(),
            Type::Map(_, value) => (**value).clone(),
            Type::Dyn | Type::Record(_) | Type::Parameter(_) => Type::Dyn,
            Type::Optional(of) => self.item(block, of),
            other => {
                let raw = block
                    .params
                    .first()
                    .and_then(Parameter::as_name)
                    .unwrap_or("")
                    .to_owned();
                let range = self.word(&raw);
                let message = format!("`each` needs a list or a map, and `{raw}` is {other}");
                self.problems
                    .push(Problem::error(code::template::WRONG_USE, range, message));
                Type::Dyn
            }
        }
    }

    fn block_parameters(
        &mut self,
        block: &HelperTemplate,
        name: &str,
        item: &Type,
    ) -> Vec<(String, Type)> {
        let text = |parameter: &Parameter| parameter.as_name().unwrap_or("").to_owned();
        match &block.block_param {
            Some(BlockParam::Single(one)) => vec![(text(one), item.clone())],
            Some(BlockParam::Pair((one, two))) => {
                if name == "with" {
                    let range = self.word(&text(two));
                    let message = "`with` gives one block parameter";
                    self.problems
                        .push(Problem::error(code::template::WRONG_USE, range, message));
                }
                vec![(text(one), item.clone()), (text(two), Type::Dyn)]
            }
            None | Some(_) => Vec::new(),
        }
    }

    /// The type of a helper's value.
    fn parameter(&mut self, parameter: &mut Parameter) -> Type {
        match parameter {
            Parameter::Path(_) | Parameter::Name(_) => {
                let raw = parameter.as_name().unwrap_or("").to_owned();
                let of = self.path(&raw);
                self.pass(&raw);
                of
            }
            Parameter::Literal(literal) => {
                if literal.as_str().is_some_and(helper::is_marked) {
                    let range = self.at..place::end_of_tag(self.text, self.at);
                    let message = "a text holds U+FDD0, which is no character";
                    self.problems
                        .push(Problem::error(code::template::SYNTAX, range, message));
                }
                Type::Dyn
            }
            Parameter::Subexpression(sub) => {
                let name = sub_name(sub).unwrap_or("").to_owned();
                let Some(known) = known(&name) else {
                    if let Some(function) = function_named(&name) {
                        return self.call(function, &name, sub);
                    }
                    let problem = self.unknown_helper(&name);
                    self.problems.push(problem);
                    return Type::Dyn;
                };
                if known.form != Form::Value {
                    let message = format!("`{name}` is a block");
                    let help = format!("write `{{{{#{name} …}}}}…{{{{/{name}}}}}`");
                    self.wrong_use_with(known, &message, &help);
                    return Type::Dyn;
                }
                let (params, hash) = (sub.params(), sub.hash());
                let params = params.map_or([].as_slice(), Vec::as_slice);
                self.usage(
                    known,
                    params,
                    hash.into_iter().flatten().map(|(name, _)| name),
                );
                self.pass(&name);
                let types: Vec<_> = values_of(sub)
                    .iter_mut()
                    .map(|value| self.parameter(value))
                    .collect();
                match (name.as_str(), types.first()) {
                    ("eq" | "ne" | "lt" | "lte" | "gt" | "gte" | "and" | "or" | "not", _) => {
                        Type::Bool
                    }
                    ("len", _) => Type::Int,
                    ("join" | "upper" | "lower" | "json", _) => Type::String,
                    ("lookup", Some(Type::List(item) | Type::Map(_, item))) => (**item).clone(),
                    _ => Type::Dyn,
                }
            }
            _ => Type::Dyn,
        }
    }

    /// A call of a function of the language, which becomes a helper of its own.
    fn call(&mut self, function: &'static Function, name: &str, sub: &mut Subexpression) -> Type {
        let start = self.cursor;
        let range = self.word(name);
        self.pass(name);
        let option = sub
            .hash()
            .and_then(|options| options.keys().next().cloned());
        if let Some(option) = option {
            let range = self.word(&option);
            let message = format!("`{name}` is a function and has no options: `{option}`");
            self.problems
                .push(Problem::error(code::template::WRONG_USE, range, message));
        }
        let problems = self.problems.len();
        let mut places = Vec::new();
        let mut given = Vec::new();
        for value in values_of(sub) {
            places.push(match &*value {
                Parameter::Literal(literal) => self.word(&literal.to_string()),
                other => self.word(other.as_name().unwrap_or("")),
            });
            let of = self.parameter(value);
            given.push(match value {
                Parameter::Literal(literal) => Given::Literal(literal.clone()),
                _ => Given::Value(of),
            });
        }
        if self.problems.len() > problems {
            return Type::Dyn;
        }
        match call::prepare(function, &given) {
            Ok((call, of)) => {
                let own = helper::call_name(self.calls.len());
                self.calls.push(call);
                if let TemplateElement::Expression(tag) = sub.element.as_mut() {
                    tag.name = Parameter::Name(own);
                }
                of
            }
            Err(wrong) => {
                self.cursor = start;
                let place = wrong.value.and_then(|at| places.get(at).cloned());
                let mut problem = Problem::error(
                    code::template::WRONG_USE,
                    place.unwrap_or(range),
                    wrong.message,
                );
                problem.help = wrong.help;
                self.problems.push(problem);
                Type::Dyn
            }
        }
    }

    /// Where a word of the present tag stands: the next one, or else any.
    fn word(&self, word: &str) -> Range<usize> {
        let end = place::end_of_tag(self.text, self.at);
        let next = place::word(self.text, self.cursor, word);
        if self.text.get(next.clone()) == Some(word) && next.end <= end {
            return next;
        }
        place::word(self.text, self.at, word)
    }

    /// Goes on behind a word.
    fn pass(&mut self, word: &str) {
        let place = self.word(word);
        if self.text.get(place.clone()) == Some(word) {
            self.cursor = place.end;
        }
    }

    /// How many values and which options a helper was given.
    fn usage<'n>(
        &mut self,
        known: &'static Known,
        params: &[Parameter],
        options: impl Iterator<Item = &'n String>,
    ) {
        let (least, most) = known.takes;
        if !(least..=most).contains(&params.len()) {
            let takes = match (least, most) {
                (1, 1) => "one value".to_owned(),
                (least, most) if least == most => format!("{least} values"),
                (least, most) if most > 9 => format!("{least} or more values"),
                (least, most) => format!("{least} to {most} values"),
            };
            let given = params.len();
            self.wrong_use(
                known,
                &format!("`{}` takes {takes}, not {given}", known.name),
            );
        }
        for option in options {
            if !known.options.contains(&option.as_str()) {
                let range = self.word(option);
                let message = format!("`{}` has no option `{option}`", known.name);
                self.problems
                    .push(Problem::error(code::template::WRONG_USE, range, message));
            }
        }
    }

    fn wrong_use(&mut self, known: &Known, message: &str) {
        let example = match known.form {
            Form::Block => format!("`{{{{#{0} …}}}}…{{{{/{0}}}}}`", known.name),
            Form::Raw => format!("`{{{{{{{{{0}}}}}}}}}…{{{{{{{{/{0}}}}}}}}}`", known.name),
            Form::Value => format!("`{{{{{} …}}}}`", known.name),
        };
        self.wrong_use_with(known, message, &format!("write {example}"));
    }

    fn wrong_use_with(&mut self, known: &Known, message: &str, help: &str) {
        let range = self.word(known.name);
        self.problems
            .push(Problem::error(code::template::WRONG_USE, range, message).help(help));
    }

    fn wrong_call(&mut self, name: &str, message: &str, help: String) {
        let range = self.word(name);
        self.problems
            .push(Problem::error(code::template::WRONG_USE, range, message).help(help));
    }

    fn unknown_helper(&self, name: &str) -> Problem {
        let names: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
        let spellings: Vec<_> = function::all()
            .iter()
            .map(|function| call::spelling(function))
            .collect();
        let functions = spellings.iter().map(|name| &**name);
        let range = self.word(name);
        let problem = Problem::error(
            code::template::UNKNOWN_HELPER,
            range,
            format!("unknown helper `{name}`"),
        );
        let problem = match did_you_mean(name, names.iter().copied().chain(functions)) {
            Some(help) => problem.help(help),
            None => problem,
        };
        problem.help(format!(
            "the helpers are {}, and the functions of the language",
            names.join(", ")
        ))
    }

    /// The type of a path, and a note of what it needs.
    fn path(&mut self, raw: &str) -> Type {
        let TemplatePath { start, names } = parse(raw);
        let depth = self.scopes.len();
        match start {
            Start::Local => self.local(raw, &names),
            Start::Root => self.root_path(raw, &names),
            Start::Here(up) if up > depth => {
                let message = format!("`{raw}` leads out of the template");
                let help = match depth {
                    0 => "only `each` and `with` have a place above them".to_owned(),
                    1 => "there is one `each` or `with` around this".to_owned(),
                    _ => format!("there are {depth} `each` or `with` around this"),
                };
                self.report(code::template::WRONG_SCOPE, raw, message, Some(help));
                Type::Dyn
            }
            Start::Here(up) => {
                if let Some((first, rest)) = names.split_first() {
                    let of = self.scopes.iter().rev().find_map(|scope| {
                        scope
                            .parameters
                            .iter()
                            .find(|known| known.0 == *first)
                            .map(|known| known.1.clone())
                    });
                    if let Some(of) = of {
                        return self.fields(raw, first, of, rest);
                    }
                }
                match (depth - up)
                    .checked_sub(1)
                    .and_then(|index| self.scopes.get(index))
                {
                    Some(scope) => {
                        let of = scope.item.clone();
                        self.fields(raw, "this", of, &names)
                    }
                    None => self.root_path(raw, &names),
                }
            }
        }
    }

    fn local(&mut self, raw: &str, names: &[&str]) -> Type {
        let name = names.first().copied().unwrap_or("");
        let known = ["index", "key", "first", "last"];
        if names.len() != 1 || !known.contains(&name) {
            let help = did_you_mean(name, known)
                .map(|help| help.replace('`', "`@").replacen("`@?", "`?", 1));
            let message = format!("there is no `{raw}`");
            let help = help
                .or_else(|| Some("there are `@index`, `@key`, `@first` and `@last`".to_owned()));
            self.report(code::template::UNKNOWN_NAME, raw, message, help);
        } else if !self.scopes.iter().any(|scope| scope.is_each) {
            let message = format!("`{raw}` is only known inside `each`");
            self.report(code::template::WRONG_SCOPE, raw, message, None);
        }
        Type::Dyn
    }

    fn root_path(&mut self, raw: &str, names: &[&str]) -> Type {
        let Some((first, rest)) = names.split_first() else {
            let message = format!("`{raw}` stands for an item, and there is none here");
            let help = "it is known inside `each` and `with`".to_owned();
            self.report(code::template::WRONG_SCOPE, raw, message, Some(help));
            return Type::Dyn;
        };
        let Some((slot, of)) = self.environment.find(first) else {
            let names = self.environment.variables().map(|(name, _)| name);
            let help = if rest.is_empty() && function_named(first).is_some() {
                Some(format!(
                    "`{first}` is a function: write `{{{{{first} value}}}}`, or give its value a name under `let`"
                ))
            } else {
                did_you_mean(first, names)
            };
            let message = format!("unknown name `{first}`");
            self.report(code::template::UNKNOWN_NAME, raw, message, help);
            return Type::Dyn;
        };
        let of = of.clone();
        let known = self.needs.iter_mut().find(|(_, known, _)| *known == slot);
        if let Some((_, _, need)) = known {
            need.add(rest);
        } else {
            let mut need = Need::nothing();
            need.add(rest);
            self.needs.push(((*first).to_owned(), slot, need));
        }
        self.fields(raw, first, of, rest)
    }

    /// The type of a field of a field of … a value.
    fn fields(&mut self, raw: &str, first: &str, of: Type, names: &[&str]) -> Type {
        let (mut shown, mut of) = (first.to_owned(), of);
        for name in names {
            let next = match of.unless_null() {
                Type::Record(record) => match (record.field(name), &record.others) {
                    (Some(field), _) => field.of.clone(),
                    (None, Others::Of(of)) => of.clone(),
                    (None, Others::Doubtful) if nearest(name, record.names()).is_none() => {
                        Type::Dyn
                    }
                    (None, Others::Wrong | Others::Doubtful) => {
                        let help = did_you_mean(name, record.names());
                        let message = format!("no field `{name}` in `{shown}`");
                        self.report(code::template::UNKNOWN_FIELD, raw, message, help);
                        return Type::Dyn;
                    }
                },
                Type::Map(_, value) => (**value).clone(),
                Type::List(item) if name.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (**item).clone()
                }
                Type::Dyn | Type::Optional(_) | Type::Parameter(_) => Type::Dyn,
                other => {
                    let what = if matches!(other, Type::List(_)) {
                        "a list"
                    } else {
                        "no map"
                    };
                    let message =
                        format!("no field `{name}` in `{shown}`, which is {what} ({other})");
                    self.report(code::template::UNKNOWN_FIELD, raw, message, None);
                    return Type::Dyn;
                }
            };
            of = next;
            shown.push('.');
            shown.push_str(name);
        }
        of
    }

    fn report(
        &mut self,
        code: crate::diagnostic::Code,
        raw: &str,
        message: String,
        help: Option<String>,
    ) {
        let range = self.word(raw);
        let problem = Problem::error(code, range, message);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}

fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// The function of the language that a helper may be.
fn function_named(name: &str) -> Option<&'static Function> {
    let mut functions = function::all().iter().copied();
    functions.find(|function| call::spelling(function) == name)
}

fn values_of(sub: &mut Subexpression) -> &mut [Parameter] {
    match sub.element.as_mut() {
        TemplateElement::Expression(tag) => &mut tag.params,
        _ => &mut [],
    }
}

fn sub_name(sub: &Subexpression) -> Option<&str> {
    match sub.as_element() {
        TemplateElement::Expression(tag) => tag.name.as_name(),
        _ => None,
    }
}
