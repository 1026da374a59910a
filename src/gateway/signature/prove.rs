//! Whether one of a signature's rules holds for the request.

use std::sync::Arc;

use base64::Engine as _;
use secrecy::ExposeSecret as _;

use super::find::pointed;
use super::{Prover, Step, Unproven, holds};
use crate::auth::signature::{Item, Key, Proof, PublicKey, Token, TokenKey, Trust};
use crate::gateway::Wanted;
use crate::gateway::certificates::Found;
use crate::route::Runs;
use crate::route::signature::{Keys, Place, Rule, Stamp, StampFrom, Taken};
use crate::value::{Value, json};

/// More items of one list are not looked at: a list that long is no signature.
const MAX_ITEMS: usize = 64;

/// More items that are signed by themselves are not looked at: each may cost a public key.
const MAX_EACH: usize = 1000;

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
            match self.items_of(rule) {
                Ok(()) => return Ok(()),
                // Among those that say the same, the last.
                Err(other) if other.progress() >= why.progress() => why = other,
                Err(_) => {}
            }
        }
        Err(why)
    }

    /// The rule for the whole request, or for each item of a list in it.
    fn items_of(&'a self, rule: &'a Rule) -> Result<(), Unproven> {
        let Some((list, scope)) = &rule.each else {
            return self.rule(rule);
        };
        let step = Step::Signature;
        let found = self.json().and_then(|body| pointed(body, list));
        let Some(Value::List(items)) = found else {
            return Err(Unproven::Absent(step));
        };
        if items.is_empty() {
            return Err(Unproven::Absent(step));
        }
        if items.len() > MAX_EACH {
            return Err(Unproven::Malformed(step));
        }
        let mut outcome = Ok(());
        for item in items {
            match pointed(*item, scope) {
                Some(scoped) => {
                    self.item.set(Some(scoped));
                    outcome = outcome.and(self.rule(rule));
                }
                None => outcome = outcome.and(Err(Unproven::Absent(step))),
            }
        }
        self.item.set(None);
        outcome
    }

    fn rule(&'a self, rule: &'a Rule) -> Result<(), Unproven> {
        self.timestamp.set(None);
        self.names.borrow_mut().fill(None);
        let items = self.items(&rule.taken)?;
        if let Some(stamp) = &rule.stamp {
            self.stamp(stamp, &items)?;
        }
        for (slot, source) in &rule.fields {
            let text = self.text(source, Step::Field)?;
            self.name(*slot, Some(text));
        }
        let candidates = self.candidates(&rule.taken, &items)?;
        match &rule.keys {
            Keys::Tokens(keys) => self.token(rule, &candidates, keys),
            Keys::Given(_) | Keys::OfHandshake { .. } if self.tweak.keys.is_some() => {
                let keys = self.tweak.keys.iter().flatten();
                let keys = keys.map(|key| (key, key.secret_bytes()));
                self.try_keys(rule, &candidates, keys)
            }
            Keys::Given(keys) => {
                let keys = keys.iter().map(|key| (key, key.secret_bytes()));
                self.try_keys(rule, &candidates, keys)
            }
            Keys::OfHandshake { form, scheme } => {
                let secrets = self.handshakes.of(self.function);
                let keys: Vec<Key> = secrets
                    .iter()
                    .filter_map(|secret| Key::new(secret.expose_secret(), form, *scheme).ok())
                    .collect();
                if keys.is_empty() {
                    return Err(Unproven::NoHandshake);
                }
                let keys = keys
                    .iter()
                    .map(|key| (key, self.arena.bytes(key.secret_bytes())));
                self.try_keys(rule, &candidates, keys)
            }
            Keys::ByUrl {
                source,
                host,
                known,
                trust,
            } => {
                let url = self.text(source, Step::Certificate)?;
                let key = self.certificate(url, host, known, trust)?;
                self.try_keys(rule, &candidates, std::iter::once((&key, &[][..])))
            }
        }
    }

    /// The key of the certificate at an address.
    fn certificate(
        &self,
        url: &str,
        host: &regex::Regex,
        known: &[(Box<str>, PublicKey)],
        trust: &Arc<Trust>,
    ) -> Result<Key, Unproven> {
        if !is_at(url, host) {
            let why = "is at a host that is not allowed";
            return Err(Unproven::Certificate(why.to_owned()));
        }
        if let Some((_, key)) = known.iter().find(|(at, _)| **at == *url) {
            return Ok(Key::Public(key.clone()));
        }
        let wanted = Wanted {
            url: url.into(),
            trust: Arc::clone(trust),
        };
        let Some(certificates) = self.certificates.filter(|all| all.can_fetch()) else {
            return Err(Unproven::Certificate("is not known".to_owned()));
        };
        match certificates.look(&wanted, self.request.head.received_at) {
            None => Err(Unproven::Awaits(wanted)),
            Some(Found::Key(key)) => Ok(Key::Public(key)),
            Some(Found::Distrusted(why)) => Err(Unproven::Certificate(why)),
            Some(Found::Unreachable(why)) => Err(Unproven::Unreachable(why)),
        }
    }

    /// The texts at the signature's place, taken apart.
    fn items(&'a self, taken: &'a Taken) -> Result<Items<'a>, Unproven> {
        let step = Step::Signature;
        let texts = match &taken.place {
            Place::One(source) => vec![self.text(source, step)?],
            Place::Headers(names) => {
                let headers = &self.request.head.headers;
                let there = names.iter().filter(|name| headers.contains_key(*name));
                there
                    .map(|name| self.header(name, step))
                    .collect::<Result<_, _>>()?
            }
            Place::Numbered(prefix) => self.numbered(prefix)?,
            Place::Each(list, field) => self.each(list, field)?,
            Place::Authorization(word) => {
                let line = self.header(&http::header::AUTHORIZATION, step)?;
                vec![credentials(line, word).ok_or(Unproven::Malformed(step))?]
            }
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

    fn stamp(&'a self, stamp: &'a Stamp, items: &Items<'a>) -> Result<(), Unproven> {
        let step = Step::Timestamp;
        let text = match &stamp.from {
            StampFrom::Source(source) => self.text(source, step)?,
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
        if !self.tweak.at_any_time
            && age.unsigned_abs() > std::time::Duration::from_secs(stamp.tolerance.into())
        {
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
    fn candidates(
        &self,
        taken: &'a Taken,
        items: &Items<'a>,
    ) -> Result<Vec<Candidate<'a>>, Unproven> {
        let mut candidates = Vec::new();
        for &text in items.all.iter().skip(taken.skip) {
            let (text, names) = match &taken.item {
                None => (text, Vec::new()),
                Some((item, slots)) => {
                    let parts = if self.tweak.any_item {
                        Some(vec![(
                            "sig",
                            text.rsplit(['=', ',']).next().unwrap_or(text),
                        )])
                    } else {
                        item.take(text)
                    };
                    let Some(parts) = parts else {
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
            let encoding = taken.encoding.map(|own| self.tweak.encoding.unwrap_or(own));
            let signature = match (&taken.place, encoding) {
                (Place::Authorization("basic"), _) => {
                    base64::engine::general_purpose::STANDARD.decode(text).ok()
                }
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

    /// A token that one of the keys has signed, that is valid now, and whose claims are those that
    /// the scheme requires.
    fn token(
        &'a self,
        rule: &'a Rule,
        candidates: &[Candidate<'a>],
        keys: &[TokenKey],
    ) -> Result<(), Unproven> {
        let step = Step::Signature;
        let [candidate] = candidates else {
            return Err(Unproven::Repeated(step));
        };
        let text = std::str::from_utf8(&candidate.signature);
        let token = text.ok().and_then(Token::parse);
        let token = token.ok_or(Unproven::Malformed(step))?;
        if !token.is_signed_by(keys) {
            return Err(Unproven::Mismatch);
        }
        let claims = self.arena.bytes(token.claims());
        let claims = json::read(claims, self.arena, json::DEPTH)
            .ok()
            .filter(|claims| matches!(claims, Value::Map(_)))
            .ok_or(Unproven::Malformed(step))?;
        self.valid_now(claims)?;
        self.claims.set(Some(claims));
        let scope = self.scope();
        match rule
            .require
            .iter()
            .find(|condition| !holds(condition, &scope))
        {
            None => Ok(()),
            Some(condition) => Err(Unproven::Requirement(condition.text.to_string())),
        }
    }

    /// `exp` and `nbf` (RFC 7519, 4.1), with a minute for clocks that differ. A token without `exp`
    /// is valid for ever, which is its issuer's to decide.
    fn valid_now(&self, claims: Value<'_>) -> Result<(), Unproven> {
        const LEEWAY: i64 = 60;
        let Value::Map(claims) = claims else {
            return Err(Unproven::Malformed(Step::Timestamp));
        };
        let now = self.request.head.received_at.as_second();
        let time = |name: &str| match claims.get(name.into()) {
            None => Ok(None),
            Some(Value::Int(at)) => Ok(Some(at)),
            Some(_) => Err(Unproven::Malformed(Step::Timestamp)),
        };
        let stale = |by: i64, is_past| Unproven::Stale {
            by: by.unsigned_abs(),
            is_past,
            tolerance: 60,
        };
        if let Some(end) = time("exp")?
            && now.saturating_sub(end) >= LEEWAY
        {
            return Err(stale(now.saturating_sub(end), true));
        }
        if let Some(start) = time("nbf")?
            && start.saturating_sub(now) > LEEWAY
        {
            return Err(stale(start.saturating_sub(now), false));
        }
        Ok(())
    }

    /// Every key against every signature; all are tried, so that the time does not tell which.
    fn try_keys<'k>(
        &'a self,
        rule: &'a Rule,
        candidates: &[Candidate<'a>],
        keys: impl Iterator<Item = (&'k Key, &'a [u8])>,
    ) -> Result<(), Unproven> {
        if rule.signed_reads.body_alone && rule.require.is_empty() {
            // What most providers sign: nothing has to be evaluated.
            let mut is_right = false;
            for (key, _) in keys {
                let scheme = self.tweak.scheme.unwrap_or(rule.scheme);
                let mut proof = Proof::start(scheme, key);
                proof.update(&self.request.body);
                is_right |= proof.fits(candidates.iter().map(|one| &*one.signature));
            }
            return if is_right {
                Ok(())
            } else {
                Err(Unproven::Mismatch)
            };
        }
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
        for (key, secret) in keys {
            self.secret.set(secret);
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
                let mut proof = Proof::start(self.tweak.scheme.unwrap_or(rule.scheme), key);
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

/// Whether an address is behind `https` at a host that is allowed.
pub(super) fn is_at(url: &str, host: &regex::Regex) -> bool {
    url.parse::<http::Uri>().is_ok_and(|url| {
        url.scheme_str() == Some("https")
            && url.port().is_none()
            && url
                .authority()
                .is_some_and(|authority| !authority.as_str().contains('@'))
            && url.host().is_some_and(|name| host.is_match(name))
    })
}

/// A part of a text by the form of an item.
fn part<'t>(item: &Item, text: &'t str, name: &str) -> Option<&'t str> {
    let parts = item.take(text)?;
    let found = parts.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| text)
}

/// What stands after a word in an `Authorization` line; its case does not matter (RFC 9110).
fn credentials<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let (scheme, text) = line.split_once(' ')?;
    let text = text.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case(word) && !text.is_empty()).then_some(text)
}
