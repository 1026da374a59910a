//! Reaching third parties: access tokens of OAuth 2, asked for when they are needed.
//!
//! ```text
//! Tokens::access ─▶ in memory, and good for a while? ─▶ Access
//!                   in the store, from another gateway or an earlier start?
//!                   claimed in the store ─oauth2─▶ token endpoint ─▶ sealed in the store ─▶ Access
//! ```
//!
//! Of all who wait for a token, in this process and in others on the same database, one asks. A
//! token is replaced a minute before it ends, or once the third party has refused it. A token
//! endpoint that fails is left alone for a while.

mod grant;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

pub use grant::{Authorization, Authorized};

use crate::auth::Environment;
use crate::clock::{Clock, Stopwatch};
use crate::outbound::{FetchError, Outbound};
use crate::route::{Connection, OAuth2};
use crate::store::{ConnectionToken, Store, StoreError};

/// So long before its end a token is replaced; one that lasts less than twice as long, at its half.
const EARLY: Duration = Duration::from_mins(1);
/// So long at most somebody asks for a token.
const ASKING: Duration = Duration::from_secs(30);
/// How often it is looked whether another gateway has a token.
const LOOK: Duration = Duration::from_millis(100);
/// So long a token endpoint is left alone that does not answer.
const AWAY: Duration = Duration::from_secs(5);
/// So long one is left alone that refuses.
const REFUSED: Duration = Duration::from_mins(1);

/// An access token.
#[derive(Debug, Clone)]
pub struct Access {
    token: SecretString,
    /// When it ends, as far as that was said.
    pub expires: Option<Timestamp>,
    /// From when on it is replaced.
    stale: Option<Timestamp>,
}

impl Access {
    /// The value of `Authorization`, as the connection has it.
    pub fn header(&self, oauth2: &OAuth2) -> SecretString {
        oauth2.header(self.token.expose_secret()).into()
    }

    fn is(&self, other: &Self) -> bool {
        self.token.expose_secret() == other.token.expose_secret()
    }

    fn new(token: SecretString, obtained: Timestamp, expires: Option<Timestamp>) -> Self {
        let stale = expires.map(|expires| {
            let half = expires.duration_since(obtained) / 2;
            let early = half.min(EARLY.try_into().unwrap_or(half));
            expires.checked_sub(early).unwrap_or(expires)
        });
        Self {
            token,
            expires,
            stale,
        }
    }

    fn lasts(&self, now: Timestamp) -> bool {
        self.stale.is_none_or(|stale| stale > now)
    }
}

/// Why there is no access token. Never holds one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nobody has allowed it yet.
    #[error("nobody has allowed it yet: `hookweir connections authorize {0}`")]
    NotAuthorized(String),
    /// The token endpoint says no.
    #[error("the token endpoint refuses: {0}")]
    Refused(String),
    /// It does not answer, or nothing that is a token.
    #[error("the token endpoint: {0}")]
    Away(String),
    /// The store.
    #[error("{0}")]
    Store(String),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<FetchError> for TokenError {
    fn from(error: FetchError) -> Self {
        Self::Away(error.to_string())
    }
}

/// Tokens as they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    access: String,
    refresh: Option<String>,
    /// Of the connection as it was when they were asked for.
    fingerprint: String,
}

/// Whose token.
type Place = (Arc<str>, Environment);

/// What is known of one place.
#[derive(Debug, Default)]
struct Known {
    /// By which fingerprint, and the token.
    access: Option<(String, Access)>,
    /// Until when the endpoint is left alone, and why.
    failed: Option<(Timestamp, TokenError)>,
}

#[derive(Debug, Default)]
struct Entry {
    known: Mutex<Known>,
    /// Held by the one who asks.
    turn: tokio::sync::Mutex<()>,
}

/// Access tokens.
#[derive(Debug)]
pub struct Tokens {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<Place, Arc<Entry>>>,
}

