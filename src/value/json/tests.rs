//! JSON read, written, and held against `serde_json`.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::value::time::{Instant, parse_duration};
use crate::value::{Arena, Key, Value};

fn round(text: &str) -> Result<String, JsonError> {
    let arena = Arena::new();
    let value = read(text.as_bytes(), &arena, DEPTH)?;
    let mut out = Vec::new();
    write(value, &mut out).expect("what was read can be written");
    Ok(String::from_utf8(out).expect("JSON is UTF-8"))
}

#[test]
fn numbers_that_pass_through_keep_their_characters() {
    for text in [
        "0",
        "-0",
        "-1",
        "1.10",
        "1e3",
        "1E+3",
        "-1.5e-7",
        "0.0",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1234567890123456789012345",
        "[1.10,2,\"3.30\",{\"4.40\":-0,\"a\\\"1.5\":1e3},5.50]",
        "[\"1.5\\\\\",2.50]",
        "[100000000000000000,1.0]",
        "{\"\\u0031.5\":[0.10]}",
    ] {
        let read_again = round(text).expect(text);
        assert_eq!(
            read_again.replace("\\u0031", "1"),
            text.replace("\\u0031", "1"),
            "{text}"
        );
    }
}

#[test]
fn a_number_has_a_thousand_characters_at_most() {
    for text in [
        format!("0.{}", "1".repeat(998)),
        format!("1e{}1", "0".repeat(997)),
    ] {
        assert_eq!(round(&text).as_deref(), Ok(text.as_str()));
        let longer = format!("{text}1");
        let error = round(&longer).expect_err(&longer);
        assert!(
            error.to_string().contains("a thousand characters"),
            "{error}"
        );
    }
}

#[test]
fn integers_are_exact_and_other_numbers_are_doubles() {
    let arena = Arena::new();
    let one = |text: &'static str| read(text.as_bytes(), &arena, DEPTH).expect(text);
    assert!(matches!(
        one("9007199254740993"),
        Value::Int(9_007_199_254_740_993)
    ));
    assert!(matches!(
        one("9223372036854775808"),
        Value::UInt(9_223_372_036_854_775_808)
    ));
    assert!(matches!(one("1.10"), Value::Number("1.10")));
    assert_eq!(one("1e3").as_double(), Some(1000.0));
    assert_eq!(one("-0").as_double().map(f64::is_sign_negative), Some(true));
}

