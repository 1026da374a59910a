//! JSON text to values, as RFC 8259 has it.
//!
//! The text is gone over once. Strings without an escape, names among them, stay where they are in
//! the text; children are gathered on a stack that all levels share and then copied as one slice
//! into the arena. No `serde_json::Value` exists at any time: building one costs several times as
//! much as all else that a function does. What is taken and what is refused is held against
//! `serde_json` by the tests.
//!
//! Whoever will not look at all of a text says what it will look at: the rest is gone over in the
//! same way, so that the same texts are refused with the same words, but nothing is made of it.

use std::collections::HashMap;

use super::{Reach, scan};
use crate::value::{Arena, Map, Value};

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
    read_parts(text, arena, depth, &Reach::WHOLE)
}

/// As [`read`], but only what is in reach is sure to be there. The same texts are refused, in the
/// same words.
pub fn read_parts<'a>(
    text: &'a [u8],
    arena: &'a Arena,
    depth: usize,
    reach: &Reach,
) -> Result<Value<'a>, JsonError> {
    let text = match simdutf8::basic::from_utf8(text) {
        Ok(text) => text,
        // It says only that something is wrong; this says where.
        Err(_) => std::str::from_utf8(text).map_err(|error| not_utf8(text, &error))?,
    };
    if text.starts_with('\u{feff}') {
        return Err(at(
            text,
            0,
            "a byte order mark (U+FEFF) stands before the JSON",
        ));
    }
    let depth = depth.min(super::DEPTH);
    let mut reader = Reader {
        arena,
        text,
        bytes: text.as_bytes(),
        at: 0,
        values: Vec::with_capacity(64),
        entries: Vec::with_capacity(128),
        problem: Problem::Start,
    };
    reader.whole(depth, reach).map_err(|Broken| {
        let message = match reader.problem {
            Problem::Deep => return at(text, reader.at, &deep(depth)),
            _ if text.bytes().all(|byte| byte.is_ascii_whitespace()) => {
                return at(text, 0, "there is no JSON here, only an empty text");
            }
            problem => problem.message(),
        };
        // What is missing at the end is told at the last character that is there.
        at(text, reader.at.min(text.len().saturating_sub(1)), message)
    })
}

fn deep(limit: usize) -> String {
    format!("more than {limit} levels of nesting")
}

struct Reader<'a> {
    arena: &'a Arena,
    text: &'a str,
    bytes: &'a [u8],
    /// The byte that is looked at.
    at: usize,
    /// Items of the lists that are being read, the innermost last.
    values: Vec<Value<'a>>,
    /// Entries of the objects that are being read, the innermost last.
    entries: Vec<(&'a str, Value<'a>)>,
    /// Once something is [`Broken`]: what, at `at`.
    problem: Problem,
}

/// The text is not JSON; the reader knows why.
#[derive(Debug)]
struct Broken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Start,
    Deep,
    EndInList,
    EndInObject,
    EndInString,
    EndInValue,
    Name,
    Colon,
    CommaOrEnd,
    LastComma,
    Escape,
    Surrogate,
    Control,
    Number,
    Large,
    Long,
    More,
}

impl Problem {
    const fn message(self) -> &'static str {
        match self {
            Self::Start => "no value starts like this",
            Self::Deep => "there are too many levels of nesting",
            Self::EndInList => "the text ends inside a list",
            Self::EndInObject => "the text ends inside an object",
            Self::EndInString => "the text ends inside a string",
            Self::EndInValue => "the text ends where a value should stand",
            Self::Name => "the name of a field must stand in double quotes",
            Self::Colon => "expected `:` behind the name of a field",
            Self::CommaOrEnd => "expected a comma or the closing bracket",
            Self::LastComma => "a comma stands before the closing bracket",
            Self::Escape => {
                "no escape starts like this; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
            }
            Self::Surrogate => "half of a surrogate pair: \\ud800 to \\udfff must come in pairs",
            Self::Control => "a control character stands unescaped in a string",
            Self::Number => "this is not a number as JSON writes them",
            Self::Large => "this number is too large for a double",
            Self::Long => "this number has more than a thousand characters",
            Self::More => "there is more text after the end of the JSON",
        }
    }
}

