//! TLS, and HTTP/2 over it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hookweir::server::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::gateway;
use crate::harness::{PATIENCE, Raw, TestGateway};

/// Writes a new certificate for `localhost` and its key.
fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

fn secure(
    folder: &Path,
    change: impl FnOnce(&mut hookweir::route::Limits) + Send + 'static,
) -> TestGateway {
    certify(folder);
    let files = (folder.join("chain.pem"), folder.join("key.pem"));
    gateway()
        .settings(move |settings| {
            settings.ingress.tls = Some(files);
            change(&mut settings.limits);
        })
        .start()
}

/// A client that trusts the certificate that stands in the folder now.
fn client(folder: &Path, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(folder.join("chain.pem")).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<Secured> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    connection.complete_io(&mut socket)?;
    Ok(StreamOwned::new(connection, socket))
}

#[test]
fn http_1_is_served_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = secure(folder.path(), |_| {});
    for protocols in [&["http/1.1"][..], &[]] {
        let stream = connect(gateway.ingress(), client(folder.path(), protocols)).unwrap();
        let mut raw = Raw::new(stream);
        for _ in 0..2 {
            let answer = raw.request("POST", "/echo", &[], b"hello");
            assert_eq!((answer.status, answer.text()), (200, r#"{"length":5}"#));
        }
    }
}

#[test]
fn plain_text_to_a_tls_port_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = secure(folder.path(), |_| {});
    let mut raw = gateway.raw();
    raw.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!String::from_utf8_lossy(&raw.read_to_close()).contains("HTTP"));
}

#[test]
fn a_changed_certificate_is_taken_with_the_next_reload() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = secure(folder.path(), |_| {});
    let old = client(folder.path(), &[]);
    let mut kept = Raw::new(connect(gateway.ingress(), Arc::clone(&old)).unwrap());

    certify(folder.path());
    let new = client(folder.path(), &[]);
    assert!(connect(gateway.ingress(), Arc::clone(&new)).is_err());
    gateway.signal(Signal::Reload);
    while connect(gateway.ingress(), Arc::clone(&new)).is_err() {
        std::thread::yield_now();
    }
    assert!(connect(gateway.ingress(), old).is_err());
    // Who was there before stays.
    assert_eq!(kept.request("GET", "/echo", &[], b"").status, 200);

    // Half of a certificate is none: the one in use goes on.
    std::fs::write(folder.path().join("chain.pem"), "-----BEGIN CERT").unwrap();
    gateway.signal(Signal::Reload);
    gateway.write(
        "x.yaml",
        "function: x\nauth: none\nrespond: { output: x }\n",
    );
    gateway.signal(Signal::Reload);
    while gateway.admin_get("/admin/v1/generation").json()["number"] == 1 {
        std::thread::yield_now();
    }
    assert!(connect(gateway.ingress(), new).is_ok());
}

#[test]
fn a_certificate_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = (
        folder.path().join("none.pem"),
        folder.path().join("key.pem"),
    );
    let error = gateway()
        .settings(move |settings| settings.ingress.tls = Some(files))
        .try_start()
        .unwrap_err();
    let expected = format!(
        "cannot use `{}` for TLS",
        folder.path().join("none.pem").display()
    );
    assert_eq!(error.to_string(), expected);
}

/// One HTTP/2 connection to the ingress.
async fn http2(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> (
    h2::client::SendRequest<Bytes>,
    tokio::task::JoinHandle<Result<(), h2::Error>>,
) {
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, socket)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    (sender.ready().await.unwrap(), tokio::spawn(connection))
}

async fn ask(
    sender: &mut h2::client::SendRequest<Bytes>,
    request: http::request::Builder,
    body: &'static [u8],
) -> (http::response::Parts, Vec<u8>) {
    let request = request.body(()).unwrap();
    let (answer, mut stream) = sender.send_request(request, false).unwrap();
    stream.send_data(Bytes::from_static(body), true).unwrap();
    let (head, mut stream) = answer.await.unwrap().into_parts();
    let mut whole = Vec::new();
    while let Some(piece) = stream.data().await {
        whole.extend_from_slice(&piece.unwrap());
    }
    (head, whole)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("in time") })
}

#[test]
fn http_2_is_served_where_tls_agrees_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = secure(folder.path(), |_| {});
    let config = client(folder.path(), &["h2", "http/1.1"]);
    block_on(async {
        let (mut sender, _connection) = http2(gateway.ingress(), config).await;
        let post = |path: &str| http::Request::post(format!("https://localhost{path}"));
        let (head, body) = ask(&mut sender, post("/echo"), b"hello").await;
        assert_eq!(
            (head.status.as_u16(), &body[..]),
            (200, &br#"{"length":5}"#[..])
        );
        assert!(head.headers.contains_key("x-request-id"));
        let (head, _) = ask(&mut sender, post("/nowhere"), b"").await;
        assert_eq!(head.status.as_u16(), 404);
        let (head, _) = ask(&mut sender, post("/a//b"), b"").await;
        assert_eq!(head.status.as_u16(), 400);
        let other = post("/echo").header("host", "elsewhere");
        let (head, _) = ask(&mut sender, other, b"").await;
        assert_eq!(head.status.as_u16(), 400);
    });
    let lines = gateway.stop();
    assert_eq!(lines.len(), 4, "{lines:?}");
}

