//! A map in the making, paid for entry by entry.

use indexmap::IndexMap;

use crate::expr::Fault;
use crate::expr::function::{Call, Outcome};
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

/// Of a map the entries whose keys are in a list, or those whose keys are not.
pub(super) fn choose<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    are_listed: bool,
) -> Outcome<'a> {
    let [Value::Map(map), Value::List(keys)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut listed = Entries::new(call);
    for key in keys.iter().filter_map(|key| Key::sought(*key)) {
        listed.set(key, Value::Null)?;
    }
    let mut chosen = Entries::new(call);
    for (key, value) in map.iter() {
        if listed.get(key).is_some() == are_listed {
            chosen.set(key, value)?;
        }
    }
    Ok(chosen.finish())
}