/// The most characters of a number. It is read again whenever somebody calculates with it, so a
/// long one would cost more than the step that it takes.
const LONGEST_NUMBER: usize = 1000;

/// Where a value goes once it is read.
///
/// Each is put there by whoever has read it: handed back first, it would be written to the stack in
/// halves and read again whole, and the processor waits for that.
trait Place<'a>: Copy {
    fn put(self, value: Value<'a>, reader: &mut Reader<'a>);
}

/// Into the list that is being read; a text's one value is read as one of a list, too.
#[derive(Clone, Copy)]
struct Item;

impl<'a> Place<'a> for Item {
    fn put(self, value: Value<'a>, reader: &mut Reader<'a>) {
        reader.values.push(value);
    }
}

/// Into the object that is being read, under this name.
#[derive(Clone, Copy)]
struct Field<'a>(&'a str);

impl<'a> Place<'a> for Field<'a> {
    fn put(self, value: Value<'a>, reader: &mut Reader<'a>) {
        reader.entries.push((self.0, value));
    }
}

/// Nowhere: nobody will ask for it.
#[derive(Clone, Copy)]
struct Nowhere;

impl<'a> Place<'a> for Nowhere {
    fn put(self, _: Value<'a>, _: &mut Reader<'a>) {}
}

/// How much of a value is made.
trait Want: Copy {
    /// Reads an object, to its end.
    fn object<'a>(self, reader: &mut Reader<'a>, depth: usize) -> Result<&'a Map<'a>, Broken>;

    /// Reads a list, to its end.
    fn list<'a>(self, reader: &mut Reader<'a>, depth: usize) -> Result<&'a [Value<'a>], Broken>;
}

/// All of it.
#[derive(Clone, Copy)]
struct Whole;

impl Want for Whole {
    fn object<'a>(self, reader: &mut Reader<'a>, depth: usize) -> Result<&'a Map<'a>, Broken> {
        let start = reader.entries.len();
        reader.members(depth, Reader::string, |reader, depth, name| {
            reader.value(depth, Self, Field(name))
        })?;
        Ok(reader.made_object(start))
    }

    fn list<'a>(self, reader: &mut Reader<'a>, depth: usize) -> Result<&'a [Value<'a>], Broken> {
        let start = reader.values.len();
        reader.items(depth, |reader, depth| reader.value(depth, Self, Item))?;
        Ok(reader.made_list(start))
    }
}

/// What is in reach of it.
#[derive(Clone, Copy)]
struct Part<'r>(&'r Reach);

impl Want for Part<'_> {
    fn object<'a>(self, reader: &mut Reader<'a>, depth: usize) -> Result<&'a Map<'a>, Broken> {
        let start = reader.entries.len();
        reader.members(depth, Reader::string, |reader, depth, name| {
            match self.0.field(name) {
                None => reader.skip(depth),
                Some(reach) if reach.is_whole() => reader.value(depth, Whole, Field(name)),
                Some(reach) => reader.value(depth, Part(reach), Field(name)),
            }
        })?;
        Ok(reader.made_object(start))
    }

    fn list<'a>(self, reader: &mut Reader<'a>, depth: usize) -> Result<&'a [Value<'a>], Broken> {
        let start = reader.values.len();
        match self.0.items() {
            None => reader.items(depth, Reader::skip)?,
            Some(reach) if reach.is_whole() => return Whole.list(reader, depth),
            Some(reach) => reader.items(depth, |reader, depth| {
                reader.value(depth, Part(reach), Item)
            })?,
        }
        Ok(reader.made_list(start))
    }
}

