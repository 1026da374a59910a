//! YAML text to values.
//!
//! One document of YAML 1.2 by its core schema: `yes` and `on` are text, numbers keep their
//! characters where JSON has them so, and of two equal keys the last one holds. An alias is the
//! value of its anchor itself, not a copy, so that a small text cannot take much memory; whoever
//! writes such a value out pays for each time it stands there. Tags other than YAML's own and keys
//! other than text, integers and Booleans are refused. `<<` is a key like others.

use std::collections::HashMap;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::{Arena, Key, Value};

/// How deep lists and maps may nest when nobody says otherwise.
pub const DEPTH: usize = 128;

/// Why a text is not YAML that we accept, and where. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct YamlError {
    /// The line of the first problem.
    pub line: usize,
    /// The column of the first problem, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads one YAML document whose lists and maps nest at most `depth` deep. An empty one is null.
/// Its value needs memory in proportion to the text.
pub fn read<'a>(text: &str, arena: &'a Arena, depth: usize) -> Result<Value<'a>, YamlError> {
    let mut document = Document {
        arena,
        depth,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| broken(&error))?;
        document.take(event).map_err(|message| YamlError {
            line: span.start.line(),
            column: span.start.col() + 1,
            message: message.to_owned(),
        })?;
    }
    Ok(document.root.unwrap_or(Value::Null))
}

fn broken(error: &ScanError) -> YamlError {
    YamlError {
        line: error.marker().line(),
        column: error.marker().col() + 1,
        message: error.info().to_owned(),
    }
}

struct Document<'a> {
    arena: &'a Arena,
    depth: usize,
    /// The lists and maps that are not closed yet, the innermost last.
    open: Vec<Open<'a>>,
    anchors: HashMap<usize, Value<'a>>,
    root: Option<Value<'a>>,
}

struct Open<'a> {
    parts: Parts<'a>,
    /// 0 where there is none.
    anchor: usize,
}

