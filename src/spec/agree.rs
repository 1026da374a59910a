//! The second reading of a document: `serde_yaml` walks the same text and must find the same
//! tree.
//!
//! It fills in what each scalar means. Where the two readers differ, the editor, `check` and the
//! server could each see another document, so such a text is refused.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::layout::{Layout, NodeId, ROOT, Shape, Style, Value};
use super::read::{End, error};
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Diagnostic, SourceId, Span};

/// Reads the text with `serde_yaml` and compares. Documents from the first difference on are
/// dropped.
pub(super) fn agree(
    source: SourceId,
    text: &str,
    base: usize,
    layouts: &mut Vec<(Layout, bool)>,
    end: End,
    problems: &mut Vec<Diagnostic>,
) {
    // Documents with tags are refused already, and read differently on purpose.
    let mut agreed = 0;
    for document in serde_yaml::Deserializer::from_str(text.get(base..).unwrap_or_default()) {
        let Some((layout, sound)) = layouts.get_mut(agreed) else {
            // A text without any document is read as one that is empty.
            if end == End::Complete && agreed > 0 && layouts.iter().all(|(_, sound)| *sound) {
                problems.push(differently(source, text.len()..text.len(), None));
            }
            return;
        };
        let mut difference = None;
        let result = Agree {
            layout,
            at: ROOT,
            difference: &mut difference,
        }
        .deserialize(document);
        if let Err(problem) = result
            && *sound
        {
            let found = match (difference, problem.location()) {
                (Some(node), _) => differently(source, layout.bytes(node), None),
                (None, Some(at)) => {
                    let at = text.floor_char_boundary(base + at.index());
                    differently(source, at..at, Some(&problem.to_string()))
                }
                (None, None) => differently(source, layout.bytes(ROOT), Some(&problem.to_string())),
            };
            problems.push(found);
            layouts.truncate(agreed);
            return;
        }
        agreed += 1;
    }
    if agreed < layouts.len() {
        if layouts.iter().any(|(_, sound)| !sound) {
            layouts.truncate(agreed);
            return;
        }
        problems.push(differently(source, text.len()..text.len(), None));
        layouts.truncate(agreed);
    }
}

fn differently(
    source: SourceId,
    bytes: std::ops::Range<usize>,
    objection: Option<&str>,
) -> Diagnostic {
    let span = Span {
        source,
        start: bytes.start,
        end: bytes.end,
    };
    let mut problem = error(
        code::READ_DIFFERENTLY,
        span,
        "this YAML is read differently by different readers",
    );
    if let Some(objection) = objection {
        problem.help.push(format!("one of them says: {objection}"));
    }
    problem
        .help
        .push("write it more simply: put texts into double quotes".to_owned());
    problem
}

/// One node that is to be read again.
struct Agree<'a> {
    layout: &'a mut Layout,
    at: NodeId,
    /// The first node that is read differently.
    difference: &'a mut Option<NodeId>,
}

impl Agree<'_> {
    fn differs<T, E: Error>(self) -> Result<T, E> {
        self.difference.get_or_insert(self.at);
        Err(E::custom("read differently"))
    }

    /// A value that is not a text: only a plain scalar may mean one.
    fn fill<E: Error>(self, value: Value, same: impl Fn(&str) -> bool) -> Result<(), E> {
        let at = self.layout.resolve(self.at);
        if let Some(node) = self.layout.node_mut(at)
            && let Shape::Scalar(scalar) = &mut node.shape
            && scalar.style == Style::Plain
            && same(&scalar.text)
        {
            scalar.value = value;
            return Ok(());
        }
        self.differs()
    }
}

impl<'de> DeserializeSeed<'de> for Agree<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Agree<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.fill(Value::Null, |text| {
            matches!(text, "" | "~" | "null" | "Null" | "NULL")
        })
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.fill(Value::Bool(value), |text| {
            text.eq_ignore_ascii_case(if value { "true" } else { "false" })
        })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.fill(Value::Int(value), |text| match text.parse::<i64>() {
            Ok(number) => number == value,
            Err(_) => is_radix(text),
        })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.fill(Value::UInt(value), |text| match text.parse::<u64>() {
                Ok(number) => number == value,
                Err(_) => is_radix(text),
            }),
        }
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        // Above 64 bits it is only a text here; the types refuse it where a number is wanted.
        self.fill(Value::Text, |_| true)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.fill(Value::Text, |_| true)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.fill(Value::Double(value), |text| match text.parse::<f64>() {
            Ok(number) => number.to_bits() == value.to_bits(),
            Err(_) => !value.is_finite(),
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.layout.scalar(self.at) {
            Some(scalar) if &*scalar.text == text => Ok(()),
            _ => self.differs(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let list = self.layout.resolve(self.at);
        let mut index = 0;
        loop {
            let item = match self.layout.shape(list) {
                Some(Shape::List(list)) => list.get(index).copied(),
                _ => return self.differs(),
            };
            let next = Agree {
                layout: &mut *self.layout,
                at: item.unwrap_or(self.at),
                difference: &mut *self.difference,
            };
            match (items.next_element_seed(next)?, item) {
                (Some(()), Some(_)) => index += 1,
                (None, None) => return Ok(()),
                _ => return self.differs(),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        let map = self.layout.resolve(self.at);
        let mut index = 0;
        loop {
            let pair = match self.layout.shape(map) {
                Some(Shape::Map(pairs)) => pairs.get(index).copied(),
                _ => return self.differs(),
            };
            let (key, value) = pair.unwrap_or((self.at, self.at));
            let seed = Agree {
                layout: &mut *self.layout,
                at: key,
                difference: &mut *self.difference,
            };
            match (pairs.next_key_seed(seed)?, pair) {
                (Some(()), Some(_)) => {}
                (None, None) => return Ok(()),
                _ => return self.differs(),
            }
            pairs.next_value_seed(Agree {
                layout: &mut *self.layout,
                at: value,
                difference: &mut *self.difference,
            })?;
            index += 1;
        }
    }
}

/// `0x1F`, `-0o7`, `+0b1`: the integers that Rust does not read as they are.
fn is_radix(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    ["0x", "0o", "0b"]
        .iter()
        .any(|prefix| digits.starts_with(prefix))
}
