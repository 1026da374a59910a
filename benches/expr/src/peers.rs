//! The engines that one would embed instead: the crates cel, vrl, jaq and rhai.
//!
//! Each has the body in its own kind of value before it is timed; that is worth more to some than
//! to others, and shows in *request*.

use std::hint::black_box;

use serde_json::Value as Json;

use super::{Contender, MAPPINGS, Outcome};

pub(super) fn all(body: &[u8]) -> Outcome<Vec<Box<dyn Contender>>> {
    Ok(vec![
        Box::new(Cel::new(body)?),
        Box::new(Vrl::new(body)?),
        Box::new(Jaq::new(body)?),
        Box::new(Rhai::new(body)?),
    ])
}

struct Cel {
    programs: Vec<cel::Program>,
    context: cel::Context<'static, 'static>,
}

impl Cel {
    fn new(body: &[u8]) -> Outcome<Self> {
        let programs: Result<_, _> = MAPPINGS
            .iter()
            .map(|(_, text)| cel::Program::compile(text))
            .collect();
        Ok(Self {
            programs: programs.map_err(|error| format!("cel: {error}"))?,
            context: Self::context(body),
        })
    }

    fn context(body: &[u8]) -> cel::Context<'static, 'static> {
        let body: Json = serde_json::from_slice(body).expect("JSON");
        let mut context = cel::Context::default();
        context.add_variable("body", body).expect("a value");
        context
    }
}

impl Contender for Cel {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn answer(&mut self, mapping: usize) -> Json {
        let value = self.programs[mapping].execute(&self.context);
        value.expect("a value").json().expect("a JSON value")
    }

    fn run(&mut self, mapping: usize, times: u32) {
        let program = &self.programs[mapping];
        for _ in 0..times {
            let _ = black_box(black_box(program).execute(&self.context));
        }
    }

    fn request(&mut self, body: &[u8]) -> String {
        let context = Self::context(body);
        let mut last = String::new();
        for (index, program) in self.programs.iter().enumerate() {
            let value = black_box(program.execute(&context)).expect("a value");
            if index + 1 == self.programs.len() {
                last = value.json().expect("a JSON value").to_string();
            }
        }
        last
    }
}

struct Vrl {
    programs: Vec<vrl::compiler::Program>,
    body: vrl::compiler::TargetValue,
}

const VRL: [&str; 5] = [
    ".repository.owner.login",
    r#"starts_with!(.ref, "refs/tags/") && .deleted == true && length!(.commits) > 2 && .sender.login == "Codertocat""#,
    r#"string!(.pusher.name) + " pushed " + string!(.ref) + " to " + string!(.repository.full_name) + ": " + string!(.head_commit.message)"#,
    "distinct = filter(array!(.commits)) -> |_index, c| { c.distinct == true }; map_values(distinct) -> |c| { c.message }",
    r#"{"repository": .repository.full_name, "owner": .repository.owner.login, "fork": .repository.fork, "id": .repository.id, "ref": .ref, "commit": .head_commit.id, "author": .head_commit.author.email, "pusher": .pusher.name, "commits": length!(.commits), "compare": .compare}"#,
];

impl Vrl {
    fn new(body: &[u8]) -> Outcome<Self> {
        let functions = vrl::stdlib::all();
        let programs: Result<_, _> = VRL
            .iter()
            .map(|text| {
                vrl::compiler::compile(text, &functions)
                    .map(|compiled| compiled.program)
                    .map_err(|problems| format!("vrl: {text}: {problems:?}"))
            })
            .collect();
        Ok(Self {
            programs: programs?,
            body: Self::target(body),
        })
    }

    fn target(body: &[u8]) -> vrl::compiler::TargetValue {
        vrl::compiler::TargetValue {
            value: serde_json::from_slice(body).expect("JSON"),
            metadata: vrl::value::Value::Object(std::collections::BTreeMap::new()),
            secrets: vrl::value::Secrets::default(),
        }
    }

    fn resolve(
        program: &vrl::compiler::Program,
        target: &mut vrl::compiler::TargetValue,
    ) -> vrl::value::Value {
        let mut state = vrl::compiler::state::RuntimeState::default();
        let zone = vrl::compiler::TimeZone::default();
        let mut context = vrl::compiler::Context::new(target, &mut state, &zone);
        program.resolve(&mut context).expect("a value")
    }
}