enum Parts<'a> {
    List(Vec<Value<'a>>),
    /// And the key whose value is still to come.
    Map(IndexMap<Key<'a>, Value<'a>>, Option<Key<'a>>),
}

type Taken = Result<(), &'static str>;

impl<'a> Document<'a> {
    fn take(&mut self, event: Event<'_>) -> Taken {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err("there is more than one document")
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref())?;
                self.place(value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(Parts::List(Vec::new()), anchor, tag.as_deref(), "seq")
            }
            Event::MappingStart(anchor, tag) => {
                let map = Parts::Map(IndexMap::new(), None);
                self.start(map, anchor, tag.as_deref(), "map")
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(value) => self.place(*value, 0),
                None => Err("this alias stands inside the value that it repeats"),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn start(&mut self, parts: Parts<'a>, anchor: usize, tag: Option<&Tag>, own: &str) -> Taken {
        if self.open.len() >= self.depth {
            return Err("there are too many levels of nesting");
        }
        if tag.is_some_and(|tag| core(tag) != Some(own) && !is_plain_mark(tag)) {
            return Err(FOREIGN_TAG);
        }
        self.open.push(Open { parts, anchor });
        Ok(())
    }

    fn close(&mut self) -> Taken {
        let Some(Open { parts, anchor }) = self.open.pop() else {
            return Ok(());
        };
        let value = match parts {
            Parts::List(items) => self.arena.list(&items),
            Parts::Map(entries, _) => self.arena.map(&entries.into_iter().collect::<Vec<_>>()),
        };
        self.place(value, anchor)
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, value: Value<'a>, anchor: usize) -> Taken {
        if anchor > 0 {
            self.anchors.insert(anchor, value);
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.root = Some(value),
            Some(Parts::List(items)) => items.push(value),
            Some(Parts::Map(entries, key)) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => {
                    *key =
                        Some(Key::of(value).ok_or("a key is a text, an integer, true or false")?);
                }
            },
        }
        Ok(())
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Result<Value<'a>, &'static str> {
        let string = || Value::String(self.arena.string(text));
        let Some(tag) = tag else {
            return Ok(match style {
                ScalarStyle::Plain => self.plain(text).unwrap_or_else(string),
                _ => string(),
            });
        };
        if is_plain_mark(tag) {
            return Ok(string());
        }
        let value = self.plain(text);
        let unfit = "this is not what its tag says";
        match (core(tag).ok_or(FOREIGN_TAG)?, value) {
            ("str", _) => Ok(string()),
            ("null", Some(value @ Value::Null)) | ("bool", Some(value @ Value::Bool(_))) => {
                Ok(value)
            }
            ("int", Some(value @ (Value::Int(_) | Value::UInt(_)))) => Ok(value),
            ("float", Some(value)) => value.as_double().map(Value::Double).ok_or(unfit),
            ("null" | "bool" | "int" | "float", _) => Err(unfit),
            _ => Err(FOREIGN_TAG),
        }
    }

    /// What an unquoted scalar is by the core schema; `None` for text.
    fn plain(&self, text: &str) -> Option<Value<'a>> {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
            "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
            ".nan" | ".NaN" | ".NAN" => return Some(Value::Double(f64::NAN)),
            _ => {}
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
            let is_negative = text.starts_with('-');
            return Some(Value::Double(if is_negative {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }));
        }
        if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let based = |prefix, base| {
            let digits: &str = text.strip_prefix(prefix)?;
            let has_sign = digits.starts_with(['+', '-']);
            u64::from_str_radix(digits, base).ok().filter(|_| !has_sign)
        };
        if let Some(number) = based("0x", 16).or_else(|| based("0o", 8)) {
            return Some(i64::try_from(number).map_or(Value::UInt(number), Value::Int));
        }
        let is_whole = unsigned.bytes().all(|digit| digit.is_ascii_digit());
        if is_whole && let Ok(int) = text.parse() {
            return Some(Value::Int(int));
        }
        if is_whole && let Ok(uint) = text.parse() {
            return Some(Value::UInt(uint));
        }
        self.decimal(text, unsigned)
    }

    fn decimal(&self, text: &str, unsigned: &str) -> Option<Value<'a>> {
        let mantissa_end = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
        let (mantissa, exponent) = unsigned.split_at_checked(mantissa_end)?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
        let exponent = exponent.get(1..).unwrap_or("0");
        let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if !digits(whole)
            || !digits(fraction)
            || !digits(power)
            || power.is_empty()
            || (whole.is_empty() && fraction.is_empty())
        {
            return None;
        }
        let double: f64 = text.parse().ok()?;
        let has_point = mantissa.contains('.');
        // As JSON writes numbers; then the characters are kept.
        let is_json = !text.starts_with('+')
            && (whole == "0" || (!whole.is_empty() && !whole.starts_with('0')))
            && (!fraction.is_empty() || !has_point);
        Some(
            if is_json && double.is_finite() && text.len() <= LONGEST_NUMBER {
                Value::Number(self.arena.string(text))
            } else {
                Value::Double(double)
            },
        )
    }
}

/// A longer number is kept as a double: its characters would be read again at each use.
const LONGEST_NUMBER: usize = 1000;

const FOREIGN_TAG: &str = "a tag that is not one of YAML's own";

/// The name of one of YAML's own tags: `str` of `!!str`.
fn core(tag: &Tag) -> Option<&str> {
    tag.is_yaml_core_schema().then_some(tag.suffix.as_str())
}

