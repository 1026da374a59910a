//! Signs what is sent, as Standard Webhooks has it, so that a receiver can tell that it is ours.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>:
//! `webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`, a list of `v1,` and the
//! base64 of HMAC-SHA256 over `id.timestamp.body`, one for each secret that is alive.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with; the rest is base64.
const PREFIX: &str = "whsec_";

/// Signs with one or several secrets.
pub struct Signer {
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("secrets", &self.secrets.len())
            .finish()
    }
}

/// A secret is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Not base64 behind `whsec_`.
    #[error("the secret is not `whsec_` and base64")]
    Form,
    /// The specification asks for 24 to 64 bytes.
    #[error("the secret has {0} bytes; 24 to 64 are needed")]
    Length(usize),
}

impl Signer {
    /// With these, in the order in which their signatures are written.
    pub fn new<'s>(texts: impl IntoIterator<Item = &'s str>) -> Result<Self, SignerError> {
        let secrets = texts.into_iter().map(|text| {
            let encoded = text.strip_prefix(PREFIX).ok_or(SignerError::Form)?;
            let secret = STANDARD.decode(encoded).map_err(|_| SignerError::Form)?;
            if !(24..=64).contains(&secret.len()) {
                return Err(SignerError::Length(secret.len()));
            }
            Ok(Zeroizing::new(secret))
        });
        Ok(Self {
            secrets: secrets.collect::<Result<_, _>>()?,
        })
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signatures: Vec<String> = self
            .secrets
            .iter()
            .filter_map(|secret| {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
                mac.update(id.as_bytes());
                mac.update(b".");
                mac.update(timestamp.to_string().as_bytes());
                mac.update(b".");
                mac.update(body);
                Some(format!(
                    "v1,{}",
                    STANDARD.encode(mac.finalize().into_bytes())
                ))
            })
            .collect();
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_specification_shows() {
        // The example of the specification's repository.
        let signer = Signer::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
        let signature = signer.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_that_is_alive_signs() {
        let old = format!("whsec_{}", STANDARD.encode([1; 24]));
        let new = format!("whsec_{}", STANDARD.encode([2; 64]));
        let signer = Signer::new([new.as_str(), &old]).unwrap();
        let signature = signer.sign("msg_1", 1, b"");
        assert_eq!(signature.split(' ').count(), 2);
        assert!(!format!("{signer:?}").contains(&old));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in ["", "secret", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(
                Signer::new([text]).unwrap_err(),
                SignerError::Form,
                "{text}"
            );
        }
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        assert_eq!(
            Signer::new([short.as_str()]).unwrap_err(),
            SignerError::Length(23)
        );
    }
}
