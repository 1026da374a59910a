//! A map in the making, paid for entry by entry.

use std::hash::{Hash, Hasher};

use indexmap::IndexMap;

use crate::expr::Fault;
use crate::expr::function::Call;
use crate::value::{Key, Value};

/// Entries by their keys, each once, in the order of their first places.
pub(super) struct Entries<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    entries: IndexMap<Hashed<'a>, Value<'a>>,
}

struct Hashed<'a>(Key<'a>);

impl Hash for Hashed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Key::String(text) => text.hash(state),
            // `1` and `1u` are one key.
            Key::Int(int) => i128::from(int).hash(state),
            Key::UInt(uint) => i128::from(uint).hash(state),
            Key::Bool(flag) => flag.hash(state),
        }
    }
}

impl PartialEq for Hashed<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Hashed<'_> {}

impl<'c, 's, 'a> Entries<'c, 's, 'a> {
    /// No entries.
    pub(super) fn new(call: &'c Call<'s, 'a>) -> Self {
        Self {
            call,
            entries: IndexMap::new(),
        }
    }

    /// Adds an entry; a key that is there already gets the new value in its old place.
    pub(super) fn set(&mut self, key: Key<'a>, value: Value<'a>) -> Result<(), Fault<'a>> {
        self.call.makes_map(1)?;
        self.call.reads(key.as_str().map_or(0, str::len))?;
        self.entries.insert(Hashed(key), value);
        Ok(())
    }

    /// The value of a key.
    pub(super) fn get(&self, key: Key<'a>) -> Option<Value<'a>> {
        self.entries.get(&Hashed(key)).copied()
    }

    /// The map.
    pub(super) fn finish(self) -> Value<'a> {
        let arena = self.call.arena();
        let texts: Option<Vec<_>> = self
            .entries
            .iter()
            .map(|(key, value)| Some((key.0.as_str()?, *value)))
            .collect();
        if let Some(texts) = texts {
            return arena.object(&texts);
        }
        let entries = self.entries.into_iter().map(|(key, value)| (key.0, value));
        arena.keyed(&entries.collect::<Vec<_>>())
    }
}
