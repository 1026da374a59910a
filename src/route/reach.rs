//! Which parts of a body a function can look at, so that no other is made into values.
//!
//! Every expression and template that may run for a request is asked. Structs are taken apart
//! here field by field: whoever adds one that may look at a body is told so by the compiler.

use super::answer::{Answer, Case, Head, Line, RawAnswer};
use super::clause::{Clause, Runs};
use super::content::{Content, Filling, Node};
use super::function::{Check, Route};
use super::root::Root;
use crate::expr::{Slot, Survey};
use crate::value::json::Reach;

/// The reach of a function's body.
pub(super) fn of(route: &Route) -> Reach {
    let Route {
        when,
        checks,
        cases,
        bindings,
        name: _,
        summary: _,
        site: _,
        methods: _,
        keys: _,
        path: _,
        pattern: _,
        max_body: _,
        rate: _,
        arguments: _,
        tests: _,
        reach: _,
        // It sees the whole body by itself, before the function does.
        signature: _,
        allowed: _,
        certificate: _,
    } = route;
    let mut survey = Survey::new(Root::Body.slot());
    for (index, clause) in bindings.iter().enumerate() {
        match (&*clause.program, u16::try_from(Root::ALL.len() + index)) {
            (Runs::Expression(program), Ok(slot)) => survey.bind(Slot(slot), program),
            _ => keep(clause, &mut survey),
        }
    }
    if let Some(when) = when {
        look(when, &mut survey);
    }
    for Check {
        that,
        message,
        status: _,
    } in checks
    {
        look(that, &mut survey);
        content(message, &mut survey);
    }
    for Case { when, answer } in cases {
        if let Some(when) = when {
            look(when, &mut survey);
        }
        self::answer(answer, &mut survey);
    }
    survey.finish()
}

fn answer<'r>(answer: &'r Answer, survey: &mut Survey<'r>) {
    match answer {
        Answer::Envelope(None) => {}
        Answer::Envelope(Some(output)) => content(output, survey),
        Answer::Raw(RawAnswer { head, body }) => {
            match head {
                Head::Fixed { .. } => {}
                Head::Computed {
                    status,
                    content_type,
                    headers,
                } => {
                    let lines = headers.iter().flatten().map(|(_, line)| line);
                    for line in status.iter().chain(content_type).chain(lines) {
                        self::line(line, survey);
                    }
                }
            }
            if let Some(body) = body {
                content(body, survey);
            }
        }
    }
}

fn line<'r>(line: &'r Line, survey: &mut Survey<'r>) {
    match line {
        Line::Fixed(_) => {}
        Line::Computed(clause) => keep(clause, survey),
        Line::Many(lines) => lines.iter().for_each(|line| self::line(line, survey)),
    }
}

fn content<'r>(content: &'r Content, survey: &mut Survey<'r>) {
    match content {
        Content::Text(_) => {}
        Content::Computed(clause) => keep(clause, survey),
        Content::Template(filling) => fill(filling, survey),
        Content::Tree(tree) => node(tree, survey),
    }
}

fn node<'r>(tree: &'r Node, survey: &mut Survey<'r>) {
    match tree {
        Node::Fixed(_) => {}
        Node::Value(clause) => keep(clause, survey),
        Node::Template(filling) => fill(filling, survey),
        Node::List(items) => items.iter().for_each(|item| node(item, survey)),
        Node::Map(entries) => entries.iter().for_each(|(_, item)| node(item, survey)),
    }
}

fn fill(filling: &Filling, survey: &mut Survey<'_>) {
    filling.template.survey(survey);
}

fn keep<'r>(clause: &'r Clause, survey: &mut Survey<'r>) {
    match &*clause.program {
        Runs::Expression(program) => survey.keep(program),
        Runs::Text(program) => survey.keep_text(program),
    }
}

fn look<'r>(clause: &'r Clause, survey: &mut Survey<'r>) {
    match &*clause.program {
        Runs::Expression(program) => survey.look(program),
        Runs::Text(program) => survey.keep_text(program),
    }
}
