//! Certificates that senders name the address of, fetched from a third party with a certificate
//! authority of its own.

use std::time::Duration;

use hookweir::auth::signature::Encoding;
use rcgen::{KeyPair, SigningKey};

use crate::harness::{Answer, Authority, TestGateway, ThirdParty};

const HOST: &str = "keys.example.com";

fn function(key: &str) -> String {
    format!(
        "function: f
accept: {{ path: /f }}
auth:
  signature:
    scheme: ecdsa-p256-sha256
    signature: {{ header: X-Sig, encoding: base64 }}
    key: {{ certificate_url: {{ header: X-Cert }}, allowed_host: 'keys\\.example\\.com'{key} }}
respond: {{ body: taken }}
"
    )
}

fn gateway(party: &ThirdParty, key: &str) -> TestGateway {
    let builder = TestGateway::new().file("f.yaml", &function(key));
    party.reached_by(builder).start()
}

/// Signs a body as the owner of the key.
fn post(gateway: &TestGateway, key: &KeyPair, path: &str, body: &[u8]) -> Answer {
    let signature = Encoding::Base64.encode(&key.sign(body).unwrap());
    let url = format!("https://{HOST}{path}");
    let headers = [("X-Sig", signature.as_str()), ("X-Cert", url.as_str())];
    gateway.request("POST", "/f", &headers, body)
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

#[test]
fn a_certificate_is_fetched_once_and_its_chain_is_looked_at() {
    let party = ThirdParty::start(&[HOST]);
    let (signer, stranger) = (key(), key());
    let between = party.authority.below("between");
    let chain = [
        between.certify("signer.example.com", &signer, 2090).pem(),
        between.pem(),
    ];
    party.page(&format!("{HOST}/chain.pem"), 200, chain.concat());
    party.page(&format!("{HOST}/alone.pem"), 200, chain[0].clone());
    let late = party.authority.certify("signer.example.com", &signer, 2021);
    party.page(&format!("{HOST}/late.pem"), 200, late.pem());
    let other = Authority::new("another").certify("signer.example.com", &signer, 2090);
    party.page(&format!("{HOST}/other.pem"), 200, other.pem());
    let name = party.authority.certify("example.org", &signer, 2090);
    party.page(&format!("{HOST}/name.pem"), 200, name.pem());
    party.page(&format!("{HOST}/text.pem"), 200, "not found, sorry");
    party.page(&format!("{HOST}/long.pem"), 200, "x".repeat(100_000));
    let gateway = gateway(&party, ", names: [signer.example.com]");

    for _ in 0..3 {
        assert_eq!(post(&gateway, &signer, "/chain.pem", b"{}").status, 200);
    }
    assert_eq!(post(&gateway, &stranger, "/chain.pem", b"{}").status, 401);
    assert_eq!(party.asked(), [format!("GET {HOST}/chain.pem")]);
    for path in [
        "/alone.pem",
        "/late.pem",
        "/other.pem",
        "/name.pem",
        "/text.pem",
        "/none.pem",
    ] {
        for _ in 0..2 {
            let answer = post(&gateway, &signer, path, b"{}");
            assert_eq!(answer.status, 401, "{path}");
        }
    }
    assert_eq!(post(&gateway, &signer, "/long.pem", b"{}").status, 503);
    // Each was asked for once, whoever came with it how often.
    assert_eq!(party.asked().len(), 8);
    let lines = gateway.stop();
    let notes: Vec<_> = lines
        .iter()
        .filter_map(|line| line["note"].as_str())
        .collect();
    let has = |text: &str| notes.iter().filter(|note| note.contains(text)).count();
    assert_eq!(has("authority that is trusted"), 4, "{notes:?}");
    assert_eq!(has("not valid at this time"), 2, "{notes:?}");
    assert_eq!(has("not for the name"), 2, "{notes:?}");
    assert_eq!(has("is not one in PEM"), 2, "{notes:?}");
    assert_eq!(has("answers with 404"), 2, "{notes:?}");
    assert_eq!(has("longer than 65536 bytes"), 1, "{notes:?}");
}

#[test]
fn where_the_host_is_enough_its_one_certificate_counts_while_it_is_valid() {
    let party = ThirdParty::start(&[HOST]);
    let signer = key();
    let other = Authority::new("another");
    let alone = other.certify("signer.example.com", &signer, 2090);
    party.page(&format!("{HOST}/alone.pem"), 200, alone.pem());
    let late = other.certify("signer.example.com", &signer, 2021);
    party.page(&format!("{HOST}/late.pem"), 200, late.pem());
    let gateway = gateway(&party, ", chain: host");
    assert_eq!(post(&gateway, &signer, "/alone.pem", b"{}").status, 200);
    assert_eq!(post(&gateway, &signer, "/late.pem", b"{}").status, 401);
}

#[test]
fn no_host_is_asked_but_the_allowed_one() {
    let party = ThirdParty::start(&[HOST, "keys.example.com.evil.example"]);
    let signer = key();
    let pem = party
        .authority
        .certify("s.example.com", &signer, 2090)
        .pem();
    party.page("keys.example.com.evil.example/a.pem", 200, pem.clone());
    let gateway = gateway(&party, "");
    let signature = Encoding::Base64.encode(&signer.sign(b"{}").unwrap());
    for url in [
        "https://keys.example.com.evil.example/a.pem",
        "https://keys.example.com@evil.example/a.pem",
        "https://keys.example.com:444/a.pem",
        "http://keys.example.com/a.pem",
        "//keys.example.com/a.pem",
        "https://KEYS.example.com./a.pem",
        "https://127.0.0.1/a.pem",
        "file:///etc/passwd",
    ] {
        let headers = [("X-Sig", signature.as_str()), ("X-Cert", url)];
        let answer = gateway.request("POST", "/f", &headers, b"{}");
        assert_eq!(answer.status, 401, "{url}");
    }
    assert_eq!(party.asked(), Vec::<String>::new());
}

#[test]
fn while_its_address_cannot_be_reached_the_sender_is_told_to_come_again() {
    let party = ThirdParty::start(&[HOST]);
    let signer = key();
    let pem = party
        .authority
        .certify("s.example.com", &signer, 2090)
        .pem();
    let address = format!("{HOST}/a.pem");
    party.page(&address, 0, "");
    let gateway = gateway(&party, "");
    for _ in 0..3 {
        let answer = post(&gateway, &signer, "/a.pem", b"{}");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("10"));
        assert!(!answer.text().contains(HOST), "{}", answer.text());
    }
    let asked = party.asked().len();
    party.page(&address, 200, pem);
    // Not asked again before ten seconds have passed.
    assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 503);
    assert_eq!(party.asked().len(), asked);
    gateway.clock.advance(Duration::from_secs(10));
    assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 200);
    // A day later it is gone: what is known is used on, as long as it is valid.
    party.page(&address, 500, "");
    gateway.clock.advance(Duration::from_hours(25));
    assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 200);
    party.page(&address, 429, "");
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 200);
    // Taken back for good.
    party.page(&address, 410, "");
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 401);
}

