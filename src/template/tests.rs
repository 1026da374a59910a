//! Templates, filled in and refused.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::diagnostic::code;
use crate::expr::{Budget, Provide, Record, Type};
use crate::value::{Arena, Value, json};

const DATA: &str = r#"{
    "body": {
        "name": "Ada <& \"co\">", "price": 1.10, "zero": 0.00, "big": 9007199254740993, "n": 3,
        "none": null, "empty": "", "html": "<b>{{name}}</b>", "ok": true,
        "items": [{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}],
        "map": {"z": 1, "a": 2}, "list": ["x", "y"], "deep": {"a": {"b": "c"}}
    },
    "event": {"id": "evt_1"},
    "headers": {"user-agent": "curl"},
    "amount": 12.50
}"#;

struct Data<'a>(Value<'a>, Vec<String>);

impl<'a> Provide<'a> for Data<'a> {
    fn provide(&'a self, slot: Slot, _: &Scope<'a>) -> Result<Value<'a>, Fault<'a>> {
        let Value::Map(map) = self.0 else {
            panic!("the data is a map")
        };
        Ok(map
            .get_str(&self.1[usize::from(slot.0)])
            .unwrap_or(Value::Null))
    }
}

fn environment() -> Environment {
    let mut environment = Environment::new();
    let texts = || Type::Map(Arc::new(Type::String), Arc::new(Type::String));
    environment.declare("body", Type::Dyn);
    environment.declare(
        "event",
        Record::closed("event", [("id", Type::String), ("peer", Type::Dyn)]),
    );
    environment.declare("headers", texts());
    environment.declare("amount", Type::Double);
    environment
}

