//! The language as a whole: what expressions give, what is said about wrong ones, and that no text
//! whatever can break the machinery.

use proptest::prelude::*;

use super::*;
use crate::value::{Arena, json};

const BODY: &str = r#"{
  "ref": "refs/heads/main", "count": 3, "price": 10.5, "none": null, "flag": true, "big": 9007199254740993,
  "repo": {"name": "hello", "owner": {"login": "octocat"}},
  "commits": [
    {"id": "a1", "message": "one", "distinct": true},
    {"id": "b2", "message": "two", "distinct": false},
    {"id": "c3", "message": "three", "distinct": true}
  ]
}"#;

struct Request<'v>(Value<'v>);

impl<'a> Provide<'a> for Request<'a> {
    fn provide(&'a self, _: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        Ok(self.0)
    }
}

fn environment() -> Environment {
    let mut environment = Environment::new();
    environment.declare("body", Type::Dyn);
    environment.declare("method", Type::String);
    environment.declare(
        "event",
        Record::closed(
            "event",
            [("id", Type::String), ("received_at", Type::Timestamp)],
        ),
    );
    environment
}

/// What an expression gives: JSON, a fault, or the first problem with its place.
fn outcome(text: &str, budget: Budget) -> String {
    let compiled = match compile(text, &environment()) {
        Ok(compiled) => compiled,
        Err(problems) => {
            let problem = &problems[0];
            return format!("{}: {}", problem.code.0, problem.message);
        }
    };
    let mut survey = Survey::new(Slot(0));
    survey.keep(&compiled.program);
    let reach = survey.finish();
    let arena = Arena::new();
    let body = json::read_parts(BODY.as_bytes(), &arena, json::DEPTH, &reach).unwrap();
    let provider = Request(body);
    let scope = Scope::new(&arena, &provider, 3, jiff::Timestamp::UNIX_EPOCH, budget);
    match compiled.program.evaluate(&scope) {
        Err(fault) => {
            let place = text.get(fault.span.0 as usize..fault.span.1 as usize);
            format!("{fault} at `{}`", place.unwrap_or("outside"))
        }
        Ok(value) => {
            let mut out = Vec::new();
            match json::write(value, &mut out) {
                Ok(()) => String::from_utf8(out).unwrap(),
                Err(error) => error.to_string(),
            }
        }
    }
}

fn check(text: &str, want: &str) {
    assert_eq!(outcome(text, Budget::default()), want, "{text}");
}