#[test]
fn a_host_with_another_authority_is_not_believed() {
    let (party, stranger) = (ThirdParty::start(&[HOST]), ThirdParty::start(&[HOST]));
    let signer = key();
    let pem = party
        .authority
        .certify("s.example.com", &signer, 2090)
        .pem();
    stranger.page(&format!("{HOST}/a.pem"), 200, pem);
    let builder = TestGateway::new().file("f.yaml", &function(""));
    let builder = stranger.reached_by(builder);
    let gateway = builder
        .file("authority.pem", &party.authority.pem())
        .start();
    assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 503);
}

#[test]
fn requests_that_need_the_same_certificate_wait_for_one_another() {
    let party = ThirdParty::start(&[HOST]);
    let signer = key();
    let pem = party
        .authority
        .certify("s.example.com", &signer, 2090)
        .pem();
    party.page(&format!("{HOST}/a.pem"), 200, pem);
    let gateway = gateway(&party, "");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                assert_eq!(post(&gateway, &signer, "/a.pem", b"{}").status, 200);
            });
        }
    });
    assert_eq!(party.asked().len(), 1);
}

#[test]
fn without_a_proxy_no_private_address_is_connected_to() {
    let text = function("").replace(r"keys\.example\.com", "localhost");
    let gateway = TestGateway::new().file("f.yaml", &text).start();
    let signature = Encoding::Base64.encode(&key().sign(b"{}").unwrap());
    let url = "https://localhost/a.pem";
    let headers = [("X-Sig", signature.as_str()), ("X-Cert", url)];
    assert_eq!(gateway.request("POST", "/f", &headers, b"{}").status, 503);
    let lines = gateway.stop();
    let note = lines[0]["note"].as_str().unwrap();
    assert!(note.contains("not at a public address"), "{note}");
}
