//! A map in the making, paid for entry by entry.

use indexmap::IndexMap;

use crate::expr::Fault;
use crate::expr::function::Call;
use crate::value::{Key, Value};

/// Entries by their keys, each once, in the order of their first places.
pub(super) struct Entries<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    entries: IndexMap<Key<'a>, Value<'a>>,
}

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
        self.entries.insert(key, value);
        Ok(())
    }

    /// The value of a key.
    pub(super) fn get(&self, key: Key<'a>) -> Option<Value<'a>> {
        self.entries.get(&key).copied()
    }

    /// The map.
    pub(super) fn finish(self) -> Value<'a> {
        let entries: Vec<_> = self.entries.into_iter().collect();
        self.call.arena().map(&entries)
    }
}