#[test]
fn an_idle_http_2_connection_ends() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = secure(folder.path(), |limits| {
        limits.header_timeout = Duration::from_millis(150);
    });
    let config = client(folder.path(), &["h2"]);
    block_on(async {
        let (mut sender, connection) = http2(gateway.ingress(), config).await;
        let request = http::Request::get("https://localhost/echo");
        assert_eq!(ask(&mut sender, request, b"").await.0.status.as_u16(), 200);
        // How it ends depends on who writes last.
        let _ = connection.await.unwrap();
    });
    // One that agreed on HTTP/2 and then says nothing.
    let mut silent = connect(gateway.ingress(), client(folder.path(), &["h2"])).unwrap();
    silent.flush().unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
}

/// Clients that ask without a pause while the end begins: each request that was sent over TLS is
/// answered, and the connection's end is announced.
#[test]
fn no_request_over_tls_fails_when_it_ends_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = secure(folder.path(), |_| {});
    let address = gateway.ingress();
    let config = client(folder.path(), &["http/1.1"]);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (answered, config) = (Arc::clone(&answered), Arc::clone(&config));
            std::thread::spawn(move || {
                let mut raw = Raw::new(connect(address, config).unwrap());
                loop {
                    let answer = raw.request("POST", "/echo", &[], b"hello");
                    assert_eq!((answer.status, answer.text()), (200, r#"{"length":5}"#));
                    answered.fetch_add(1, Ordering::SeqCst);
                    if answer.header("connection") == Some("close") {
                        assert_eq!(raw.read_to_close(), b"");
                        return;
                    }
                }
            })
        })
        .collect();
    while answered.load(Ordering::SeqCst) < 200 {
        std::thread::yield_now();
    }
    gateway.signal(Signal::Stop);
    for client in clients {
        client.join().unwrap();
    }
    gateway.wait();
}

/// The same over HTTP/2: what the server has taken is answered; what it has not taken is said to be
/// safe to ask again, which is what GOAWAY is for.
#[test]
fn no_http_2_request_fails_when_it_ends_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = secure(folder.path(), |_| {});
    let address = gateway.ingress();
    let config = client(folder.path(), &["h2"]);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (answered, config) = (Arc::clone(&answered), Arc::clone(&config));
            std::thread::spawn(move || block_on(load(address, config, &answered)))
        })
        .collect();
    while answered.load(Ordering::SeqCst) < 200 {
        std::thread::yield_now();
    }
    gateway.signal(Signal::Stop);
    for client in clients {
        client.join().unwrap();
    }
    gateway.wait();
}

/// Asks on one connection, eight streams at a time, until the server says that it goes away.
async fn load(address: SocketAddr, config: Arc<ClientConfig>, answered: &AtomicUsize) {
    let (mut sender, connection) = http2(address, config).await;
    'asking: loop {
        let mut answers = Vec::new();
        for _ in 0..8 {
            sender = match sender.ready().await {
                Ok(sender) => sender,
                Err(error) => {
                    assert!(is_goodbye(&error), "{error:?}");
                    break 'asking;
                }
            };
            let request = http::Request::post("https://localhost/echo");
            let (answer, mut stream) = sender
                .send_request(request.body(()).unwrap(), false)
                .unwrap();
            // A stream that the server will not take is reported by its answer.
            let _ = stream.send_data(Bytes::from_static(b"hello"), true);
            answers.push(answer);
        }
        for answer in answers {
            match answer.await {
                Ok(answer) => {
                    assert_eq!(answer.status().as_u16(), 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => assert!(is_goodbye(&error), "{error:?}"),
            }
        }
    }
    connection.await.unwrap().unwrap();
}

/// The server has not looked at it and says so.
fn is_goodbye(error: &h2::Error) -> bool {
    let reason = error.reason();
    (error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
        || (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM))
}

#[test]
fn http_2_streams_in_hand_are_finished() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = secure(folder.path(), |_| {});
    let config = client(folder.path(), &["h2"]);
    let address = gateway.ingress();
    block_on(async {
        let (mut sender, connection) = http2(address, config).await;
        let request = http::Request::post("https://localhost/echo");
        let (answer, mut stream) = sender
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        // Answered on the same connection: the first is in hand.
        let second = http::Request::get("https://localhost/echo");
        assert_eq!(ask(&mut sender, second, b"").await.0.status.as_u16(), 200);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                gateway.signal(Signal::Stop);
                while TcpStream::connect(address).is_ok() {
                    std::thread::yield_now();
                }
            });
        });
        stream
            .send_data(Bytes::from_static(b"hello"), true)
            .unwrap();
        assert_eq!(answer.await.unwrap().status().as_u16(), 200);
        drop(sender);
        // The server may have hung up before the client says good-bye.
        if let Err(error) = connection.await.unwrap() {
            assert!(error.is_io(), "{error}");
        }
    });
    gateway.wait();
}
