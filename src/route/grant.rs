//! `auth.oauth2` of a connection: what is needed to ask for an access token.

use http::Uri;
use secrecy::{ExposeSecret as _, SecretString};

use super::connection::Compiler;
use crate::auth::KeyHash;
use crate::spec::{FieldPath, OAuth2Spec, ValueSpec};

/// What stands where the token goes.
const TOKEN: &str = "{token}";

/// How access tokens are asked for (RFC 6749).
#[derive(Debug)]
pub struct OAuth2 {
    /// How the first one comes.
    pub grant: Grant,
    /// Where tokens are asked for.
    pub token_url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret, where it has one.
    pub client_secret: Option<SecretString>,
    /// Whether id and secret are sent as HTTP Basic has it, and not in the form.
    pub is_basic: bool,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What else is sent.
    pub params: Vec<(String, String)>,
    /// The header, before and behind the token.
    header: (String, String),
    /// Tells whether a token that is kept was asked for by the same.
    pub fingerprint: String,
}

/// How the first token comes.
#[derive(Debug)]
pub enum Grant {
    /// By id and secret of the client.
    ClientCredentials,
    /// By a token that somebody was given elsewhere.
    RefreshToken(SecretString),
    /// Somebody allows it in a browser.
    AuthorizationCode {
        /// Where.
        authorize_url: String,
        /// What else stands in that address.
        params: Vec<(String, String)>,
    },
}

impl OAuth2 {
    /// One that a test asks by.
    #[cfg(test)]
    pub(crate) fn for_test(grant: Grant, token_url: &str) -> Self {
        Self {
            grant,
            token_url: token_url.to_owned(),
            client_id: "client".to_owned(),
            client_secret: None,
            is_basic: false,
            scopes: vec!["crm".to_owned()],
            params: Vec::new(),
            header: ("Bearer ".to_owned(), String::new()),
            fingerprint: "test".to_owned(),
        }
    }

    /// The value of `Authorization`.
    pub fn header(&self, token: &str) -> String {
        let (before, behind) = &self.header;
        format!("{before}{token}{behind}")
    }
}

impl Compiler<'_, '_> {
    pub(super) fn oauth2(&mut self, spec: &OAuth2Spec, at: &FieldPath) -> Option<OAuth2> {
        let token_url = self.token_url(spec.token_url.as_ref(), &at.key("token_url"), at);
        let client_id = self.given(spec.client_id.as_ref(), &at.key("client_id"), at);
        let client_secret = match &spec.client_secret {
            Some(secret) => Some(self.secret(secret, &at.key("client_secret"))?),
            None => None,
        };
        let grant = self.grant(spec, at, client_secret.is_some());
        let header = spec.header.as_deref().unwrap_or("Bearer {token}");
        let halves = header.split_once(TOKEN);
        let is_line = http::HeaderValue::from_str(header).is_ok();
        let Some((before, behind)) = halves.filter(|_| is_line) else {
            self.error(
                &at.key("header"),
                "the header has no place for the token".to_owned(),
                "write it as in `header: Bearer {token}`",
            );
            return None;
        };
        let (grant, token_url, client_id) = (grant?, token_url?, client_id?);
        let (grant_name, refresh_token) = match &grant {
            Grant::ClientCredentials => ("client_credentials", ""),
            Grant::RefreshToken(token) => ("refresh_token", token.expose_secret()),
            Grant::AuthorizationCode { .. } => ("authorization_code", ""),
        };
        let scopes = spec.scopes.join(" ");
        let parts = [grant_name, &token_url, &client_id, refresh_token, &scopes];
        Some(OAuth2 {
            // No part has a line break in it.
            fingerprint: hex::encode(KeyHash::of(&parts.join("\n")).0),
            grant,
            token_url,
            client_id,
            client_secret: client_secret.map(Into::into),
            is_basic: spec.client.as_deref() == Some("basic"),
            scopes: spec.scopes.clone(),
            params: pairs(&spec.params),
            header: (before.to_owned(), behind.to_owned()),
        })
    }

    fn grant(&mut self, spec: &OAuth2Spec, at: &FieldPath, has_secret: bool) -> Option<Grant> {
        match spec.grant.as_deref() {
            Some("client_credentials") => {
                if !has_secret {
                    self.missing(at, "client_secret");
                }
                has_secret.then_some(Grant::ClientCredentials)
            }
            Some("refresh_token") => {
                let Some(token) = &spec.refresh_token else {
                    self.missing(at, "refresh_token");
                    return None;
                };
                let token = self.secret(token, &at.key("refresh_token"))?;
                Some(Grant::RefreshToken(token.into()))
            }
            Some(_) => {
                let field = at.key("authorize_url");
                let authorize_url = self.token_url(spec.authorize_url.as_ref(), &field, at)?;
                let params = pairs(&spec.authorize_params);
                Some(Grant::AuthorizationCode {
                    authorize_url,
                    params,
                })
            }
            None => {
                self.missing(at, "grant");
                None
            }
        }
    }

    fn missing(&mut self, at: &FieldPath, field: &str) {
        self.error(
            at,
            format!("`{field}` is missing"),
            "`grant: client_credentials` needs `token_url`, `client_id` and `client_secret`; `grant: refresh_token` needs `refresh_token`, too; `grant: authorization_code` needs `authorize_url`",
        );
    }

    fn given(
        &mut self,
        value: Option<&ValueSpec>,
        field: &FieldPath,
        at: &FieldPath,
    ) -> Option<String> {
        match value {
            None => {
                let name = field.to_string();
                let name = name.rsplit('.').next().unwrap_or_default();
                self.missing(at, name);
                None
            }
            Some(ValueSpec::Text(text)) => Some(text.clone()),
            Some(_) if self.values.assumed => Some("assumed".to_owned()),
            Some(value) => self.value(value, field),
        }
    }

    fn token_url(
        &mut self,
        value: Option<&ValueSpec>,
        field: &FieldPath,
        at: &FieldPath,
    ) -> Option<String> {
        let text = self.given(value, field, at)?;
        if self.values.assumed && !matches!(value, Some(ValueSpec::Text(_))) {
            return Some("https://assumed.invalid".to_owned());
        }
        let uri = text.parse::<Uri>().ok();
        // The secret must not be read on its way, but in a network of our own.
        let may_be_plain = !self.spec.allow.is_empty();
        let is_address = uri.as_ref().is_some_and(|uri| {
            (uri.scheme_str() == Some("https")
                || (uri.scheme_str() == Some("http") && may_be_plain))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if !is_address || text.contains('#') {
            self.error(
                field,
                "this is no address to ask for a token at".to_owned(),
                "write one with `https:`, as in `https://accounts.zoho.com/oauth/v2/token`",
            );
            return None;
        }
        Some(text)
    }
}

fn pairs(map: &indexmap::IndexMap<String, String>) -> Vec<(String, String)> {
    let pairs = map.iter();
    pairs
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