fn render_within(text: &str, escape: Escape, budget: Budget) -> Result<String, String> {
    let environment = environment();
    let template = Template::compile(text, escape, &environment).map_err(|problems| {
        problems
            .iter()
            .map(|p| p.message.clone())
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    let arena = Arena::new();
    let names = environment
        .variables()
        .map(|(name, _)| name.to_owned())
        .collect();
    let data = Data(json::read(DATA.as_bytes(), &arena, 128).unwrap(), names);
    let scope = Scope::new(&arena, &data, 4, jiff::Timestamp::UNIX_EPOCH, budget);
    template.render(&scope).map_err(|fault| {
        let (start, end) = fault.span;
        let tag = text.get(start as usize..end as usize).unwrap();
        format!("{fault} @ {tag}")
    })
}

fn check(text: &str, expected: &str) {
    let rendered = render_within(text, Escape::None, Budget::default());
    assert_eq!(
        rendered.as_deref().map_err(String::as_str),
        Ok(expected),
        "{text}"
    );
}

fn fails(text: &str, expected: &str) {
    let rendered = render_within(text, Escape::None, Budget::default());
    assert_eq!(
        rendered.as_deref().map_err(String::as_str),
        Err(expected),
        "{text}"
    );
}

/// A template that is refused, with the place that each problem marks.
fn refused(text: &str, expected: &[(&str, &str, &str)]) {
    let problems = Template::compile(text, Escape::None, &environment()).expect_err(text);
    let found: Vec<_> = problems
        .iter()
        .map(|problem| {
            (
                problem.code.0,
                problem.message.as_str(),
                text.get(problem.range.clone()).unwrap(),
            )
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn values_are_printed_in_their_own_text() {
    check("", "");
    check("no tag", "no tag");
    check("é {{body.n}} é", "é 3 é");
    check(
        "{{body.price}} {{body.zero}} {{body.big}} {{amount}}",
        "1.10 0.00 9007199254740993 12.50",
    );
    check("[{{body.none}}][{{body.empty}}] {{body.ok}}", "[][] true");
    check(
        "{{headers.user-agent}} {{headers.[user-agent]}}",
        "curl curl",
    );
    check("{{body/deep/a.b}} {{@root.body.n}}", "c 3");
    check("{{body.items.1.id}}", "2");
    check("{{! a comment }}{{!-- }} --}}x", "x");
    check(r"\{{body.n}}", "{{body.n}}");
}

#[test]
fn data_is_never_evaluated_again() {
    check("{{{body.html}}}", "<b>{{name}}</b>");
    check("{{body.html}}", "<b>{{name}}</b>");
}

#[test]
fn each_escape_has_its_registry() {
    let check = |escape, text: &str, expected: &str| {
        assert_eq!(
            render_within(text, escape, Budget::default()).as_deref(),
            Ok(expected)
        );
    };
    let text = "{{body.name}} {{{body.name}}} {{upper body.name}}";
    check(
        Escape::None,
        text,
        "Ada <& \"co\"> Ada <& \"co\"> ADA <& \"CO\">",
    );
    check(
        Escape::Html,
        text,
        "Ada &lt;&amp; &quot;co&quot;&gt; Ada <& \"co\"> ADA &lt;&amp; &quot;CO&quot;&gt;",
    );
    check(
        Escape::Json,
        r#"{"name":"{{body.name}}"}"#,
        r#"{"name":"Ada <& \"co\">"}"#,
    );
    check(
        Escape::Json,
        r#"{"items":{{{json body.list}}}}"#,
        r#"{"items":["x","y"]}"#,
    );
}

#[test]
fn blocks_know_their_item_and_what_is_above() {
    check(
        "{{#each body.items}}{{id}}{{#unless @last}},{{/unless}}{{/each}}",
        "1,2",
    );
    check(
        "{{#each body.items}}{{@index}}:{{this.id}}/{{../body.n}}/{{@root.event.id}} {{/each}}",
        "0:1/3/evt_1 1:2/3/evt_1 ",
    );
    check(
        "{{#each body.items as |item at|}}{{at}}={{item.id}} {{/each}}",
        "0=1 1=2 ",
    );
    check(
        "{{#each body.items}}{{#each tags}}{{this}}{{../id}}{{else}}none{{/each}};{{/each}}",
        "a1b1;none;",
    );
    check("{{#each body.map}}{{@key}}={{this}} {{/each}}", "z=1 a=2 ");
    check("{{#with body.deep.a}}{{b}}{{/with}}", "c");
    check("{{#with body.deep as |d|}}{{d.a.b}}{{/with}}", "c");
    check("{{#if body.none}}a{{else if body.n}}b{{else}}c{{/if}}", "b");
    check("{{#if body.nope}}a{{else}}b{{/if}}", "b");
    check(
        "{{#if body.zero}}a{{else}}b{{/if}}{{#if body.zero includeZero=true}}c{{/if}}",
        "bc",
    );
    check("{{{{raw}}}}{{body.n}}{{{{/raw}}}}", "{{body.n}}");
}

#[test]
fn helpers_compare_and_convert() {
    check(
        "{{#if (eq body.n 3)}}y{{/if}}{{#if (eq body.price 1.1)}}y{{/if}}{{#if (ne body.n \"3\")}}y{{/if}}",
        "yyy",
    );
    check(
        "{{#if (and (gt body.price 1) (lt body.price 1.2) (lte body.n 3) (gte body.big 9007199254740993))}}y{{/if}}",
        "y",
    );
    check("{{#if (gt body.big 9007199254740992)}}y{{/if}}", "y");
    check("{{#if (or body.none (not body.ok))}}y{{else}}n{{/if}}", "n");
    check(
        "{{default body.nope \"x\"}} {{default body.none body.nope 7}} [{{default body.empty \"x\"}}]",
        "x 7 []",
    );
    check(
        "{{join body.list}} {{join body.list \"-\"}} {{upper (join body.list \"\")}}",
        "x, y x-y XY",
    );
    check(
        "{{len body.list}}{{len body.map}}{{len \"é\"}} {{lookup body.list 1}} {{lookup body.map \"z\"}}",
        "221 y 1",
    );
    check(
        "{{json body.items}} {{json body.price}}",
        r#"[{"id":1,"tags":["a","b"]},{"id":2,"tags":[]}] 1.10"#,
    );
    check("{{(lookup body.list 0)}}", "x");
    check(
        "{{lower \"É\"}}{{json body.map 2}}",
        "é{\n  \"z\": 1,\n  \"a\": 2\n}",
    );
}

#[test]
fn a_mark_in_the_data_stays_what_it_is() {
    let arena = Arena::new();
    let environment = environment();
    let text = "{\"body\":{\"a\":\"\u{fdd0}1\",\"b\":\"\u{fdd0}\u{fdd0}\"}}";
    let names = environment
        .variables()
        .map(|(name, _)| name.to_owned())
        .collect();
    let data = Data(json::read(text.as_bytes(), &arena, 128).unwrap(), names);
    let scope = Scope::new(
        &arena,
        &data,
        4,
        jiff::Timestamp::UNIX_EPOCH,
        Budget::default(),
    );
    let template = Template::compile(
        "{{body.a}}|{{body.b}}|{{json body}}",
        Escape::None,
        &environment,
    )
    .unwrap();
    let expected = "\u{fdd0}1|\u{fdd0}\u{fdd0}|{\"a\":\"\u{fdd0}1\",\"b\":\"\u{fdd0}\u{fdd0}\"}";
    assert_eq!(template.render(&scope).unwrap(), expected);
}

#[test]
fn maps_keep_the_order_of_their_source() {
    check(
        "{{#each body.map}}{{@key}}{{#if @last}}.{{/if}}{{/each}}",
        "za.",
    );
    check(
        "{{#each body.map as |value key|}}{{key}}{{value}}{{/each}}",
        "z1a2",
    );
    check(
        "{{#each (lookup body \"map\")}}{{@key}}{{this}}{{/each}}",
        "z1a2",
    );
    check("{{json body.map}}{{len body.map}}", r#"{"z":1,"a":2}2"#);
    check("{{#if (eq body.map body.map)}}same{{/if}}", "same");
    check(
        "{{#each body.deep as |d|}}{{d.b}}{{/each}}{{#each body.none}}{{else}}no{{/each}}",
        "cno",
    );
    fails(
        "{{#each body.n}}x{{/each}}",
        "`each` goes through lists and maps only @ {{#each body.n}}",
    );
}

#[test]
fn what_is_missing_or_no_text_fails_at_its_tag() {
    fails("a {{body.nope}}", "no such key: body.nope @ {{body.nope}}");
    fails(
        "{{#each body.items}}{{name}}{{/each}}",
        "no such key: name @ {{name}}",
    );
    fails(
        "{{#each body.nope}}x{{/each}}",
        "no such key: body.nope @ {{#each body.nope}}",
    );
    fails(
        "{{upper body.nope}}",
        "no such key: body.nope @ {{upper body.nope}}",
    );
    fails(
        "{{lookup body.list 7}}",
        "no such key: 7 @ {{lookup body.list 7}}",
    );
    fails(
        "{{body.list.x}}",
        "no such key: x (of a list, whose items have numbers) @ {{body.list.x}}",
    );
    fails(
        "é\n {{body.map}}",
        "`body.map` is a map: print one of its values, or all of it with `json` @ {{body.map}}",
    );
    fails(
        "{{{body.list}}}",
        "`body.list` is a list: print one of its values, or all of it with `json` @ {{{body.list}}}",
    );
    fails(
        "{{join body.items}}",
        "`join`: an item is itself a map or a list @ {{join body.items}}",
    );
    fails(
        "{{#if (lt body.n body.name)}}{{/if}}",
        "`lt`: numbers compare with numbers, texts with texts @ {{#if (lt body.n body.name)}}",
    );
}

#[test]
fn the_deepest_template_that_is_taken_can_be_filled_in() {
    let inner = format!("{}body.n{}", "(upper ".repeat(47), ")".repeat(47));
    let (open, close) = ("{{#if body.n}}".repeat(50), "{{/if}}".repeat(50));
    check(&format!("{open}{{{{upper {inner}}}}}{close}"), "3");
    let chain = format!(
        "{{{{#if body.none}}}}{}x{{{{/if}}}}",
        "{{else if body.n}}".repeat(49)
    );
    check(&chain, "");
}

#[test]
fn output_and_rounds_are_bounded() {
    let loops = "{{#each body.items}}{{#each ../body.items}}{{#each ../../body.items}}x{{/each}}{{/each}}{{/each}}";
    check(loops, "xxxxxxxx");
    let few = Budget {
        memory: 5_000,
        steps: 60,
    };
    let steps = render_within(loops, Escape::None, few).unwrap_err();
    assert!(
        steps.starts_with("the request's budget is spent: steps @ "),
        "{steps}"
    );
    let silent = loops.replace('x', "");
    let steps = render_within(&silent, Escape::None, few).unwrap_err();
    assert!(
        steps.starts_with("the request's budget is spent: steps @ "),
        "{steps}"
    );
    let small = Budget {
        memory: 300,
        ..Budget::default()
    };
    let text = format!("{{{{body.n}}}}{}", "x".repeat(400));
    let memory = render_within(&text, Escape::None, small).unwrap_err();
    assert!(
        memory.starts_with("the request's budget is spent: memory"),
        "{memory}"
    );
}

#[test]
fn only_what_is_named_is_converted() {
    let template =
        Template::compile("{{body.deep.a.b}}{{body.n}}", Escape::None, &environment()).unwrap();
    assert_eq!(template.uses(), [Slot(0)]);
    let leaf = |name: &str| (name.to_owned(), Need::Whole);
    let a = Need::Fields(vec![("a".to_owned(), Need::Fields(vec![leaf("b")]))]);
    let expected = Need::Fields(vec![("deep".to_owned(), a), leaf("n")]);
    assert_eq!(template.needs[0].2, expected);
    let whole = Template::compile(
        "{{body.n}}{{json body}}{{body.n}}",
        Escape::None,
        &environment(),
    )
    .unwrap();
    assert_eq!(whole.needs[0].2, Need::Whole);
    assert_eq!(
        Template::compile("x", Escape::None, &environment())
            .unwrap()
            .uses(),
        []
    );
}

#[test]
fn wrong_names_are_found_at_load_wherever_they_stand() {
    let unknown = |name: &'static str| ("E0302", name);
    let check = |text: &str, (code, message): (&str, &str), marked: &str| {
        refused(text, &[(code, message, marked)]);
    };
    check("é {{bodi.a}}", unknown("unknown name `bodi`"), "bodi.a");
    check(
        "{{#if nope}}x{{/if}}",
        unknown("unknown name `nope`"),
        "nope",
    );
    check(
        "{{#if body.a}}{{else if nope}}x{{/if}}",
        unknown("unknown name `nope`"),
        "nope",
    );
    check(
        "{{#if (eq 1 nope)}}x{{/if}}",
        unknown("unknown name `nope`"),
        "nope",
    );
    check(
        "{{#each body.a}}{{../nope}}{{/each}}",
        unknown("unknown name `nope`"),
        "../nope",
    );
    check(
        "{{event.idd}}",
        ("E0303", "no field `idd` in `event`"),
        "event.idd",
    );
    check(
        "{{#with event}}{{ide}}{{/with}}",
        ("E0303", "no field `ide` in `this`"),
        "ide",
    );
    check(
        "{{#with event as |e|}}{{e.ide}}{{/with}}",
        ("E0303", "no field `ide` in `e`"),
        "e.ide",
    );
    check(
        "{{amount.x}}",
        (
            "E0303",
            "no field `x` in `amount`, which is no map (double)",
        ),
        "amount.x",
    );
    check("{{@indx}}", unknown("there is no `@indx`"), "@indx");
}

#[test]
fn near_names_are_suggested() {
    let help = |text: &str| {
        let problems = Template::compile(text, Escape::None, &environment()).unwrap_err();
        problems[0].help[0].clone()
    };
    assert_eq!(help("{{bodi.a}}"), "did you mean `body`?");
    assert_eq!(help("{{event.idd}}"), "did you mean `id`?");
    assert_eq!(help("{{uper body.a}}"), "did you mean `upper`?");
    assert_eq!(
        help("{{#each body.a}}{{@indx}}{{/each}}"),
        "did you mean `@index`?"
    );
}

#[test]
fn helpers_are_known_and_used_as_they_are_meant() {
    let unknown = "E0304";
    refused(
        "{{shout body.a}}",
        &[(unknown, "unknown helper `shout`", "shout")],
    );
    refused(
        "{{#body}}x{{/body}}",
        &[(unknown, "unknown helper `body`", "body")],
    );
    refused(
        "{{log body.a}}",
        &[(unknown, "unknown helper `log`", "log")],
    );
    let wrong = "E0305";
    refused(
        "{{json}}",
        &[(wrong, "`json` is a helper and needs a value", "json")],
    );
    refused(
        "{{upper body.a body.b}}",
        &[(wrong, "`upper` takes one value, not 2", "upper")],
    );
    refused(
        "{{upper body.a x=1}}",
        &[(wrong, "`upper` has no option `x`", "x")],
    );
    refused("{{if body.a}}", &[(wrong, "`if` is a block", "if")]);
    refused(
        "{{#upper body.a}}x{{/upper}}",
        &[(wrong, "`upper` is not a block", "upper")],
    );
    refused(
        "{{#each amount}}x{{/each}}",
        &[(
            wrong,
            "`each` needs a list or a map, and `amount` is double",
            "amount",
        )],
    );
    refused(
        "{{headers}}",
        &[(
            "E0306",
            "`headers` is a map and cannot be printed",
            "headers",
        )],
    );
    refused(
        "{{#with event}}{{this}}{{/with}}",
        &[("E0306", "`this` is a map and cannot be printed", "this")],
    );
    refused(
        "{{> card}}",
        &[("E0307", "templates have no partials: `card`", "card")],
    );
    refused(
        "{{#*inline \"x\"}}a{{/inline}}",
        &[("E0307", "templates have no decorators: `inline`", "inline")],
    );
    refused(
        "{{../body.n}}",
        &[(
            "E0309",
            "`../body.n` leads out of the template",
            "../body.n",
        )],
    );
    refused(
        "{{this}}",
        &[(
            "E0309",
            "`this` stands for an item, and there is none here",
            "this",
        )],
    );
    refused(
        "{{#with body.a}}{{@index}}{{/with}}",
        &[("E0309", "`@index` is only known inside `each`", "@index")],
    );
}

#[test]
fn each_page_shows_the_problem_that_it_explains() {
    for (code, page) in crate::diagnostic::code::template::ALL {
        let templates: Vec<_> = page
            .lines()
            .filter_map(|line| line.trim().strip_prefix("$template: "))
            .map(|text| text.trim_matches('"'))
            .collect();
        let [wrong, right] = templates.as_slice() else {
            panic!("{} has a wrong and a right template", code.0);
        };
        let problems = Template::compile(wrong, Escape::None, &environment()).expect_err(wrong);
        assert_eq!(problems[0].code, *code, "{wrong}");
        assert!(
            Template::compile(right, Escape::None, &environment()).is_ok(),
            "{right}"
        );
    }
}

#[test]
fn a_failure_shows_no_long_value() {
    let text = format!("{{{{lookup body.map \"{}\"}}}}", "é".repeat(300));
    let failure = render_within(&text, Escape::None, Budget::default()).unwrap_err();
    let detail = failure
        .strip_prefix("no such key: ")
        .unwrap()
        .split(" @ ")
        .next()
        .unwrap();
    assert_eq!(detail, "é".repeat(100));
}

#[test]
fn all_problems_are_reported_at_once() {
    refused(
        "{{nope}}\n{{#if none}}{{event.idd}}{{/if}}{{> card}}",
        &[
            ("E0302", "unknown name `nope`", "nope"),
            ("E0302", "unknown name `none`", "none"),
            ("E0303", "no field `idd` in `event`", "event.idd"),
            ("E0307", "templates have no partials: `card`", "card"),
        ],
    );
}

#[test]
fn what_is_no_template_is_refused_at_its_place() {
    refused(
        "é {{#if body.a}}x",
        &[(
            "E0301",
            "the block `{{#if}}` is not closed",
            "{{#if body.a}}",
        )],
    );
    refused(
        "{{#if body.a}}x{{/each}}",
        &[(
            "E0301",
            "`{{/each}}` closes nothing: the open block is `if`",
            "{{/each}}",
        )],
    );
    refused("a\n{{body.a b", &[("E0301", "this is not Handlebars", "b")]);
    let deep = "{{#if body.a}}".repeat(60) + &"{{/if}}".repeat(60);
    refused(
        &deep,
        &[(
            "E0308",
            "the template nests deeper than 50 levels",
            "{{#if body.a}}",
        )],
    );
    let hidden =
        "{{#if body.a}}{{!-- {{/if}} --}}\\{{/if}}{{{{raw}}}}{{/if}}{{{{/raw}}}}".repeat(60);
    refused(
        &hidden,
        &[(
            "E0308",
            "the template nests deeper than 50 levels",
            "{{#if body.a}}",
        )],
    );
    let chain = format!(
        "{{{{#if body.a}}}}{}{{{{/if}}}}",
        "{{else if body.b}}".repeat(60)
    );
    refused(
        &chain,
        &[(
            "E0308",
            "the template nests deeper than 50 levels",
            "{{else if body.b}}",
        )],
    );
    let parens = format!(
        "{{{{upper {}body.a{}}}}}",
        "(upper ".repeat(60),
        ")".repeat(60)
    );
    refused(
        &parens,
        &[("E0308", "the template nests deeper than 50 levels", &parens)],
    );
    let long = "x".repeat(300_000);
    refused(
        &long,
        &[("E0308", "the template is longer than 256 KiB", "")],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

    /// Whatever is written: it is filled in, or it is refused at a place inside it.
    #[test]
    fn no_template_panics(text in "(\\{\\{|\\}\\}|\\{\\{#if |\\{\\{/if\\}\\}|\\{\\{#each |\\{\\{/each\\}\\}|\\{\\{else\\}\\}|body\\.items|body\\.n|@index|\\.\\./|this|~|!|>|\\*|&|\"|'|\\(|\\)|as \\|x\\||json |é|[ -~]|\n){0,14}") {
        let environment = environment();
        match Template::compile(&text, Escape::Html, &environment) {
            Ok(_) => { let _ = render_within(&text, Escape::Html, Budget::default()); }
            Err(problems) => {
                for problem in problems {
                    prop_assert!(text.get(problem.range.clone()).is_some(), "{:?}", problem.range);
                }
            }
        }
    }
}

#[test]
fn functions_of_the_language_are_helpers() {
    check("{{truncate body.name 5}}", "Ada <");
    check(
        "{{slug body.name}} {{string body.big}}",
        "ada-co 9007199254740993",
    );
    check("{{default body.nope (lowerAscii \"X\")}}", "x");
    check(
        "{{#if (startsWith body.name \"Ada\")}}y{{else}}n{{/if}}{{#if (contains (lowerAscii body.name) \"CO\")}}y{{else}}n{{/if}}",
        "yn",
    );
    check(
        "{{#each (distinct body.list)}}{{this}}{{/each}}{{first body.list}}",
        "xyx",
    );
    check(
        "{{lowerAscii (upperAscii event.id)}}{{json (keys body.map)}}",
        "evt_1[\"z\",\"a\"]",
    );
    check("{{lowerAscii \"it's \\\"Q\\\"\"}}", "it's \"q\"");
    // A dot in a function's name is written `_`.
    check(
        "{{math_round amount}} {{base64_encode (pad_start \"7\" 3 \"0\")}}",
        "13 MDA3",
    );
    check(
        "{{regex_replace body.name \"[^A-Za-z]+\" \"-\"}}",
        "Ada-co-",
    );
    check("{{hex_encode (hex_decode \"6a\")}}", "6a");
}

#[test]
fn what_a_function_gives_is_escaped_as_all_else_is() {
    let render = |escape, text: &str| render_within(text, escape, Budget::default());
    assert_eq!(
        render(
            Escape::Html,
            "{{lowerAscii body.name}}|{{{lowerAscii body.html}}}"
        )
        .as_deref(),
        Ok("ada &lt;&amp; &quot;co&quot;&gt;|<b>{{name}}</b>")
    );
    assert_eq!(
        render(Escape::Json, "\"{{upperAscii body.name}}\"").as_deref(),
        Ok("\"ADA <& \\\"CO\\\">\"")
    );
}

#[test]
fn a_call_that_is_none_is_refused_at_its_place() {
    let check = |text: &str, message: &str, place: &str| {
        refused(text, &[(code::template::WRONG_USE.0, message, place)]);
    };
    check(
        "a {{truncate body.name}}",
        "`truncate` does not take 1 value",
        "truncate",
    );
    check(
        "{{truncate body.name \"x\"}}",
        "anything has no `truncate` with a string",
        "truncate",
    );
    check(
        "{{upper (lowerAscii 5)}}",
        "an int has no `lowerAscii`",
        "lowerAscii",
    );
    check(
        "{{regex_replace body.name \"(\" \"-\"}}",
        "not a regular expression: unclosed group",
        "\"(\"",
    );
    check(
        "{{#lowerAscii body.name}}x{{/lowerAscii}}",
        "`lowerAscii` is not a block",
        "lowerAscii",
    );
    check(
        "{{lowerAscii body.name x=1}}",
        "`lowerAscii` is a function and has no options: `x`",
        "x",
    );
    refused(
        "{{lowerAsci body.name}}",
        &[(
            code::template::UNKNOWN_HELPER.0,
            "unknown helper `lowerAsci`",
            "lowerAsci",
        )],
    );
    refused(
        "{{lowerAscii event.nope}}",
        &[(
            code::template::UNKNOWN_FIELD.0,
            "no field `nope` in `event`",
            "event.nope",
        )],
    );
    let help = |text: &str| {
        let problems = Template::compile(text, Escape::None, &environment()).unwrap_err();
        problems[0].help.first().cloned().unwrap_or_default()
    };
    assert_eq!(
        help("{{lowerAsci body.name}}"),
        "did you mean `lowerAscii`?"
    );
    assert_eq!(
        help("{{math.round amount}}"),
        "a helper's name has no dot: write `math_round`"
    );
    assert_eq!(
        help("{{lowerAscii}}"),
        "`lowerAscii` is a function: write `{{lowerAscii value}}`, or give its value a name under `let`"
    );
}

#[test]
fn a_call_fails_at_its_tag_and_counts_against_the_request() {
    fails(
        "a\n{{math_round body.name}}",
        "no such overload: math.round @ {{math_round body.name}}",
    );
    fails(
        "{{hex_decode \"zz\"}}",
        "`hex.decode`: not hexadecimal: Invalid character 'z' at position 0 @ {{hex_decode \"zz\"}}",
    );
    fails("{{fail \"no stock\"}}", "no stock @ {{fail \"no stock\"}}");
    // As many calls as the budget has room for, and none more.
    let text = "{{#each body.items}}{{slug ../body.name}}{{/each}}";
    let within = |steps| {
        let budget = Budget {
            steps,
            ..Budget::default()
        };
        render_within(text, Escape::None, budget)
    };
    let enough = (1..10_000)
        .find(|steps| within(*steps).is_ok())
        .expect("some budget is enough");
    let once = "{{#each body.items}}{{#if @first}}{{slug ../body.name}}{{/if}}{{/each}}";
    let budget = Budget {
        steps: enough - 1,
        ..Budget::default()
    };
    assert!(within(enough - 1).is_err(), "the second call is over it");
    assert!(render_within(once, Escape::None, budget).is_ok());
}

#[test]
fn what_is_named_wins_over_a_function() {
    let mut environment = environment();
    environment.declare("slug", Type::String);
    let template = Template::compile("{{slug}}", Escape::None, &environment).unwrap();
    assert_eq!(template.uses().len(), 1);
}
