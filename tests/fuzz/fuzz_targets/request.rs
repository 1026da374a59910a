//! Bytes on a connection: the server answers in HTTP or closes, and never with its own fault.
//!
//! One whole gateway runs in the process, on a Unix socket; each input is a connection that sends
//! the bytes and says that it has no more. `KEY` in the input becomes a key that opens everything.
//! The functions cannot fail, so a 500 is a bug, and so is a connection that stays open. A panic
//! that the server survives ends the fuzzer all the same.

#![no_main]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hookweir::auth::{Environment, KeyRecord, KeyTerms, Keyring, Owner, Scope, ZapiKey};
use hookweir::clock::{Clock, SystemClock};
use hookweir::gateway::{Gateway, Reloader};
use hookweir::route::{self, Address};
use hookweir::server::{AdminAuth, Errands, InheritedSockets, Server, Services, Signals};
use hookweir::spec;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "1003.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";
/// Looks at everything that a function can see.
const FUNCTIONS: &str = r#"
function: echo
accept:
  methods: [GET, POST, PUT, DELETE]
  path: /hooks/echo/{rest}
  max_body: 64KiB
auth:
  zapikey: optional
request:
  arguments: [a, b]
respond:
  body:
    body: ${body}
    raw: ${size(raw_body)}
    params: ${params}
    query: ${query}
    form: ${form}
    cookies: ${cookies}
    headers: ${headers}
    files: ${files.map(name, files[name].size)}
    file_content: ${file_content}
    arguments: "${[arguments.a, arguments.b]}"
    all: ${crmAPIRequest}
    path: ${path.rest ?? null}
    by_path: ${$.body..a}
"#;

fuzz_target!(|data: &[u8]| {
    let socket = server();
    let mut stream = UnixStream::connect(socket).expect("the server is there");
    let patience = Some(Duration::from_secs(8));
    stream.set_read_timeout(patience).expect("a socket");
    stream.set_write_timeout(patience).expect("a socket");
    // The server may close before everything is sent.
    let _ = stream.write_all(&with_key(data));
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("the connection stays open");
        }
        // Reset: the server closed with input unread.
        Err(_) => {}
    }
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1."),
        "{:?}",
        String::from_utf8_lossy(&answer)
    );
    if answer.get(8..13) == Some(b" 500 ") {
        panic!("{}", String::from_utf8_lossy(&answer));
    }
});

fn with_key(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + KEY.len());
    let mut rest = data;
    while let Some(at) = rest.windows(3).position(|window| window == b"KEY") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(KEY.as_bytes());
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    out
}

/// The path of the server's socket; the first call starts it.
fn server() -> &'static PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET.get_or_init(|| {
        let socket =
            std::env::temp_dir().join(format!("hookweir-fuzz-{}.sock", std::process::id()));
        let compilation = route::compile(spec::load_text("echo.yaml", FUNCTIONS), &|_| None);
        let mut generation = compilation
            .generation
            .unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics));
        generation.number = 1;
        let mut settings = compilation.settings;
        settings.ingress.address = Address::Unix(socket.clone());
        settings.admin.address = Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        settings.limits.header_timeout = Duration::from_secs(2);
        settings.limits.body_timeout = Duration::from_secs(2);

        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let key = ZapiKey::parse(KEY).expect("a key");
        let terms = KeyTerms {
            label: "fuzz".to_owned(),
            owner: Owner {
                id: "1".to_owned(),
                email: "fuzz@example.com".to_owned(),
                name: "Fuzz".to_owned(),
                org_id: "1".to_owned(),
            },
            environment: Environment::Sandbox,
            scope: Scope::All,
            expires: None,
        };
        let record = KeyRecord::issue(&key, terms, clock.now()).expect("randomness");
        let gateway = Arc::new(Gateway::new(generation, Keyring::new([record])));
        let services = Services {
            reloader: Arc::new(Reloader::new(
                std::env::temp_dir(),
                Box::new(|_| None),
                Arc::clone(&clock),
                Arc::clone(&gateway),
            )),
            auth: AdminAuth::new("fuzz"),
            clock,
            access: None,
            sockets: InheritedSockets::default(),
            store: None,
            deliveries: None,
            errands: Errands::new(None, gateway),
            recorder: None,
            outbound: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let server = {
            let _context = runtime.enter();
            Server::bind(&settings, services).expect("a free socket")
        };
        std::thread::spawn(move || {
            let (_sender, signals) = Signals::manual();
            runtime.block_on(server.serve(signals));
        });
        socket
    })
}