impl Tokens {
    /// Kept in this store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            entries: Mutex::default(),
        }
    }

    /// A token for requests by this connection. `refused` is the one that the third party did not
    /// take: that one is not given again.
    pub async fn access(
        &self,
        connection: &Connection,
        environment: Environment,
        oauth2: &OAuth2,
        outbound: &Outbound,
        refused: Option<&Access>,
    ) -> Result<Access, TokenError> {
        let place = (Arc::clone(&connection.name), environment);
        let entry = Arc::clone(self.entries().entry(place.clone()).or_default());
        if let Some(access) = self.held(&entry, oauth2, refused)? {
            return Ok(access);
        }
        let _turn = entry.turn.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(access) = self.held(&entry, oauth2, refused)? {
            return Ok(access);
        }
        let found = self.find(&place, oauth2, outbound, refused).await;
        let mut known = lock(&entry.known);
        match &found {
            Ok(access) => {
                known.access = Some((oauth2.fingerprint.clone(), access.clone()));
                known.failed = None;
            }
            Err(error) => {
                let pause = match error {
                    TokenError::Refused(_) => REFUSED,
                    TokenError::NotAuthorized(_) | TokenError::Away(_) | TokenError::Store(_) => {
                        AWAY
                    }
                };
                let until = self.clock.now().saturating_add(pause);
                known.failed = Some((until.unwrap_or(Timestamp::MAX), error.clone()));
            }
        }
        found
    }

    /// Forgets what is in memory: somebody has changed what is in the store.
    pub fn forget(&self) {
        self.entries().clear();
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Arc<Entry>>> {
        lock(&self.entries)
    }

    /// The token in memory, if it is good.
    fn held(
        &self,
        entry: &Entry,
        oauth2: &OAuth2,
        refused: Option<&Access>,
    ) -> Result<Option<Access>, TokenError> {
        let now = self.clock.now();
        let known = lock(&entry.known);
        if let Some((fingerprint, access)) = &known.access
            && *fingerprint == oauth2.fingerprint
            && access.lasts(now)
            && !refused.is_some_and(|refused| refused.is(access))
        {
            return Ok(Some(access.clone()));
        }
        match &known.failed {
            // A clock that was set back does not make it longer.
            Some((until, error))
                if now < *until && *until - now <= REFUSED.try_into().unwrap_or_default() =>
            {
                Err(error.clone())
            }
            _ => Ok(None),
        }
    }

    /// The token in the store, or a new one.
    async fn find(
        &self,
        place: &Place,
        oauth2: &OAuth2,
        outbound: &Outbound,
        refused: Option<&Access>,
    ) -> Result<Access, TokenError> {
        let watch = Stopwatch::start();
        let is_good = |access: &Access| {
            access.lasts(self.clock.now()) && !refused.is_some_and(|refused| refused.is(access))
        };
        loop {
            let kept = self.kept(place, oauth2).await?;
            if let Some((access, _)) = &kept
                && is_good(access)
            {
                return Ok(access.clone());
            }
            if self.claim(place).await? {
                // Whoever had it before may have come to an end between the look and the claim.
                let found = match self.kept(place, oauth2).await {
                    Ok(Some((access, _))) if is_good(&access) => {
                        self.unclaim(place).await?;
                        return Ok(access);
                    }
                    Ok(kept) => {
                        let refresh = kept.and_then(|(_, refresh)| refresh);
                        self.ask(place, oauth2, outbound, refresh).await
                    }
                    Err(error) => Err(error),
                };
                if found.is_err() {
                    self.unclaim(place).await?;
                }
                return found;
            }
            if watch.elapsed() > ASKING {
                let text = "another gateway asks, and gets no answer";
                return Err(TokenError::Away(text.to_owned()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn ask(
        &self,
        place: &Place,
        oauth2: &OAuth2,
        outbound: &Outbound,
        refresh: Option<SecretString>,
    ) -> Result<Access, TokenError> {
        let (connection, _) = place;
        let granted = grant::ask(connection, oauth2, outbound, refresh.as_ref()).await?;
        self.keep(place, oauth2, granted, refresh).await
    }

    /// Keeps what was granted. Where no new refresh token came, the one before is still good.
    async fn keep(
        &self,
        (connection, environment): &Place,
        oauth2: &OAuth2,
        granted: grant::Granted,
        refresh: Option<SecretString>,
    ) -> Result<Access, TokenError> {
        let now = self.clock.now();
        let expires = granted
            .lasts
            .map(|lasts| now.saturating_add(lasts).unwrap_or(Timestamp::MAX));
        let refresh = granted.refresh.or(refresh);
        let kept = Kept {
            access: granted.access.expose_secret().to_owned(),
            refresh: refresh.map(|refresh| refresh.expose_secret().to_owned()),
            fingerprint: oauth2.fingerprint.clone(),
        };
        let tokens =
            serde_json::to_string(&kept).map_err(|error| TokenError::Store(error.to_string()))?;
        let token = ConnectionToken {
            connection: connection.to_string(),
            environment: *environment,
            tokens: tokens.into(),
            obtained: now,
            expires,
        };
        self.blocking(move |store| store.put_connection_token(&token))
            .await?;
        Ok(Access::new(granted.access, now, expires))
    }

    /// The tokens in the store, if the connection is still the same.
    async fn kept(
        &self,
        (connection, environment): &Place,
        oauth2: &OAuth2,
    ) -> Result<Option<(Access, Option<SecretString>)>, TokenError> {
        let all = self.blocking(|store| store.connection_tokens()).await?;
        let found = all
            .into_iter()
            .find(|token| token.connection == **connection && token.environment == *environment);
        let Some(token) = found else {
            return Ok(None);
        };
        let kept: Kept = serde_json::from_str(token.tokens.expose_secret())
            .map_err(|_| TokenError::Store("a kept token cannot be read".to_owned()))?;
        let is_same = kept.fingerprint == oauth2.fingerprint;
        Ok(is_same.then(|| {
            let access = Access::new(kept.access.into(), token.obtained, token.expires);
            (access, kept.refresh.map(Into::into))
        }))
    }

    async fn claim(&self, (connection, environment): &Place) -> Result<bool, TokenError> {
        let now = self.clock.now();
        let until = now.saturating_add(ASKING).unwrap_or(Timestamp::MAX);
        let (connection, environment) = (Arc::clone(connection), *environment);
        self.blocking(move |store| {
            store.claim_connection_token(&connection, environment, now, until)
        })
        .await
    }

    async fn unclaim(&self, (connection, environment): &Place) -> Result<(), TokenError> {
        let (connection, environment) = (Arc::clone(connection), *environment);
        self.blocking(move |store| store.unclaim_connection_token(&connection, environment))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, TokenError> {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || work(&*store)).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(TokenError::Store("a look at the store panicked".to_owned())),
        }
    }

    /// Keeps the tokens of somebody who has allowed it in a browser.
    pub async fn authorize(
        &self,
        connection: &Connection,
        environment: Environment,
        oauth2: &OAuth2,
        outbound: &Outbound,
        authorized: Authorized,
    ) -> Result<Access, TokenError> {
        let granted = grant::redeem(oauth2, outbound, authorized).await?;
        let place = (Arc::clone(&connection.name), environment);
        self.keep(&place, oauth2, granted, None).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_before_it_ends() {
        let at = |seconds| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let check = |lasts: Option<i64>, good: i64, stale: Option<i64>| {
            let access = Access::new("t".to_owned().into(), at(0), lasts.map(at));
            assert!(access.lasts(at(good)), "{lasts:?}");
            if let Some(stale) = stale {
                assert!(!access.lasts(at(stale)), "{lasts:?}");
            }
        };
        check(Some(3600), 3539, Some(3540));
        check(Some(30), 14, Some(15));
        check(None, 1_000_000, None);
    }
}
