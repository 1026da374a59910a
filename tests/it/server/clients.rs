//! Callers that show a certificate.

use std::net::TcpStream;
use std::sync::Arc;

use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Authority, PATIENCE, Raw, TestGateway};

const SETTINGS: &str = "gateway: test
listen:
  tls: { certificate: chain.pem, private_key: key.pem, client_authorities: clients.pem }
";

fn function(name: &str, auth: &str) -> String {
    format!(
        "function: {name}\naccept: {{ path: /to/{name} }}\nauth: {auth}\nrespond: {{ body: taken }}\n"
    )
}

/// Asks with a certificate for this name, signed by this authority; `None`: the handshake failed.
fn ask(
    gateway: &TestGateway,
    servers: &Authority,
    client: Option<(&Authority, &str)>,
    path: &str,
) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(servers.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some((authority, name)) => {
            let key = KeyPair::generate().unwrap();
            let chain = vec![authority.certify(name, &key, 2090).der().clone()];
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(gateway.ingress()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut raw = Raw::new(StreamOwned::new(connection, socket));
    raw.try_send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .ok()?;
    raw.try_answer_to("GET").map(|answer| answer.status)
}

#[test]
fn a_function_is_open_to_whom_it_names_and_to_nobody_else() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let key = KeyPair::generate().unwrap();
    let chain = servers.certify("localhost", &key, 2090);
    let gateway = TestGateway::new()
        .file("chain.pem", &chain.pem())
        .file("key.pem", &key.serialize_pem())
        .file("clients.pem", &clients.pem())
        .file("gateway.yaml", SETTINGS)
        .file(
            "crm.yaml",
            &function("crm", "{ client_certificate: [crm.example.com] }"),
        )
        .file(
            "any.yaml",
            &function("any", "{ client_certificate: [\"*\"] }"),
        )
        .file(
            "both.yaml",
            &function("both", "{ zapikey: required, client_certificate: [\"*\"] }"),
        )
        .file("open.yaml", &function("open", "none"))
        .start();
    let crm = Some((&clients, "crm.example.com"));
    let other = Some((&clients, "other.example.com"));
    for (client, path, status) in [
        (crm, "/to/crm", 200),
        (other, "/to/crm", 401),
        (None, "/to/crm", 401),
        (crm, "/to/any", 200),
        (other, "/to/any", 200),
        (None, "/to/any", 401),
        (other, "/to/both", 401),
        (None, "/to/open", 200),
        (other, "/to/open", 200),
    ] {
        assert_eq!(
            ask(&gateway, &servers, client, path),
            Some(status),
            "{path}"
        );
    }
    let key = format!("/to/both?zapikey={}", gateway.key);
    assert_eq!(ask(&gateway, &servers, other, &key), Some(200));
    assert_eq!(ask(&gateway, &servers, None, &key), Some(401));
    // A certificate of an authority that does not count ends the handshake.
    let stranger = Authority::new("clients");
    let forged = Some((&stranger, "crm.example.com"));
    assert_eq!(ask(&gateway, &servers, forged, "/to/crm"), None);
    let lines = gateway.stop();
    let notes: Vec<_> = lines
        .iter()
        .filter_map(|line| line["note"].as_str())
        .collect();
    assert!(notes.contains(&"the certificate is for other.example.com"));
    assert!(notes.contains(&"no certificate was shown"));
}
