//! Documents with structural mistakes, read as far as they go, so that the mistakes inside their
//! expressions and templates are found in the same run.
//!
//! Each misfit is mended in a copy of the layout: a key that is missing is made up, what should be
//! an expression becomes one, anything else is left out. The copy is what the document's places
//! look into, so that whatever is left keeps its exact place though its position in a list is
//! another. Nothing here reaches a route; the mistakes themselves are reported by `structure`.

use super::layout::{Layout, Node, NodeId, ROOT, Scalar, Shape, Style, Value};
use super::places::Places;
use super::typed::{Misfit, MisfitKind};
use super::{Document, load};
use crate::diagnostic::{SourceId, Span};

/// Mistakes that are mended in one document before it is given up.
const MENDED: usize = 256;

/// An expression that means something everywhere, and whose type fits everywhere.
const ANY_EXPRESSION: &str = "dyn(null)";

/// What could be read of a document with structural mistakes.
#[derive(Debug)]
pub struct Incomplete {
    /// The document without what does not fit.
    pub document: Document,
    /// Where something was left out: the top-level key, and the span of its value, or of the item
    /// where the value is a list.
    left_out: Vec<(String, Span)>,
}

impl Incomplete {
    /// Whether anything was left out under a top-level key.
    pub fn lacks(&self, key: &str) -> bool {
        self.left_out.iter().any(|(touched, _)| touched == key)
    }

    /// Whether anything was left out at all.
    pub fn lacks_something(&self) -> bool {
        !self.left_out.is_empty()
    }

    /// Whether `span` lies in a field, or in an item of one, in which something was left out.
    pub fn is_touched(&self, span: Span) -> bool {
        self.left_out
            .iter()
            .any(|(_, touched)| touched.start <= span.start && span.end <= touched.end)
    }
}

/// Reads a document without whatever does not fit; `None` when nothing can be made of it.
pub(super) fn salvage(source: SourceId, places: &Places) -> Option<Incomplete> {
    let whole = places.layout();
    let kind = load::KINDS
        .into_iter()
        .find(|kind| whole.field(ROOT, kind).is_some())?;
    let mut layout = whole.clone();
    let mut left_out = Vec::new();
    for _ in 0..MENDED {
        match load::typed(kind, &layout) {
            Ok(spec) => {
                return Some(Incomplete {
                    document: Document {
                        source,
                        spec,
                        places: places.of(layout),
                    },
                    left_out,
                });
            }
            Err(misfit) => mend(&mut layout, &misfit, places, &mut left_out)?,
        }
    }
    None
}

/// `None` when there is nothing to be done.
fn mend(
    layout: &mut Layout,
    misfit: &Misfit,
    places: &Places,
    left_out: &mut Vec<(String, Span)>,
) -> Option<()> {
    let at = misfit.at?;
    let whole = places.layout();
    match misfit.kind {
        MisfitKind::MissingKey(name) => {
            // What is made up is the name of nothing, and would be said to be unknown.
            let of_deliver = touched(places, at).into_iter();
            left_out.extend(of_deliver.filter(|(key, _)| key == "deliver"));
            make_up(layout, layout.resolve(at), name)
        }
        MisfitKind::NotAnExpression => {
            layout.node_mut(at)?.shape = text(ANY_EXPRESSION);
            Some(())
        }
        // What was made up does not fit either, or it is the whole document.
        MisfitKind::Other if at == ROOT || whole.node(at).is_none() => None,
        MisfitKind::Other => {
            left_out.extend(touched(places, at));
            layout.leave_out(at);
            Some(())
        }
    }
}

/// Puts a key into a map. Its value fits wherever the key is obligatory.
fn make_up(layout: &mut Layout, map: NodeId, name: &str) -> Option<()> {
    let start = layout.node(map)?.start;
    let mut push = |shape| {
        layout.push(Node {
            start,
            end: start,
            shape,
        })
    };
    let value = match name {
        "else" => {
            let (key, value) = (push(text("message")), push(text("")));
            push(Shape::Map(vec![(key, value)]))
        }
        "zapikey" => push(text("required")),
        // The names of a function's tests differ.
        "name" => push(text(&format!("test {}", map.0))),
        _ => push(text(ANY_EXPRESSION)),
    };
    let key = push(text(name));
    match &mut layout.node_mut(map)?.shape {
        Shape::Map(pairs) => pairs.push((key, value)),
        Shape::List(_) | Shape::Scalar(_) | Shape::Alias(_) => return None,
    }
    Some(())
}

fn text(text: &str) -> Shape {
    Shape::Scalar(Scalar {
        style: Style::Plain,
        text: text.into(),
        value: Value::Text,
    })
}

/// The top-level fields, or the items of one, that hold a node; through an alias it may be several.
fn touched(places: &Places, node: NodeId) -> Vec<(String, Span)> {
    let layout = places.layout();
    let mut touched = Vec::new();
    for (name, key, value) in layout.keys(ROOT) {
        match layout.shape(value) {
            Some(Shape::List(items)) if key != node && value != node => {
                let items = items.iter().filter(|item| holds(layout, **item, node));
                touched.extend(items.map(|item| (name.to_owned(), places.node(*item))));
            }
            _ if key == node || holds(layout, value, node) => {
                touched.push((name.to_owned(), places.node(value)));
            }
            _ => {}
        }
    }
    touched
}

fn holds(layout: &Layout, id: NodeId, node: NodeId) -> bool {
    id == node
        || match layout.shape(id) {
            Some(Shape::List(items)) => items.iter().any(|item| holds(layout, *item, node)),
            Some(Shape::Map(pairs)) => pairs
                .iter()
                .any(|&(key, value)| key == node || holds(layout, value, node)),
            Some(Shape::Scalar(_) | Shape::Alias(_)) | None => false,
        }
}