#[test]
fn of_equal_names_the_last_value_holds_in_the_place_of_the_first() {
    assert_eq!(
        round(r#"{"a":1,"b":2,"a":3}"#).as_deref(),
        Ok(r#"{"a":3,"b":2}"#)
    );
    assert_eq!(round(r#"{"a":1,"\u0061":2}"#).as_deref(), Ok(r#"{"a":2}"#));
    for count in [5, 16, 17, 96, 97, 500] {
        let mut text = String::from("{\"again\":0");
        for at in 0..count {
            write!(text, ",\"key{at}\":{at}").expect("a string takes everything");
        }
        text += ",\"again\":1}";
        let arena = Arena::new();
        let Ok(Value::Map(map)) = read(text.as_bytes(), &arena, DEPTH) else {
            panic!("an object")
        };
        assert_eq!(map.len(), count + 1);
        assert_eq!(map.get_str("again").and_then(Value::as_int), Some(1));
        assert_eq!(map.keys().next(), Some(Key::String("again")));
    }
}

#[test]
fn broken_text_is_refused_with_its_place() {
    let check = |text: &[u8], line: usize, column: usize, words: &str| {
        let arena = Arena::new();
        let error = read(text, &arena, DEPTH).expect_err(words);
        let place = (error.line, error.column);
        assert!(
            error.message.contains(words) && place == (line, column),
            "{error} ({})",
            String::from_utf8_lossy(text)
        );
    };
    check(b"", 1, 1, "empty text");
    check(b"  \n ", 1, 1, "empty text");
    check("\u{feff}{}".as_bytes(), 1, 1, "byte order mark");
    check(b"\xff\xfe{\0}\0", 1, 1, "UTF-16");
    check(b"{\"a\": 1} x", 1, 10, "more text");
    check(b"{\"a\": 1,}", 1, 9, "comma");
    check(b"[1,\n2", 2, 1, "inside a list");
    check(b"{\"a\"", 1, 4, "inside an object");
    check(b"\"abc", 1, 4, "inside a string");
    check(b"{\"a\":", 1, 5, "a value should stand");
    check(b"{a: 1}", 1, 2, "double quotes");
    check(b"{'a': 1}", 1, 2, "double quotes");
    check(b"[nil]", 1, 3, "no value");
    check(b"[01]", 1, 3, "not a number");
    check(b"[1.]", 1, 4, "not a number");
    check(b"[1e400]", 1, 6, "too large");
    check("[\"é\", x]".as_bytes(), 1, 7, "no value");
    check(b"[\"a\0b\"]", 1, 4, "control character");
    check(b"[\"\\ud800\"]", 1, 9, "surrogate");
    check(b"[\"\\x\"]", 1, 4, "escape");
    check(b"[\"ok\",\n \"\xc3\x28\"]", 2, 3, "not UTF-8");
    check(b"NaN", 1, 1, "no value");
}

#[test]
fn nesting_stops_at_the_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let arena = Arena::new();
    let (fits, deeper, bomb) = (nested(128), nested(129), "[{\"a\":".repeat(100_000));
    assert!(read(fits.as_bytes(), &arena, DEPTH).is_ok());
    for text in [&deeper, &bomb] {
        let error = read(text.as_bytes(), &arena, usize::MAX).expect_err("too deep");
        assert!(error.message.contains("more than 128 levels"), "{error}");
    }
    assert!(
        read(b"[[1]]", &arena, 1).is_err()
            && read(b"[1]", &arena, 1).is_ok()
            && read(b"1", &arena, 0).is_ok()
    );
}

#[test]
fn strings_without_escapes_are_not_copied() {
    let text = br#"{"name":["plain","esc\naped"]}"#;
    let arena = Arena::new();
    let value = read(text, &arena, DEPTH).expect("JSON");
    let items = value
        .as_map()
        .and_then(|map| map.get_str("name"))
        .and_then(Value::as_list)
        .expect("a list");
    let plain = items[0].as_str().expect("text");
    assert!(text.as_ptr_range().contains(&plain.as_ptr()));
    assert_eq!(items[1].as_str(), Some("esc\naped"));
}

#[test]
fn each_kind_is_written_by_its_rule() {
    let arena = Arena::new();
    let check = |value: Value<'_>, want: &str| {
        let mut out = Vec::new();
        let outcome = write(value, &mut out).map(|()| String::from_utf8(out).expect("UTF-8"));
        assert_eq!(outcome.unwrap_or_else(|error| error.to_string()), want);
    };
    check(Value::Double(1.0), "1.0");
    check(Value::Double(0.1 + 0.2), "0.30000000000000004");
    check(Value::Double(1e300), "1e300");
    check(Value::Double(-0.0), "-0.0");
    check(
        Value::String("a\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}é\u{2028}"),
        "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\u{7f}é\u{2028}\"",
    );
    check(Value::Bytes(&[0xff, 0, 1]), "\"/wAB\"");
    check(
        Value::Timestamp(Instant::parse("2026-11-23T10:05:00.5+01:00").unwrap()),
        "\"2026-11-23T09:05:00.5Z\"",
    );
    check(Value::Duration(parse_duration("3.5s").unwrap()), "\"3.5s\"");
    check(
        Value::Optional(None),
        "an empty optional cannot be written as JSON",
    );
    check(arena.some(Value::Int(1)), "1");
    check(Value::Type("int"), "a type cannot be written as JSON");
    check(
        arena.object(&[("a", Value::Optional(None)), ("b", arena.some(Value::Null))]),
        "{\"b\":null}",
    );
    check(
        arena.keyed(&[(Key::Int(-1), Value::Null), (Key::Bool(true), Value::Null)]),
        "{\"-1\":null,\"true\":null}",
    );
    check(
        arena.multi(&[("a", Value::Int(1)), ("a", Value::Int(2))]),
        "{\"a\":1}",
    );
    let price = arena.object(&[("price", Value::Double(f64::NAN))]);
    check(
        arena.object(&[("items", arena.list(&[Value::Null, price]))]),
        "NaN cannot be written as JSON (at `items[1].price`)",
    );
    check(
        arena.list(&[Value::Optional(None)]),
        "an empty optional cannot be written as JSON (at `[0]`)",
    );
}

#[test]
fn an_indented_text_reads_as_written_by_hand() {
    let arena = Arena::new();
    let value = read(br#"{"a":[1,{"b":[]}],"c":{}}"#, &arena, DEPTH).expect("JSON");
    let mut out = Vec::new();
    write_indented(value, 2, &mut out).expect("JSON");
    let want = "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}";
    assert_eq!(String::from_utf8(out).as_deref(), Ok(want));
}

/// What is left of a value of which only this is in reach.
fn in_reach(value: Value<'_>, reach: &Reach) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Value::List(items) => {
            let items = items
                .iter()
                .filter_map(|item| Some(in_reach(*item, reach.items()?)));
            format!("[{}]", joined(items.collect()))
        }
        Value::Map(map) => {
            let entries = map.iter().filter_map(|(key, item)| {
                let name = key.as_str().expect("JSON has only texts for keys");
                let mut text = Vec::new();
                write_string(name, &mut text);
                let name = String::from_utf8(text).expect("JSON is UTF-8");
                let item = in_reach(item, reach.field(key.as_str()?)?);
                Some(format!("{name}:{item}"))
            });
            format!("{{{}}}", joined(entries.collect()))
        }
        scalar => {
            let mut out = Vec::new();
            write(scalar, &mut out).expect("what was read can be written");
            String::from_utf8(out).expect("JSON is UTF-8")
        }
    }
}

fn reaches() -> impl Strategy<Value = Reach> {
    let leaf = prop_oneof![Just(Reach::WHOLE), Just(Reach::parts([], None))];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let fields = proptest::collection::vec(("[a-c1.\"]{0,2}", inner.clone()), 0..4);
        (fields, proptest::option::of(inner)).prop_map(|(fields, others)| {
            Reach::parts(
                fields.into_iter().map(|(name, reach)| (name.into(), reach)),
                others,
            )
        })
    })
}

