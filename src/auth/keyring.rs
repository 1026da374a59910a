//! All keys of a gateway, in memory, and the decision what a presented text opens.
//!
//! A keyring does not change; another is swapped in for it. What it notes, when each key was last
//! used, it notes in cells that the next keyring shares, so that a swap loses no use. Noting takes
//! one relaxed load and, once a second for a key, one relaxed store: no lock, no allocation and no
//! system call stand on the way of a request. A key that was found once is known again by a tag
//! (see `recognition`).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use super::recognition::Recognition;
use super::{Environment, KeyHash, KeyRecord, KeyState};

/// The length of every key; a text of another length is no key, and is not hashed.
const KEY_LENGTH: usize = 70;
/// Hashed in place of a text that cannot be a key, so that the work is the same.
const NO_KEY: &str = "0000.00000000000000000000000000000000.00000000000000000000000000000000";
/// A use is noted again when it is so much later than the one noted before.
const NOTE_EVERY_MS: i64 = 1000;
/// A cell of a key that was not used since it was last drained.
const UNUSED: i64 = i64::MIN;

/// Who called. Made only by [`Keyring::authenticate`], or as anonymous.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key, or `None` where a function needs none.
    pub key: Option<Arc<KeyRecord>>,
    /// Of the key; without one, of the listener.
    pub environment: Environment,
}

impl Caller {
    /// A caller without a key, where a function needs none.
    pub fn anonymous(environment: Environment) -> Self {
        Self {
            key: None,
            environment,
        }
    }
}

/// Why a key does not open a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRefusal {
    /// None was sent.
    Missing,
    /// It does not have a key's form, or there is no such key.
    Unknown,
    /// It has ended.
    Expired,
    /// It was revoked.
    Revoked,
    /// It is good, but not for this function.
    OutOfScope,
}

/// All keys, by hash. Immutable: a change makes a new one, which is swapped in. A clone is the
/// same ring: it has the same keys and notes uses in the same cells.
#[derive(Clone)]
pub struct Keyring {
    by_hash: HashMap<KeyHash, Entry>,
    seen: Arc<Recognition<Entry>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("by_hash", &self.by_hash)
            .finish_non_exhaustive()
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Self {
            by_hash: HashMap::new(),
            seen: Arc::new(Recognition::new(0)),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    record: Arc<KeyRecord>,
    /// Milliseconds since the epoch, or [`UNUSED`].
    used: Arc<AtomicI64>,
}

impl Keyring {
    /// Of these keys.
    pub fn new(records: impl IntoIterator<Item = KeyRecord>) -> Self {
        Self::default().renewed(records)
    }

    /// Of these keys, going on with the notes of this ring.
    #[must_use]
    pub fn renewed(&self, records: impl IntoIterator<Item = KeyRecord>) -> Self {
        let entry = |record: KeyRecord| {
            let used = self.by_hash.get(&record.hash).map_or_else(
                || Arc::new(AtomicI64::new(UNUSED)),
                |entry| Arc::clone(&entry.used),
            );
            let record = Arc::new(record);
            (record.hash, Entry { record, used })
        };
        let by_hash: HashMap<_, _> = records.into_iter().map(entry).collect();
        Self {
            seen: Arc::new(Recognition::new(by_hash.len())),
            by_hash,
        }
    }

    /// What is known of a key, by its id.
    pub fn record(&self, id: &str) -> Option<Arc<KeyRecord>> {
        let mut entries = self.by_hash.values();
        let entry = entries.find(|entry| entry.record.id == id)?;
        Some(Arc::clone(&entry.record))
    }

    /// Finds the key and decides whether it opens `function` at `now`. An empty text is a missing
    /// one.
    ///
    /// What is not known takes the same work whatever it is: a tag, one hash, one look-up, one
    /// comparison in constant time.
    pub fn authenticate(
        &self,
        presented: &str,
        function: &str,
        now: Timestamp,
    ) -> Result<Caller, KeyRefusal> {
        if presented.is_empty() {
            return Err(KeyRefusal::Missing);
        }
        let entry = self.identify(presented).ok_or(KeyRefusal::Unknown)?;
        match entry.record.state(now) {
            KeyState::Revoked => return Err(KeyRefusal::Revoked),
            KeyState::Expired => return Err(KeyRefusal::Expired),
            KeyState::Active | KeyState::Ending => {}
        }
        if !entry.record.scope.opens(function) {
            return Err(KeyRefusal::OutOfScope);
        }
        entry.note_use(now.as_millisecond());
        Ok(Caller {
            key: Some(Arc::clone(&entry.record)),
            environment: entry.record.environment,
        })
    }

