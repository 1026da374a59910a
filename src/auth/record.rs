//! What is known of a key beside its text, and how that changes over the key's life.
//!
//! A key is issued, may be rotated (another takes its place, and both work for an overlap), and
//! ends by expiry or by revocation. Each step is a pure function of the record and the time; what
//! comes of it is written by `store`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use super::random::{self, NoRandomness};
use super::{KeyHash, ZapiKey};

/// Which of the two worlds a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    /// For trying out; deliveries go to sandboxes.
    Sandbox,
    /// For real.
    Production,
}

impl Environment {
    /// `sandbox` or `production`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names neither environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an environment is `sandbox` or `production`")]
pub struct UnknownEnvironment;

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, UnknownEnvironment> {
        match text {
            "sandbox" => Ok(Self::Sandbox),
            "production" => Ok(Self::Production),
            _ => Err(UnknownEnvironment),
        }
    }
}

/// Who owns a key: what functions see as `user_info`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owner {
    /// User id.
    pub id: String,
    /// E-mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Organisation id.
    pub org_id: String,
}

/// Which functions a key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every function.
    All,
    /// These.
    Functions(Vec<String>),
}

impl Scope {
    /// Whether it holds this function.
    pub fn opens(&self, function: &str) -> bool {
        match self {
            Self::All => true,
            Self::Functions(names) => names.iter().any(|name| name == function),
        }
    }
}

/// A key without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// `key_` and an id that sorts by time.
    pub id: String,
    /// Look-up.
    pub hash: KeyHash,
    /// The first characters, to tell keys apart: `1003.3f9c`.
    pub hint: String,
    /// A name for people.
    pub label: String,
    /// Whose.
    pub owner: Owner,
    /// Which world.
    pub environment: Environment,
    /// What it opens.
    pub scope: Scope,
    /// When it was made, to the millisecond as all times here.
    pub created: Timestamp,
    /// When it ends, if it does. At that very instant it no longer opens anything.
    pub expires: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
    /// When it last opened something, to within a minute.
    pub last_used: Option<Timestamp>,
    /// The key that takes its place, after a rotation.
    pub replaced_by: Option<String>,
}

/// What whoever asks for a key decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// A name for people.
    pub label: String,
    /// Whose.
    pub owner: Owner,
    /// Which world.
    pub environment: Environment,
    /// What it opens.
    pub scope: Scope,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// It opens what it is for.
    Active,
    /// Still so, but another key has taken its place: it ends with the overlap.
    Ending,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl KeyState {
    /// One lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether a key in this state opens anything.
    pub fn is_usable(self) -> bool {
        match self {
            Self::Active | Self::Ending => true,
            Self::Expired | Self::Revoked => false,
        }
    }
}

/// How long the key lives that takes another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as the other was meant to live.
    AsBefore,
    /// Until then.
    Until(Timestamp),
    /// It does not end.
    Endless,
}

/// Why a key cannot be rotated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefusal {
    /// Another key has its place already.
    #[error("it was rotated already: `{by}` has taken its place")]
    Replaced {
        /// The other key's id.
        by: String,
    },
    /// It was revoked, and whoever did that meant it.
    #[error("it was revoked")]
    Revoked,
    /// Nobody can be using it.
    #[error("it has expired")]
    Expired,
    /// No new key could be named.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl KeyRecord {
    /// The record of a key that is issued now on these terms.
    pub fn issue(key: &ZapiKey, terms: KeyTerms, now: Timestamp) -> Result<Self, NoRandomness> {
        Ok(Self {
            id: new_id("key", now)?,
            hash: key.hash(),
            hint: key.hint(),
            label: terms.label,
            owner: terms.owner,
            environment: terms.environment,
            scope: terms.scope,
            created: to_the_millisecond(now),
            expires: terms.expires.map(to_the_millisecond),
            revoked: None,
            last_used: None,
            replaced_by: None,
        })
    }

    /// Where the key stands at `now`. A revoked key is revoked whatever the clock says.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked.is_some() {
            KeyState::Revoked
        } else if self.expires.is_some_and(|expires| expires <= now) {
            KeyState::Expired
        } else if self.replaced_by.is_some() {
            KeyState::Ending
        } else {
            KeyState::Active
        }
    }

    /// Lets `key` take this one's place: gives what this record becomes, and the new record.
    ///
    /// This key goes on until `now + overlap`, or until its own end where that comes first; an
    /// overlap of nothing ends it at once. The new one is for the same owner, environment and
    /// functions.
    pub fn rotate(
        &self,
        key: &ZapiKey,
        overlap: Duration,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<(Self, Self), RotationRefusal> {
        match (self.state(now), &self.replaced_by) {
            (KeyState::Revoked, _) => return Err(RotationRefusal::Revoked),
            (_, Some(by)) => return Err(RotationRefusal::Replaced { by: by.clone() }),
            (KeyState::Expired, None) => return Err(RotationRefusal::Expired),
            (KeyState::Active | KeyState::Ending, None) => {}
        }
        let expires = match lifetime {
            Lifetime::Endless => None,
            Lifetime::Until(end) => Some(end),
            Lifetime::AsBefore => self.expires.map(|expires| {
                let lifetime = expires.duration_since(self.created);
                now.checked_add(lifetime).unwrap_or(Timestamp::MAX)
            }),
        };
        let terms = KeyTerms {
            label: self.label.clone(),
            owner: self.owner.clone(),
            environment: self.environment,
            scope: self.scope.clone(),
            expires,
        };
        let new = Self::issue(key, terms, now)?;
        let end = to_the_millisecond(now.checked_add(overlap).unwrap_or(Timestamp::MAX));
        let old = Self {
            expires: Some(self.expires.map_or(end, |expires| expires.min(end))),
            replaced_by: Some(new.id.clone()),
            ..self.clone()
        };
        Ok((old, new))
    }
}

