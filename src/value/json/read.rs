//! JSON text to values, as RFC 8259 has it.
//!
//! `serde_json` finds the tokens; the values are built here, children first on a stack that all
//! levels share and then as one slice in the arena. No `serde_json::Value` exists at any time.

use std::collections::HashMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::value::{Arena, Value};

/// Why a text is not JSON, and where. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct JsonError {
    /// The line of the first problem.
    pub line: usize,
    /// The column of the first problem.
    pub column: usize,
    /// What is wrong, in the words of whoever wrote the text.
    pub message: String,
}

/// Reads one JSON text. Objects and lists may nest `depth` deep (and never deeper than
/// [`DEPTH`](super::DEPTH), whatever is asked). Of equal keys the last one's value holds, in the
/// place of the first.
pub fn read<'a>(text: &'a [u8], arena: &'a Arena, depth: usize) -> Result<Value<'a>, JsonError> {
    let text = std::str::from_utf8(text).map_err(|error| not_utf8(text, &error))?;
    if text.starts_with('\u{feff}') {
        return Err(at(
            text,
            0,
            "a byte order mark (U+FEFF) stands before the JSON",
        ));
    }
    if text.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return Err(at(text, 0, "there is no JSON here, only an empty text"));
    }
    let mut state = State {
        arena,
        values: Vec::with_capacity(64),
        entries: Vec::with_capacity(64),
        numbers: Numbers { text, position: 0 },
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let depth = depth.min(super::DEPTH);
    Node {
        state: &mut state,
        depth,
        limit: depth,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|error| explain(text, &error))
}

struct State<'a> {
    arena: &'a Arena,
    /// Items of the lists that are being read, the innermost last.
    values: Vec<Value<'a>>,
    /// Entries of the objects that are being read, the innermost last.
    entries: Vec<(&'a str, Value<'a>)>,
    numbers: Numbers<'a>,
}

struct Node<'s, 'a> {
    state: &'s mut State<'a>,
    depth: usize,
    limit: usize,
}

impl<'a> Node<'_, 'a> {
    fn child(&mut self) -> Node<'_, 'a> {
        Node {
            state: self.state,
            depth: self.depth,
            limit: self.limit,
        }
    }

    fn enter<E: de::Error>(&mut self) -> Result<(), E> {
        let depth = self.depth.checked_sub(1);
        self.depth = depth
            .ok_or_else(|| E::custom(format_args!("more than {} levels of nesting", self.limit)))?;
        Ok(())
    }
}

impl<'a> DeserializeSeed<'a> for Node<'_, 'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Node<'_, 'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value<'a>, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E>(self, uint: u64) -> Result<Value<'a>, E> {
        Ok(i64::try_from(uint).map_or(Value::UInt(uint), Value::Int))
    }

    fn visit_f64<E>(self, double: f64) -> Result<Value<'a>, E> {
        Ok(self
            .state
            .numbers
            .next()
            .map_or(Value::Double(double), Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'a>, E> {
        Ok(Value::String(self.state.arena.string(text)))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Value<'a>, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut items: A) -> Result<Value<'a>, A::Error> {
        self.enter()?;
        let start = self.state.values.len();
        while let Some(item) = items.next_element_seed(self.child())? {
            self.state.values.push(item);
        }
        let list = self
            .state
            .arena
            .list(self.state.values.get(start..).unwrap_or_default());
        self.state.values.truncate(start);
        Ok(list)
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut fields: A) -> Result<Value<'a>, A::Error> {
        self.enter()?;
        let start = self.state.entries.len();
        while let Some(name) = fields.next_key_seed(Name(self.state.arena))? {
            let value = fields.next_value_seed(self.child())?;
            self.state.entries.push((name, value));
        }
        unite_equal_names(&mut self.state.entries, start);
        let object = self
            .state
            .arena
            .object(self.state.entries.get(start..).unwrap_or_default());
        self.state.entries.truncate(start);
        Ok(object)
    }
}

struct Name<'a>(&'a Arena);

impl<'a> DeserializeSeed<'a> for Name<'a> {
    type Value = &'a str;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<&'a str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Name<'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<&'a str, E> {
        Ok(self.0.string(name))
    }

    fn visit_borrowed_str<E>(self, name: &'a str) -> Result<&'a str, E> {
        Ok(name)
    }
}