/// `!` alone says only that a scalar is text.
fn is_plain_mark(tag: &Tag) -> bool {
    tag.suffix == "!" && tag.handle.is_empty() || tag.suffix.is_empty() && tag.handle == "!"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn round(text: &str) -> Result<String, String> {
        let arena = Arena::new();
        let value = read(text, &arena, DEPTH).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        json::write(value, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).expect("JSON is UTF-8"))
    }

    #[test]
    fn documents_become_values() {
        let check = |text: &str, want: &str| {
            assert_eq!(round(text).as_deref(), Ok(want), "{text}");
        };
        check("", "null");
        check("# nothing\n", "null");
        check(
            "a: 1\nb: [x, 'y', \"z\\n\"]\n",
            r#"{"a":1,"b":["x","y","z\n"]}"#,
        );
        check("- |\n  a\n  b\n- >\n  a\n  b\n", r#"["a\nb\n","a b\n"]"#);
        check("{a: {b: ~}, c: }", r#"{"a":{"b":null},"c":null}"#);
        check(
            "[yes, no, on, off, y, TRUE, False]",
            r#"["yes","no","on","off","y",true,false]"#,
        );
        check(
            "[1.10, 1e3, -0.5, 0x1F, 0o17, 007, +5, 1_000]",
            r#"[1.10,1e3,-0.5,31,15,7,5,"1_000"]"#,
        );
        check(
            "[.5, 5., +1.5, 1e, 1.2.3, ., 0x, 0b1]",
            r#"[0.5,5.0,1.5,"1e","1.2.3",".","0x","0b1"]"#,
        );
        check(
            "[9223372036854775808, 18446744073709551616]",
            "[9223372036854775808,18446744073709551616]",
        );
        check(
            "[2026-11-23, 12:30, '1', \"true\", null, Null, nil]",
            r#"["2026-11-23","12:30","1","true",null,null,"nil"]"#,
        );
        check("a: 1\na: 2\n", r#"{"a":2}"#);
        check("1: x\ntrue: y\n", r#"{"1":"x","true":"y"}"#);
        check("a: &x [1]\nb: *x\n", r#"{"a":[1],"b":[1]}"#);
        check("a: &x {b: 1}\n<<: *x\n", r#"{"a":{"b":1},"<<":{"b":1}}"#);
        check(
            "[!!str 1, !!int '2', !!float 1, !!bool true, !!null ~, ! 5]",
            r#"["1",2,1.0,true,null,"5"]"#,
        );
        check("!!map {a: !!seq [é]}", r#"{"a":["é"]}"#);
        check("---\na\n...\n", r#""a""#);
        check("%YAML 1.2\n---\na\n", r#""a""#);
    }

    #[test]
    fn what_is_no_yaml_here_is_refused_with_its_place() {
        let check = |text: &str, want: &str| {
            let error = round(text).expect_err(text);
            assert!(error.contains(want), "{text}: {error}");
        };
        check("a: [1\nb: 2", "line 2");
        check("a: b: c", "line 1");
        check("a\n---\nb\n", "more than one document");
        check(
            "a: &x [*x]",
            "inside the value that it repeats at line 1, column 8",
        );
        check("*x", "anchor");
        check("a: !secret b", "tag");
        check("a: !!binary aGk=", "tag");
        check("a: !!int x", "not what its tag says");
        check("[a]: 1", "a key is a text");
        check("1.5: 1", "a key is a text");
        check("~: 1", "a key is a text");
        check("a: .nan", "NaN");
        check(&"[".repeat(200), "");
        check(
            &format!("{}1{}", "[".repeat(129), "]".repeat(129)),
            "too many levels",
        );
        check(&"- ".repeat(10_000), "too many levels");
    }

    #[test]
    fn aliases_share_and_never_copy() {
        let mut text = "a0: &a0 [lol]\n".to_owned();
        for at in 1..40 {
            let parts = vec![format!("*a{}", at - 1); 10].join(", ");
            text += &format!("a{at}: &a{at} [{parts}]\n");
        }
        let arena = Arena::new();
        assert!(read(&text, &arena, DEPTH).is_ok());
        assert!(arena.allocated() < 100_000, "{}", arena.allocated());
    }
}
