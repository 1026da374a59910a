//! Whether one of a signature's rules holds for the request.

use base64::Engine as _;

use super::find::pointed;
use super::{Prover, Step, Unproven, holds};
use crate::auth::signature::{Item, Key, Proof, PublicKey};
use crate::expr::Scope;
use crate::route::Runs;
use crate::route::signature::{Keys, Place, Rule, Stamp, StampFrom, Taken};
use crate::value::Value;

/// More items of one list are not looked at: a list that long is no signature.
const MAX_ITEMS: usize = 64;

/// One signature of the request, with the names that its item gives.
struct Candidate<'a> {
    signature: Vec<u8>,
    names: Vec<(usize, &'a str)>,
}

/// What a list of signatures is made of.
struct Items<'a> {
    all: Vec<&'a str>,
}

impl<'a> Prover<'a> {
    /// Whether the request is signed. `Err` says why not, of the rule that came nearest.
    pub(in crate::gateway) fn verify(&'a self) -> Result<(), Unproven> {
        let mut why = Unproven::NoRule;
        for rule in &self.signature.rules {
            if let Some(when) = &rule.when
                && !holds(when, &self.scope())
            {
                continue;
            }
            match self.rule(rule) {
                Ok(()) => return Ok(()),
                // A rule whose signature is not even there says the least.
                Err(other) => {
                    if why == Unproven::NoRule || !matches!(other, Unproven::Absent(_)) {
                        why = other;
                    }
                }
            }
        }
        Err(why)
    }

    fn rule(&'a self, rule: &'a Rule) -> Result<(), Unproven> {
        self.timestamp.set(None);
        self.names.borrow_mut().fill(None);
        let scope = self.scope();
        let items = self.items(&rule.taken, &scope)?;
        if let Some(stamp) = &rule.stamp {
            self.stamp(stamp, &items, &scope)?;
        }
        for (slot, source) in &rule.fields {
            let text = self.text(source, Step::Field, &scope)?;
            self.name(*slot, Some(text));
        }
        let candidates = Self::candidates(&rule.taken, &items)?;
        match &rule.keys {
            Keys::Given(keys) => self.try_keys(rule, &candidates, keys.iter()),
            Keys::ByUrl {
                source,
                host,
                known,
            } => {
                let url = self.text(source, Step::Certificate, &scope)?;
                let key = Self::certificate(url, host, known)?;
                self.try_keys(rule, &candidates, std::iter::once(&key))
            }
        }
    }

    /// The key of the certificate at an address.
    fn certificate(
        url: &str,
        host: &regex::Regex,
        known: &[(Box<str>, PublicKey)],
    ) -> Result<Key, Unproven> {
        let is_allowed = url.parse::<http::Uri>().is_ok_and(|url| {
            url.scheme_str() == Some("https")
                && url.port().is_none()
                && url
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
                && url.host().is_some_and(|name| host.is_match(name))
        });
        if !is_allowed {
            return Err(Unproven::Certificate("is at a host that is not allowed"));
        }
        let key = known.iter().find(|(at, _)| **at == *url);
        key.map(|(_, key)| Key::Public(key.clone()))
            .ok_or(Unproven::Certificate("is not known"))
    }

