//! Which parts of a JSON text somebody will look at.

use std::fmt;

/// The parts of one value that must be there once it is read.
///
/// Scalars always are, and of an object or a list always that it is one. What no part names is
/// held to the rules of JSON as all else is, but no value is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Whole,
    Parts {
        fields: Box<[(Box<str>, Reach)]>,
        /// A bit for each length of a field's name, in 64 rounds.
        lengths: u64,
        others: Option<Box<Reach>>,
    },
}

impl Reach {
    /// All of the value.
    pub const WHOLE: Self = Self {
        content: Content::Whole,
    };

    /// Of an object these fields; and of all items of a list, and of all an object's other fields,
    /// these `others`. Without `others` an object has no other fields, and a list no items.
    pub fn parts(fields: impl IntoIterator<Item = (Box<str>, Self)>, others: Option<Self>) -> Self {
        let fields: Box<[_]> = fields.into_iter().collect();
        let lengths = fields
            .iter()
            .fold(0, |bits, (name, _)| bits | length_bit(name));
        Self {
            content: Content::Parts {
                fields,
                lengths,
                others: others.map(Box::new),
            },
        }
    }

    /// Whether it is all of the value.
    #[inline]
    pub fn is_whole(&self) -> bool {
        matches!(self.content, Content::Whole)
    }

    /// What must be there of an object's field; `None` when not even the field.
    #[inline]
    pub fn field(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Whole => Some(self),
            Content::Parts {
                fields,
                lengths,
                others,
            } => {
                if lengths & length_bit(name) != 0
                    && let Some((_, reach)) = fields.iter().find(|(field, _)| **field == *name)
                {
                    return Some(reach);
                }
                others.as_deref()
            }
        }
    }

    /// What must be there of each item of a list; `None` when not even the items.
    #[inline]
    pub fn items(&self) -> Option<&Self> {
        match &self.content {
            Content::Whole => Some(self),
            Content::Parts { others, .. } => others.as_deref(),
        }
    }
}

/// `*` is all, `{a: {b: *}, others: {}}` these fields and of all others only that they are there.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Content::Parts { fields, others, .. } = &self.content else {
            return f.write_str("*");
        };
        f.write_str("{")?;
        let fields = fields.iter().map(|(name, reach)| (&**name, reach));
        let others = others.iter().map(|reach| ("others", &**reach));
        for (index, (name, reach)) in fields.chain(others).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name}: {reach}")?;
        }
        f.write_str("}")
    }
}

fn length_bit(name: &str) -> u64 {
    1 << (name.len() & 63)
}
