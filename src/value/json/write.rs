//! Values to JSON text.
//!
//! Entries are written in the order of their map. A number that was read and only passed through
//! is written in the characters it came in. Text that has nothing to escape is copied as it is.

use std::fmt::{self, Display};
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scan;
use crate::value::time::Seconds;
use crate::value::{Map, Value};

/// A value that JSON cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteError {
    /// Where it stands: `items[3].price`; empty for the whole value.
    pub path: String,
    /// What it is: `NaN`.
    pub what: &'static str,
}

impl Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be written as JSON", self.what)?;
        if !self.path.is_empty() {
            write!(f, " (at `{}`)", self.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for WriteError {}

/// Appends the value as JSON without spaces. After an error `out` holds a part of it.
pub fn write(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), WriteError> {
    Writer {
        out,
        indent: None,
        level: 0,
    }
    .value(value)
}

/// As [`write()`], an entry a line, `spaces` more for each level.
pub fn write_indented(
    value: Value<'_>,
    spaces: usize,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    Writer {
        out,
        indent: Some(spaces),
        level: 0,
    }
    .value(value)
}

/// Appends text in quotes, escaped.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((plain, [special, tail @ ..])) = rest.split_at_checked(scan::string_end(rest, 0))
    {
        out.extend_from_slice(plain);
        match special {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0x08 => out.extend_from_slice(br"\b"),
            0x0c => out.extend_from_slice(br"\f"),
            other => print(out, format_args!("\\u{other:04x}")),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    indent: Option<usize>,
    level: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: Value<'_>) -> Result<(), WriteError> {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Int(int) => self
                .out
                .extend_from_slice(itoa::Buffer::new().format(int).as_bytes()),
            Value::UInt(uint) => self
                .out
                .extend_from_slice(itoa::Buffer::new().format(uint).as_bytes()),
            Value::Double(double) if double.is_finite() => {
                print(self.out, format_args!("{double:?}"));
            }
            Value::Double(double) if double.is_nan() => return Err(no("NaN")),
            Value::Double(_) => return Err(no("an infinite number")),
            Value::Number(lexeme) => self.out.extend_from_slice(lexeme.as_bytes()),
            Value::String(text) => write_string(text, self.out),
            Value::Bytes(bytes) => {
                self.out.push(b'"');
                self.out
                    .extend_from_slice(STANDARD.encode(bytes).as_bytes());
                self.out.push(b'"');
            }
            Value::List(items) => return self.list(items),
            Value::Map(map) => return self.map(map),
            Value::Timestamp(at) => print(self.out, format_args!("\"{at}\"")),
            Value::Duration(span) => print(self.out, format_args!("\"{}\"", Seconds(span))),
            Value::Ip(address) => print(self.out, format_args!("\"{address}\"")),
            Value::Cidr(network) => print(self.out, format_args!("\"{network}\"")),
            Value::Optional(Some(value)) => return self.value(*value),
            Value::Optional(None) => return Err(no("an empty optional")),
            Value::Type(_) => return Err(no("a type")),
        }
        Ok(())
    }

    fn list(&mut self, items: &[Value<'_>]) -> Result<(), WriteError> {
        self.out.push(b'[');
        self.level += 1;
        for (at, item) in items.iter().enumerate() {
            self.separate(at == 0);
            self.value(*item)
                .map_err(|error| within(format_args!("[{at}]"), error))?;
        }
        self.close(items.is_empty(), b']');
        Ok(())
    }

    fn map(&mut self, map: &Map<'_>) -> Result<(), WriteError> {
        self.out.push(b'{');
        self.level += 1;
        let mut is_first = true;
        for (key, value) in map.iter() {
            if matches!(value, Value::Optional(None)) {
                continue;
            }
            self.separate(is_first);
            is_first = false;
            match key.as_str() {
                Some(name) => write_string(name, self.out),
                None => print(self.out, format_args!("\"{key}\"")),
            }
            self.out.push(b':');
            if self.indent.is_some() {
                self.out.push(b' ');
            }
            self.value(value)
                .map_err(|error| within(format_args!("{key}"), error))?;
        }
        self.close(is_first, b'}');
        Ok(())
    }

    fn separate(&mut self, is_first: bool) {
        if !is_first {
            self.out.push(b',');
        }
        self.new_line();
    }

    fn close(&mut self, is_empty: bool, bracket: u8) {
        self.level -= 1;
        if !is_empty {
            self.new_line();
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self) {
        if let Some(spaces) = self.indent {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + spaces * self.level, b' ');
        }
    }
}

fn print(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // A vector takes everything.
    let _ = out.write_fmt(text);
}

fn no(what: &'static str) -> WriteError {
    WriteError {
        path: String::new(),
        what,
    }
}

/// Puts a step before the path of an error on its way out.
fn within(step: fmt::Arguments<'_>, mut error: WriteError) -> WriteError {
    let dot = if error.path.is_empty() || error.path.starts_with('[') {
        ""
    } else {
        "."
    };
    error.path = format!("{step}{dot}{}", error.path);
    error
}