    /// The texts at the signature's place, taken apart.
    fn items(&'a self, taken: &'a Taken, scope: &Scope<'a>) -> Result<Items<'a>, Unproven> {
        let step = Step::Signature;
        let texts = match &taken.place {
            Place::One(source) => vec![self.text(source, step, scope)?],
            Place::Headers(names) => {
                let headers = &self.request.head.headers;
                let there = names.iter().filter(|name| headers.contains_key(*name));
                there
                    .map(|name| self.header(name, step))
                    .collect::<Result<_, _>>()?
            }
            Place::Numbered(prefix) => self.numbered(prefix)?,
            Place::Each(list, field) => self.each(list, field)?,
            Place::Basic => vec![self.header(&http::header::AUTHORIZATION, step)?],
        };
        let all: Vec<&str> = match &taken.split {
            None => texts,
            Some(split) => texts
                .into_iter()
                .flat_map(|text| text.split(&**split))
                .map(str::trim)
                .collect(),
        };
        if all.len() > MAX_ITEMS {
            return Err(Unproven::Malformed(step));
        }
        if all.iter().all(|text| text.is_empty()) {
            return Err(Unproven::Absent(step));
        }
        Ok(Items { all })
    }

    fn numbered(&'a self, prefix: &str) -> Result<Vec<&'a str>, Unproven> {
        let names = self.request.head.headers.keys();
        let numbered = names.filter(|name| {
            name.as_str().strip_prefix(prefix).is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        });
        numbered
            .map(|name| self.header(name, Step::Signature))
            .collect()
    }

    /// The token of every item of a list, which must all be the same.
    fn each(&'a self, list: &[Box<str>], field: &[Box<str>]) -> Result<Vec<&'a str>, Unproven> {
        let step = Step::Signature;
        let body = self.json().ok_or(Unproven::Absent(step))?;
        let Some(Value::List(items)) = pointed(body, list) else {
            return Err(Unproven::Absent(step));
        };
        let mut tokens = Vec::new();
        for item in items {
            let value = pointed(*item, field).ok_or(Unproven::Absent(step))?;
            let token = self.scalar(value).ok_or(Unproven::Malformed(step))?;
            if tokens.first().is_some_and(|first| *first != token) {
                return Err(Unproven::Mismatch);
            }
            if tokens.is_empty() {
                tokens.push(token);
            }
        }
        if tokens.is_empty() {
            return Err(Unproven::Absent(step));
        }
        Ok(tokens)
    }

    fn stamp(
        &'a self,
        stamp: &'a Stamp,
        items: &Items<'a>,
        scope: &Scope<'a>,
    ) -> Result<(), Unproven> {
        let step = Step::Timestamp;
        let text = match &stamp.from {
            StampFrom::Source(source) => self.text(source, step, scope)?,
            StampFrom::Item(item) => {
                let mut found = items
                    .all
                    .iter()
                    .filter_map(|text| part(item, text, "value"));
                let text = found.next().ok_or(Unproven::Absent(step))?;
                if found.next().is_some() {
                    return Err(Unproven::Repeated(step));
                }
                text
            }
            StampFrom::Index(index) => items.all.get(*index).ok_or(Unproven::Absent(step))?,
        };
        let signed_at = stamp.format.parse(text).ok_or(Unproven::Malformed(step))?;
        let age = self.request.head.received_at.duration_since(signed_at);
        if age.unsigned_abs() > std::time::Duration::from_secs(stamp.tolerance.into()) {
            return Err(Unproven::Stale {
                by: age.unsigned_abs().as_secs(),
                is_past: age.is_positive(),
                tolerance: stamp.tolerance,
            });
        }
        self.timestamp.set(Some(text));
        Ok(())
    }

    /// The signatures among the items: those that have the form and can be decoded.
    fn candidates(taken: &'a Taken, items: &Items<'a>) -> Result<Vec<Candidate<'a>>, Unproven> {
        let mut candidates = Vec::new();
        for &text in items.all.iter().skip(taken.skip) {
            let (text, names) = match &taken.item {
                None => (text, Vec::new()),
                Some((item, slots)) => {
                    let Some(parts) = item.take(text) else {
                        continue;
                    };
                    let part = |name: &str| {
                        let found = parts.iter().find(|(known, _)| *known == name);
                        found.map(|(_, text)| *text)
                    };
                    let Some(signature) = part("sig") else {
                        continue;
                    };
                    let names = slots
                        .iter()
                        .filter_map(|(name, slot)| Some((*slot, part(name)?)))
                        .collect();
                    (signature, names)
                }
            };
            let signature = match (&taken.place, taken.encoding) {
                (Place::Basic, _) => basic(text),
                (_, None) => Some(text.as_bytes().to_vec()),
                (_, Some(encoding)) => encoding.decode(text),
            };
            if let Some(signature) = signature.filter(|signature| !signature.is_empty()) {
                candidates.push(Candidate { signature, names });
            }
        }
        if candidates.is_empty() {
            return Err(Unproven::Malformed(Step::Signature));
        }
        Ok(candidates)
    }

    /// Every key against every signature; all are tried, so that the time does not tell which.
    fn try_keys<'k>(
        &'a self,
        rule: &'a Rule,
        candidates: &[Candidate<'a>],
        keys: impl Iterator<Item = &'k Key>,
    ) -> Result<(), Unproven> {
        // Where the names of items are neither signed nor required, all signatures are of the same
        // bytes.
        let is_one = !rule.signed_reads.item && rule.require.is_empty();
        let groups: Vec<&[Candidate<'a>]> = if is_one {
            vec![candidates]
        } else {
            candidates.chunks(1).collect()
        };
        let mut is_right = false;
        let mut why = None;
        for key in keys {
            self.secret.set(self.arena.bytes(key.secret_bytes()));
            for group in &groups {
                for (slot, text) in group.iter().flat_map(|candidate| &candidate.names) {
                    self.name(*slot, Some(text));
                }
                let scope = self.scope();
                if let Some(condition) = rule
                    .require
                    .iter()
                    .find(|condition| !holds(condition, &scope))
                {
                    why = Some(Unproven::Requirement(condition.text.to_string()));
                    continue;
                }
                let mut proof = Proof::start(rule.scheme, key);
                let Runs::Text(signed) = &*rule.signed.program else {
                    continue;
                };
                if let Err(fault) = signed.feed(&scope, &mut |bytes| proof.update(bytes)) {
                    why = Some(Unproven::Unsigned(fault.to_string()));
                    continue;
                }
                let signatures = group.iter().map(|candidate| &*candidate.signature);
                is_right |= proof.fits(signatures);
            }
        }
        if is_right {
            Ok(())
        } else {
            Err(why.unwrap_or(Unproven::Mismatch))
        }
    }
}

/// A part of a text by the form of an item.
fn part<'t>(item: &Item, text: &'t str, name: &str) -> Option<&'t str> {
    let parts = item.take(text)?;
    let found = parts.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| text)
}

/// `user:password` of an `Authorization` line (RFC 7617).
fn basic(line: &str) -> Option<Vec<u8>> {
    let (scheme, text) = line.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    base64::engine::general_purpose::STANDARD
        .decode(text.trim_start_matches(' '))
        .ok()
}
