//! The keys of a document's maps: texts, each once, and none that merges.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::layout::{Layout, NodeId, Style, Value};
use super::read::error;
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Diagnostic, SourceId, Span};

/// Keys are texts, each stands once, and none is a merge key.
pub(super) fn check_keys(
    source: SourceId,
    layout: &Layout,
    problems: &mut Vec<Diagnostic>,
) -> bool {
    let before = problems.len();
    let span = |id| {
        let bytes = layout.bytes(id);
        Span {
            source,
            start: bytes.start,
            end: bytes.end,
        }
    };
    for map in layout.maps() {
        let mut seen: HashMap<&str, NodeId> = HashMap::new();
        for (position, &(key, _)) in map.iter().enumerate() {
            let Some(scalar) = layout.scalar(key) else {
                problems.push(error(code::KEY, span(key), "a key must be a text"));
                continue;
            };
            if &*scalar.text == "<<" && scalar.style == Style::Plain {
                let mut problem = error(
                    code::MERGE,
                    span(key),
                    "merge keys (`<<`) are not supported",
                );
                problem
                    .help
                    .push("write the keys out where they belong".to_owned());
                problems.push(problem);
                continue;
            }
            if scalar.value != Value::Text {
                let text = &scalar.text;
                let (message, help) = if text.is_empty() {
                    ("a key is missing before `:`".to_owned(), None)
                } else {
                    (
                        format!("the key `{text}` is not a text in YAML"),
                        Some(format!("put it into quotes: `\"{text}\":`")),
                    )
                };
                let mut problem = error(code::KEY, span(key), message);
                problem.help.extend(help);
                problems.push(problem);
                continue;
            }
            // Few keys are compared quicker than they are hashed.
            let earlier = if map.len() <= 12 {
                map.iter()
                    .take(position)
                    .map(|(earlier, _)| *earlier)
                    .find(|earlier| {
                        layout
                            .scalar(*earlier)
                            .is_some_and(|other| other.text == scalar.text)
                    })
            } else {
                match seen.entry(&scalar.text) {
                    Entry::Occupied(earlier) => Some(*earlier.get()),
                    Entry::Vacant(vacant) => {
                        vacant.insert(key);
                        None
                    }
                }
            };
            if let Some(earlier) = earlier {
                let mut problem = error(
                    code::DUPLICATE_KEY,
                    span(key),
                    format!("the key `{}` stands twice in this map", scalar.text),
                );
                problem
                    .related
                    .push((span(earlier), "first here".to_owned()));
                problems.push(problem);
            }
        }
    }
    problems.len() == before
}
