//! What signatures are checked with: from where secrets and keys are to what they are.

use std::sync::Arc;

use regex::Regex;
use rustls::pki_types::ServerName;

use super::Keys;
use super::compile::{ASSUMED, Compiler};
use crate::auth::signature::{
    Case, Digest, Encoding, Key, KeyForm, PublicKey, PublicKeyForm, Scheme, SecretForm, TokenKey,
    Trust, algorithm, key_set,
};
use crate::diagnostic::code::signature as code;
use crate::spec::{FieldPath, KeyFormSpec, SecretFormSpec, SignatureSpec, SourceSpec, ValueSpec};

impl Compiler<'_, '_, '_> {
    pub(super) fn keys(
        &mut self,
        rule: &SignatureSpec,
        whole: &SignatureSpec,
        scheme: Scheme,
        at: &FieldPath,
    ) -> Option<Keys> {
        if let Some(
            form @ KeyFormSpec {
                certificate_url: Some(source),
                allowed_host,
                ..
            },
        ) = &rule.key
        {
            return self.by_url(source, allowed_host.as_deref(), form, whole, at);
        }
        if scheme == Scheme::Jwt {
            return self.token_keys(rule, whole, at);
        }
        let top = self.at.clone();
        let (listed, key, form) = if scheme.is_public() {
            let form = match rule.key.as_ref().and_then(|key| key.encoding.as_deref()) {
                Some("base64") => PublicKeyForm::Raw(Encoding::Base64),
                Some("spki-base64") => PublicKeyForm::SpkiBase64,
                Some("pem") => PublicKeyForm::Pem,
                Some("hex") => PublicKeyForm::Raw(Encoding::Hex(Case::Any)),
                _ if scheme == Scheme::Ed25519 => PublicKeyForm::Raw(Encoding::Hex(Case::Any)),
                _ => PublicKeyForm::Pem,
            };
            (&whole.keys, "keys", KeyForm::Public(form))
        } else {
            let form = rule.secret.as_ref().map(secret_form).unwrap_or_default();
            (&whole.secrets, "secrets", KeyForm::Secret(form))
        };
        if listed.is_empty() {
            if !scheme.is_public() && self.keeps_secrets {
                return self.of_handshake(scheme, form);
            }
            if self.values.assumed {
                return Some(Keys::Given(assumed_keys(scheme)));
            }
            let what = if scheme.is_public() {
                "public key"
            } else {
                "secret"
            };
            self.error(
                code::NO_SECRET,
                &top,
                &format!("there is no {what} to check signatures with"),
                &format!("add `{key}: [{{ env: NAME }}]` and set the variable"),
            );
            return None;
        }
        let mut keys = Vec::new();
        for (index, value) in listed.iter().enumerate() {
            let at = top.key(key).index(index);
            if self.values.assumed {
                continue;
            }
            if !scheme.is_public() && matches!(value, ValueSpec::Text(_)) {
                self.error(
                    code::INLINE_SECRET,
                    &at,
                    "a secret is written into the spec",
                    "put it into an environment variable or a file: `{ env: NAME }`, `{ file: path }`; and change it: whoever reads this file knows it",
                );
                continue;
            }
            let text = match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err((message, help)) => {
                    self.error(code::UNSET_SECRET, &at, &message, &help);
                    continue;
                }
            };
            match Key::new(&text, &form, scheme) {
                Ok(key) => keys.push(key),
                Err(why) => self.error(
                    code::BAD_KEY,
                    &at,
                    &format!(
                        "this cannot be a key of `{}`: {why}",
                        rule.scheme.as_deref().unwrap_or_default()
                    ),
                    "take it again from where the provider shows it, whole and without blanks",
                ),
            }
        }
        if self.values.assumed {
            keys = assumed_keys(scheme);
        }
        (self.values.assumed || keys.len() == listed.len()).then_some(Keys::Given(keys))
    }

    /// The secrets that the handshake will give: whoever can send one must have shown a key.
    fn of_handshake(&mut self, scheme: Scheme, form: KeyForm) -> Option<Keys> {
        if self.has_key {
            return Some(Keys::OfHandshake { form, scheme });
        }
        let at = self.at.clone();
        self.error(
            code::OPEN_HANDSHAKE,
            &at,
            "anybody could give this function a secret, and sign with it",
            "add `zapikey: required` beside `signature`: only who knows the URL with its key can then; or give `secrets`",
        );
        None
    }

    /// The keys of tokens: for each algorithm the secrets or the public keys, or a set of keys that
    /// say so themselves.
    pub(super) fn token_keys(
        &mut self,
        rule: &SignatureSpec,
        whole: &SignatureSpec,
        at: &FieldPath,
    ) -> Option<Keys> {
        let encoding = rule.key.as_ref().and_then(|key| key.encoding.as_deref());
        if encoding == Some("jwks") {
            return self.key_sets(whole);
        }
        let default = [String::from("HS256")];
        let names = if rule.algorithms.is_empty() {
            &default[..]
        } else {
            &rule.algorithms
        };
        let mut keys = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let Some(scheme) = algorithm(name) else {
                self.error(
                    code::BAD_SCHEME,
                    &at.key("algorithms").index(index),
                    &format!("tokens cannot be signed with `{name}`"),
                    "one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256 and EdDSA",
                );
                return None;
            };
            let Keys::Given(given) = self.keys(rule, whole, scheme, at)? else {
                return None;
            };
            keys.extend(given.into_iter().map(|key| TokenKey {
                id: None,
                key,
                scheme,
            }));
        }
        Some(Keys::Tokens(keys))
    }

    pub(super) fn key_sets(&mut self, whole: &SignatureSpec) -> Option<Keys> {
        let mut keys = Vec::new();
        let top = self.at.clone();
        if whole.keys.is_empty() && !self.values.assumed {
            self.error(
                code::NO_SECRET,
                &top,
                "there is no public key to check tokens with",
                "add `keys: [{ file: jwks.json }]`",
            );
            return None;
        }
        for (index, value) in whole.keys.iter().enumerate() {
            let at = top.key("keys").index(index);
            if self.values.assumed {
                continue;
            }
            let text = match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err((message, help)) => {
                    self.error(code::UNSET_SECRET, &at, &message, &help);
                    return None;
                }
            };
            match key_set(&text) {
                Ok(found) => keys.extend(found),
                Err(why) => {
                    self.error(
                        code::BAD_KEY,
                        &at,
                        &format!("this is no set of keys: {why}"),
                        "a JSON Web Key Set: `{\"keys\": […]}`",
                    );
                    return None;
                }
            }
        }
        Some(Keys::Tokens(keys))
    }

    pub(super) fn by_url(
        &mut self,
        source: &SourceSpec,
        allowed_host: Option<&str>,
        form: &KeyFormSpec,
        whole: &SignatureSpec,
        at: &FieldPath,
    ) -> Option<Keys> {
        let at = at.key("key");
        let source = self.source(source, &at.key("certificate_url"))?;
        let Some(pattern) = allowed_host else {
            self.error(
                code::BAD_SCHEME,
                &at,
                "`allowed_host` is missing: anybody could name a certificate of his own",
                "say what the whole host must be: `allowed_host: 'api\\.example\\.com'`",
            );
            return None;
        };
        let host = self.host(pattern, &at.key("allowed_host"))?;
        let mut known = Vec::new();
        for (url, value) in &whole.certificates {
            let at = self.at.key("certificates").key(url.as_str());
            let text = match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err(_) if self.values.assumed => continue,
                Err((message, help)) => {
                    self.error(code::UNSET_SECRET, &at, &message, &help);
                    continue;
                }
            };
            match PublicKey::new(&text, PublicKeyForm::Pem) {
                Ok(key) => known.push((url.as_str().into(), key)),
                Err(why) => self.error(
                    code::BAD_KEY,
                    &at,
                    &format!("this is no certificate: {why}"),
                    "a PEM file: `-----BEGIN CERTIFICATE-----`",
                ),
            }
        }
        let trust = Trust {
            names: self.names(&form.names, &at.key("names"))?,
            chain: form.chain.as_deref() != Some("host"),
        };
        Some(Keys::ByUrl {
            source,
            host,
            trust: Arc::new(trust),
            known,
        })
    }

    /// What a whole host must be.
    pub(super) fn host(&mut self, pattern: &str, at: &FieldPath) -> Option<Regex> {
        match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(host) => Some(host),
            Err(why) => {
                let message = "this is not a regular expression";
                self.error(code::BAD_SOURCE, at, message, &why.to_string());
                None
            }
        }
    }

    /// Names that a certificate can be for.
    fn names(&mut self, names: &[String], at: &FieldPath) -> Option<Vec<Box<str>>> {
        for (index, name) in names.iter().enumerate() {
            if ServerName::try_from(name.as_str()).is_err() {
                self.error(
                    code::BAD_SOURCE,
                    &at.index(index),
                    &format!("`{name}` is not a name that a certificate can be for"),
                    "a host, as in `sns.amazonaws.com`",
                );
                return None;
            }
        }
        Some(names.iter().map(|name| name.as_str().into()).collect())
    }

    /// What `secret` is in a handshake.
    pub(super) fn first_secret(&mut self, spec: &SignatureSpec) -> Option<Key> {
        let form = std::iter::once(spec)
            .chain(&spec.any_of)
            .find_map(|rule| rule.secret.as_ref().map(secret_form))
            .unwrap_or_default();
        if self.values.assumed {
            return assumed_keys(Scheme::Token).pop();
        }
        let text = match spec.secrets.first()? {
            ValueSpec::Text(_) => return None,
            // What is wrong with it has been said, where a scheme needs it.
            value => match self.values.read(value, self.folder) {
                Ok(text) => text,
                Err((message, help)) => {
                    if !spec.has_scheme() {
                        let at = self.at.key("secrets").index(0);
                        self.error(code::UNSET_SECRET, &at, &message, &help);
                    }
                    return None;
                }
            },
        };
        Key::new(&text, &KeyForm::Secret(form), Scheme::Token).ok()
    }
}

/// A secret in place of one that is not looked up; public keys cannot be made up.
fn assumed_keys(scheme: Scheme) -> Vec<Key> {
    let form = KeyForm::Secret(SecretForm::default());
    let key = (!scheme.is_public()).then(|| Key::new(ASSUMED, &form, scheme).ok());
    key.flatten().into_iter().collect()
}

fn secret_form(spec: &SecretFormSpec) -> SecretForm {
    SecretForm {
        strip_prefix: spec.strip_prefix.clone(),
        encoding: match spec.encoding.as_deref() {
            Some("hex") => Some(Encoding::Hex(Case::Any)),
            Some("base64") => Some(Encoding::Base64),
            Some("base64url") => Some(Encoding::Base64Url),
            _ => None,
        },
        derive: match spec.derive.as_deref() {
            Some("sha1") => Some(Digest::Sha1),
            Some("sha256") => Some(Digest::Sha256),
            Some("sha384") => Some(Digest::Sha384),
            Some("sha512") => Some(Digest::Sha512),
            _ => None,
        },
    }
}