    fn identify(&self, presented: &str) -> Option<&Entry> {
        // The length is the caller's own; what it costs to hash a text must not be.
        let is_candidate = presented.len() == KEY_LENGTH;
        let tag = is_candidate.then(|| self.seen.tag(presented)).flatten();
        if let Some(entry) = tag.and_then(|tag| self.seen.get(tag)) {
            return Some(entry);
        }
        let hash = KeyHash::of(if is_candidate { presented } else { NO_KEY });
        let found = self.by_hash.get(&hash);
        let kept = found.map_or(KeyHash([0; 32]), |entry| entry.record.hash);
        let is_same = bool::from(hash.ct_eq(&kept));
        let entry = found.filter(|_| is_same && is_candidate)?;
        if let Some(tag) = tag {
            self.seen.note(tag, entry.clone());
        }
        Some(entry)
    }

    /// The keys, in no order.
    pub fn records(&self) -> impl Iterator<Item = &KeyRecord> {
        self.by_hash.values().map(|entry| entry.record.as_ref())
    }

    /// Takes out what was noted since the last time: which keys opened something, and when.
    pub fn drain_used(&self) -> Vec<(KeyHash, Timestamp)> {
        let drain = |(hash, entry): (&KeyHash, &Entry)| {
            let used = entry.used.swap(UNUSED, Ordering::Relaxed);
            (used != UNUSED)
                .then(|| Timestamp::from_millisecond(used).ok())
                .flatten()
                .map(|time| (*hash, time))
        };
        self.by_hash.iter().filter_map(drain).collect()
    }

