//! Keys that have opened something before, known again without SHA-256.
//!
//! A gateway is called with the same few keys over and over, and where the processor has no
//! instructions for it, hashing the key is the dearest part of a small request. So a ring notes,
//! once a key was found by its SHA-256, a tag of its text: SipHash-2-4 with 128 bits under a key
//! that is drawn for the ring and never leaves it. That is a pseudo-random function: without the
//! ring's key nobody can make another text with a noted tag, or learn from the time a miss takes
//! how near it was. The text itself is not kept, and a tag is worth nothing outside this process.
//!
//! A tag only says which key was presented. Whether the key is good now is asked of its record,
//! each time. The table does not grow: a place that is taken stays taken, and whoever finds no
//! place is looked up the long way.

use std::hash::Hasher as _;
use std::sync::OnceLock;

use siphasher::sip128::{Hasher128 as _, SipHasher24};
use subtle::ConstantTimeEq as _;

use super::random;

/// Places for each key of the ring, so that few have to share one.
const PLACES: usize = 4;

/// What is noted of each key that was found: its tag and `T`.
pub(super) struct Recognition<T> {
    /// `None` without randomness: then nothing is noted.
    key: Option<[u8; 16]>,
    places: Box<[OnceLock<Known<T>>]>,
}

struct Known<T> {
    tag: Tag,
    what: T,
}

/// Of one text under the ring's key.
#[derive(Clone, Copy)]
pub(super) struct Tag([u8; 16]);

impl<T> Recognition<T> {
    /// For a ring of so many keys.
    pub(super) fn new(keys: usize) -> Self {
        let mut key = [0; 16];
        let key = random::fill(&mut key).is_ok().then_some(key);
        let places = keys.saturating_mul(PLACES).next_power_of_two();
        Self {
            key,
            places: (0..places).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The tag of a presented text; `None` when nothing can be noted.
    pub(super) fn tag(&self, presented: &str) -> Option<Tag> {
        let mut hasher = SipHasher24::new_with_key(self.key.as_ref()?);
        hasher.write(presented.as_bytes());
        Some(Tag(hasher.finish128().as_bytes()))
    }

    /// What was noted under this tag.
    pub(super) fn get(&self, tag: Tag) -> Option<&T> {
        let known = self.place(tag)?.get()?;
        bool::from(known.tag.0.ct_eq(&tag.0)).then_some(&known.what)
    }

    /// Notes it, unless another has the place.
    pub(super) fn note(&self, tag: Tag, what: T) {
        if let Some(place) = self.place(tag) {
            let _ = place.set(Known { tag, what });
        }
    }

    fn place(&self, tag: Tag) -> Option<&OnceLock<Known<T>>> {
        let [a, b, c, d, ..] = tag.0;
        let number = u32::from_le_bytes([a, b, c, d]) as usize;
        self.places.get(number & (self.places.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_again_by_the_same_text_only() {
        let seen = Recognition::new(1);
        let tag = seen.tag("one").unwrap();
        assert!(seen.get(tag).is_none());
        seen.note(tag, 1);
        assert_eq!(seen.get(seen.tag("one").unwrap()), Some(&1));
        for number in 0..1000 {
            let other = seen.tag(&format!("one{number}")).unwrap();
            assert!(seen.get(other).is_none());
        }
    }

    #[test]
    fn a_place_that_is_taken_stays_taken() {
        let seen = Recognition::new(1);
        for number in 0..100 {
            seen.note(seen.tag(&number.to_string()).unwrap(), number);
        }
        let known = (0..100).filter(|number| {
            let tag = seen.tag(&number.to_string()).unwrap();
            // Never somebody else's.
            seen.get(tag)
                .inspect(|known| assert_eq!(*known, number))
                .is_some()
        });
        assert!((1..=PLACES).contains(&known.count()));
    }

    #[test]
    fn two_rings_have_different_tags() {
        let (one, other) = (Recognition::<()>::new(1), Recognition::<()>::new(1));
        assert_ne!(one.tag("a").unwrap().0, other.tag("a").unwrap().0);
    }
}
