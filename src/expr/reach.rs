//! Which parts of a variable's value programs can look at.
//!
//! A program is followed without being run. Each node gives the places in the variable's value
//! that its own value may be, or be made of without a copy; whoever looks into a value further
//! than to its type, or hands it on, says so for its places. A node of which nothing better is
//! known keeps all of its parts whole. So what is found is never too little; that it is not too
//! much is a matter of speed alone.

use std::collections::HashMap;

use super::ast::FoldKind;
use super::program::{Call, Fold, Node, Path, StepKey};
use super::text::TextProgram;
use super::{Program, Slot};
use crate::value::json::Reach;

/// More places than this are kept whole: it is not worth telling them apart.
const MOST_PLACES: usize = 32;

/// More parts than this are not worth asking for each by itself.
const MOST_PARTS: usize = 2_000;

/// Finds out what a set of programs can look at.
#[derive(Debug)]
pub struct Survey<'p> {
    variable: Slot,
    bindings: HashMap<Slot, Binding<'p>>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Binding<'p> {
    Program(&'p Program),
    Places(Vec<Place>),
}

/// A part of the value, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(usize);

#[derive(Debug, Default)]
struct Part {
    whole: bool,
    fields: Vec<(Box<str>, Place)>,
    others: Option<Place>,
}

/// Where the value of a node may lie.
type Places = Vec<Place>;

impl<'p> Survey<'p> {
    /// Of the value of `variable`.
    pub fn new(variable: Slot) -> Self {
        Self {
            variable,
            bindings: HashMap::new(),
            parts: vec![Part::default()],
        }
    }

    /// Says what another variable is: looked into once something asks for it.
    pub fn bind(&mut self, slot: Slot, program: &'p Program) {
        self.bindings.insert(slot, Binding::Program(program));
    }

    /// A program whose value is handed on.
    pub fn keep(&mut self, program: &'p Program) {
        let places = self.result(program);
        self.keep_places(&places);
    }

    /// A program whose value is only asked whether it is true.
    pub fn look(&mut self, program: &'p Program) {
        self.result(program);
    }

    /// A text with holes.
    pub fn keep_text(&mut self, text: &'p TextProgram) {
        text.holes().for_each(|program| self.keep(program));
    }

    /// All of a variable.
    pub fn keep_variable(&mut self, slot: Slot) {
        let places = self.of_variable(slot);
        self.keep_places(&places);
    }

    /// What stands in a variable at the end of these names.
    pub fn keep_path(&mut self, slot: Slot, names: &[&str]) {
        let mut places = self.of_variable(slot);
        for name in names {
            places = self.fields(&places, name);
        }
        self.keep_places(&places);
    }

    /// What was found.
    pub fn finish(&self) -> Reach {
        let mut left = MOST_PARTS;
        self.reach(&[Place(0)], &mut left).unwrap_or(Reach::WHOLE)
    }

    /// What is in reach at places that are one; `None` when it has too many parts.
    fn reach(&self, places: &[Place], left: &mut usize) -> Option<Reach> {
        *left = left.checked_sub(1)?;
        let parts = || places.iter().filter_map(|place| self.parts.get(place.0));
        if parts().any(|part| part.whole) {
            return Some(Reach::WHOLE);
        }
        let others: Places = parts().filter_map(|part| part.others).collect();
        let mut fields: Vec<(&str, Places)> = Vec::new();
        for (name, place) in parts().flat_map(|part| &part.fields) {
            if let Some((_, places)) = fields.iter_mut().find(|(known, _)| *known == &**name) {
                places.push(*place);
            } else {
                // Whoever goes over all fields meets this one, too.
                let mut places = others.clone();
                places.push(*place);
                fields.push((name, places));
            }
        }
        let mut reaches = Vec::with_capacity(fields.len());
        for (name, places) in fields {
            reaches.push((name.into(), self.reach(&places, left)?));
        }
        let others = match others.as_slice() {
            [] => None,
            others => Some(self.reach(others, left)?),
        };
        Some(Reach::parts(reaches, others))
    }

    fn result(&mut self, program: &'p Program) -> Places {
        let cells = usize::from(program.cells);
        let mut way = Way {
            survey: self,
            lazies: &program.lazies,
            found: vec![None; program.lazies.len()],
            cells: vec![Vec::new(); cells],
        };
        way.node(&program.root)
    }

    fn of_variable(&mut self, slot: Slot) -> Places {
        if slot == self.variable {
            return vec![Place(0)];
        }
        match self.bindings.get(&slot) {
            None => Vec::new(),
            Some(Binding::Places(places)) => places.clone(),
            Some(&Binding::Program(program)) => {
                let places = self.result(program);
                self.bindings.insert(slot, Binding::Places(places.clone()));
                places
            }
        }
    }

    pub(super) fn keep_places(&mut self, places: &[Place]) {
        for place in places {
            if let Some(part) = self.parts.get_mut(place.0) {
                part.whole = true;
            }
        }
    }

    /// The field of this name of each.
    pub(super) fn fields(&mut self, places: &[Place], name: &str) -> Places {
        let mut found = Vec::with_capacity(places.len());
        for place in places {
            let next = Place(self.parts.len());
            let Some(part) = self.parts.get_mut(place.0).filter(|part| !part.whole) else {
                continue;
            };
            if let Some((_, known)) = part.fields.iter().find(|(known, _)| **known == *name) {
                found.push(*known);
                continue;
            }
            part.fields.push((name.into(), next));
            self.parts.push(Part::default());
            found.push(next);
        }
        found
    }

    /// Any item or field of each.
    pub(super) fn items(&mut self, places: &[Place]) -> Places {
        let mut found = Vec::with_capacity(places.len());
        for place in places {
            let next = Place(self.parts.len());
            let Some(part) = self.parts.get_mut(place.0).filter(|part| !part.whole) else {
                continue;
            };
            if let Some(known) = part.others {
                found.push(known);
                continue;
            }
            part.others = Some(next);
            self.parts.push(Part::default());
            found.push(next);
        }
        found
    }

    fn both(&mut self, mut one: Places, other: Places) -> Places {
        one.extend(other);
        one.sort_unstable();
        one.dedup();
        if one.len() > MOST_PLACES {
            self.keep_places(&one);
            one.clear();
        }
        one
    }
}

/// The way through one program.
struct Way<'s, 'p> {
    survey: &'s mut Survey<'p>,
    lazies: &'p [Node],
    /// Where the values of the lazies may lie, of those that were asked for.
    found: Vec<Option<Places>>,
    /// Where the values of the cells may lie.
    cells: Vec<Places>,
}

impl<'p> Way<'_, 'p> {
    /// Where the value of a node may lie.
    fn node(&mut self, node: &'p Node) -> Places {
        match node {
            Node::Constant(_) | Node::Now | Node::Fault(..) => {}
            Node::Variable(slot, _) => return self.survey.of_variable(*slot),
            Node::Local(cell) => return self.cell(*cell),
            Node::Lazy { from, .. } => return self.lazy(*from),
            Node::Path(path) => return self.path(path),
            Node::Index(index) => {
                self.keep(&index.key);
                let places = self.node(&index.object);
                return self.survey.items(&places);
            }
            Node::Has(has) => {
                let places = self.node(&has.object);
                self.survey.fields(&places, &has.field);
            }
            Node::Call(call) => self.call(call),
            Node::Not(part, _) | Node::Negate(part, _) => self.look(part),
            Node::Sum(terms) => terms.iter().for_each(|(term, _)| self.keep(term)),
            Node::Arithmetic(parts) => {
                self.keep(&parts.1);
                self.keep(&parts.2);
            }
            Node::Compare(parts) => match (&parts.1, &parts.2) {
                // Against a scalar, of a list or a map only that it is one counts.
                (Node::Constant(_), other) | (other, Node::Constant(_)) => self.look(other),
                (left, right) => {
                    self.keep(left);
                    self.keep(right);
                }
            },
            Node::In(parts) => {
                self.keep(&parts.0);
                self.keep(&parts.1);
            }
            Node::Among(parts) => {
                self.keep(&parts.0);
                parts.1.iter().for_each(|item| self.keep(item));
            }
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().for_each(|(part, _)| self.look(part));
            }
            Node::Conditional(parts) => {
                self.look(&parts.0);
                return self.either(&parts.1, &parts.2);
            }
            Node::Coalesce(parts) => return self.either(&parts.0, &parts.1),
            Node::OptionalOr(parts) => return self.either(&parts.object, &parts.other),
            Node::OptionalMap(parts) => {
                let places = self.node(&parts.object);
                self.set(parts.cell, places);
                return self.node(&parts.body);
            }
            Node::List(items) => items.iter().for_each(|item| self.keep(&item.value)),
            Node::Map(map) => map.entries.iter().for_each(|entry| {
                self.keep(&entry.key);
                self.keep(&entry.value);
            }),
            Node::Fold(fold) => return self.fold(fold),
            Node::Bind(_, body) => return self.node(body),
            Node::Query(parts) => {
                let root = self.node(&parts.0);
                parts.1.reach(self.survey, &root);
            }
            Node::Everything(variables) => variables
                .iter()
                .for_each(|(_, slot)| self.survey.keep_variable(*slot)),
        }
        Vec::new()
    }

    /// A node whose value is looked into, or kept.
    fn keep(&mut self, node: &'p Node) {
        let places = self.node(node);
        self.survey.keep_places(&places);
    }

    /// A node of whose value only the type counts, or the value if it is a scalar.
    fn look(&mut self, node: &'p Node) {
        self.node(node);
    }

    fn either(&mut self, one: &'p Node, other: &'p Node) -> Places {
        let one = self.node(one);
        let other = self.node(other);
        self.survey.both(one, other)
    }

    fn path(&mut self, path: &'p Path) -> Places {
        let mut places = self.node(&path.root);
        for step in &path.steps {
            places = match &step.key {
                StepKey::Field(name) | StepKey::Name(name) => self.survey.fields(&places, name),
                StepKey::Index(_) | StepKey::Element(_) => self.survey.items(&places),
            };
        }
        places
    }

    fn call(&mut self, call: &'p Call) {
        match (call.function.name, &*call.args) {
            // How many there are, whatever they are.
            ("size", [of]) => {
                let places = self.node(of);
                self.survey.items(&places);
            }
            _ => call.args.iter().for_each(|arg| self.keep(arg)),
        }
    }

    fn fold(&mut self, fold: &'p Fold) -> Places {
        let range = self.node(&fold.range);
        let items = self.survey.items(&range);
        // The first of two is an index or a key.
        match fold.second {
            Some(second) => {
                self.set(fold.first, Vec::new());
                self.set(second, items);
            }
            None => self.set(fold.first, items),
        }
        if let Some(filter) = &fold.filter {
            self.look(filter);
        }
        match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => self.look(&fold.body),
            FoldKind::Filter => {
                self.look(&fold.body);
                if fold.second.is_none() {
                    return range;
                }
                self.survey.keep_places(&range);
            }
            FoldKind::Map | FoldKind::TransformMap | FoldKind::TransformMapEntry => {
                self.keep(&fold.body);
            }
            FoldKind::SortBy | FoldKind::GroupBy | FoldKind::KeyBy => {
                self.keep(&fold.body);
                self.survey.keep_places(&range);
            }
        }
        Vec::new()
    }

    fn lazy(&mut self, from: u16) -> Places {
        let at = usize::from(from);
        if let Some(Some(known)) = self.found.get(at) {
            return known.clone();
        }
        let lazies = self.lazies;
        let places = lazies.get(at).map_or_else(Vec::new, |node| self.node(node));
        if let Some(found) = self.found.get_mut(at) {
            *found = Some(places.clone());
        }
        places
    }

    fn set(&mut self, cell: u16, places: Places) {
        // A cell that a second macro uses, too, may be either's.
        let places = self.survey.both(self.cell(cell), places);
        if let Some(cell) = self.cells.get_mut(usize::from(cell)) {
            *cell = places;
        }
    }

    fn cell(&self, cell: u16) -> Places {
        let found = self.cells.get(usize::from(cell));
        found.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::expr::{Budget, Environment, Fault, Provide, Scope, Type, compile};
    use crate::value::{Arena, Value, json};

    /// A body and one value under `let`.
    struct Variables<'v> {
        body: Value<'v>,
        value: &'v Program,
    }

    impl<'a> Provide<'a> for Variables<'a> {
        fn provide(&'a self, slot: Slot, scope: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
            match slot {
                Slot(0) => Ok(self.body),
                _ => self.value.evaluate(scope),
            }
        }
    }

    fn outcome(body: &str, reach: &Reach, value: &Program, main: &Program) -> String {
        let arena = Arena::new();
        let body = json::read_parts(body.as_bytes(), &arena, json::DEPTH, reach).unwrap();
        let variables = Variables { body, value };
        let now = jiff::Timestamp::UNIX_EPOCH;
        let scope = Scope::new(&arena, &variables, 2, now, Budget::default());
        match main.evaluate(&scope) {
            Err(fault) => format!("{fault} at {:?}", fault.span),
            Ok(value) => {
                let mut out = Vec::new();
                match json::write(value, &mut out) {
                    Ok(()) => String::from_utf8(out).unwrap(),
                    Err(error) => error.to_string(),
                }
            }
        }
    }

    fn environment() -> Environment {
        let mut environment = Environment::new();
        environment.declare("body", Type::Dyn);
        environment.declare("v", Type::Dyn);
        environment
    }

    /// What `text` can look at of a body, `v` being `value`; as text.
    fn reach(value: &str, text: &str) -> String {
        let value = compile(value, &environment()).unwrap().program;
        let main = compile(text, &environment()).unwrap().program;
        let mut survey = Survey::new(Slot(0));
        survey.bind(Slot(1), &value);
        survey.keep(&main);
        survey.finish().to_string()
    }

    #[test]
    fn what_is_looked_at_is_in_reach_and_hardly_more() {
        for (value, text, expected) in [
            ("1", "1", "{}"),
            ("1", "body", "*"),
            ("1", "body.a.b", "{a: {b: *}}"),
            ("1", "body.a == 'x'", "{a: {}}"),
            ("1", "body.a == body.b", "{a: *, b: *}"),
            ("1", "has(body.a.b) && body.a.c", "{a: {b: {}, c: {}}}"),
            ("1", "body.a ?? body.b", "{a: *, b: *}"),
            ("1", "(body.a ?? body.b).c", "{a: {c: *}, b: {c: *}}"),
            ("1", "body.l[0].a", "{l: {others: {a: *}}}"),
            ("1", "body.l[body.i].a", "{i: *, l: {others: {a: *}}}"),
            ("1", "size(body.l) > 0", "{l: {others: {}}}"),
            ("1", "body.l.map(x, x.a)", "{l: {others: {a: *}}}"),
            ("1", "body.l.filter(x, x.a == 1)", "{l: *}"),
            (
                "1",
                "body.l.filter(x, x.a == 1).map(x, x.b)",
                "{l: {others: {a: {}, b: *}}}",
            ),
            ("1", "body.l.all(i, x, x.a > i)", "{l: {others: {a: *}}}"),
            ("1", "body.l.sort_by(x, x.a)", "{l: *}"),
            ("1", "body.?a.?b.orValue('')", "{a: {b: *}}"),
            ("1", "body.?a.optMap(x, x.b).orValue('')", "{a: {b: *}}"),
            ("1", "cel.bind(x, body.a, x.b + x.c)", "{a: {b: *, c: *}}"),
            ("1", "$.body.l[*].a", "{l: {others: {a: *}}}"),
            (
                "1",
                "$.body.l[?@.t == 'x' && @.l[0]].a",
                "{l: {others: {t: *, l: {others: {}}, a: *}}}",
            ),
            ("1", "$.body.l..a", "{l: *}"),
            ("1", "$.body[?@.a == $.z].b", "{z: *, others: {a: *, b: *}}"),
            ("body.a", "v.b", "{a: {b: *}}"),
            ("body.l", "v.exists(x, x.a == 1)", "{l: {others: {a: {}}}}"),
            ("{'k': body.a}", "v.k.b", "{a: *}"),
            ("body", "v.a + v.b", "{a: *, b: *}"),
            ("1", "body.a.b + string(body.a)", "{a: *}"),
            (
                "1",
                "[body.m.x.a, body.m.all(k, y, y.b == 1)]",
                "{m: {x: {b: {}, a: *}, others: {b: {}}}}",
            ),
        ] {
            assert_eq!(reach(value, text), expected, "{value}; {text}");
        }
    }

    const BODIES: [&str; 5] = [
        r#"{"a":{"a":1,"b":"x","l":[1,2]},"b":"x","l":[{"a":1,"b":{"a":2}},{"a":"x","l":[3]},{"b":[1]}],"m":{"a":{"b":1},"b":{"a":{"a":1}}}}"#,
        r#"{"a":[{"a":1},{"b":2}],"b":{"a":null},"l":{"a":{"a":1},"b":{"a":2}},"m":[[1,2],[{"a":1}]]}"#,
        r#"{"a":true,"b":{"b":{"b":{"b":1}}},"l":["a","b"],"m":"a"}"#,
        r#"[{"a":1,"b":2},{"a":{"a":3}}]"#,
        r#"{"l":[],"m":{},"b":[[]]}"#,
    ];

    /// Expressions that look into a body in all the ways there are.
    fn texts() -> impl Strategy<Value = String> {
        let leaf = select(vec![
            "body",
            "body.a",
            "body.b",
            "body.l",
            "body.m",
            "§",
            "x",
            "x.a",
            "x.b",
            "'a'",
            "1",
            "[]",
            "$.body..a",
            "$.body.l[*]",
            "$.body.l[?@.a == 1].b",
            "$.body.*.a",
            "$.body.l[?@.b.a].a",
            "$.body.l[0,1]",
            "$.body[?@.a == @.b]",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(5, 24, 3, |inner| {
            let one = select(vec![
                "(#).a",
                "(#).b",
                "(#).l",
                "(#)[0]",
                "(#)['a']",
                "(#).?a",
                "(#)[?1]",
                "has((#).a)",
                "size(#)",
                "type(#) == string",
                "(#) == null",
                "!(#)",
                "[#]",
                "{'a': #}",
                "(#).first()",
                "(#).orValue(1)",
                "(#).jsonpath('$.a')",
                "to_json(#)",
                "keys(#)",
            ]);
            let two = select(vec![
                "(#) ?? (@)",
                "(#) == (@)",
                "(#) + (@)",
                "(#) in (@)",
                "(#) || (@)",
                "(#) && (@)",
                "(#).map(x, @)",
                "(#).filter(x, @)",
                "(#).exists(x, @)",
                "(#).all(y, x, @)",
                "(#).sort_by(x, @)",
                "(#).group_by(x, @)",
                "(#).transformMap(k, x, @)",
                "(#).map(x, (@) == 1, x)",
                "cel.bind(x, #, @)",
                "(#).optMap(x, @)",
                "(#).optFlatMap(x, @)",
                "(#).or(@)",
                "(#)[@]",
                "(#) ? x : (@)",
                "(#).filter(x, @).map(x, x.a)",
                "(#).filter(k, x, @)",
                "[#, @]",
                "cel.bind(x, #, (@) ?? x)",
            ]);
            prop_oneof![
                (one, inner.clone()).prop_map(|(form, a)| form.replace('#', &a)),
                (two, inner.clone(), inner).prop_map(|(form, a, b)| form
                    .replace('#', "\u{1}")
                    .replace('@', &b)
                    .replace('\u{1}', &a)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// The one promise that matters.
        #[test]
        fn a_program_gives_the_same_where_only_what_it_reaches_was_read(
            value in texts(),
            text in texts(),
        ) {
            let value = format!("cel.bind(x, body, {})", value.replace('§', "body.m"));
            let text = format!("cel.bind(x, body.l, {})", text.replace('§', "v"));
            // What the checker would refuse is looked at, too.
            let mut environment = environment();
            environment.skip_check();
            let (Ok(value), Ok(main)) = (compile(&value, &environment), compile(&text, &environment))
            else {
                return Err(TestCaseError::reject("not an expression"));
            };
            let mut survey = Survey::new(Slot(0));
            survey.bind(Slot(1), &value.program);
            survey.keep(&main.program);
            let reach = survey.finish();
            for body in BODIES {
                prop_assert_eq!(
                    outcome(body, &reach, &value.program, &main.program),
                    outcome(body, &Reach::WHOLE, &value.program, &main.program),
                    "{} of {}, in reach: {}", text, body, reach
                );
            }
        }
    }
}