impl<'a> Reader<'a> {
    fn whole(&mut self, depth: usize, reach: &Reach) -> Result<Value<'a>, Broken> {
        if reach.is_whole() {
            self.value(depth, Whole, Item)?;
        } else {
            self.value(depth, Part(reach), Item)?;
        }
        match (self.peek(), self.values.pop()) {
            (None, Some(value)) => Ok(value),
            _ => self.broken(Problem::More),
        }
    }

    /// Says what is wrong at the present byte.
    #[cold]
    fn broken<T>(&mut self, problem: Problem) -> Result<T, Broken> {
        self.problem = problem;
        Err(Broken)
    }

    /// As [`Self::broken`], or what it is when the text is at its end.
    #[cold]
    fn broken_or<T>(&mut self, problem: Problem, end: Problem) -> Result<T, Broken> {
        let is_end = self.at >= self.bytes.len();
        self.broken(if is_end { end } else { problem })
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        if byte > b' ' {
            return Some(byte);
        }
        self.at = scan::past_space(self.bytes, self.at);
        self.byte()
    }

    fn value(
        &mut self,
        depth: usize,
        want: impl Want,
        place: impl Place<'a>,
    ) -> Result<(), Broken> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                let text = self.string()?;
                place.put(Value::String(text), self);
            }
            Some(b'{') => {
                let map = want.object(self, depth)?;
                place.put(Value::Map(map), self);
            }
            Some(b'[') => {
                let items = want.list(self, depth)?;
                place.put(Value::List(items), self);
            }
            Some(b'-' | b'0'..=b'9') => return self.number(place),
            Some(b'n') => return self.word(b"null", Value::Null, place),
            Some(b't') => return self.word(b"true", Value::Bool(true), place),
            Some(b'f') => return self.word(b"false", Value::Bool(false), place),
            _ => return self.broken_or(Problem::Start, Problem::EndInValue),
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8], value: Value<'a>, place: impl Place<'a>) -> Result<(), Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            place.put(value, self);
            return Ok(());
        }
        let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
        self.at += same;
        self.broken_or(Problem::Start, Problem::EndInValue)
    }

    /// Goes past a value that nobody will ask for.
    fn skip(&mut self, depth: usize) -> Result<(), Broken> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.skip_string()
            }
            Some(b'{') => self.members(depth, Self::skip_string, |reader, depth, ()| {
                reader.skip(depth)
            }),
            Some(b'[') => self.items(depth, Self::skip),
            Some(b'-' | b'0'..=b'9') => self.number(Nowhere),
            _ => self.value(depth, Whole, Nowhere),
        }
    }

    /// From a list's opening bracket to behind its closing one; `each` reads an item.
    #[inline]
    fn items(
        &mut self,
        depth: usize,
        each: impl Fn(&mut Self, usize) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.broken(Problem::Deep);
        };
        self.at += 1;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek().is_none() {
                return self.broken(Problem::EndInList);
            }
            each(self, depth)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.broken_or(Problem::CommaOrEnd, Problem::EndInList),
            }
            if self.peek() == Some(b']') {
                return self.broken(Problem::LastComma);
            }
        }
        self.at += 1;
        Ok(())
    }

    /// From an object's opening bracket to behind its closing one; `name` reads a name behind its
    /// opening quote, `each` the value that it has.
    #[inline]
    fn members<N>(
        &mut self,
        depth: usize,
        name: impl Fn(&mut Self) -> Result<N, Broken>,
        each: impl Fn(&mut Self, usize, N) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.broken(Problem::Deep);
        };
        self.at += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.broken_or(Problem::Name, Problem::EndInObject);
            }
            self.at += 1;
            let name = name(self)?;
            if self.peek() != Some(b':') {
                return self.broken_or(Problem::Colon, Problem::EndInObject);
            }
            self.at += 1;
            each(self, depth, name)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.broken_or(Problem::CommaOrEnd, Problem::EndInObject),
            }
            if self.peek() == Some(b'}') {
                return self.broken(Problem::LastComma);
            }
        }
        self.at += 1;
        Ok(())
    }

    /// The list of the values from `start` on.
    #[inline]
    fn made_list(&mut self, start: usize) -> &'a [Value<'a>] {
        let items = self.values.get(start..).unwrap_or_default();
        if items.is_empty() {
            return &[];
        }
        let list = self.arena.slice(items);
        self.values.truncate(start);
        list
    }

    /// The object of the entries from `start` on.
    #[inline]
    fn made_object(&mut self, start: usize) -> &'a Map<'a> {
        unite_equal_names(&mut self.entries, start);
        let entries = self.entries.get(start..).unwrap_or_default();
        let object = self.arena.fields(entries);
        self.entries.truncate(start);
        object
    }

    /// The rest of a string, behind its opening quote.
    #[inline]
    fn string(&mut self) -> Result<&'a str, Broken> {
        let start = self.at;
        self.at = scan::string_end(self.bytes, start);
        let text = self.text.get(start..self.at).unwrap_or_default();
        match self.byte() {
            Some(b'"') => {
                self.at += 1;
                Ok(text)
            }
            Some(b'\\') => self.escaped(text),
            _ => self.broken_or(Problem::Control, Problem::EndInString),
        }
    }

    /// As [`Self::string`], for a text that nobody will ask for.
    #[inline]
    fn skip_string(&mut self) -> Result<(), Broken> {
        loop {
            self.at = scan::string_end(self.bytes, self.at);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return self.broken_or(Problem::Control, Problem::EndInString),
            }
        }
    }

    /// As [`Self::string`], from the first escape on: `before` stands before it. Out of line, so
    /// that strings without one do not pay for it.
    #[cold]
    #[inline(never)]
    fn escaped(&mut self, before: &str) -> Result<&'a str, Broken> {
        let mut text = self.arena.text_buffer(before.len() + 32);
        text.push_str(before);
        loop {
            match self.byte() {
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text.into_bump_str());
                }
                _ => return self.broken_or(Problem::Control, Problem::EndInString),
            }
            let start = self.at;
            self.at = scan::string_end(self.bytes, start);
            text.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, Broken> {
        let plain = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return self.broken_or(Problem::Escape, Problem::EndInString),
        };
        self.at += 1;
        Ok(plain)
    }

    fn code_point(&mut self) -> Result<char, Broken> {
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                    return self.broken_or(Problem::Surrogate, Problem::EndInString);
                }
                self.at += 2;
                let second = self.hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.broken(Problem::Surrogate);
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        match char::from_u32(code) {
            Some(char) => Ok(char),
            None => self.broken(Problem::Surrogate),
        }
    }

    /// Four hex digits.
    fn hex(&mut self) -> Result<u32, Broken> {
        let mut code = 0;
        for _ in 0..4 {
            match self.byte().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return self.broken_or(Problem::Escape, Problem::EndInString),
            }
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self, place: impl Place<'a>) -> Result<(), Broken> {
        let start = self.at;
        let is_negative = self.byte() == Some(b'-');
        self.at += usize::from(is_negative);
        let first = self.at;
        // Wraps where there are more digits than 64 bits hold; then it is not looked at.
        let mut whole: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - first;
        if digits == 0 {
            return self.broken_or(Problem::Number, Problem::EndInValue);
        }
        if digits > 1 && self.bytes.get(first) == Some(&b'0') {
            self.at = first + 1;
            return self.broken(Problem::Number);
        }
        let is_whole = !self.fraction()?;
        let lexeme = self.text.get(start..self.at).unwrap_or_default();
        if is_whole && let Some(value) = integer(is_negative, whole, digits, lexeme) {
            place.put(value, self);
            return Ok(());
        }
        if lexeme.len() > LONGEST_NUMBER {
            self.at -= 1;
            return self.broken(Problem::Long);
        }
        match lexeme.parse::<f64>() {
            Ok(double) if double.is_finite() => {
                place.put(Value::Number(lexeme), self);
                Ok(())
            }
            _ => {
                self.at -= 1;
                self.broken(Problem::Large)
            }
        }
    }

    /// Goes past a fraction and an exponent; whether there was one.
    fn fraction(&mut self) -> Result<bool, Broken> {
        let mut is_there = false;
        if self.byte() == Some(b'.') {
            is_there = true;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            is_there = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(is_there)
    }

    /// Goes past one digit or more.
    fn digits(&mut self) -> Result<(), Broken> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            return self.broken_or(Problem::Number, Problem::EndInValue);
        }
        Ok(())
    }
}

/// A number without fraction or exponent, where it is one of the integer types: not `-0`, which
/// only a double can be, and not what is too long.
fn integer<'a>(is_negative: bool, whole: u64, digits: usize, lexeme: &str) -> Option<Value<'a>> {
    // 19 digits always fit.
    let whole = if digits < 20 {
        whole
    } else if is_negative {
        return None;
    } else {
        lexeme.parse().ok()?
    };
    if !is_negative {
        return Some(i64::try_from(whole).map_or(Value::UInt(whole), Value::Int));
    }
    (whole != 0)
        .then(|| 0_i64.checked_sub_unsigned(whole))
        .flatten()
        .map(Value::Int)
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
