//! JSON Web Tokens (RFC 7519) in their compact form, signed (RFC 7515, RFC 7518, RFC 8037).
//!
//! The algorithm is the one that the scheme allows for the key, never what the token says: a token
//! only has to say the same. Tokens without a signature, and those with critical extensions, are
//! none.

use ring::signature::RsaPublicKeyComponents;
use serde_json::Value as Json;

use super::encoding::Encoding;
use super::key::{BadKey, Key, PublicKey};
use super::scheme::{Digest, Proof, Scheme};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 << 10;

/// A token, taken apart and not yet believed.
#[derive(Debug)]
pub struct Token<'t> {
    algorithm: String,
    key_id: Option<String>,
    signed: &'t str,
    signature: Vec<u8>,
    claims: Vec<u8>,
}

/// A key of a set, with what the set says of it.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// `kid`; a token that names another key is not checked with this one.
    pub id: Option<Box<str>>,
    /// The key.
    pub key: Key,
    /// What it signs with.
    pub scheme: Scheme,
}

/// The algorithms that tokens may name, with the scheme of each.
const ALGORITHMS: [(&str, Scheme); 11] = [
    ("HS256", Scheme::Hmac(Digest::Sha256)),
    ("HS384", Scheme::Hmac(Digest::Sha384)),
    ("HS512", Scheme::Hmac(Digest::Sha512)),
    ("RS256", Scheme::Rsa(Digest::Sha256)),
    ("RS384", Scheme::Rsa(Digest::Sha384)),
    ("RS512", Scheme::Rsa(Digest::Sha512)),
    ("PS256", Scheme::RsaPss(Digest::Sha256)),
    ("PS384", Scheme::RsaPss(Digest::Sha384)),
    ("PS512", Scheme::RsaPss(Digest::Sha512)),
    ("ES256", Scheme::EcdsaP256),
    ("EdDSA", Scheme::Ed25519),
];

/// The scheme of an algorithm.
pub fn algorithm(name: &str) -> Option<Scheme> {
    let known = ALGORITHMS.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, scheme)| scheme)
}

impl<'t> Token<'t> {
    /// Takes a token apart; `None` when it is none.
    pub fn parse(text: &'t str) -> Option<Self> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| {
            // Without padding, as RFC 7515 has it.
            (!part.contains('=')).then(|| Encoding::Base64Url.decode(part))?
        };
        let header: Json = serde_json::from_slice(&decode(header)?).ok()?;
        if header.get("crit").is_some() {
            return None;
        }
        let word = |name: &str| header.get(name).and_then(Json::as_str).map(str::to_owned);
        Some(Self {
            algorithm: word("alg")?,
            key_id: word("kid"),
            signed,
            signature: decode(signature)?,
            claims: decode(claims)?,
        })
    }

    /// Whether one of the keys has signed it. All that may have are tried.
    pub fn is_signed_by<'k>(&self, keys: impl IntoIterator<Item = &'k TokenKey>) -> bool {
        let mut any = false;
        for key in keys {
            let is_other =
                matches!((&self.key_id, &key.id), (Some(said), Some(known)) if **said != **known);
            if is_other || algorithm(&self.algorithm) != Some(key.scheme) {
                continue;
            }
            let signature = if key.scheme == Scheme::EcdsaP256 {
                der(&self.signature)
            } else {
                Some(self.signature.clone())
            };
            let Some(signature) = signature else {
                continue;
            };
            let mut proof = Proof::start(key.scheme, &key.key);
            proof.update(self.signed.as_bytes());
            any |= proof.fits([signature.as_slice()]);
        }
        any
    }

    /// The claims, as JSON text.
    pub fn claims(&self) -> &[u8] {
        &self.claims
    }
}

/// Tokens have the two numbers of an ECDSA signature side by side (RFC 7518, 3.4); verifiers want
/// them in DER.
fn der(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(32)?;
    if s.len() != 32 {
        return None;
    }
    let mut body = Vec::with_capacity(70);
    for number in [r, s] {
        let zeros = number.iter().take_while(|byte| **byte == 0).count().min(31);
        let digits = number.get(zeros..)?;
        let pad = digits.first().is_some_and(|byte| *byte >= 0x80);
        body.push(0x02);
        body.push(u8::try_from(digits.len() + usize::from(pad)).ok()?);
        if pad {
            body.push(0);
        }
        body.extend_from_slice(digits);
    }
    let mut der = vec![0x30, u8::try_from(body.len()).ok()?];
    der.append(&mut body);
    Some(der)
}