#[test]
fn a_variable_wins_over_functions_that_begin_with_its_name() {
    let mut environment = Environment::new();
    for name in ["name", "email", "regex"] {
        environment.declare(name, Type::String);
    }
    let run = |text: &str| {
        let program = compile(text, &environment).expect(text).program;
        let (arena, provider) = (Arena::new(), Request(Value::String("A b")));
        let now = jiff::Timestamp::UNIX_EPOCH;
        let scope = Scope::new(&arena, &provider, 3, now, Budget::default());
        let mut out = Vec::new();
        let value = program.evaluate(&scope).expect(text);
        json::write(value, &mut out).expect(text);
        String::from_utf8(out).expect(text)
    };
    assert_eq!(run("name.split(' ')"), r#"["A","b"]"#);
    assert_eq!(run("name.split('-')"), r#"["A b"]"#);
    assert_eq!(run(".name.split('A b')"), r#"{"first":"A","last":"b"}"#);
    assert_eq!(run("['x y'].map(name, name.split(' '))"), r#"[["x","y"]]"#);
    assert_eq!(run("email.normalize('A@B.example')"), r#""a@b.example""#);
    assert_eq!(
        run("['a@b.example'].map(email, email.normalize(email))"),
        r#"["a@b.example"]"#
    );
    assert_eq!(run("regex.extract('ab', 'b').value()"), r#""b""#);
}

#[test]
fn paths_find_values_or_nothing() {
    check("body.repo.owner.login", r#""octocat""#);
    check("body.commits[1].id", r#""b2""#);
    check("body['repo']['name']", r#""hello""#);
    check("body.repo.nope", "no such key: nope at `nope`");
    check("body.none.x", "no such key: x at `x`");
    check(
        "body.commits[7]",
        "index out of range: 7, and the list has 3 items at `7`",
    );
    check(
        "[1][body.commits.size() - 9]",
        "index out of range: -6, and the list has 1 item at `body.commits.size() - 9`",
    );
    check(
        "$.body.commits[5]",
        "index out of range: 5, and the list has 3 items at `$.body.commits[5]`",
    );
    check("body.count.x", "no such overload: int at `x`");
    check("has(body.none) && !has(body.nope)", "true");
    check("body.?nope.x.orValue(1)", "1");
    check("body.big", "9007199254740993");
}

#[test]
fn only_what_is_absent_is_replaced() {
    check("body.nope ?? 'x'", r#""x""#);
    check("body.none ?? 'x'", r#""x""#);
    check("body.none.deep.deeper ?? 'x'", r#""x""#);
    check("body.ref ?? 'x'", r#""refs/heads/main""#);
    check("body.?nope ?? body.?ref ?? 'x'", r#""refs/heads/main""#);
    check("body.nope ?? body.nope2 ?? 1", "1");
    check("body.count ?? 0 > 2", "true");
    check(
        "1 / (body.count - 3) ?? 5",
        "division by zero: / at `1 / (body.count - 3)`",
    );
    check("default(body.nope, coalesce(body.none, 7))", "7");
    check("body.flag ? body.nope ?? 1 : 2", "1");
}

#[test]
fn jsonpath_stands_as_a_literal() {
    check("$.body.commits[*].id", r#"["a1","b2","c3"]"#);
    check("$.body.commits[?@.distinct == true].id", r#"["a1","c3"]"#);
    check("$.body.repo.name", r#""hello""#);
    check("$.body.repo.nope ?? 'x'", r#""x""#);
    check("$.body.commits.size()", "3");
    check("$.body.commits[-1:].id + ['z']", r#"["c3","z"]"#);
    check("$.body..login", r#"["octocat"]"#);
    check("$.body.commits[-1].id", r#""c3""#);
    check("$.body.commits[-3]['id']", r#""a1""#);
    check("$.body.commits[-4].id ?? 'x'", r#""x""#);
    // What a query meets and cannot look into has no such node; that is Absent, no mistake.
    check("$.body.repo.name.first ?? 'x'", r#""x""#);
    check("$.body.repo[0] ?? 'x'", r#""x""#);
    check("$.body.commits.id ?? 'x'", r#""x""#);
    check("body.jsonpath('$.commits[-1].id')", r#"["c3"]"#);
    check("body.jsonpath_one('$.commits[-1].id').value()", r#""c3""#);
    check("body.jsonpath('$.commits[0].id')", r#"["a1"]"#);
    check("body.jsonpath_one('$.nope').orValue('x')", r#""x""#);
    check("body.jsonpath('$[')", "E0209: `$[` is no JSONPath");
    check("$.bdy.x", "E0204: the request has no `bdy`");
}

#[test]
fn operators_and_macros() {
    check("'a' + body.ref + 'b' + 'c'", r#""arefs/heads/mainbc""#);
    check("body.price * 2", "21.0");
    check("body.count + 1.5", "4.5");
    check("body.count / 2", "1");
    check(
        "body.commits.filter(c, c.distinct).map(d, d.id)",
        r#"["a1","c3"]"#,
    );
    check(
        "body.commits.map(c, c.distinct, c.id + '!')",
        r#"["a1!","c3!"]"#,
    );
    check("body.commits.exists(c, c.nope) || true", "true");
    check("body.commits.all(c, c.id != '')", "true");
    check("[3, 1, 2].sortBy(x, -x)", "[3,2,1]");
    check("[3, 1, 2].sort_by(x, -x)", "[3,2,1]");
    check(
        "body.commits.group_by(c, c.distinct ? 'new' : 'old').transformMap(k, v, v.map(c, c.id))",
        r#"{"new":["a1","c3"],"old":["b2"]}"#,
    );
    check("body.commits.key_by(c, c.id).keys()", r#"["a1","b2","c3"]"#);
    check("body.commits.index_by(c, c.id).b2.message", r#""two""#);
    check("[1, 1u, 2].group_by(x, x)[1]", "[1,1]");
    check("body.repo.group_by(k, v, k.size()).keys()", "[4,5]");
    check("[].group_by(x, x)", "{}");
    check(
        "body.commits.group_by(c, body.none)",
        "no such overload: null_type at `body.none`",
    );
    check("[1].group_by(x)", "E0212: `group_by` is not used like this");
    check("{'a': 1, ?'b': body.?nope}", r#"{"a":1}"#);
    check("[1, 2,]", "[1,2]");
    check("body.ref in ['x', 'refs/heads/main']", "true");
    check("cel.bind(x, body.count, x * x)", "9");
    check(
        "{'a': 1, 'a': 2}",
        "the key `a` is there twice at `{'a': 1, 'a': 2}`",
    );
    check("false && body.nope == 1", "false");
    check("body.nope == 1 && false", "false");
}

fn problems(text: &str, want: &[(&str, &str, &str)]) {
    let found = compile(text, &environment()).err().unwrap_or_default();
    let found: Vec<_> = found
        .iter()
        .map(|problem| {
            let place = text.get(problem.range.clone()).unwrap_or("outside");
            let help = problem.help.first().map_or("", String::as_str);
            (problem.code.0, place, help)
        })
        .collect();
    assert_eq!(found, want, "{text}");
}

#[test]
fn all_problems_are_found_with_place_and_help() {
    problems("'a' + 1", &[("E0207", "'a' + 1", "write `string(1)`")]);
    problems("1 + 1.0", &[("E0207", "1 + 1.0", "write `double(1)`")]);
    problems(
        "bdy.x + methd",
        &[
            ("E0204", "bdy", "did you mean `body`?"),
            ("E0204", "methd", "did you mean `method`?"),
        ],
    );
    problems("event.idd", &[("E0203", "idd", "did you mean `id`?")]);
    problems(
        "event.recieved_at",
        &[("E0203", "recieved_at", "did you mean `received_at`?")],
    );
    problems(
        "method.startswith('P')",
        &[("E0205", "startswith", "did you mean `startsWith`?")],
    );
    problems(
        "method == 1",
        &[(
            "E0208",
            "method == 1",
            "compare texts, `string(…)`, or numbers, `int(…)`",
        )],
    );
    problems(
        "method.startsWith()",
        &[("E0206", "startsWith", "`string.startsWith(string) -> bool`")],
    );
    problems("size(1)", &[("E0207", "size(1)", "`size(string) -> int`")]);
    problems("method.matches('(')", &[("E0209", "'('", "")]);
    problems("duration('5 minutes')", &[("E0209", "'5 minutes'", "")]);
    problems(
        "'${body.x}' + ${body.y}",
        &[(
            "E0210",
            "${",
            "write the names as they are, and join texts with `+`",
        )],
    );
    problems(
        "a.B{c: 1}",
        &[(
            "E0211",
            "a.B{c: 1}",
            "protobuf messages are not supported; write a map: `{\"field\": value}`",
        )],
    );
    problems("body.x and body.y", &[("E0201", "and", "write `&&`")]);
    problems(
        "'abc",
        &[(
            "E0201",
            "'",
            "a string ends with the quote it starts with: `'`",
        )],
    );
    problems("(1", &[("E0201", "(", "")]);
    problems(
        "has(body)",
        &[(
            "E0212",
            "body",
            "for a key that is no name, write `\"key\" in body`",
        )],
    );
    problems(
        "9223372036854775808",
        &[("E0209", "9223372036854775808", "")],
    );
    problems("", &[("E0201", "", "")]);
}

#[test]
fn a_hostile_expression_ends_at_its_budget() {
    let nest = "[1,2,3,4,5,6,7,8,9,10]";
    let text = format!(
        "{nest}.all(a,{nest}.all(b,{nest}.all(c,{nest}.all(d,{nest}.all(e,{nest}.all(f,{nest}.all(g,true)))))))"
    );
    let small = Budget {
        steps: 100_000,
        memory: 1 << 20,
    };
    assert!(outcome(&text, small).starts_with("the request's budget is spent: steps"));
    let double = "cel.bind(a, body.ref + body.ref, cel.bind(b, a+a+a+a+a+a+a+a+a+a, cel.bind(c, b+b+b+b+b+b+b+b+b+b, cel.bind(d, c+c+c+c+c+c+c+c+c+c, d+d+d+d+d+d+d+d+d+d))))";
    let tight = Budget {
        steps: 1_000_000,
        memory: 64 << 10,
    };
    assert!(outcome(double, tight).starts_with("the request's budget is spent: memory"));
    let absorbed = format!("{text} || true");
    assert!(outcome(&absorbed, small).starts_with("the request's budget is spent"));
}

#[test]
fn each_way_to_grow_is_stopped_at_load_or_by_the_budget() {
    const SPENT: &str = "the request's budget is spent";
    let mut wrong = String::new();
    let shared = |inner: &str| format!("[{inner}]{}", ".map(x, [x, x, x, x])".repeat(30));
    let doubling = format!("['ab']{}", ".map(x, x + x)".repeat(60));
    let lists = format!("[[1, 2]]{}", ".map(x, x + x)".repeat(60));
    let rounds = "lists.range(1000)";
    for (text, why) in [
        (doubling.as_str(), SPENT),
        (&lists, SPENT),
        ("lists.range(1000000)", SPENT),
        ("lists.range(9223372036854775807)", SPENT),
        ("lists.range(600000).map(x, x)", SPENT),
        ("lists.range(400000).filter(x, x % 2 == 0).size()", SPENT),
        ("'%.1000000000f'.format([1.5])", "a precision must be"),
        ("'%1000000000d'.format([1])", "no such clause"),
        ("'a'.pad_start(1000000000)", SPENT),
        ("'a'.pad_end(1000000000, 'é')", SPENT),
        ("lists.range(1000).map(x, body.ref.pad_end(100000))", SPENT),
        (&format!("{}.flatten(40)", shared("1")), SPENT),
        (&format!("to_json({})", shared("1")), SPENT),
        (&format!("'%s'.format([{}])", shared("1")), SPENT),
        (&format!("cel.bind(a, {}, a == a)", shared("1")), SPENT),
        (&format!("cel.bind(a, {}, a in [a])", shared("1")), SPENT),
        (&format!("{}.distinct()", shared("1")), SPENT),
        (
            &format!("cel.bind(t, 'a'.pad_end(1000000), {rounds}.sortBy(x, t))"),
            SPENT,
        ),
        (
            &format!("cel.bind(t, 'a'.pad_end(1000000), {rounds}.map(x, t).sort())"),
            SPENT,
        ),
        (
            &format!("cel.bind(t, 'a'.pad_end(1000000), {rounds}.all(x, t == t))"),
            SPENT,
        ),
        (
            &format!("cel.bind(t, 'a'.pad_end(1000000), {rounds}.exists(x, t.contains('b' + t)))"),
            SPENT,
        ),
        (
            &format!(
                "cel.bind(t, form('a=1&'.pad_end(4000, 'b=1&')), {rounds}.all(x, t.all('a').size() > 0))"
            ),
            SPENT,
        ),
        ("lists.range(300000).group_by(x, x % 7)", SPENT),
        ("lists.range(300000).key_by(x, 'a')", SPENT),
        (
            &format!("{rounds}.all(a, {rounds}.all(b, {rounds}.all(c, true)))"),
            SPENT,
        ),
        ("'a'.matches('(a{1000}){1000}')", "E0209"),
        ("'a'.matches('a{1000000000}')", "E0209"),
        ("'a'.matches(body.ref + '(a{1000}){1000}')", SPENT),
        ("'a'.pad_end(1000000).matches('(a?){500}b')", SPENT),
        (
            "regex.replace('a'.pad_end(10000, 'a'), 'a', 'b'.pad_end(10000))",
            SPENT,
        ),
        (
            "'a'.pad_end(10000, 'a').replace('a', 'b'.pad_end(10000))",
            SPENT,
        ),
        ("json('['.pad_end(1000, '['))", "levels"),
    ] {
        let got = outcome(text, Budget::default());
        if !got.contains(why) || got.len() > 1000 {
            wrong += &format!("{text}: {}\n", got.get(..200).unwrap_or(&got));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let operators = "1 + ".repeat(1 << 18);
    for text in [
        operators.as_str(),
        &"!".repeat(1 << 20),
        &"a.".repeat(1 << 19),
    ] {
        assert!(outcome(text, Budget::default()).starts_with("E0202"));
    }
    let longest = format!("{}1", "1 +".repeat((64 << 10) / 3));
    assert!(longest.len() <= 64 << 10);
    assert!(outcome(&longest, Budget::default()).starts_with('E'));
}

#[test]
fn what_is_sought_compiled_or_thrown_away_is_paid_for() {
    let rounds = "lists.range(10000)";
    let with_long = |work: &str| format!("cel.bind(t, 'a'.pad_end(200000), {rounds}.{work})");
    let with_path = |pattern: &str| {
        let data = format!("{{'p': body.ref + {pattern}, 't': ['a']}}");
        format!("cel.bind(d, {data}, d.jsonpath('$.t[?match(@, $.p)]'))")
    };
    for text in [
        with_long("all(x, !(t in body))"),
        with_long("all(x, (body[t] ?? 0) == 0)"),
        with_long("all(x, t in [t])"),
        with_long("all(x, {t: 1}.size() == 1)"),
        format!("{rounds}.all(x, !'a'.matches(string(x) + '\\\\pL{{20}}'))"),
        format!("{rounds}.all(x, !'a'.matches(string(x) + '(?i)[\\\\PN]{{9}}'))"),
        with_path("'\\\\pL{1000}'"),
        with_long("all(x, 'a'.matches('[' + t + ']'))"),
        with_long("all(x, cel.bind(c, '[ab]', ''.matches(c + t)))"),
        format!("cel.bind(c, '['.pad_end(20000, 'a') + ']', {rounds}.all(x, 'a'.matches(c)))"),
        with_path("'['.pad_end(300000, 'a') + ']'"),
        "lists.range(80000).all(x, ([1][x + 1] ?? 0) == 0)".to_owned(),
        "lists.range(80000).all(x, base64.decode(string(x) + '!').size() == 0 || x >= 0)"
            .to_owned(),
    ] {
        let got = outcome(&text, Budget::default());
        assert!(
            got.starts_with("the request's budget is spent"),
            "{text}: {got}"
        );
    }
}

#[test]
fn field_access_comparison_and_conditions_allocate_nothing() {
    let arena = Arena::new();
    let commit = r#"{"id": "0123456789abcdef", "distinct": true, "author": {"name": "Ada"}}"#;
    let many: Vec<String> = (0..80)
        .map(|number| format!("\"field_{number}\": {number}"))
        .collect();
    let text = format!(
        r#"{{"ref": "refs/heads/main", "deleted": false, "commits": [{commit}, {commit}], "many": {{{}}}}}"#,
        many.join(", ")
    );
    let body = Request(json::read(text.as_bytes(), &arena, json::DEPTH).unwrap());
    let environment = environment();
    let allocated = |text: &str| {
        let program = compile(text, &environment).unwrap().program;
        let arena = Arena::new();
        let scope = Scope::new(
            &arena,
            &body,
            1,
            jiff::Timestamp::UNIX_EPOCH,
            Budget::default(),
        );
        let mut outcome = None;
        let heap = allocation_counter::measure(|| outcome = Some(program.evaluate(&scope)));
        assert!(outcome.unwrap().is_ok(), "{text}");
        (
            heap.count_total,
            Budget::default().memory - scope.left().memory,
        )
    };
    for text in [
        "body.commits[0].author.name",
        "body['ref']",
        "body.many.field_79",
        "has(body.commits)",
        "has(body.nothing)",
        "body.deleted == false",
        "body.ref != 'refs/heads/' || body.many.field_3 == 3",
        "body.many.field_1 < body.many.field_2 && body.many.field_7 >= 7.0",
        "!body.deleted && body.ref.startsWith('refs/') && size(body.commits) > 1",
        "body.deleted ? body.commits[0].id : body.commits[1].id",
        "body.commits[0].id in ['a', 'b', '0123456789abcdef']",
        "body.nothing ?? body.commits[1].author.name",
        "$.body.commits[1].author.name == 'Ada'",
    ] {
        assert_eq!(allocated(text), (0, 0), "{text}");
    }
    // The count counts: these make something.
    assert_ne!(allocated("body.ref + body.commits[0].id").1, 0);
    assert_ne!(allocated("body.commits.map(c, c.id)").1, 0);
    assert_ne!(
        allocation_counter::measure(|| drop(Box::new(arena.allocated()))).count_total,
        0
    );
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1:", "}"),
        ("size(", ")"),
        ("!", ""),
        ("-", ""),
        ("true ? 1 : ", ""),
    ] {
        for depth in [251, 10_000] {
            let text = nested(open, close, depth);
            let got = outcome(&text, Budget::default());
            assert!(got.starts_with("E0202"), "{open} {depth}: {got}");
        }
    }
    for sign in ["+", "-", "*", ".a", "[0]", "??1"] {
        let text = format!(
            "body{}",
            if sign.starts_with(['.', '[']) {
                sign.repeat(9_000)
            } else {
                format!("{sign}1").repeat(9_000)
            }
        );
        let got = outcome(&text, Budget::default());
        assert!(
            got.starts_with("E0202") || got.starts_with("E0201"),
            "{sign}: {got}"
        );
    }
    let long = format!("'{}'", "x".repeat(70_000));
    assert!(outcome(&long, Budget::default()).starts_with("E0202"));
    let many = vec!["true"; 5_000].join(" && ");
    check(&many, "true");
}

#[test]
fn the_deepest_nesting_that_is_allowed_runs() {
    check(&nested("(", ")", 240), "1");
    check(&format!("size([{}])", nested("[", "]", 200)), "1");
    assert!(!outcome(&nested("[", "]", 120), Budget::default()).starts_with('E'));
    check(&vec!["body.count"; 240].join(" + "), "720");
    check(&format!("body{}.orValue(1)", ".?a".repeat(200)), "1");
    check(
        &format!("{}1{}", "[0].map(x, ".repeat(120), ")[0]".repeat(120)),
        "1",
    );
}

const WORDS: [&str; 48] = [
    "body",
    ".commits",
    "[0]",
    ".id",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'a'",
    "\"b\"",
    "1",
    "2u",
    "1.5",
    "-",
    "+",
    "*",
    "/",
    "%",
    "&&",
    "||",
    "!",
    "?",
    ":",
    "??",
    "==",
    "<",
    " in ",
    "true",
    "null",
    ".map(x,",
    ".filter(x,",
    "x",
    "has(",
    "size(",
    "$.body",
    "[*]",
    "..id",
    "[?@.id]",
    ",",
    ".?ref",
    "r'\\d'",
    "b'\\xff'",
    "'''",
    "// c\n",
    ".orValue(",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_can_break_it(words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..24)) {
        let text = words.concat();
        let budget = Budget { steps: 20_000, memory: 1 << 20 };
        let _ = outcome(&text, budget);
        let _ = compile_text(&text, &environment());
        let _ = compile_text(&format!("a ${{{text}}} b"), &environment());
    }

    #[test]
    fn no_characters_can_break_it(text in "\\PC{0,40}") {
        let _ = outcome(&text, Budget { steps: 20_000, memory: 1 << 20 });
        let _ = compile_text(&text, &environment());
    }

    #[test]
    fn problems_lie_inside_the_text(words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 1..12)) {
        let text = words.concat();
        if let Err(problems) = compile(&text, &environment()) {
            for problem in problems {
                prop_assert!(problem.range.start <= problem.range.end && problem.range.end <= text.len(), "{text}: {problem:?}");
                prop_assert!(text.get(problem.range.clone()).is_some(), "{text}: {problem:?}");
            }
        }
    }
}
