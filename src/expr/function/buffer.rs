//! Text and lists that grow, paid for before they do.

use std::fmt;

use super::Call;
use crate::expr::Fault;
use crate::value::Value;

/// Text in the making.
///
/// It doubles when it is full, and what a doubling takes is paid for at once: so the many small
/// steps of a growth cost together what their memory costs, and none is free.
pub(super) struct Buffer<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    text: bumpalo::collections::String<'a>,
    /// Why [`fmt::Write`] could not go on, which its own error cannot say.
    stopped: Option<Fault<'a>>,
}

const FIRST_CAPACITY: usize = 64;

impl<'c, 's, 'a> Buffer<'c, 's, 'a> {
    /// Empty text.
    pub(super) fn new(call: &'c Call<'s, 'a>) -> Self {
        Self {
            call,
            text: call.arena().text_buffer(0),
            stopped: None,
        }
    }

    /// Appends.
    pub(super) fn push(&mut self, text: &str) -> Result<(), Fault<'a>> {
        let free = self.text.capacity() - self.text.len();
        if text.len() > free {
            let more = text.len().max(self.text.capacity()).max(FIRST_CAPACITY);
            self.call.makes(more)?;
            self.text.reserve_exact(more);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Appends what is formatted.
    pub(super) fn print(&mut self, text: fmt::Arguments<'_>) -> Result<(), Fault<'a>> {
        match fmt::write(self, text) {
            Ok(()) => Ok(()),
            Err(fmt::Error) => Err(self.stopped.unwrap_or_else(|| self.call.no_overload())),
        }
    }

    /// Whether nothing is there yet.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text.
    pub(super) fn finish(self) -> Value<'a> {
        Value::String(self.text.into_bump_str())
    }
}

impl fmt::Write for Buffer<'_, '_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).map_err(|fault| {
            self.stopped = Some(fault);
            fmt::Error
        })
    }
}

/// A list in the making.
pub(super) struct Items<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    items: Vec<Value<'a>>,
}

impl<'c, 's, 'a> Items<'c, 's, 'a> {
    /// An empty list.
    pub(super) fn new(call: &'c Call<'s, 'a>) -> Self {
        Self {
            call,
            items: Vec::new(),
        }
    }

    /// How many there are so far.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Appends.
    pub(super) fn push(&mut self, item: Value<'a>) -> Result<(), Fault<'a>> {
        self.call.makes_list(1)?;
        self.items.push(item);
        Ok(())
    }

    /// The list.
    pub(super) fn finish(self) -> Value<'a> {
        self.call.arena().list(&self.items)
    }
}

/// A map with text keys in the making.
pub(super) struct Fields<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    entries: indexmap::IndexMap<&'a str, Value<'a>>,
}

impl<'c, 's, 'a> Fields<'c, 's, 'a> {
    /// An empty map.
    pub(super) fn new(call: &'c Call<'s, 'a>) -> Self {
        Self {
            call,
            entries: indexmap::IndexMap::new(),
        }
    }

    /// Adds an entry; a key that is there already gets the new value in its old place.
    pub(super) fn set(&mut self, name: &'a str, value: Value<'a>) -> Result<(), Fault<'a>> {
        self.call.makes_map(1)?;
        self.call.reads(name.len())?;
        self.entries.insert(name, value);
        Ok(())
    }

    /// The map.
    pub(super) fn finish(self) -> Value<'a> {
        let entries: Vec<_> = self.entries.into_iter().collect();
        self.call.arena().object(&entries)
    }
}
