//! A whole gateway for one test: its own folder, its own clock, its own ports.
//!
//! ```ignore
//! let gateway = TestGateway::new().file("hello.yaml", "function: hello\n…").start();
//! let answer = gateway.get("/crm/v2/functions/hello/actions/execute");
//! assert_eq!(answer.status, 200);
//! ```
//!
//! The server runs on a thread of its own and is stopped when the value is dropped. A request that
//! must be wrong, or slow, is written byte by byte through [`Raw`]. Nothing here sleeps: tests wait
//! for the other side to answer or to close, and give up after [`PATIENCE`].

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod client;
pub(crate) mod destination;
mod third_party;

pub(crate) use client::{Answer, Raw};
pub(crate) use third_party::{Authority, ThirdParty};

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hookweir::auth::{Environment, KeyRecord, KeyTerms, Keyring, Owner, Scope, ZapiKey};
use hookweir::clock::{Clock, ManualClock};
use hookweir::connect::Tokens;
use hookweir::diagnostic::Severity;
use hookweir::dispatch::Dispatcher;
use hookweir::gateway::{Gateway, Reloader};
use hookweir::outbound::Outbound;
use hookweir::route::{self, Address, LogFormat, Settings};
use hookweir::server::log::{AccessLog, LogGuard, LogWriter};
use hookweir::server::{
    AdminAuth, Deliveries, Errands, InheritedSockets, Recorder, Server, ServerError, Services,
    Signal, Signals,
};
use hookweir::spec;
use hookweir::store::{self, Location, Store};
use tokio::sync::mpsc;

/// The longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The admin token of every test gateway.
pub(crate) const TOKEN: &str = "test-token";
/// What the clock of every test gateway shows at first.
pub(crate) const START: &str = "2026-11-01T10:00:00Z";

/// A gateway to be started.
#[derive(Debug)]
pub(crate) struct Builder {
    folder: tempfile::TempDir,
    settings: Vec<Box<dyn Setting>>,
    scope: Scope,
    environment: Environment,
    sockets: InheritedSockets,
    location: Option<Location>,
    recorded: Option<std::path::PathBuf>,
}

trait Setting: FnOnce(&mut Settings) + Send {}
impl<F: FnOnce(&mut Settings) + Send> Setting for F {}

impl std::fmt::Debug for dyn Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Setting")
    }
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct TestGateway {
    /// Where its functions are.
    pub(crate) folder: tempfile::TempDir,
    /// Its time.
    pub(crate) clock: Arc<ManualClock>,
    /// A key that opens every function, unless the builder was told otherwise.
    pub(crate) key: String,
    ingress: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    signals: mpsc::Sender<Signal>,
    server: Option<JoinHandle<()>>,
    log: Kept,
    guard: Option<LogGuard>,
}

/// A log that is kept in memory.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Builder {
    /// Adds a file to the folder of functions; sub-folders are made.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        write(self.folder.path(), name, text);
        self
    }

    /// Changes the settings, after those of the `gateway:` document.
    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.settings.push(Box::new(change));
        self
    }

    /// What the key opens.
    pub(crate) fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Of which world the key is.
    pub(crate) fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// What systemd hands over.
    pub(crate) fn sockets(mut self, sockets: InheritedSockets) -> Self {
        self.sockets = sockets;
        self
    }

    /// Records requests in this folder.
    pub(crate) fn record(mut self, folder: &Path) -> Self {
        self.recorded = Some(folder.to_owned());
        self
    }

    /// With a store in this folder.
    pub(crate) fn store(mut self, folder: &Path) -> Self {
        self.location = Some(Location {
            data_dir: folder.to_owned(),
            master_key: None,
            place: None,
        });
        self
    }

    /// Starts it on free ports, with the time standing still at [`START`].
    pub(crate) fn start(self) -> TestGateway {
        self.try_start()
            .unwrap_or_else(|error| panic!("the gateway does not start: {error:?}"))
    }

    /// Starts it, or says why not.
    pub(crate) fn try_start(self) -> Result<TestGateway, ServerError> {
        let loaded = spec::load(self.folder.path()).unwrap();
        let compilation = route::compile(loaded, &|_| None);
        let problems: Vec<_> = compilation
            .diagnostics
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .collect();
        let mut generation = compilation
            .generation
            .unwrap_or_else(|| panic!("the functions have mistakes: {problems:#?}"));
        generation.number = 1;
        generation.loaded_at = START.parse().unwrap();
        let mut settings = compilation.settings;
        let free = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.ingress.address = free.clone();
        settings.admin.address = free;
        // One peer fails as often as all tests of a corpus.
        settings.limits.failures.times = u32::MAX;
        for change in self.settings {
            change(&mut settings);
        }

        let clock = Arc::new(ManualClock::new(START.parse().unwrap()));
        let key = ZapiKey::generate().unwrap();
        let terms = KeyTerms {
            label: "test".to_owned(),
            owner: Owner {
                id: "4150868000000225013".to_owned(),
                email: "admin@example.com".to_owned(),
                name: "Admin".to_owned(),
                org_id: "60001".to_owned(),
            },
            environment: self.environment,
            scope: self.scope,
            expires: None,
        };
        let record = KeyRecord::issue(&key, terms, clock.now()).unwrap();
        let outbound = Outbound::new(&settings.outbound).unwrap();
        let gateway = Gateway::new(generation, Keyring::new([record])).reaching(outbound.clone());
        let gateway = Arc::new(gateway);
        let shared: Arc<dyn Clock> = clock.clone();
        let folder = self.folder.path().to_owned();
        let reloader = Arc::new(Reloader::new(
            folder,
            Box::new(|_| None),
            Arc::clone(&shared),
            Arc::clone(&gateway),
        ));
        let store = self
            .location
            .as_ref()
            .map(|location| store::open_or_create(location).unwrap());
        let deliveries = store
            .as_ref()
            .map(|store| deliveries(store, &gateway, &outbound, &shared, &settings));
        let recorder = self
            .recorded
            .map(|folder| Recorder::start(&folder).unwrap());
        let log = Kept::default();
        let (writer, guard) = LogWriter::start(log.clone()).unwrap();
        let services = Services {
            reloader,
            auth: AdminAuth::new(TOKEN),
            clock: shared,
            access: Some(AccessLog::new(writer, LogFormat::Json)),
            sockets: self.sockets,
            store: None,
            deliveries,
            errands: Errands::new(store, Arc::clone(&gateway)),
            recorder,
            outbound: Some(outbound),
        };

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server = {
            let _context = runtime.enter();
            Server::bind(&settings, services)?
        };
        let (ingress, admin) = (server.ingress_addr(), server.admin_addr());
        let (sender, signals) = Signals::manual();
        let server = std::thread::spawn(move || runtime.block_on(server.serve(signals)));
        Ok(TestGateway {
            folder: self.folder,
            clock,
            key: key.expose().to_owned(),
            ingress,
            admin,
            signals: sender,
            server: Some(server),
            log,
            guard: Some(guard),
        })
    }
}