/// Gives the first entry of a name the value of the last one, and drops the others.
///
/// Nearly every object has each name once, so that is what must be cheap: names are thrown into a
/// few bits, and only where two fall into one bit are they compared. Past a hundred names, where a
/// hostile body could make that quadratic, a hash map with a secret key takes over.
fn unite_equal_names<'a>(entries: &mut Vec<(&'a str, Value<'a>)>, start: usize) {
    const WORDS: usize = 16;
    let count = entries.len() - start;
    if count < 2 {
        return;
    }
    let mut repeated = false;
    let names = entries.get(start..).unwrap_or_default();
    if count <= 96 {
        let mut seen = [0_u64; WORDS];
        for (at, (name, _)) in names.iter().enumerate() {
            let hash = fingerprint(name);
            let (word, bit) = ((hash >> 60) as usize % WORDS, 1_u64 << (hash >> 54 & 63));
            if let Some(word) = seen.get_mut(word) {
                if *word & bit != 0 && names.iter().take(at).any(|(known, _)| known == name) {
                    repeated = true;
                    break;
                }
                *word |= bit;
            }
        }
    } else {
        let mut seen = std::collections::HashSet::with_capacity(count);
        repeated = !names.iter().all(|(name, _)| seen.insert(*name));
    }
    if !repeated {
        return;
    }
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(count);
    let all = entries.split_off(start);
    for (name, value) in all {
        if let Some(entry) = places.get(name).and_then(|&place| entries.get_mut(place)) {
            entry.1 = value;
        } else {
            places.insert(name, entries.len());
            entries.push((name, value));
        }
    }
}

/// Of a name's length and ends, which is enough to tell nearly all siblings apart.
fn fingerprint(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29)
        }
        _ => bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    (ends ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Finds again the characters of the numbers that `serde_json` rounded to doubles. It is asked in
/// the order of the text, so all calls together go over the text once, and not at all when there
/// are none.
struct Numbers<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Numbers<'a> {
    /// The next number that is neither of the integer types.
    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let mut at = self.position;
        let mut in_string = false;
        loop {
            let byte = *bytes.get(at)?;
            match byte {
                b'"' => in_string = !in_string,
                b'\\' if in_string => at += 1,
                b'-' | b'0'..=b'9' if !in_string => {
                    let rest = bytes.get(at..)?;
                    let is_part =
                        |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                    let end = at
                        + rest
                            .iter()
                            .position(|byte| !is_part(byte))
                            .unwrap_or(rest.len());
                    let lexeme = self.text.get(at..end)?;
                    if !is_integer(lexeme) {
                        self.position = end;
                        return Some(lexeme);
                    }
                    at = end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// Whether `serde_json` gives this number as an integer. `-0` it gives as a double.
fn is_integer(lexeme: &str) -> bool {
    if lexeme.len() < 18 {
        return lexeme != "-0"
            && !lexeme
                .bytes()
                .any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    }
    lexeme.parse::<i64>().is_ok() || lexeme.parse::<u64>().is_ok()
}

fn explain(text: &str, error: &serde_json::Error) -> JsonError {
    let raw = error.to_string();
    let raw = raw
        .rsplit_once(" at line ")
        .map_or(raw.as_str(), |(message, _)| message);
    let message = match raw {
        "EOF while parsing a list" => "the text ends inside a list",
        "EOF while parsing an object" => "the text ends inside an object",
        "EOF while parsing a string" => "the text ends inside a string",
        "EOF while parsing a value" => "the text ends where a value should stand",
        "expected value" | "expected ident" => "no value starts like this",
        "expected `\"`" | "key must be a string" => {
            "the name of a field must stand in double quotes"
        }
        "invalid escape" => {
            "no escape starts like this; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
        }
        "invalid number" => "this is not a number as JSON writes them",
        "number out of range" => "this number is too large for a double",
        "lone leading surrogate in hex escape"
        | "unexpected end of hex escape"
        | "invalid unicode code point" => {
            "half of a surrogate pair: \\ud800 to \\udfff must come in pairs"
        }
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "a control character stands unescaped in a string"
        }
        "trailing comma" => "a comma stands before the closing bracket",
        "trailing characters" => "there is more text after the end of the JSON",
        other => other,
    };
    let start = line_start(text, error.line());
    at(text, start + error.column().saturating_sub(1), message)
}

fn line_start(text: &str, line: usize) -> usize {
    let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    line.checked_sub(2)
        .and_then(|index| newlines.map(|(at, _)| at + 1).nth(index))
        .unwrap_or(0)
}

fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> JsonError {
    let valid = bytes
        .get(..error.valid_up_to())
        .and_then(|valid| std::str::from_utf8(valid).ok())
        .unwrap_or("");
    let message = match bytes {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => "this looks like UTF-16; JSON is sent as UTF-8",
        _ => "this is not UTF-8",
    };
    at(valid, valid.len(), message)
}

/// An error at a byte of the text, or the nearest character before it.
fn at(text: &str, byte: usize, message: &str) -> JsonError {
    let before = text.get(..text.floor_char_boundary(byte)).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    JsonError {
        line,
        column,
        message: message.to_owned(),
    }
}