fn trees() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>()
            .prop_filter("finite", |double| double.is_finite())
            .prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        "[\"\\\\/\u{0}-\u{1f}é0-9.]{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::vec(("[a-c1.\"]{0,2}", inner), 0..20)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_serde_json_writes_and_writes_what_it_reads(tree in trees(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&tree) } else { serde_json::to_string(&tree) }.unwrap();
        let arena = Arena::new();
        let value = read(text.as_bytes(), &arena, DEPTH).expect("serde_json wrote it");
        prop_assert_eq!(&to_tree(value).unwrap(), &tree);
        prop_assert!(from_tree(&tree, &arena).equals(value));
        let mut out = Vec::new();
        write(value, &mut out).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(&out).unwrap(), &tree);
    }

    #[test]
    fn what_is_in_reach_is_read_as_in_the_whole(tree in trees(), reach in reaches()) {
        let text = tree.to_string();
        let (arena, parts) = (Arena::new(), Arena::new());
        let whole = read(text.as_bytes(), &arena, DEPTH).expect("JSON");
        let part = read_parts(text.as_bytes(), &parts, DEPTH, &reach).expect("JSON");
        prop_assert_eq!(in_reach(part, &Reach::WHOLE), in_reach(whole, &reach), "{}", reach);
    }

    #[test]
    fn what_is_out_of_reach_is_held_to_the_same_rules(
        tree in trees(),
        reach in reaches(),
        place in any::<prop::sample::Index>(),
        odd in "[\\[\\]{}:,\"\\\\ntrue0-9.eE+\\- \u{0}\u{1f}]",
        replaces in any::<bool>(),
        depth in 0_usize..5,
    ) {
        let mut text = tree.to_string();
        let at = place.index(text.len() + 1);
        if text.is_char_boundary(at) {
            let end = text.ceil_char_boundary(at + usize::from(replaces)).min(text.len());
            text.replace_range(at..end, &odd);
        }
        let (arena, parts) = (Arena::new(), Arena::new());
        let whole = read(text.as_bytes(), &arena, depth).err();
        let part = read_parts(text.as_bytes(), &parts, depth, &reach).err();
        prop_assert_eq!(part, whole, "{} in {}", reach, text);
    }

    #[test]
    fn accepts_what_serde_json_accepts(text in "[\\[\\]{}:,\"\\\\ntrue0-9.eE+\\- \u{0}\u{feff}é]{0,24}") {
        let arena = Arena::new();
        let ours = read(text.as_bytes(), &arena, DEPTH);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", ours);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(to_tree(ours).unwrap(), theirs);
        }
    }

    #[test]
    fn a_text_with_one_mistake_is_judged_as_serde_json_judges_it(
        tree in trees(), place in any::<prop::sample::Index>(), kind in 0..3, odd in any::<u8>(),
        common in prop::sample::select(&b"\"\\{}[],:0-.eEu \n\td"[..]), is_common in any::<bool>(),
    ) {
        let mut text = serde_json::to_vec(&tree).unwrap();
        let (place, byte) = (place.index(text.len()), if is_common { common } else { odd });
        match kind {
            0 => text[place] = byte,
            1 => text.insert(place, byte),
            _ => { text.remove(place); }
        }
        let arena = Arena::new();
        let ours = read(&text, &arena, DEPTH);
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} of {:?}", ours, String::from_utf8_lossy(&text));
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(to_tree(ours).unwrap(), theirs);
        }
    }

    #[test]
    fn strings_of_any_length_come_through(text in "(.|[\"\\\\\u{1f}\u{20}]){0,70}", behind in ".{0,20}") {
        let tree = serde_json::json!({ text.as_str(): behind.as_str(), "b": [text] });
        let written = serde_json::to_vec(&tree).unwrap();
        let arena = Arena::new();
        let value = read(&written, &arena, DEPTH).expect("serde_json wrote it");
        prop_assert_eq!(to_tree(value).unwrap(), tree);
    }

    #[test]
    fn never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let arena = Arena::new();
        let ours = read(&bytes, &arena, DEPTH).is_ok();
        prop_assert_eq!(ours, serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    }
}