impl Contender for Vrl {
    fn name(&self) -> &'static str {
        "vrl"
    }

    fn answer(&mut self, mapping: usize) -> Json {
        let value = Self::resolve(&self.programs[mapping], &mut self.body);
        serde_json::to_value(value).expect("a JSON value")
    }

    fn run(&mut self, mapping: usize, times: u32) {
        let program = &self.programs[mapping];
        let mut state = vrl::compiler::state::RuntimeState::default();
        let zone = vrl::compiler::TimeZone::default();
        let mut context = vrl::compiler::Context::new(&mut self.body, &mut state, &zone);
        for _ in 0..times {
            let _ = black_box(black_box(program).resolve(&mut context));
        }
    }

    fn request(&mut self, body: &[u8]) -> String {
        let mut target = Self::target(body);
        let mut last = String::new();
        for (index, program) in self.programs.iter().enumerate() {
            let value = black_box(Self::resolve(program, &mut target));
            if index + 1 == self.programs.len() {
                last = serde_json::to_string(&value).expect("a JSON value");
            }
        }
        last
    }
}

type Lut = jaq_core::data::JustLut<jaq_json::Val>;

struct Jaq {
    programs: Vec<jaq_core::compile::Filter<jaq_core::Native<Lut>>>,
    body: jaq_json::Val,
}

const JAQ: [&str; 5] = [
    ".repository.owner.login",
    r#"(.ref | startswith("refs/tags/")) and .deleted == true and (.commits | length) > 2 and .sender.login == "Codertocat""#,
    r#".pusher.name + " pushed " + .ref + " to " + .repository.full_name + ": " + .head_commit.message"#,
    "[.commits[] | select(.distinct == true) | .message]",
    r#"{"repository": .repository.full_name, "owner": .repository.owner.login, "fork": .repository.fork, "id": .repository.id, "ref": .ref, "commit": .head_commit.id, "author": .head_commit.author.email, "pusher": .pusher.name, "commits": (.commits | length), "compare": .compare}"#,
];

impl Jaq {
    fn new(body: &[u8]) -> Outcome<Self> {
        Ok(Self {
            programs: JAQ
                .iter()
                .map(|text| Self::compile(text))
                .collect::<Outcome<_>>()?,
            body: jaq_json::read::parse_single(body).map_err(|error| format!("jaq: {error:?}"))?,
        })
    }

    fn compile(text: &'static str) -> Outcome<jaq_core::compile::Filter<jaq_core::Native<Lut>>> {
        use jaq_core::load::{Arena, File, Loader};
        let definitions = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let functions = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(
                &arena,
                File {
                    code: text,
                    path: (),
                },
            )
            .map_err(|problems| format!("jaq: {text}: {problems:?}"))?;
        let filter = jaq_core::Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|problems| format!("jaq: {text}: {problems:?}"))?;
        Ok(filter)
    }

    fn only(
        program: &jaq_core::compile::Filter<jaq_core::Native<Lut>>,
        body: &jaq_json::Val,
    ) -> jaq_json::Val {
        let context = jaq_core::Ctx::<Lut>::new(&program.lut, jaq_core::Vars::new([]));
        let mut values = program
            .id
            .run((context, body.clone()))
            .map(jaq_core::unwrap_valr);
        values.next().expect("a value").expect("no error")
    }
}

impl Contender for Jaq {
    fn name(&self) -> &'static str {
        "jaq"
    }

    fn answer(&mut self, mapping: usize) -> Json {
        let text = Self::only(&self.programs[mapping], &self.body).to_string();
        serde_json::from_str(&text).expect("JSON")
    }

    fn run(&mut self, mapping: usize, times: u32) {
        for _ in 0..times {
            black_box(Self::only(black_box(&self.programs[mapping]), &self.body));
        }
    }

    fn request(&mut self, body: &[u8]) -> String {
        let body = jaq_json::read::parse_single(body).expect("JSON");
        let mut last = String::new();
        for (index, program) in self.programs.iter().enumerate() {
            let value = black_box(Self::only(program, &body));
            if index + 1 == self.programs.len() {
                last = value.to_string();
            }
        }
        last
    }
}