    /// Puts back what was drained but could not be written; a later use stands.
    pub fn put_back(&self, used: &[(KeyHash, Timestamp)]) {
        for (hash, time) in used {
            if let Some(entry) = self.by_hash.get(hash) {
                entry
                    .used
                    .fetch_max(time.as_millisecond(), Ordering::Relaxed);
            }
        }
    }
}

impl Entry {
    /// Two requests may both store; either time is right to within [`NOTE_EVERY_MS`].
    fn note_use(&self, now: i64) {
        if now.saturating_sub(self.used.load(Ordering::Relaxed)) >= NOTE_EVERY_MS {
            self.used.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{KeyTerms, Lifetime, Owner, Scope, ZapiKey};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOON: &str = "2026-01-01T12:00:00Z";

    fn issue(scope: Scope, change: impl FnOnce(&mut KeyRecord)) -> (ZapiKey, KeyRecord) {
        let key = ZapiKey::generate().unwrap();
        let terms = KeyTerms {
            label: String::new(),
            owner: Owner::default(),
            environment: Environment::Sandbox,
            scope,
            expires: None,
        };
        let mut record = KeyRecord::issue(&key, terms, at("2026-01-01T00:00:00Z")).unwrap();
        change(&mut record);
        (key, record)
    }

    fn check(record: KeyRecord, presented: &str, expected: Result<(), KeyRefusal>) {
        let ring = Keyring::new([record]);
        let answer = ring.authenticate(presented, "lead", at(NOON));
        assert_eq!(answer.map(|_| ()), expected);
        // Only a key that opened something was used.
        assert_eq!(ring.drain_used().len(), usize::from(expected.is_ok()));
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let only = |name: &str| Scope::Functions(vec![name.to_owned()]);
        let (key, record) = issue(Scope::All, |_| {});
        check(record.clone(), key.expose(), Ok(()));
        check(record.clone(), "", Err(KeyRefusal::Missing));
        check(record.clone(), "1003.nonsense", Err(KeyRefusal::Unknown));
        check(record.clone(), NO_KEY, Err(KeyRefusal::Unknown));
        check(record.clone(), &"é".repeat(35), Err(KeyRefusal::Unknown));
        check(
            record.clone(),
            key.expose().get(..69).unwrap(),
            Err(KeyRefusal::Unknown),
        );
        check(
            record.clone(),
            &format!("{} ", key.expose()),
            Err(KeyRefusal::Unknown),
        );
        let another = ZapiKey::generate().unwrap();
        check(record, another.expose(), Err(KeyRefusal::Unknown));

        let (key, record) = issue(only("lead"), |_| {});
        check(record, key.expose(), Ok(()));
        let (key, record) = issue(only("leads"), |_| {});
        check(record, key.expose(), Err(KeyRefusal::OutOfScope));
        let (key, record) = issue(Scope::Functions(Vec::new()), |_| {});
        check(record, key.expose(), Err(KeyRefusal::OutOfScope));

        let (key, record) = issue(Scope::All, |record| record.expires = Some(at(NOON)));
        check(record, key.expose(), Err(KeyRefusal::Expired));
        let (key, record) = issue(Scope::All, |record| {
            record.expires = Some(at("2026-01-01T12:00:00.000000001Z"));
        });
        check(record, key.expose(), Ok(()));
        let (key, record) = issue(Scope::All, |record| record.revoked = Some(at(NOON)));
        check(record, key.expose(), Err(KeyRefusal::Revoked));
        // Revocation is the stronger reason.
        let (key, record) = issue(only("other"), |record| {
            record.revoked = Some(at(NOON));
            record.expires = Some(at(NOON));
        });
        check(record, key.expose(), Err(KeyRefusal::Revoked));
    }

    #[test]
    fn the_hash_of_no_key_opens_nothing_even_if_it_stood_in_the_ring() {
        let (_, record) = issue(Scope::All, |record| record.hash = KeyHash::of(NO_KEY));
        check(record.clone(), "short", Err(KeyRefusal::Unknown));
        let ring = Keyring::new([record]);
        let ask = |text| ring.authenticate(text, "lead", at(NOON)).map(|_| ());
        assert_eq!(ask(NO_KEY), Ok(()));
        assert_eq!(ask("short"), Err(KeyRefusal::Unknown));
    }

    #[test]
    fn a_key_that_is_known_again_is_judged_anew() {
        let (key, record) = issue(Scope::Functions(vec!["lead".to_owned()]), |record| {
            record.expires = Some(at("2026-01-01T13:00:00Z"));
        });
        let ring = Keyring::new([record.clone()]);
        let ask = |ring: &Keyring, function, time| {
            ring.authenticate(key.expose(), function, at(time))
                .map(|_| ())
        };
        for _ in 0..2 {
            assert_eq!(ask(&ring, "lead", NOON), Ok(()));
            assert_eq!(ask(&ring, "other", NOON), Err(KeyRefusal::OutOfScope));
            let late = ask(&ring, "lead", "2026-01-01T13:00:00Z");
            assert_eq!(late, Err(KeyRefusal::Expired));
        }
        // What one ring has noted the next one does not know.
        let mut revoked = record;
        revoked.revoked = Some(at(NOON));
        assert_eq!(
            ask(&ring.renewed([revoked]), "lead", NOON),
            Err(KeyRefusal::Revoked)
        );
        assert_eq!(
            ask(&ring.renewed([]), "lead", NOON),
            Err(KeyRefusal::Unknown)
        );
    }

    #[test]
    fn a_caller_has_the_keys_owner_and_environment() {
        let (key, record) = issue(Scope::All, |record| {
            record.environment = Environment::Production;
            record.owner.email = "ada@example.com".to_owned();
        });
        let caller = Keyring::new([record])
            .authenticate(key.expose(), "lead", at(NOON))
            .unwrap();
        assert_eq!(caller.environment, Environment::Production);
        assert_eq!(caller.key.unwrap().owner.email, "ada@example.com");
    }

    #[test]
    fn both_keys_open_during_the_overlap_and_the_new_one_after_it() {
        let (key, record) = issue(Scope::All, |_| {});
        let next = ZapiKey::generate().unwrap();
        let hour = std::time::Duration::from_hours(1);
        let (old, new) = record
            .rotate(&next, hour, Lifetime::AsBefore, at(NOON))
            .unwrap();
        let ring = Keyring::new([old, new]);
        let ask = |key: &ZapiKey, time| {
            ring.authenticate(key.expose(), "lead", at(time))
                .map(|_| ())
        };
        assert_eq!(ask(&key, "2026-01-01T12:59:59Z"), Ok(()));
        assert_eq!(ask(&next, "2026-01-01T12:59:59Z"), Ok(()));
        assert_eq!(ask(&key, "2026-01-01T13:00:00Z"), Err(KeyRefusal::Expired));
        assert_eq!(ask(&next, "2026-01-01T13:00:00Z"), Ok(()));
    }

    #[test]
    fn a_use_is_noted_once_and_survives_a_swap_and_a_failed_write() {
        let (key, record) = issue(Scope::All, |_| {});
        let hash = record.hash;
        let ring = Keyring::new([record.clone()]);
        assert_eq!(ring.drain_used(), []);
        ring.authenticate(key.expose(), "lead", at(NOON)).unwrap();
        let next = ring.renewed([record]);
        let used = next.drain_used();
        assert_eq!(used, [(hash, at(NOON))]);
        assert_eq!(ring.drain_used(), []);
        next.put_back(&used);
        assert_eq!(ring.clone().drain_used(), used);
        // A use after the drain is later than what is put back.
        ring.authenticate(key.expose(), "lead", at("2026-01-01T12:05:00Z"))
            .unwrap();
        ring.put_back(&used);
        assert_eq!(ring.drain_used(), [(hash, at("2026-01-01T12:05:00Z"))]);
    }

    #[test]
    fn no_secret_stands_in_debug_output() {
        let (key, record) = issue(Scope::All, |_| {});
        let ring = Keyring::new([record]);
        let caller = ring.authenticate(key.expose(), "lead", at(NOON)).unwrap();
        let printed = format!("{ring:?} {caller:?} {key:?}");
        let secret: String = key.expose().chars().skip(9).take(16).collect();
        assert!(!printed.contains(&secret));
        assert!(!printed.contains(&hex::encode(key.hash().0)));
    }
}
