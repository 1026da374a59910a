//! Which parts of a body a function can look at, so that no other is made into values.
//!
//! Every expression and template that may run for a request is asked. Structs are taken apart
//! here field by field: whoever adds one that may look at a body is told so by the compiler.

use super::answer::{Answer, Case, Head, Line, RawAnswer};
use super::clause::{Clause, Runs};
use super::content::{Content, Filling, Node};
use super::deliver::{BodyPlan, Delivery, Durable, PathPlan, RequestPlan};
use super::function::{Check, Route};
use super::root::Root;
use crate::expr::{Slot, Survey};
use crate::value::json::Reach;

/// The reach of a function's body.
pub(super) fn of(route: &Route) -> Reach {
    let Route {
        when,
        checks,
        durable,
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
    if let Some(durable) = durable {
        self::durable(durable, &mut survey);
    }
    for Case { when, answer } in cases {
        if let Some(when) = when {
            look(when, &mut survey);
        }
        self::answer(answer, &mut survey);
    }
    survey.finish()
}

fn durable<'r>(durable: &'r Durable, survey: &mut Survey<'r>) {
    let Durable {
        dedupe,
        deliveries,
        // They are taken out of the bytes.
        redactions: _,
        slot: _,
    } = durable;
    if let Some(dedupe) = dedupe {
        keep(&dedupe.key, survey);
    }
    for Delivery {
        when,
        for_each,
        order_by,
        request:
            RequestPlan {
                path,
                query,
                headers,
                body,
                method: _,
            },
        name: _,
        connection: _,
        wait: _,
        on_dead: _,
        policy: _,
        timeout: _,
        at_delivery: _,
        // It sees an answer, not the request.
        ok_when: _,
        site: _,
    } in deliveries
    {
        if let Some(when) = when {
            look(when, survey);
        }
        for clause in for_each.iter().chain(order_by) {
            keep(clause, survey);
        }
        if let PathPlan::Computed(clause) = path {
            keep(clause, survey);
        }
        for (_, line) in query.iter().chain(headers) {
            self::line(line, survey);
        }
        match body {
            BodyPlan::None | BodyPlan::Raw => {}
            BodyPlan::Json(tree) => node(tree, survey),
            BodyPlan::Form(pairs) | BodyPlan::Multipart(pairs) => {
                for (_, line) in pairs {
                    self::line(line, survey);
                }
            }
            BodyPlan::Text { content, .. } => self::content(content, survey),
        }
    }
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
