//! Where a server can listen.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use hookweir::route::Address;
use hookweir::server::{InheritedSockets, Signal};

use super::gateway;
use crate::harness::Raw;

#[test]
fn an_address_in_use_is_said_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = gateway()
        .settings(move |settings| settings.ingress.address = Address::Tcp(address))
        .try_start()
        .unwrap_err();
    let expected = format!(
        "cannot listen on `{address}`: another program listens there; stop it or choose another address"
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_unix_socket_serves_and_is_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hooks.sock");
    // What a gateway that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let start = |path: &std::path::Path| {
        let address = Address::Unix(path.to_owned());
        gateway()
            .settings(move |settings| settings.ingress.address = address)
            .try_start()
    };
    let mut gateway = start(&path).unwrap();
    let mut raw = Raw::connect_unix(&path);
    assert_eq!(
        raw.request("POST", "/echo", &[], b"hello").text(),
        r#"{"length":5}"#
    );

    let error = start(&path).unwrap_err().to_string();
    assert!(error.contains("another program listens there"), "{error}");
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert!(start(&file).is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");

    gateway.signal(Signal::Stop);
    gateway.wait();
    assert!(!path.exists());
}

#[test]
fn a_socket_that_systemd_does_not_have_is_asked_for_by_name() {
    let error = gateway()
        .settings(|settings| settings.ingress.address = Address::Systemd("web".to_owned()))
        .try_start()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "systemd handed over no socket named `web` (there is none at all); \
         set `FileDescriptorName=web` in the socket unit"
    );
}

#[test]
fn a_socket_from_systemd_is_served() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // As systemd does it: the socket is descriptor 3, the environment says so.
    let script = r#"LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$0" "$@" 3<&0 </dev/null"#;
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "server::listeners::activated",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The socket is there before the server is: the kernel keeps who connects.
    let mut raw = Raw::connect(address);
    let answer = raw.request("POST", "/echo", &[("X-Request-Id", "activated")], b"hello");
    assert_eq!(answer.text(), r#"{"length":5}"#);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "the other half of `a_socket_from_systemd_is_served`, which runs it"]
fn activated() {
    let sockets = InheritedSockets::take().unwrap();
    let mut gateway = gateway()
        .settings(|settings| settings.ingress.address = Address::Systemd("web".to_owned()))
        .sockets(sockets)
        .start();
    gateway.wait();
}
