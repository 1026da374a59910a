//! Certificates that a sender names the address of (AWS SNS, PayPal): what must be true of one
//! before its key counts.

use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::key::PublicKey;

/// What is asked of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trust {
    /// It must be for one of these names (RFC 6125); empty: for any.
    pub names: Vec<Box<str>>,
    /// The certificates behind it in the file must lead to an authority that is trusted (RFC 5280,
    /// 6). Else only its dates count: that it came from the right host is then all that is known.
    pub chain: bool,
}

/// Why a certificate does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Not PEM, or nothing in it.
    #[error("is not one in PEM")]
    Pem,
    /// For another name.
    #[error("is not for the name that it must be for")]
    Name,
    /// Too early or too late.
    #[error("is not valid at this time")]
    Dates,
    /// Its issuers.
    #[error("does not come from an authority that is trusted: {0}")]
    Chain(String),
}

/// The names that a certificate is for.
pub fn certificate_names(der: &CertificateDer<'_>) -> Box<[Box<str>]> {
    let Ok(certificate) = EndEntityCert::try_from(der) else {
        return Box::default();
    };
    let hosts = certificate.valid_dns_names();
    let names = hosts.chain(certificate.valid_uri_names());
    names.map(Into::into).collect()
}

/// The key of the first certificate of a PEM file, if it counts at this time.
pub fn certificate(
    pem: &[u8],
    trust: &Trust,
    anchors: &[TrustAnchor<'_>],
    now: Timestamp,
) -> Result<PublicKey, Distrust> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| Distrust::Pem)?;
    let (first, issuers) = chain.split_first().ok_or(Distrust::Pem)?;
    let own = EndEntityCert::try_from(first).map_err(|_| Distrust::Pem)?;
    let is_for = |name: &str| {
        let name = ServerName::try_from(name);
        name.is_ok_and(|name| own.verify_is_valid_for_subject_name(&name).is_ok())
    };
    if !trust.names.is_empty() && !trust.names.iter().any(|name| is_for(name)) {
        return Err(Distrust::Name);
    }
    let seconds = u64::try_from(now.as_second()).map_err(|_| Distrust::Dates)?;
    let outcome = own.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        issuers,
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        KeyUsage::server_auth(),
        None,
        None,
    );
    match outcome {
        Ok(_) => {}
        Err(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }) => {
            return Err(Distrust::Dates);
        }
        // Dates are looked at before issuers.
        Err(webpki::Error::UnknownIssuer) if !trust.chain => {}
        Err(error) => return Err(Distrust::Chain(error.to_string())),
    }
    Ok(PublicKey::Certificate(first.clone().into_owned()))
}
