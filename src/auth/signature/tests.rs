//! Published test vectors, and what must not pass.

use super::*;

const HEX: Encoding = Encoding::Hex(Case::Any);

fn secret(text: &str, scheme: Scheme) -> Key {
    Key::new(text, &KeyForm::Secret(SecretForm::default()), scheme).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    HEX.decode(hex).unwrap()
}

fn fits(scheme: Scheme, key: &Key, message: &[u8], signatures: &[&[u8]]) -> bool {
    let mut proof = Proof::start(scheme, key);
    // In pieces, as templates give them.
    for piece in message.chunks(3) {
        proof.update(piece);
    }
    proof.fits(signatures.iter().copied())
}

#[test]
fn hmac_is_that_of_its_rfcs() {
    // RFC 2202 and RFC 4231, test case 2.
    let message = b"what do ya want for nothing?";
    for (digest, tag) in [
        (Digest::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (
            Digest::Sha256,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            Digest::Sha384,
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            Digest::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        let scheme = Scheme::Hmac(digest);
        let key = secret("Jefe", scheme);
        let tag = bytes(tag);
        assert!(fits(scheme, &key, message, &[&tag]));
        assert!(fits(scheme, &key, message, &[b"", &tag, b"x"]));
        assert!(!fits(scheme, &key, message, &[]));
        assert!(!fits(scheme, &key, message, &[&tag[1..]]));
        assert!(!fits(scheme, &key, &message[1..], &[&tag]));
        assert!(!fits(scheme, &secret("jefe", scheme), message, &[&tag]));
        let mut proof = Proof::start(scheme, &key);
        proof.update(message);
        assert_eq!(proof.sign(), Some(tag));
    }
}

#[test]
fn ed25519_is_that_of_its_rfc() {
    // RFC 8032, section 7.1, test 2.
    let form = KeyForm::Public(PublicKeyForm::Raw(HEX));
    let text = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let key = Key::new(text, &form, Scheme::Ed25519).unwrap();
    let signature = bytes(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    assert!(fits(Scheme::Ed25519, &key, &[0x72], &[&signature]));
    assert!(!fits(Scheme::Ed25519, &key, &[0x73], &[&signature]));
    assert!(!fits(Scheme::Ed25519, &key, &[0x72], &[&signature[..63]]));
    assert_eq!(
        Key::new(text.strip_prefix("3d").unwrap(), &form, Scheme::Ed25519).unwrap_err(),
        BadKey::Length(31)
    );
}

#[test]
fn public_keys_are_read_in_every_form_and_only_for_their_scheme() {
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaKeyPair,
    };
    let random = SystemRandom::new();

    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let signer = EcdsaKeyPair::from_pkcs8(
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        pair.serialized_der(),
        &random,
    )
    .unwrap();
    assert!(!signer.public_key().as_ref().is_empty());
    let signature = signer.sign(&random, b"hello").unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["a.example".to_owned()])
        .unwrap()
        .self_signed(&pair)
        .unwrap();
    let spki = Encoding::Base64.encode(&rcgen::PublicKeyData::subject_public_key_info(&pair));
    for (text, form) in [
        (spki, PublicKeyForm::SpkiBase64),
        (pair.public_key_pem(), PublicKeyForm::Pem),
        (certificate.pem(), PublicKeyForm::Pem),
    ] {
        let form = KeyForm::Public(form);
        let key = Key::new(&text, &form, Scheme::EcdsaP256).unwrap();
        assert!(fits(
            Scheme::EcdsaP256,
            &key,
            b"hello",
            &[signature.as_ref()]
        ));
        assert!(!fits(
            Scheme::EcdsaP256,
            &key,
            b"hullo",
            &[signature.as_ref()]
        ));
        assert!(!fits(Scheme::EcdsaP256, &key, b"hello", &[b""]));
        assert_eq!(
            Key::new(&text, &form, Scheme::Rsa(Digest::Sha256)).unwrap_err(),
            BadKey::Scheme
        );
    }

    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256);
    // Where the crate cannot make RSA keys, the corpus of providers has them.
    if let Ok(pair) = pair {
        let signer = RsaKeyPair::from_pkcs8(pair.serialized_der()).unwrap();
        let form = KeyForm::Public(PublicKeyForm::Pem);
        for (scheme, padding) in [
            (
                Scheme::Rsa(Digest::Sha256),
                &RSA_PKCS1_SHA256 as &dyn ring::signature::RsaEncoding,
            ),
            (Scheme::RsaPss(Digest::Sha256), &RSA_PSS_SHA256),
        ] {
            let key = Key::new(&pair.public_key_pem(), &form, scheme).unwrap();
            let mut signature = vec![0; signer.public().modulus_len()];
            signer
                .sign(padding, &random, b"hello", &mut signature)
                .unwrap();
            assert!(fits(scheme, &key, b"hello", &[&signature]));
            assert!(!fits(scheme, &key, b"hullo", &[&signature]));
        }
    }
}

#[test]
fn secrets_are_taken_in_their_form() {
    let scheme = Scheme::Hmac(Digest::Sha256);
    let form = KeyForm::Secret(SecretForm {
        strip_prefix: Some("whsec_".to_owned()),
        encoding: Some(Encoding::Base64),
        derive: None,
    });
    // With and without the prefix: providers show both.
    for text in ["whsec_SmVmZQ==", "SmVmZQ=="] {
        let key = Key::new(text, &form, scheme).unwrap();
        assert_eq!(key.secret_bytes(), b"Jefe");
    }
    let refused = |text| Key::new(text, &form, scheme).unwrap_err();
    assert_eq!(refused("whsec_Jefe!"), BadKey::Encoding("base64"));
    assert_eq!(refused("whsec_"), BadKey::Empty);
    let plain = KeyForm::Secret(SecretForm::default());
    assert_eq!(Key::new("", &plain, scheme).unwrap_err(), BadKey::Empty);
    assert_eq!(
        Key::new("nobody", &plain, Scheme::Basic).unwrap_err(),
        BadKey::Password
    );
    let derived = KeyForm::Secret(SecretForm {
        derive: Some(Digest::Sha1),
        ..SecretForm::default()
    });
    let key = Key::new("abc", &derived, scheme).unwrap();
    // FIPS 180-4, the first example.
    assert_eq!(
        key.secret_bytes(),
        bytes("a9993e364706816aba3e25717850c26c9cd0d89d")
    );
    assert_eq!(format!("{key:?}"), "Secret(…)");
}

#[test]
fn a_token_is_compared_whole() {
    let key = secret("s3cret", Scheme::Token);
    assert!(fits(Scheme::Token, &key, b"", &[b"s3cret"]));
    for other in [&b"s3cre"[..], b"s3crets", b"", b"S3cret"] {
        assert!(!fits(Scheme::Token, &key, b"", &[other]));
    }
}
