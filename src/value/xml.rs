//! XML text to values.
//!
//! An element is a map: its attributes as `@name`, its children by their names, its own text as
//! `#text`; children of one name are a list. An element with text alone is that text, an empty one
//! the empty text. The document is a map with its root: `<a><b>1</b></a>` is `{"a": {"b": "1"}}`.
//! White space at the ends of a text is dropped, and names keep their prefixes. Nothing is
//! converted: every scalar is text.
//!
//! No document type is accepted and no entity but XML's own five, so that a small text cannot make
//! a large value, nor reach for a file.

use indexmap::IndexMap;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::{Arena, Value};

/// How deep elements may nest when nobody says otherwise.
pub const DEPTH: usize = 128;

/// Why a text is not XML that we accept, and where. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct XmlError {
    /// The line of the first problem.
    pub line: usize,
    /// The column of the first problem, in characters.
    pub column: usize,
    /// What is wrong, in the words of whoever wrote the text.
    pub message: String,
}

/// Reads one XML document whose elements nest at most `depth` deep. Its value needs memory in
/// proportion to the text.
pub fn read<'a>(text: &str, arena: &'a Arena, depth: usize) -> Result<Value<'a>, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document {
        arena,
        depth,
        open: Vec::new(),
        root: None,
    };
    loop {
        let start = reader.buffer_position();
        let event = reader
            .read_event()
            .map_err(|error| at(text, reader.error_position(), error.to_string()))?;
        match document
            .take(event)
            .map_err(|message| at(text, start, message))?
        {
            Step::More => {}
            Step::Done(value) => return Ok(value),
        }
    }
}

struct Document<'a> {
    arena: &'a Arena,
    depth: usize,
    /// The elements that are not closed yet, the innermost last.
    open: Vec<Element<'a>>,
    root: Option<(&'a str, Value<'a>)>,
}

struct Element<'a> {
    name: &'a str,
    fields: IndexMap<&'a str, Field<'a>>,
    text: String,
}

