//! Where a request's own values live.

use bumpalo::Bump;

use super::{Key, Map, Value};

/// Memory for the values of one request, freed all at once.
#[derive(Debug, Default)]
pub struct Arena(Bump);

impl Arena {
    /// An empty arena; it takes memory when it first needs some.
    pub fn new() -> Self {
        Self::default()
    }

    /// An arena that can hold `bytes` without asking the allocator again.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Bump::with_capacity(bytes))
    }

    /// Forgets all values and keeps the memory for the next request.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// How many bytes the values take.
    pub fn allocated(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// Copies text in.
    pub fn string(&self, text: &str) -> &str {
        self.0.alloc_str(text)
    }

    /// Copies bytes in.
    pub fn bytes(&self, bytes: &[u8]) -> &[u8] {
        self.0.alloc_slice_copy(bytes)
    }

    /// Moves a value in. Only for types without a destructor: it would not run.
    pub fn alloc<T: Copy>(&self, value: T) -> &T {
        self.0.alloc(value)
    }

    /// Copies a slice in.
    pub fn slice<T: Copy>(&self, items: &[T]) -> &[T] {
        self.0.alloc_slice_copy(items)
    }

    /// Copies a list in.
    pub fn list<'a>(&'a self, items: &[Value<'a>]) -> Value<'a> {
        Value::List(self.slice(items))
    }

    /// Copies an object in: text keys, each there once.
    pub fn object<'a>(&'a self, entries: &[(&'a str, Value<'a>)]) -> Value<'a> {
        Value::Map(self.fields(entries))
    }

    /// As [`Arena::object`], the map itself.
    pub(super) fn fields<'a>(&'a self, entries: &[(&'a str, Value<'a>)]) -> &'a Map<'a> {
        self.alloc(Map::object(self.slice(entries)).indexed(self))
    }

    /// Copies a map with keys of any kind in, each there once.
    pub fn keyed<'a>(&'a self, entries: &[(Key<'a>, Value<'a>)]) -> Value<'a> {
        Value::Map(self.alloc(Map::keyed(self.slice(entries)).indexed(self)))
    }

    /// Copies a map in: an object where all keys are text, else as [`Arena::keyed`].
    pub fn map<'a>(&'a self, entries: &[(Key<'a>, Value<'a>)]) -> Value<'a> {
        let texts: Option<Vec<_>> = entries
            .iter()
            .map(|(key, value)| Some((key.as_str()?, *value)))
            .collect();
        match texts {
            Some(texts) => self.object(&texts),
            None => self.keyed(entries),
        }
    }

    /// Copies a multi-map in: text keys that may repeat.
    pub fn multi<'a>(&'a self, entries: &[(&'a str, Value<'a>)]) -> Value<'a> {
        Value::Map(self.alloc(Map::multi(self.slice(entries)).indexed(self)))
    }

    /// As [`Arena::multi`], for lower-case keys and look-ups that ignore ASCII case.
    pub fn headers<'a>(&'a self, entries: &[(&'a str, Value<'a>)]) -> Value<'a> {
        Value::Map(self.alloc(Map::headers(self.slice(entries)).indexed(self)))
    }

    /// An optional with a value.
    pub fn some<'a>(&'a self, value: Value<'a>) -> Value<'a> {
        Value::Optional(Some(self.alloc(value)))
    }

    /// An empty text buffer inside the arena; `into_bump_str` ends it without a copy.
    pub fn text_buffer(&self, capacity: usize) -> bumpalo::collections::String<'_> {
        bumpalo::collections::String::with_capacity_in(capacity, &self.0)
    }

    /// An empty list buffer inside the arena; `into_bump_slice` ends it without a copy.
    pub fn list_buffer<T>(&self, capacity: usize) -> bumpalo::collections::Vec<'_, T> {
        bumpalo::collections::Vec::with_capacity_in(capacity, &self.0)
    }

    /// The allocator itself, for `bumpalo`'s own collections.
    pub(crate) fn bump(&self) -> &Bump {
        &self.0
    }
}