/// Keeps events in this store, and delivers them.
fn deliveries(
    store: &Arc<dyn Store>,
    gateway: &Arc<Gateway>,
    outbound: &Outbound,
    clock: &Arc<dyn Clock>,
    settings: &Settings,
) -> Deliveries {
    let events = store.events(Arc::clone(clock)).unwrap();
    let dispatcher = Dispatcher::new(
        events,
        Arc::clone(gateway),
        outbound.clone(),
        Arc::new(Tokens::new(Arc::clone(store), Arc::clone(clock))),
    );
    Deliveries::new(Arc::new(dispatcher), settings.retention)
}

impl TestGateway {
    /// A gateway without any function yet.
    #[expect(
        clippy::new_ret_no_self,
        reason = "reads as what the test wants: a test gateway"
    )]
    pub(crate) fn new() -> Builder {
        Builder {
            folder: tempfile::tempdir().unwrap(),
            settings: Vec::new(),
            scope: Scope::All,
            environment: Environment::Production,
            sockets: InheritedSockets::default(),
            location: None,
            recorded: None,
        }
    }

    /// Where webhooks arrive.
    pub(crate) fn ingress(&self) -> SocketAddr {
        self.ingress.expect("the ingress is a TCP socket")
    }

    /// Where admins work.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin.expect("the admin listener is a TCP socket")
    }

    /// A connection to the ingress, for bytes.
    pub(crate) fn raw(&self) -> Raw<std::net::TcpStream> {
        Raw::connect(self.ingress())
    }

    /// `GET` at the ingress.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"")
    }

    /// `POST` at the ingress.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        let headers = [("Content-Type", content_type)];
        self.request("POST", path, &headers, body.as_ref())
    }

    /// Any request at the ingress, on a connection of its own.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.raw().request(method, path, headers, body)
    }

    /// `GET` at the admin listener, with the token.
    pub(crate) fn admin_get(&self, path: &str) -> Answer {
        self.admin_request("GET", path)
    }

    /// Any request without a body at the admin listener, with the token.
    pub(crate) fn admin_request(&self, method: &str, path: &str) -> Answer {
        let authorization = format!("Bearer {TOKEN}");
        let headers = [("Authorization", authorization.as_str())];
        Raw::connect(self.admin()).request(method, path, &headers, b"")
    }

    /// Writes a file into the folder of functions.
    pub(crate) fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// Says something to the server.
    pub(crate) fn signal(&self, signal: Signal) {
        self.signals.blocking_send(signal).unwrap();
    }

    /// Waits until the server has ended, which it must have been told to.
    pub(crate) fn wait(&mut self) {
        if let Some(server) = self.server.take() {
            server.join().unwrap();
        }
    }

    /// Stops the server and gives the access lines that it wrote.
    pub(crate) fn stop(mut self) -> Vec<serde_json::Value> {
        self.signal(Signal::Stop);
        self.wait();
        self.guard = None;
        let log = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        if self.server.is_some() {
            // Twice: at once.
            let _ = self.signals.blocking_send(Signal::Stop);
            let _ = self.signals.blocking_send(Signal::Stop);
            self.wait();
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
