//! Asks a token endpoint, by the crate oauth2; over our own client, which goes only where it may.
//!
//! Endpoints that are not quite as RFC 6749 has it are understood: a refusal that comes with status
//! 200 and lifetimes in milliseconds (Zoho), a lifetime that is a text, a missing `token_type`.

use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse as _, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::TokenError;
use crate::outbound::{Bounds, Call, FetchError, Outbound};
use crate::route::{Grant, OAuth2};

/// Bounds of a token's request.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(15),
    bytes: 64 << 10,
};
/// How much is told of what an endpoint says.
const TOLD: usize = 200;

/// What an endpoint gave.
pub(super) struct Granted {
    pub(super) access: SecretString,
    /// In the place of the one before.
    pub(super) refresh: Option<SecretString>,
    pub(super) lasts: Option<Duration>,
}

type Client =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

fn client(oauth2: &OAuth2) -> Result<Client, TokenError> {
    let token_url = TokenUrl::new(oauth2.token_url.clone());
    let token_url = token_url.map_err(|error| TokenError::Away(error.to_string()))?;
    let mut client = BasicClient::new(ClientId::new(oauth2.client_id.clone()));
    if let Some(secret) = &oauth2.client_secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    let auth_type = if oauth2.is_basic {
        AuthType::BasicAuth
    } else {
        AuthType::RequestBody
    };
    Ok(client.set_auth_type(auth_type).set_token_uri(token_url))
}

fn scopes(oauth2: &OAuth2) -> impl Iterator<Item = Scope> {
    oauth2.scopes.iter().cloned().map(Scope::new)
}

/// Asks for a token: by `refresh`, where there is one, or as the grant says.
pub(super) async fn ask(
    connection: &str,
    oauth2: &OAuth2,
    outbound: &Outbound,
    refresh: Option<&SecretString>,
) -> Result<Granted, TokenError> {
    let client = client(oauth2)?;
    let http = Http(outbound.clone());
    let refresh = refresh.or(match &oauth2.grant {
        Grant::RefreshToken(token) => Some(token),
        Grant::ClientCredentials | Grant::AuthorizationCode { .. } => None,
    });
    let params = oauth2.params.iter();
    let answered = match (&oauth2.grant, refresh) {
        (Grant::RefreshToken(_) | Grant::AuthorizationCode { .. }, Some(token)) => {
            let token = RefreshToken::new(token.expose_secret().to_owned());
            let mut request = client.exchange_refresh_token(&token);
            for (name, value) in params {
                request = request.add_extra_param(name, value);
            }
            request.request_async(&http).await
        }
        (Grant::ClientCredentials, _) => {
            let mut request = client
                .exchange_client_credentials()
                .add_scopes(scopes(oauth2));
            for (name, value) in params {
                request = request.add_extra_param(name, value);
            }
            request.request_async(&http).await
        }
        (Grant::RefreshToken(_) | Grant::AuthorizationCode { .. }, None) => {
            return Err(TokenError::NotAuthorized(connection.to_owned()));
        }
    };
    granted(answered)
}

/// An address that somebody is sent to, and what is known of who comes back.
#[derive(Debug)]
pub struct Authorization {
    /// Where somebody allows it.
    pub url: String,
    state: CsrfToken,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
}

/// Somebody has come back, and has allowed it.
#[derive(Debug)]
pub struct Authorized {
    code: AuthorizationCode,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
}

impl Authorization {
    /// For a connection whose grant is `authorization_code`; `None` for any other. PKCE (RFC 7636)
    /// goes with it.
    pub fn begin(oauth2: &OAuth2, redirect: &str) -> Option<Self> {
        let Grant::AuthorizationCode {
            authorize_url,
            params,
        } = &oauth2.grant
        else {
            return None;
        };
        let redirect = RedirectUrl::new(redirect.to_owned()).ok()?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = BasicClient::new(ClientId::new(oauth2.client_id.clone()))
            .set_auth_uri(AuthUrl::new(authorize_url.clone()).ok()?);
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes(oauth2))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(std::borrow::Cow::Borrowed(&redirect));
        for (name, value) in params {
            request = request.add_extra_param(name, value);
        }
        let (url, state) = request.url();
        Some(Self {
            url: url.to_string(),
            state,
            verifier,
            redirect,
        })
    }

    /// Looks at the query that somebody came back with; why it is none of ours.
    pub fn finish(&self, query: &str) -> Result<Authorized, String> {
        let find = |sought: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let found = pairs.find(|(name, _)| name == sought);
            found.map(|(_, value)| value.into_owned())
        };
        let state = find("state").unwrap_or_default();
        if !bool::from(subtle::ConstantTimeEq::ct_eq(
            state.as_bytes(),
            self.state.secret().as_bytes(),
        )) {
            return Err("it is not the answer to this request".to_owned());
        }
        if let Some(error) = find("error") {
            let description = find("error_description").unwrap_or_default();
            return Err(cut(format!("it was not allowed: {error} {description}")));
        }
        let code = find("code").ok_or("it brings no code")?;
        Ok(Authorized {
            code: AuthorizationCode::new(code),
            verifier: PkceCodeVerifier::new(self.verifier.secret().clone()),
            redirect: self.redirect.clone(),
        })
    }
}

/// Exchanges a code for tokens.
pub(super) async fn redeem(
    oauth2: &OAuth2,
    outbound: &Outbound,
    authorized: Authorized,
) -> Result<Granted, TokenError> {
    let client = client(oauth2)?.set_redirect_uri(authorized.redirect);
    let mut request = client
        .exchange_code(authorized.code)
        .set_pkce_verifier(authorized.verifier);
    for (name, value) in &oauth2.params {
        request = request.add_extra_param(name, value);
    }
    granted(request.request_async(&Http(outbound.clone())).await)
}