struct Rhai {
    engine: rhai::Engine,
    programs: Vec<rhai::AST>,
    scope: rhai::Scope<'static>,
}

const RHAI: [&str; 5] = [
    "body.repository.owner.login",
    r#"body.ref.starts_with("refs/tags/") && body.deleted == true && body.commits.len > 2 && body.sender.login == "Codertocat""#,
    r#"body.pusher.name + " pushed " + body.ref + " to " + body.repository.full_name + ": " + body.head_commit.message"#,
    "body.commits.filter(|c| c.distinct == true).map(|c| c.message)",
    r#"#{"repository": body.repository.full_name, "owner": body.repository.owner.login, "fork": body.repository.fork, "id": body.repository.id, "ref": body.ref, "commit": body.head_commit.id, "author": body.head_commit.author.email, "pusher": body.pusher.name, "commits": body.commits.len, "compare": body.compare}"#,
];

impl Rhai {
    fn new(body: &[u8]) -> Outcome<Self> {
        let engine = rhai::Engine::new();
        let programs: Result<_, _> = RHAI.iter().map(|text| engine.compile(text)).collect();
        Ok(Self {
            programs: programs.map_err(|error| format!("rhai: {error}"))?,
            engine,
            scope: Self::scope(body),
        })
    }

    fn scope(body: &[u8]) -> rhai::Scope<'static> {
        let body: Json = serde_json::from_slice(body).expect("JSON");
        let mut scope = rhai::Scope::new();
        scope.push_constant_dynamic("body", to_rhai(body));
        scope
    }
}

fn to_rhai(value: Json) -> rhai::Dynamic {
    match value {
        Json::Null => rhai::Dynamic::UNIT,
        Json::Bool(flag) => flag.into(),
        Json::Number(number) => match number.as_i64() {
            Some(int) => int.into(),
            None => number.as_f64().expect("a number").into(),
        },
        Json::String(text) => text.into(),
        Json::Array(items) => rhai::Dynamic::from_array(items.into_iter().map(to_rhai).collect()),
        Json::Object(fields) => rhai::Dynamic::from_map(
            fields
                .into_iter()
                .map(|(name, value)| (name.into(), to_rhai(value)))
                .collect(),
        ),
    }
}

fn from_rhai(value: rhai::Dynamic) -> Json {
    if let Ok(flag) = value.as_bool() {
        Json::from(flag)
    } else if let Ok(int) = value.as_int() {
        Json::from(int)
    } else if let Ok(float) = value.as_float() {
        Json::from(float)
    } else if value.is_string() {
        Json::from(value.into_string().expect("a text"))
    } else if value.is_array() {
        value
            .into_array()
            .expect("a list")
            .into_iter()
            .map(from_rhai)
            .collect()
    } else if value.is_map() {
        let fields = value.cast::<rhai::Map>().into_iter();
        Json::Object(
            fields
                .map(|(name, value)| (name.to_string(), from_rhai(value)))
                .collect(),
        )
    } else {
        Json::Null
    }
}

impl Contender for Rhai {
    fn name(&self) -> &'static str {
        "rhai"
    }

    fn answer(&mut self, mapping: usize) -> Json {
        let value = self
            .engine
            .eval_ast_with_scope::<rhai::Dynamic>(&mut self.scope, &self.programs[mapping]);
        from_rhai(value.expect("a value"))
    }

    fn run(&mut self, mapping: usize, times: u32) {
        let program = &self.programs[mapping];
        for _ in 0..times {
            let value = self
                .engine
                .eval_ast_with_scope::<rhai::Dynamic>(&mut self.scope, black_box(program));
            let _ = black_box(value);
        }
    }

    fn request(&mut self, body: &[u8]) -> String {
        let mut scope = Self::scope(body);
        let mut last = String::new();
        for (index, program) in self.programs.iter().enumerate() {
            let value = self
                .engine
                .eval_ast_with_scope::<rhai::Dynamic>(&mut scope, program)
                .expect("a value");
            if index + 1 == self.programs.len() {
                last = from_rhai(value).to_string();
            } else {
                drop(black_box(value));
            }
        }
        last
    }
}