/// What stands before the point of a key on P-256 in its `SubjectPublicKeyInfo` (RFC 5480).
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The keys of a JSON Web Key Set (RFC 7517) that tokens can be checked with. Those of other kinds
/// are passed over.
pub fn key_set(text: &str) -> Result<Vec<TokenKey>, BadKey> {
    let set: Json = serde_json::from_str(text).map_err(|_| BadKey::Set)?;
    let keys = set
        .get("keys")
        .and_then(Json::as_array)
        .ok_or(BadKey::Set)?;
    let found: Vec<TokenKey> = keys.iter().filter_map(token_key).collect();
    if found.is_empty() {
        return Err(BadKey::Set);
    }
    Ok(found)
}

fn token_key(jwk: &Json) -> Option<TokenKey> {
    let word = |name: &str| jwk.get(name).and_then(Json::as_str);
    let bytes = |name: &str| Encoding::Base64Url.decode(word(name)?);
    if word("use").is_some_and(|used_for| used_for != "sig") {
        return None;
    }
    let named = word("alg").map(algorithm);
    let (key, default) = match (word("kty")?, word("crv")) {
        ("RSA", _) => {
            let components = RsaPublicKeyComponents {
                n: bytes("n")?,
                e: bytes("e")?,
            };
            (PublicKey::Rsa(components), Scheme::Rsa(Digest::Sha256))
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            let spki = [&P256_SPKI[..], &[4], &x, &y].concat();
            (PublicKey::Spki(spki.into()), Scheme::EcdsaP256)
        }
        ("OKP", Some("Ed25519")) => (
            PublicKey::Ed25519(bytes("x")?.try_into().ok()?),
            Scheme::Ed25519,
        ),
        _ => return None,
    };
    // An algorithm that is named and not known is not guessed at.
    let scheme = named.unwrap_or(Some(default))?;
    // One of another kind of key would never fit.
    key.check(scheme, b"", &[0]).ok()?;
    Some(TokenKey {
        id: word("kid").map(Into::into),
        key: Key::Public(key),
        scheme,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::signature::{KeyForm, SecretForm};

    /// RFC 7515, appendix A.1.
    const HS256: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const SECRET: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    /// RFC 7515, appendix A.3.
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const EC_SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    /// RFC 8037, appendix A.4.
    const EDDSA: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const OKP_SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    fn hmac_key() -> TokenKey {
        let form = KeyForm::Secret(SecretForm {
            encoding: Some(Encoding::Base64Url),
            ..SecretForm::default()
        });
        let scheme = Scheme::Hmac(Digest::Sha256);
        TokenKey {
            id: None,
            key: Key::new(SECRET, &form, scheme).unwrap(),
            scheme,
        }
    }

    #[test]
    fn tokens_of_the_rfcs_are_right() {
        let token = Token::parse(HS256).unwrap();
        assert!(token.is_signed_by(&[hmac_key()]));
        assert!(token.claims().starts_with(b"{\"iss\":\"joe\""));
        for (token, set) in [(ES256, EC_SET), (EDDSA, OKP_SET)] {
            let keys = key_set(set).unwrap();
            assert!(Token::parse(token).unwrap().is_signed_by(&keys));
            // One letter of what is signed is another.
            let changed = token.replacen(".e", ".f", 1).replacen(".R", ".S", 1);
            assert!(!Token::parse(&changed).is_some_and(|token| token.is_signed_by(&keys)));
        }
    }

    #[test]
    fn a_token_cannot_choose_how_it_is_checked() {
        let none = format!("{}.{}.", "eyJhbGciOiJub25lIn0", "e30");
        let token = Token::parse(&none).unwrap();
        assert!(!token.is_signed_by(&[hmac_key()]));
        // HMAC under what is a public key.
        let keys = key_set(EC_SET).unwrap();
        assert!(!Token::parse(HS256).unwrap().is_signed_by(&keys));
        assert!(!Token::parse(ES256).unwrap().is_signed_by(&[hmac_key()]));
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c",
            &format!("{HS256}="),
            &"a".repeat(MAX_TOKEN + 1),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
        // Critical extensions: {"alg":"HS256","crit":["x"]}
        assert!(Token::parse("eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AA").is_none());
    }

    #[test]
    fn sets_without_a_usable_key_are_none() {
        for bad in [
            "",
            "{}",
            r#"{"keys":[]}"#,
            r#"{"keys":[{"kty":"oct","k":"AA"}]}"#,
            r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#,
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        ] {
            assert!(key_set(bad).is_err(), "{bad}");
        }
    }
}