fn granted(
    answered: Result<BasicTokenResponse, RequestTokenError<FetchError, BasicErrorResponse>>,
) -> Result<Granted, TokenError> {
    match answered {
        // It would be kept, and no request could be made with it (RFC 6749, A.12).
        Ok(response) if !is_sendable(response.access_token().secret()) => {
            let text = "its token cannot stand in a header";
            Err(TokenError::Away(text.to_owned()))
        }
        Ok(response) => Ok(Granted {
            access: response.access_token().secret().clone().into(),
            refresh: response
                .refresh_token()
                .map(|token| token.secret().clone().into()),
            // Nothing is asked for that has ended already: it was not meant.
            lasts: response.expires_in().filter(|lasts| !lasts.is_zero()),
        }),
        Err(RequestTokenError::ServerResponse(refusal)) => {
            let description = refusal.error_description().map_or("", String::as_str);
            let text = format!("{} {description}", refusal.error().as_ref());
            Err(TokenError::Refused(cut(text.trim().to_owned())))
        }
        Err(RequestTokenError::Request(error)) => Err(error.into()),
        // What came may hold a token.
        Err(RequestTokenError::Parse(error, _)) => {
            let text = format!("its answer is no token: {}", error.path());
            Err(TokenError::Away(cut(text)))
        }
        Err(RequestTokenError::Other(text)) => Err(TokenError::Away(cut(text))),
    }
}

fn is_sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(TOLD) {
        text.truncate(at);
    }
    text
}

/// Our client, for the crate.
struct Http(Outbound);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = FetchError;
    type Future = BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(&self.0, request))
    }
}

async fn send(outbound: &Outbound, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let (head, body) = request.into_parts();
    let call = Call {
        method: head.method,
        url: head.uri.to_string(),
        headers: head.headers,
        body: body.into(),
    };
    let called = outbound.call(call, BOUNDS).await?;
    let (status, body) = usual(called.status, &called.body);
    let mut response = HttpResponse::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    *response.headers_mut() = called.headers;
    Ok(response)
}

/// The answer as RFC 6749 has it.
fn usual(status: u16, body: &[u8]) -> (u16, Vec<u8>) {
    let unchanged = || (status, body.to_vec());
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(body) else {
        return unchanged();
    };
    if !answer.contains_key("access_token") {
        let is_refusal = answer.contains_key("error");
        return (
            if is_refusal && status == 200 {
                400
            } else {
                status
            },
            body.to_vec(),
        );
    }
    // Where Zoho gives both, the first is in milliseconds.
    if let Some(seconds) = answer.remove("expires_in_sec") {
        answer.insert("expires_in".to_owned(), seconds);
    }
    if let Some(Value::String(text)) = answer.get("expires_in")
        && let Ok(seconds) = text.parse::<u64>()
    {
        answer.insert("expires_in".to_owned(), seconds.into());
    }
    answer
        .entry("token_type")
        .or_insert_with(|| Value::from("bearer"));
    serde_json::to_vec(&answer).map_or_else(|_| unchanged(), |body| (status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, usual_status: u16, usual_body: &str) {
        let (status, body) = usual(status, body.as_bytes());
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let expected: Value = serde_json::from_str(usual_body).unwrap();
        assert_eq!((status, body), (usual_status, expected));
    }

    #[test]
    fn answers_that_are_not_quite_usual_are_understood() {
        let refusal = r#"{"error":"invalid_code"}"#;
        check(200, refusal, 400, refusal);
        check(400, refusal, 400, refusal);
        check(
            200,
            r#"{"access_token":"a","expires_in":3600000,"expires_in_sec":3600}"#,
            200,
            r#"{"access_token":"a","expires_in":3600,"token_type":"bearer"}"#,
        );
        check(
            200,
            r#"{"access_token":"a","expires_in":"60","token_type":"Bearer"}"#,
            200,
            r#"{"access_token":"a","expires_in":60,"token_type":"Bearer"}"#,
        );
        check(502, "<html>", 502, "null");
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_none() {
        assert!(is_sendable("1000.ab-c_d~e+f/g=="));
        for wrong in ["", "a\nb", "a\u{7f}", "é"] {
            assert!(!is_sendable(wrong), "{wrong:?}");
        }
    }

    fn oauth2() -> OAuth2 {
        OAuth2::for_test(
            Grant::AuthorizationCode {
                authorize_url: "https://accounts.example.com/auth".to_owned(),
                params: vec![("prompt".to_owned(), "consent".to_owned())],
            },
            "https://accounts.example.com/token",
        )
    }

    #[test]
    fn only_the_one_who_was_sent_is_taken_back() {
        let begin = || Authorization::begin(&oauth2(), "http://127.0.0.1:8085/").unwrap();
        let begun = begin();
        for part in [
            "response_type=code",
            "client_id=client",
            "prompt=consent",
            "code_challenge_method=S256",
            "redirect_uri=http%3A%2F%2F127.0.0.1%3A8085%2F",
        ] {
            assert!(begun.url.contains(part), "{part} in {}", begun.url);
        }
        let state = begun.state.secret().clone();
        assert!(begun.finish(&format!("code=c&state={state}")).is_ok());
        let begun = begin();
        assert!(begun.finish(&format!("code=c&state={state}")).is_err());
        let begun = begin();
        let state = begun.state.secret().clone();
        let error = begun.finish(&format!("error=access_denied&state={state}"));
        assert_eq!(error.unwrap_err(), "it was not allowed: access_denied ");
        assert!(begin().finish("").is_err());
    }
}
