//! How one document lies in its file: a tree of nodes, each with its bytes.
//!
//! Shape, spans, styles and texts come from `saphyr-parser`; the values of scalars are filled in
//! by `serde_yaml` (see `agree`). A layout is complete and bounded: no node is nested deeper than
//! [`DEPTH`], and following all aliases meets at most [`NODES`] nodes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use super::path::{FieldPath, Step};

/// Levels of nesting, the document itself not counted.
pub(super) const DEPTH: usize = 64;

/// Nodes of a document, those behind aliases counted each time. A message spells the number out.
pub(super) const NODES: usize = 100_000;

/// A node, by its position in [`Layout::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) u32);

/// The document itself.
pub(super) const ROOT: NodeId = NodeId(0);

/// All nodes of one document.
#[derive(Debug, Default, Clone)]
pub(super) struct Layout {
    nodes: Vec<Node>,
    /// Key and value of each field of the large maps; made when a field of one is first sought,
    /// forgotten when a node may change.
    fields: OnceLock<HashMap<u32, Fields>>,
}

/// The first key of each name in a map, and its value.
type Fields = HashMap<Box<str>, (NodeId, NodeId)>;

/// In a map of so many fields the keys are looked at one after the other.
const SMALL: usize = 16;

/// One scalar, list, map or alias.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// First byte; of a scalar with an anchor, the anchor.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
    pub(super) shape: Shape,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Scalar(Scalar),
    List(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
    Alias(NodeId),
}

