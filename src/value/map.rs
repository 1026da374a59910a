//! Maps: JSON objects, CEL maps, and multi-maps such as headers.
//!
//! A map is a slice of entries in the order of its source, and a way to look keys up. Up to
//! [`SMALL`] entries are searched one after the other, lengths first, which beats any index. A
//! larger map that was made by an [`Arena`] gets a sorted index once keys have been looked up in
//! it a few times: sorting costs as much as many such looks, and most maps see one or two.
//!
//! Keys of an object and of a keyed map are there once: whoever makes the map sees to it. In a
//! multi-map they may repeat, and all that follows treats such a map as a map from each key to its
//! first value, except [`Map::all`] and [`Map::entries`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{self, AtomicU32};

use super::{Arena, Value};

/// Up to so many entries a look-up scans.
pub(crate) const SMALL: usize = 16;

/// After so many looks through a larger map it gets its index.
const SCANS: u32 = 8;
/// In the last place of an index: it is sorted.
const SORTED: u32 = u32::MAX;

/// Where a key was found the last time: whoever looks the same key up in many maps keeps one, and
/// finds it at once where the maps have one shape, as what one sender sends mostly has.
#[derive(Debug, Default)]
pub struct Hint(AtomicU32);

impl Clone for Hint {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(atomic::Ordering::Relaxed)))
    }
}

/// A key of a [`Map`].
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// The usual kind; the only one that JSON has.
    String(&'a str),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer. `1` and `1u` are the same key.
    UInt(u64),
    /// `true` or `false`.
    Bool(bool),
}

impl<'a> Key<'a> {
    /// The key that a value is when a map is made of it: strings, integers and booleans only.
    pub fn of(value: Value<'a>) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::String(text)),
            Value::Int(int) => Some(Self::Int(int)),
            Value::UInt(uint) => Some(Self::UInt(uint)),
            Value::Bool(flag) => Some(Self::Bool(flag)),
            _ => None,
        }
    }

    /// The key that a value finds: as [`Key::of`], and a double without a fraction finds the
    /// integer that it equals.
    pub fn sought(value: Value<'a>) -> Option<Self> {
        match value {
            Value::Double(_) | Value::Number(_) => {
                let number = value.number()?;
                number
                    .as_int()
                    .map(Self::Int)
                    .or_else(|| number.as_uint().map(Self::UInt))
            }
            _ => Self::of(value),
        }
    }

    /// The key as a value.
    pub fn value(self) -> Value<'a> {
        match self {
            Self::String(text) => Value::String(text),
            Self::Int(int) => Value::Int(int),
            Self::UInt(uint) => Value::UInt(uint),
            Self::Bool(flag) => Value::Bool(flag),
        }
    }

    /// The text of a text key.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            Self::Int(_) | Self::UInt(_) | Self::Bool(_) => None,
        }
    }

    /// An order for indexes; it means nothing to users.
    fn order(self, other: Self) -> Ordering {
        let rank = |key| match key {
            Self::String(_) => 0,
            Self::Int(_) | Self::UInt(_) => 1,
            Self::Bool(_) => 2,
        };
        match (self, other) {
            (Self::String(a), Self::String(b)) => text_order(a, b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::UInt(a), Self::UInt(b)) => a.cmp(&b),
            (Self::Int(a), Self::UInt(b)) => i128::from(a).cmp(&i128::from(b)),
            (Self::UInt(a), Self::Int(b)) => i128::from(a).cmp(&i128::from(b)),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.order(*other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match *self {
            Self::String(text) => text.hash(state),
            // `1` and `1u` are one key.
            Self::Int(int) => i128::from(int).hash(state),
            Self::UInt(uint) => i128::from(uint).hash(state),
            Self::Bool(flag) => flag.hash(state),
        }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Int(int) => int.fmt(f),
            Self::UInt(uint) => uint.fmt(f),
            Self::Bool(flag) => flag.fmt(f),
        }
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(text)
    }
}