/// Times are kept to the millisecond, rounded down: a key never ends later than was said.
fn to_the_millisecond(time: Timestamp) -> Timestamp {
    let nanoseconds = time.as_nanosecond();
    Timestamp::from_nanosecond(nanoseconds - nanoseconds.rem_euclid(1_000_000)).unwrap_or(time)
}

/// A prefix, `_` and a ULID: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32.
/// Ids sort by the time they were made, and hold no look-alike letters.
pub fn new_id(prefix: &str, now: Timestamp) -> Result<String, NoRandomness> {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0_u8; 16];
    random::fill(&mut bytes)?;
    let milliseconds = u128::try_from(now.as_millisecond()).unwrap_or(0) & ((1 << 48) - 1);
    let value = (milliseconds << 80) | (u128::from_be_bytes(bytes) >> 48);
    let digits = (0..26).rev().map(|place| {
        let digit = usize::try_from((value >> (place * 5)) & 31).unwrap_or(0);
        char::from(DIGITS.get(digit).copied().unwrap_or(b'0'))
    });
    Ok(prefix.chars().chain(['_']).chain(digits).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn record(expires: Option<&str>, now: &str) -> KeyRecord {
        let terms = KeyTerms {
            label: "crm".to_owned(),
            owner: Owner {
                id: "7".to_owned(),
                email: "ada@example.com".to_owned(),
                ..Owner::default()
            },
            environment: Environment::Production,
            scope: Scope::Functions(vec!["lead".to_owned()]),
            expires: expires.map(at),
        };
        KeyRecord::issue(&ZapiKey::generate().unwrap(), terms, at(now)).unwrap()
    }

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let ids: Vec<String> = [0_i64, 1, 1000, 1_790_000_000_000, 1_790_000_000_001]
            .iter()
            .map(|&ms| new_id("key", Timestamp::from_millisecond(ms).unwrap()).unwrap())
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(
            ids.iter()
                .all(|id| id.len() == 30 && id.starts_with("key_0")),
            "{ids:?}"
        );
    }

    #[test]
    fn an_id_starts_with_the_time_as_a_ulid_does() {
        // The example of the ULID specification: 1469918176385 ms are 01ARYZ6S41.
        let id = new_id(
            "key",
            Timestamp::from_millisecond(1_469_918_176_385).unwrap(),
        )
        .unwrap();
        assert!(id.starts_with("key_01aryz6s41"), "{id}");
    }

    #[test]
    fn a_key_has_expired_at_the_very_instant_of_its_end() {
        let record = record(Some("2026-03-01T00:00:00Z"), "2026-01-01T00:00:00Z");
        assert_eq!(
            record.state(at("2026-02-28T23:59:59.999999999Z")),
            KeyState::Active
        );
        assert_eq!(record.state(at("2026-03-01T00:00:00Z")), KeyState::Expired);
    }

    #[test]
    fn a_revoked_key_stays_revoked_when_the_clock_goes_back() {
        let mut record = record(None, "2026-01-01T00:00:00Z");
        record.revoked = Some(at("2026-02-01T00:00:00Z"));
        assert_eq!(record.state(at("2026-01-01T00:00:00Z")), KeyState::Revoked);
    }

    #[test]
    fn rotation_leaves_both_keys_for_the_overlap() {
        let before = record(None, "2026-01-01T00:00:00Z");
        let next = ZapiKey::generate().unwrap();
        let (old, new) = before
            .rotate(&next, HOUR, Lifetime::AsBefore, at("2026-02-01T00:00:00Z"))
            .unwrap();
        assert_eq!(old.state(at("2026-02-01T00:59:59.999Z")), KeyState::Ending);
        assert_eq!(old.state(at("2026-02-01T01:00:00Z")), KeyState::Expired);
        assert_eq!(old.replaced_by.as_deref(), Some(new.id.as_str()));
        assert_eq!(new.state(at("2026-02-01T00:00:00Z")), KeyState::Active);
        assert_eq!((new.hash, new.expires), (next.hash(), None));
        assert_eq!(
            (&new.label, &new.owner, new.environment, &new.scope),
            (&old.label, &old.owner, old.environment, &old.scope)
        );
    }

    #[test]
    fn an_overlap_never_prolongs_a_key() {
        let before = record(Some("2026-02-01T00:10:00Z"), "2026-01-01T00:10:00Z");
        let next = ZapiKey::generate().unwrap();
        let (old, new) = before
            .rotate(&next, HOUR, Lifetime::AsBefore, at("2026-02-01T00:00:00Z"))
            .unwrap();
        assert_eq!(old.expires, Some(at("2026-02-01T00:10:00Z")));
        // 31 days were meant, 31 days it is again.
        assert_eq!(new.expires, Some(at("2026-03-04T00:00:00Z")));
    }

    #[test]
    fn a_rotation_can_give_another_end_or_none() {
        let now = at("2026-02-01T00:00:00Z");
        let before = record(Some("2026-03-01T00:00:00Z"), "2026-01-01T00:00:00Z");
        let next = ZapiKey::generate().unwrap();
        let expires = |lifetime| {
            let (_, new) = before.rotate(&next, HOUR, lifetime, now).unwrap();
            new.expires
        };
        assert_eq!(expires(Lifetime::Endless), None);
        let end = at("2030-01-01T00:00:00Z");
        assert_eq!(expires(Lifetime::Until(end)), Some(end));
    }

    #[test]
    fn no_overlap_ends_a_key_at_once_and_a_huge_one_does_not_overflow() {
        let now = at("2026-02-01T00:00:00Z");
        let before = record(None, "2026-01-01T00:00:00Z");
        let next = ZapiKey::generate().unwrap();
        let (old, _) = before
            .rotate(&next, Duration::ZERO, Lifetime::AsBefore, now)
            .unwrap();
        assert_eq!(old.state(now), KeyState::Expired);
        let (old, _) = before
            .rotate(&next, Duration::MAX, Lifetime::AsBefore, now)
            .unwrap();
        assert_eq!(old.state(now), KeyState::Ending);
    }

    #[test]
    fn a_key_that_has_ended_or_was_rotated_is_not_rotated() {
        let now = at("2026-02-01T00:00:00Z");
        let next = ZapiKey::generate().unwrap();
        let rotate = |record: &KeyRecord| {
            record
                .rotate(&next, HOUR, Lifetime::AsBefore, now)
                .map(|_| ())
        };
        let base = record(None, "2026-01-01T00:00:00Z");
        let revoked = KeyRecord {
            revoked: Some(now),
            ..base.clone()
        };
        let expired = KeyRecord {
            expires: Some(now),
            ..base.clone()
        };
        let replaced = KeyRecord {
            replaced_by: Some("key_x".to_owned()),
            ..base.clone()
        };
        assert_eq!(rotate(&base), Ok(()));
        assert_eq!(rotate(&revoked), Err(RotationRefusal::Revoked));
        assert_eq!(rotate(&expired), Err(RotationRefusal::Expired));
        let by = "key_x".to_owned();
        assert_eq!(rotate(&replaced), Err(RotationRefusal::Replaced { by }));
    }

    #[test]
    fn times_are_rounded_down_to_the_millisecond() {
        let record = record(
            Some("2026-03-01T00:00:00.000999Z"),
            "2026-01-01T00:00:00.0019Z",
        );
        assert_eq!(record.created, at("2026-01-01T00:00:00.001Z"));
        assert_eq!(record.expires, Some(at("2026-03-01T00:00:00Z")));
    }
}
