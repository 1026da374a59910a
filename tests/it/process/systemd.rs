//! Under systemd: it says when it is ready, reloading and stopping, and takes the sockets that it
//! is handed.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::project::{OPEN, Project};

#[test]
fn it_says_when_it_is_ready_reloads_and_stops() {
    let project = Project::new(OPEN);
    let path = project.path("notify.sock");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let hear = || {
        let mut buffer = [0; 4096];
        let length = systemd.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut serving = project.serve_as(&[], |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    assert_eq!(hear().trim(), "READY=1");
    serving.signal("HUP");
    let reloading = hear();
    let mut lines = reloading.lines();
    assert_eq!(lines.next(), Some("RELOADING=1"));
    // What `Type=notify-reload` asks for.
    let time = lines
        .next()
        .and_then(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(
        time.is_some_and(|time| time.parse::<u64>().is_ok()),
        "{reloading}"
    );
    assert_eq!(hear().trim(), "READY=1");
    serving.signal("TERM");
    assert_eq!(hear().trim(), "STOPPING=1");
    assert_eq!(serving.wait().code(), Some(0));
}

#[test]
fn a_watchdog_is_fed() {
    let project = Project::new(OPEN);
    let path = project.path("notify.sock");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let _serving = project.serve_as(&[], |command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000");
    });
    let mut fed = 0;
    while fed < 3 {
        let mut buffer = [0; 4096];
        let length = systemd.recv(&mut buffer).unwrap();
        fed += usize::from(buffer[..length].trim_ascii() == b"WATCHDOG=1");
    }
}

#[test]
fn the_socket_that_it_is_handed_is_served() {
    let project = Project::new(OPEN);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // As systemd does it: the socket is descriptor 3, the environment says so.
    let script = r#"LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$0" "$@" 3<&0 </dev/null"#;
    let mut command = Command::new("sh");
    project.prepare(&mut command);
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_hookweir")])
        .args(["serve", "--listen", "systemd:web"])
        .args(["--admin-listen", "127.0.0.1:0"])
        .stdin(Stdio::from(OwnedFd::from(listener)));
    let mut serving = project.start(command);
    assert_eq!(serving.ingress, address);
    assert_eq!(serving.version(), "one");
    serving.stop();
}