/// A scalar: how it is written, what its text is, and what that means.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) style: Style,
    pub(super) text: Box<str>,
    pub(super) value: Value,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'…'`.
    SingleQuoted,
    /// In `"…"`.
    DoubleQuoted,
    /// A block after `|`.
    Literal,
    /// A block after `>`.
    Folded,
}

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    /// The scalar's text.
    Text,
}

impl Layout {
    pub(super) fn push(&mut self, node: Node) -> NodeId {
        self.fields.take();
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        id
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.fields.take();
        self.nodes.get_mut(id.0 as usize)
    }

    /// Takes a node out of the lists it is an item of, and out of the maps it is a key or a value
    /// of. The items behind it move up.
    pub(super) fn leave_out(&mut self, id: NodeId) {
        self.fields.take();
        for node in &mut self.nodes {
            match &mut node.shape {
                Shape::List(items) => items.retain(|&item| item != id),
                Shape::Map(pairs) => pairs.retain(|&(key, value)| key != id && value != id),
                Shape::Scalar(_) | Shape::Alias(_) => {}
            }
        }
    }

    /// The node behind all aliases.
    pub(super) fn resolve(&self, id: NodeId) -> NodeId {
        // An alias names an earlier, finished node, so the way ends.
        match self.node(id) {
            Some(Node {
                shape: Shape::Alias(target),
                ..
            }) => self.resolve(*target),
            _ => id,
        }
    }

    /// What a node is, behind all aliases.
    pub(super) fn shape(&self, id: NodeId) -> Option<&Shape> {
        self.node(self.resolve(id)).map(|node| &node.shape)
    }

    /// A scalar, behind all aliases.
    pub(super) fn scalar(&self, id: NodeId) -> Option<&Scalar> {
        match self.shape(id) {
            Some(Shape::Scalar(scalar)) => Some(scalar),
            _ => None,
        }
    }

    /// The pairs of a map, behind all aliases; nothing for other nodes.
    pub(super) fn pairs(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match self.shape(id) {
            Some(Shape::Map(pairs)) => pairs,
            _ => &[],
        }
    }

    /// All maps of the document, each once.
    pub(super) fn maps(&self) -> impl Iterator<Item = &[(NodeId, NodeId)]> {
        self.nodes.iter().filter_map(|node| match &node.shape {
            Shape::Map(pairs) => Some(pairs.as_slice()),
            _ => None,
        })
    }

    /// The texts of a map's keys.
    pub(super) fn keys(&self, id: NodeId) -> impl Iterator<Item = (&str, NodeId, NodeId)> {
        self.pairs(id).iter().filter_map(|&(key, value)| {
            let scalar = self.scalar(key)?;
            #[cfg(test)]
            tests::LOOKED.set(tests::LOOKED.get() + 1);
            Some((&*scalar.text, key, value))
        })
    }

    /// Key and value of a map's field.
    pub(super) fn field(&self, id: NodeId, name: &str) -> Option<(NodeId, NodeId)> {
        let map = self.resolve(id);
        if self.pairs(map).len() <= SMALL {
            return self
                .keys(map)
                .find(|(key, ..)| *key == name)
                .map(|(_, key, value)| (key, value));
        }
        let fields = self.fields.get_or_init(|| self.large_maps());
        fields.get(&map.0)?.get(name).copied()
    }

    fn large_maps(&self) -> HashMap<u32, Fields> {
        (0..)
            .map_while(|id| Some((NodeId(id), &self.node(NodeId(id))?.shape)))
            .filter(|(_, shape)| matches!(shape, Shape::Map(pairs) if pairs.len() > SMALL))
            .map(|(id, _)| {
                let mut fields = Fields::new();
                for (name, key, value) in self.keys(id) {
                    fields.entry(name.into()).or_insert((key, value));
                }
                (id.0, fields)
            })
            .collect()
    }

    /// One step down: the key's node, if there is one, and the value's.
    pub(super) fn step(&self, id: NodeId, step: &Step) -> Option<(Option<NodeId>, NodeId)> {
        match step {
            Step::Key(name) => self.field(id, name).map(|(key, value)| (Some(key), value)),
            Step::Index(index) => match self.shape(id) {
                Some(Shape::List(items)) => items.get(*index).map(|&item| (None, item)),
                _ => None,
            },
        }
    }

    /// As far down `path` as there are nodes: the last key and value met, and whether that is the
    /// whole way.
    pub(super) fn find(&self, path: &FieldPath) -> Found {
        let mut found = Found {
            key: None,
            value: ROOT,
            whole: true,
        };
        for step in path.steps() {
            match self.step(found.value, step) {
                Some((key, value)) => {
                    found = Found {
                        key: key.or(found.key),
                        value,
                        whole: true,
                    }
                }
                None => {
                    return Found {
                        whole: false,
                        ..found
                    };
                }
            }
        }
        found
    }

    /// The bytes of a node as it is written: of an alias, the alias.
    pub(super) fn bytes(&self, id: NodeId) -> Range<usize> {
        self.node(id)
            .map_or(0..0, |node| node.start as usize..node.end as usize)
    }
}

/// What [`Layout::find`] found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) key: Option<NodeId>,
    pub(super) value: NodeId,
    pub(super) whole: bool,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many keys of maps were looked at.
        pub(super) static LOOKED: Cell<usize> = const { Cell::new(0) };
    }

    fn text(layout: &mut Layout, text: &str) -> NodeId {
        layout.push(Node {
            start: 0,
            end: 0,
            shape: Shape::Scalar(Scalar {
                style: Style::Plain,
                text: text.into(),
                value: Value::Text,
            }),
        })
    }

    /// A map with these keys, behind an alias.
    fn map(keys: impl Iterator<Item = String>) -> (Layout, NodeId) {
        let mut layout = Layout::default();
        let pairs = keys
            .map(|key| (text(&mut layout, &key), text(&mut layout, "value")))
            .collect();
        let mut node = |shape| {
            layout.push(Node {
                start: 0,
                end: 0,
                shape,
            })
        };
        let map = node(Shape::Map(pairs));
        let alias = node(Shape::Alias(map));
        (layout, alias)
    }

    #[test]
    fn the_first_field_of_a_name_is_found_in_small_and_large_maps() {
        for others in [0, SMALL, 1_000] {
            let keys = ["a", "b", "a"].into_iter().map(str::to_owned);
            let (mut layout, id) = map(keys.chain((0..others).map(|other| format!("k{other}"))));
            assert_eq!(layout.field(id, "a"), Some((NodeId(0), NodeId(1))));
            assert_eq!(layout.field(id, "b"), Some((NodeId(2), NodeId(3))));
            assert_eq!(layout.field(id, "c"), None);
            layout.leave_out(NodeId(0));
            assert_eq!(layout.field(id, "a"), Some((NodeId(4), NodeId(5))));
        }
    }

    #[test]
    fn a_field_is_found_without_a_look_at_all_others() {
        let names: Vec<String> = (0..8_000).map(|name| format!("name{name}")).collect();
        let (layout, id) = map(names.iter().cloned());
        for name in &names {
            assert!(layout.field(id, name).is_some());
        }
        assert_eq!(LOOKED.get(), names.len());
    }
}