enum Field<'a> {
    One(Value<'a>),
    Many(Vec<Value<'a>>),
}

enum Step<'a> {
    More,
    Done(Value<'a>),
}

impl<'a> Document<'a> {
    fn take(&mut self, event: Event<'_>) -> Result<Step<'a>, String> {
        match event {
            Event::Start(start) | Event::Empty(start) => self.open(&start)?,
            Event::End(_) => self.close()?,
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(text) => self.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                self.text(resolve(&reference)?.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err("a document type (DOCTYPE) is not accepted".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return self.end(),
        }
        Ok(Step::More)
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("there is a second root element".to_owned());
        }
        if self.open.len() >= self.depth {
            return Err(format!("more than {} levels of nesting", self.depth));
        }
        let mut fields = IndexMap::new();
        // The crate's own check for repeated attributes is quadratic; the map below is not.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| error.to_string())?;
            let mut name = self.arena.text_buffer(attribute.key.0.len() + 1);
            name.push('@');
            name.push_str(attribute.key.0);
            let value = Value::String(self.arena.string(&value));
            if fields
                .insert(name.into_bump_str(), Field::One(value))
                .is_some()
            {
                return Err(format!(
                    "the attribute `{}` is there twice",
                    attribute.key.0
                ));
            }
        }
        let name = self.arena.string(start.name().0);
        self.open.push(Element {
            name,
            fields,
            text: String::new(),
        });
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err("there is text outside the root element".to_owned()),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(element) = self.open.pop() else {
            return Err("nothing is open here".to_owned());
        };
        let (name, value) = (element.name, element.value(self.arena));
        match self.open.last_mut() {
            Some(parent) => parent.add(name, value),
            None => self.root = Some((name, value)),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Step<'a>, String> {
        if let Some(element) = self.open.last() {
            return Err(format!("the text ends inside `<{}>`", element.name));
        }
        let root = self.root.ok_or_else(|| "there is no element".to_owned())?;
        Ok(Step::Done(self.arena.object(&[root])))
    }
}

impl<'a> Element<'a> {
    fn add(&mut self, name: &'a str, value: Value<'a>) {
        match self.fields.get_mut(name) {
            Some(Field::Many(values)) => values.push(value),
            Some(field @ Field::One(_)) => {
                if let Field::One(first) = *field {
                    *field = Field::Many(vec![first, value]);
                }
            }
            None => {
                self.fields.insert(name, Field::One(value));
            }
        }
    }

    fn value(self, arena: &'a Arena) -> Value<'a> {
        let text = Value::String(arena.string(self.text.trim()));
        if self.fields.is_empty() {
            return text;
        }
        let mut entries: Vec<(&str, Value<'a>)> = Vec::with_capacity(self.fields.len() + 1);
        for (name, field) in self.fields {
            entries.push(match field {
                Field::One(value) => (name, value),
                Field::Many(values) => (name, arena.list(&values)),
            });
        }
        if text.as_str().is_some_and(|text| !text.is_empty()) {
            entries.push(("#text", text));
        }
        arena.object(&entries)
    }
}

/// The character of `&amp;` and its four like, or of `&#233;`.
fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    let name = reference.xml10_content();
    match reference.resolve_char_ref() {
        Ok(Some(c)) => return Ok(c),
        Ok(None) => {}
        Err(_) => return Err(format!("`&{name};` is no character")),
    }
    match &*name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(format!("the entity `&{name};` is not known")),
    }
}

fn at(text: &str, byte: u64, message: String) -> XmlError {
    let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    let before = text.get(..text.floor_char_boundary(byte)).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    XmlError {
        line,
        column,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn check(text: &str, want: &str) {
        let arena = Arena::new();
        let got = match read(text, &arena, 8) {
            Ok(value) => {
                let mut out = Vec::new();
                json::write(value, &mut out).expect("text and maps");
                String::from_utf8(out).expect("JSON")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn elements_are_maps_and_text() {
        check("<a/>", r#"{"a":""}"#);
        check("<a> x </a>", r#"{"a":"x"}"#);
        check(
            "<?xml version='1.0'?>\n<a><b>1</b></a>\n",
            r#"{"a":{"b":"1"}}"#,
        );
        check(
            "<a><b>1</b><c/><b>2</b></a>",
            r#"{"a":{"b":["1","2"],"c":""}}"#,
        );
        check(
            "<a id='7' x=\"&lt;&#233;\">t</a>",
            r##"{"a":{"@id":"7","@x":"<é","#text":"t"}}"##,
        );
        check("<a>x<b/>y</a>", r##"{"a":{"b":"","#text":"xy"}}"##);
        check(
            "<a>1 &lt; 2 &amp;&#x20;<![CDATA[<3>]]></a>",
            r#"{"a":"1 < 2 & <3>"}"#,
        );
        check(
            "<s:a xmlns:s='u'><s:b/></s:a>",
            r#"{"s:a":{"@xmlns:s":"u","s:b":""}}"#,
        );
        check("\u{feff}<a><!-- c --><?p i?></a>", r#"{"a":""}"#);
    }

    #[test]
    fn what_is_not_well_formed_or_not_safe_is_refused() {
        for (text, words) in [
            ("", "there is no element"),
            ("plain", "text outside the root"),
            ("<a>", "ends inside `<a>`"),
            ("<a></b>", "line 1"),
            ("<a/><b/>", "second root"),
            ("<a x='1' x='2'/>", "twice"),
            ("<!DOCTYPE a [<!ENTITY e 'ha'>]><a>&e;</a>", "DOCTYPE"),
            ("<a>&e;</a>", "`&e;` is not known"),
            ("<a x='&e;'/>", "line 1"),
            ("<a>\n&#xd800;</a>", "no character at line 2, column 1"),
            (
                "<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>",
                "more than 8 levels",
            ),
        ] {
            let arena = Arena::new();
            let error = read(text, &arena, 8).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