/// Keys and values in the order of their source. Made by [`Arena::object`] and its like, or, for a
/// few entries that lie elsewhere, by [`Map::object`] and its like.
#[derive(Clone, Copy)]
pub struct Map<'a> {
    entries: Entries<'a>,
    /// Positions in the order of their keys, then of their entries; last, how often keys were
    /// looked up without it, or [`SORTED`]. Empty where there is no index. Two threads that sort
    /// at once write the same.
    index: &'a [AtomicU32],
}

#[derive(Clone, Copy)]
enum Entries<'a> {
    Object(&'a [(&'a str, Value<'a>)]),
    Keyed(&'a [(Key<'a>, Value<'a>)]),
    Multi(&'a [(&'a str, Value<'a>)]),
    Headers(&'a [(&'a str, Value<'a>)]),
}

impl<'a> Map<'a> {
    /// A map of text keys, each there once: a JSON object.
    pub const fn object(entries: &'a [(&'a str, Value<'a>)]) -> Self {
        Self {
            entries: Entries::Object(entries),
            index: &[],
        }
    }

    /// A map of keys of any kind, each there once.
    pub const fn keyed(entries: &'a [(Key<'a>, Value<'a>)]) -> Self {
        Self {
            entries: Entries::Keyed(entries),
            index: &[],
        }
    }

    /// A map of text keys that may repeat: query, form.
    pub const fn multi(entries: &'a [(&'a str, Value<'a>)]) -> Self {
        Self {
            entries: Entries::Multi(entries),
            index: &[],
        }
    }

    /// As [`Map::multi`], with lower-case keys and look-ups that ignore ASCII case.
    pub const fn headers(entries: &'a [(&'a str, Value<'a>)]) -> Self {
        Self {
            entries: Entries::Headers(entries),
            index: &[],
        }
    }

    /// Gives a large map the room for its index.
    pub(super) fn indexed(mut self, arena: &'a Arena) -> Self {
        let entries = self.stored();
        if entries > SMALL {
            self.index = arena
                .bump()
                .alloc_slice_fill_with(entries + 1, |_| AtomicU32::new(0));
        }
        self
    }

    /// How many keys there are, repeated ones counted once.
    pub fn len(&self) -> usize {
        match self.entries {
            Entries::Object(_) | Entries::Keyed(_) => self.stored(),
            Entries::Multi(_) | Entries::Headers(_) => self.iter().count(),
        }
    }

    /// Whether keys may repeat: then counting them takes a look-up for each.
    pub const fn may_repeat(&self) -> bool {
        matches!(self.entries, Entries::Multi(_) | Entries::Headers(_))
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.stored() == 0
    }

    /// The value of a key; of the first such entry where keys repeat.
    pub fn get(&self, key: Key<'_>) -> Option<Value<'a>> {
        match (self.entries, key) {
            (_, Key::String(name)) => self.get_str(name),
            (Entries::Keyed(entries), _) => {
                let at = match self.sorted() {
                    None => entries.iter().position(|(known, _)| *known == key)?,
                    Some(index) => search(index, |at| {
                        entries
                            .get(at)
                            .map_or(Ordering::Less, |(known, _)| known.order(key))
                    })?,
                };
                entries.get(at).map(|(_, value)| *value)
            }
            _ => None,
        }
    }

    /// The value of a text key; of the first such entry where keys repeat.
    pub fn get_str(&self, name: &str) -> Option<Value<'a>> {
        match self.entries {
            Entries::Object(entries) if self.index.is_empty() => entries
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value),
            _ => self.entry(self.position(name)?).map(|(_, value)| value),
        }
    }

    /// As [`Map::get_str`], where the value lies; looks first where the key was the last time.
    #[inline]
    pub fn near(&self, name: &str, hint: &Hint) -> Option<&'a Value<'a>> {
        if let Entries::Object(entries) = self.entries
            && let Some((known, value)) =
                entries.get(hint.0.load(atomic::Ordering::Relaxed) as usize)
            && *known == name
        {
            return Some(value);
        }
        self.far(name, hint)
    }

    #[inline(never)]
    fn far(&self, name: &str, hint: &Hint) -> Option<&'a Value<'a>> {
        let at = self.position(name)?;
        if let Ok(at) = u32::try_from(at) {
            hint.0.store(at, atomic::Ordering::Relaxed);
        }
        self.place(at)
    }

    /// Where the value of an entry lies.
    fn place(&self, at: usize) -> Option<&'a Value<'a>> {
        match self.entries {
            Entries::Object(entries) | Entries::Multi(entries) | Entries::Headers(entries) => {
                entries.get(at).map(|(_, value)| value)
            }
            Entries::Keyed(entries) => entries.get(at).map(|(_, value)| value),
        }
    }

    /// Each value of a text key, in the order of the source: one at most, unless keys may repeat.
    pub fn all<'m>(&'m self, name: &'m str) -> impl Iterator<Item = Value<'a>> + 'm {
        self.entries()
            .filter(move |(key, _)| key.as_str().is_some_and(|known| self.is_same(known, name)))
            .map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: Key<'_>) -> bool {
        self.get(key).is_some()
    }

    /// The keys, each once.
    pub fn keys(&self) -> impl Iterator<Item = Key<'a>> + '_ {
        self.iter().map(|(key, _)| key)
    }

    /// The keys, each once, with the values that look-ups find.
    pub fn iter(&self) -> impl Iterator<Item = (Key<'a>, Value<'a>)> + '_ {
        let entries = self.entries().enumerate();
        entries.filter_map(|(at, entry)| self.is_first(at).then_some(entry))
    }

    /// The values that look-ups find, where they lie.
    pub fn values(&self) -> impl Iterator<Item = &'a Value<'a>> + '_ {
        (0..self.stored())
            .filter(|&at| self.is_first(at))
            .filter_map(|at| self.place(at))
    }

    /// Whether no entry before this one has its key.
    fn is_first(&self, at: usize) -> bool {
        !self.may_repeat()
            || self
                .entry(at)
                .and_then(|(key, _)| self.position(key.as_str()?))
                == Some(at)
    }

    /// The entries as stored: with repeats.
    pub fn entries(&self) -> impl Iterator<Item = (Key<'a>, Value<'a>)> + '_ {
        (0..self.stored()).filter_map(|at| self.entry(at))
    }

    /// The entries, where the map is an object: text keys, each once.
    pub fn as_object(&self) -> Option<&'a [(&'a str, Value<'a>)]> {
        match self.entries {
            Entries::Object(entries) => Some(entries),
            Entries::Keyed(_) | Entries::Multi(_) | Entries::Headers(_) => None,
        }
    }

    fn stored(&self) -> usize {
        match self.entries {
            Entries::Object(entries) | Entries::Multi(entries) | Entries::Headers(entries) => {
                entries.len()
            }
            Entries::Keyed(entries) => entries.len(),
        }
    }

    fn entry(&self, at: usize) -> Option<(Key<'a>, Value<'a>)> {
        match self.entries {
            Entries::Object(entries) | Entries::Multi(entries) | Entries::Headers(entries) => {
                entries
                    .get(at)
                    .map(|(name, value)| (Key::String(name), *value))
            }
            Entries::Keyed(entries) => entries.get(at).copied(),
        }
    }

    fn ignores_case(&self) -> bool {
        matches!(self.entries, Entries::Headers(_))
    }

    fn is_same(&self, known: &str, name: &str) -> bool {
        if self.ignores_case() {
            known.eq_ignore_ascii_case(name)
        } else {
            known == name
        }
    }

    /// Where the first entry of a text key is.
    fn position(&self, name: &str) -> Option<usize> {
        match self.entries {
            Entries::Object(entries) | Entries::Multi(entries) | Entries::Headers(entries) => {
                let Some(index) = self.sorted() else {
                    return entries
                        .iter()
                        .position(|(known, _)| self.is_same(known, name));
                };
                let lowered;
                let name = if self.ignores_case() {
                    lowered = name.to_ascii_lowercase();
                    &lowered
                } else {
                    name
                };
                search(index, |at| {
                    entries
                        .get(at)
                        .map_or(Ordering::Less, |(known, _)| text_order(known, name))
                })
            }
            Entries::Keyed(entries) => {
                let key = Key::String(name);
                let Some(index) = self.sorted() else {
                    return entries.iter().position(|(known, _)| *known == key);
                };
                search(index, |at| {
                    entries
                        .get(at)
                        .map_or(Ordering::Less, |(known, _)| known.order(key))
                })
            }
        }
    }

    /// The index, where it pays: of a larger map that has been looked through a few times.
    fn sorted(&self) -> Option<&'a [AtomicU32]> {
        let (state, positions) = self.index.split_last()?;
        let scans = state.load(atomic::Ordering::Acquire);
        if scans < SCANS {
            // Looks that are counted once instead of twice do no harm.
            state.store(scans + 1, atomic::Ordering::Relaxed);
            return None;
        }
        if scans != SORTED {
            self.sort(positions);
            state.store(SORTED, atomic::Ordering::Release);
        }
        Some(positions)
    }

    fn sort(&self, positions: &[AtomicU32]) {
        let mut order: Vec<u32> = (0..).take(positions.len()).collect();
        match self.entries {
            Entries::Object(entries) | Entries::Multi(entries) | Entries::Headers(entries) => {
                let name = |at: u32| entries.get(at as usize).map_or("", |(name, _)| *name);
                order.sort_unstable_by(|&a, &b| text_order(name(a), name(b)).then(a.cmp(&b)));
            }
            Entries::Keyed(entries) => {
                let key = |at: u32| {
                    entries
                        .get(at as usize)
                        .map_or(Key::Bool(false), |(key, _)| *key)
                };
                order.sort_unstable_by(|&a, &b| key(a).order(key(b)).then(a.cmp(&b)));
            }
        }
        for (slot, at) in positions.iter().zip(order) {
            slot.store(at, atomic::Ordering::Relaxed);
        }
    }
}

/// The first position, in the order of the index, whose key is `Equal` to what is sought.
fn search(index: &[AtomicU32], order: impl Fn(usize) -> Ordering) -> Option<usize> {
    let position = |slot: &AtomicU32| slot.load(atomic::Ordering::Relaxed) as usize;
    let found = index.partition_point(|slot| order(position(slot)) == Ordering::Less);
    index
        .get(found)
        .map(position)
        .filter(|&at| order(at) == Ordering::Equal)
}

impl fmt::Debug for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

/// Lengths first: most pairs differ there already.
fn text_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("key_{at}")).collect()
    }

    #[test]
    fn a_hint_changes_nothing_that_is_found() {
        let arena = Arena::new();
        let named = |names: &[&'static str]| -> Vec<(&str, Value<'_>)> {
            let values = (0..).map(Value::Int);
            names.iter().copied().zip(values).collect()
        };
        let objects = [
            named(&["a", "b", "c"]),
            named(&["b", "a"]),
            named(&["c"]),
            named(&[]),
        ];
        let maps = objects.iter().flat_map(|entries| {
            let repeated: Vec<_> = entries.iter().chain(entries).copied().collect();
            let keyed: Vec<_> = entries
                .iter()
                .map(|(name, value)| (Key::String(name), *value))
                .collect();
            [
                arena.object(entries),
                arena.multi(&repeated),
                arena.headers(&repeated),
                arena.keyed(&keyed),
            ]
        });
        let hint = Hint::default();
        for value in maps.collect::<Vec<_>>().into_iter().cycle().take(100) {
            let map = value.as_map().unwrap();
            for name in ["a", "b", "A", "d"] {
                let near = map.near(name, &hint).map(|found| found.as_int());
                assert_eq!(near, map.get_str(name).map(Value::as_int), "{map:?} {name}");
            }
        }
    }

    #[test]
    fn a_look_up_finds_the_same_with_and_without_an_index() {
        for count in [0, 1, 15, 16, 17, 18, 300] {
            let arena = Arena::new();
            let names = names(count);
            let entries: Vec<_> = names
                .iter()
                .zip(0..)
                .map(|(name, at)| (name.as_str(), Value::Int(at)))
                .collect();
            let Value::Map(map) = arena.object(&entries) else {
                panic!("a map")
            };
            assert_eq!(map.len(), count);
            for (name, at) in names.iter().zip(0..) {
                assert_eq!(
                    map.get_str(name).and_then(Value::as_int),
                    Some(at),
                    "{name} of {count}"
                );
            }
            assert!(map.get_str("key_").is_none() && map.get(Key::Int(1)).is_none());
            let order: Vec<_> = map.keys().filter_map(Key::as_str).collect();
            assert_eq!(order, names, "in source order");
        }
    }

    #[test]
    fn repeated_keys_give_their_first_value_and_all_list_each() {
        for filler in [0, 40] {
            let arena = Arena::new();
            let names = names(filler);
            let mut entries: Vec<_> = names
                .iter()
                .map(|name| (name.as_str(), Value::Null))
                .collect();
            entries.extend([
                ("b", Value::Int(1)),
                ("a", Value::Int(2)),
                ("b", Value::Int(3)),
            ]);
            let Value::Map(map) = arena.multi(&entries) else {
                panic!("a map")
            };
            assert_eq!(map.len(), filler + 2);
            assert_eq!(map.get_str("b").and_then(Value::as_int), Some(1));
            assert!(map.get_str("B").is_none());
            let all: Vec<_> = map.all("b").filter_map(Value::as_int).collect();
            assert_eq!(all, [1, 3]);
            assert_eq!(map.entries().count(), filler + 3);
        }
    }

    #[test]
    fn headers_ignore_case() {
        for filler in [0, 40] {
            let arena = Arena::new();
            let names = names(filler);
            let mut entries: Vec<_> = names
                .iter()
                .map(|name| (name.as_str(), Value::Null))
                .collect();
            entries.extend([("x-github-event", Value::Int(1)), ("accept", Value::Int(2))]);
            let Value::Map(map) = arena.headers(&entries) else {
                panic!("a map")
            };
            for name in ["x-github-event", "X-GitHub-Event", "X-GITHUB-EVENT"] {
                assert_eq!(map.get_str(name).and_then(Value::as_int), Some(1), "{name}");
            }
            assert_eq!(map.all("Accept").count(), 1);
        }
    }

    #[test]
    fn integer_keys_are_one_whatever_their_sign_type() {
        for filler in [0, 40] {
            let arena = Arena::new();
            let mut entries: Vec<_> = (100..100 + filler)
                .map(|at| (Key::Int(at), Value::Null))
                .collect();
            entries.extend([
                (Key::Int(1), Value::Int(1)),
                (Key::UInt(2), Value::Int(2)),
                (Key::Bool(true), Value::Int(3)),
            ]);
            entries.push((Key::String("1"), Value::Int(4)));
            let Value::Map(map) = arena.keyed(&entries) else {
                panic!("a map")
            };
            let found = |key: Value<'_>| {
                Key::sought(key)
                    .and_then(|key| map.get(key))
                    .and_then(Value::as_int)
            };
            assert_eq!(found(Value::UInt(1)), Some(1));
            assert_eq!(found(Value::Int(2)), Some(2));
            assert_eq!(found(Value::Double(2.0)), Some(2));
            assert_eq!(found(Value::Double(2.5)), None);
            assert_eq!(found(Value::Number("1e0")), Some(1));
            assert_eq!(found(Value::Bool(true)), Some(3));
            assert_eq!(found(Value::String("1")), Some(4));
            assert_eq!(found(Value::Int(-1)), None);
        }
    }
}
