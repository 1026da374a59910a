//! HTTP: ingress, admin API, metrics; refusals to replies in one table.
//!
//! ```text
//! listen ▶ connection (permit, TLS, time limits, http1 | http2) ▶ guard ▶ warp
//!                                                  ingress: one catch-all filter ▶ Gateway
//!                                                  admin: a filter for each address
//! ```
//!
//! hyper is driven by our own accept loop because `warp::serve` has no time limit of any kind.
//! Nothing here decides about a request's content: that is `gateway`'s. What a refused caller
//! learns stands in `rejection`.

mod admin;
mod body;
mod connection;
mod deliveries;
mod drain;
mod errands;
mod failures;
mod guard;
mod head_timer;
mod identity;
mod ingress;
mod listen;
pub mod log;
mod metrics;
mod peer;
mod proxied;
mod recorder;
pub mod redirect;
mod rejection;
mod signal;
mod tls;

pub use admin::AdminAuth;
pub use deliveries::Deliveries;
pub use errands::Errands;
pub use listen::{InheritedSockets, ServerError};
pub use recorder::Recorder;
pub use signal::{Signal, Signals};
pub use tls::TlsError;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use self::admin::{Admin, AdminApi, log_reload, on_a_thread};
use self::connection::Port;
use self::drain::Drain;
use self::failures::Failures;
use self::ingress::{Ingress, Webhooks};
use self::listen::{Listener, describe};
use self::log::AccessLog;
use self::metrics::Metrics;
use self::peer::TrustedProxies;
use self::tls::Certificate;
use crate::clock::Clock;
use crate::gateway::{Refusal, Reloader, Reply};
use crate::outbound::Outbound;
use crate::route::{Listen, Settings};
use crate::store::Store;

/// How often certificate files are looked at.
const CERTIFICATE_INTERVAL: Duration = Duration::from_mins(1);
/// For connections to notice that they are cut off.
const CUT_OFF: Duration = Duration::from_secs(1);
/// For the admin listener to finish what it has in hand, after the ingress.
const ADMIN_DRAIN: Duration = Duration::from_secs(2);

/// What the caller of a refused request gets, as functions' own tests see it too.
pub fn refusal_reply(refusal: Refusal, request_id: &str, zoho_failures: bool) -> Reply {
    let refused = rejection::Refused::Gateway(refusal);
    let rejection = rejection::reject(refused, request_id, zoho_failures);
    Reply {
        status: rejection.status,
        headers: rejection.headers,
        body: rejection.body,
        kind: crate::gateway::ReplyKind::Answer,
    }
}

/// What a server works with.
#[derive(Debug)]
pub struct Services {
    /// The gateway, and how to bring new functions into it.
    pub reloader: Arc<Reloader>,
    /// Who may use the admin API.
    pub auth: AdminAuth,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where a line for each request goes, if anywhere.
    pub access: Option<AccessLog>,
    /// What systemd handed over.
    pub sockets: InheritedSockets,
    /// Without it the gateway cannot be ready, where it has one.
    pub store: Option<Arc<dyn Store>>,
    /// What handshakes leave to be done.
    pub errands: Errands,
    /// What keeps events and delivers them; functions that need it are refused without.
    pub deliveries: Option<Deliveries>,
    /// Where requests are recorded, if they are.
    pub recorder: Option<Recorder>,
    /// How third parties are reached.
    pub outbound: Option<Outbound>,
}

/// Both listeners, open. Whoever connects waits until something is served on them.
#[derive(Debug)]
pub struct Listeners {
    ingress: Open,
    admin: Open,
    certificates: Vec<Arc<Certificate>>,
}

struct Open {
    listener: Listener,
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

/// Open listeners and what is to be served on them.
#[derive(Debug)]
pub struct Server {
    ingress: Door<Webhooks>,
    admin: Door<AdminApi>,
    certificates: Vec<Arc<Certificate>>,
    reloader: Arc<Reloader>,
    errands: Errands,
    deliveries: Option<Deliveries>,
    outbound: Option<Outbound>,
    clock: Arc<dyn Clock>,
    drain_timeout: Duration,
}

/// A listener, its limits, and what stands behind it.
#[derive(Debug)]
struct Door<A> {
    listener: Listener,
    port: Arc<Port>,
    application: A,
}

impl Listeners {
    /// Opens both. Must be called within a runtime.
    pub fn open(settings: &Settings, sockets: &mut InheritedSockets) -> Result<Self, ServerError> {
        let mut certificates = Vec::new();
        let mut open = |listen: &Listen, clients: Option<&Path>| {
            let tls = accept_tls(listen, clients, &mut certificates)?;
            let listener = Listener::open(&listen.address, sockets)?;
            Ok::<_, ServerError>(Open { listener, tls })
        };
        let clients = settings.client_authorities.as_deref();
        let ingress = open(&settings.ingress, clients)?;
        let admin = open(&settings.admin, None)?;
        Ok(Self {
            ingress,
            admin,
            certificates,
        })
    }
}

impl Server {
    /// Opens both listeners for [`serve`](Self::serve). Must be called within a runtime.
    pub fn bind(settings: &Settings, mut services: Services) -> Result<Self, ServerError> {
        let listeners = Listeners::open(settings, &mut services.sockets)?;
        Ok(Self::on(listeners, settings, services))
    }

    /// Will [`serve`](Self::serve) on listeners that are open already.
    pub fn on(listeners: Listeners, settings: &Settings, services: Services) -> Self {
        let metrics = Arc::new(Metrics::new(&services.clock));
        let proxies = Arc::new(TrustedProxies::new(&settings.trusted_proxies));
        let limits = &settings.limits;
        let drains = [Arc::new(Drain::new()), Arc::new(Drain::new())];
        let [ingress_drain, admin_drain] = &drains;

        let ingress = Ingress {
            gateway: Arc::clone(services.reloader.gateway()),
            clock: Arc::clone(&services.clock),
            metrics: Arc::clone(&metrics),
            access: services.access,
            errands: services.errands.clone(),
            recorder: services.recorder,
            deliveries: services.deliveries.clone(),
            failures: Failures::new(limits.failures.times, limits.failures.period),
            proxies: Arc::clone(&proxies),
            body_time: limits.body_timeout.min(limits.request_timeout),
            zoho_failures: settings.zoho_failures,
        };
        let admin = Admin::new(
            Arc::clone(&services.reloader),
            Arc::clone(&metrics),
            services.auth,
            settings.public_url.as_deref(),
            Arc::clone(ingress_drain),
            services.store,
            (services.deliveries.clone(), Arc::clone(&services.clock)),
        );
        let port = |tls, drain: &Arc<Drain>, metrics, proxied| {
            let (limits, proxies) = (limits.clone(), Arc::clone(&proxies));
            let drain = Arc::clone(drain);
            Arc::new(Port::new(limits, tls, drain, metrics, proxies, proxied))
        };
        let ingress = Door {
            listener: listeners.ingress.listener,
            port: port(
                listeners.ingress.tls,
                ingress_drain,
                Arc::clone(&metrics.ingress),
                settings.proxy_protocol,
            ),
            application: Webhooks(Arc::new(ingress)),
        };
        let admin = Door {
            listener: listeners.admin.listener,
            port: port(
                listeners.admin.tls,
                admin_drain,
                Arc::clone(&metrics.admin),
                false,
            ),
            application: AdminApi(Arc::new(admin)),
        };
        // Port 0 has become a real one.
        let told = |listener: &Listener, address| match listener.local_addr() {
            Some(address) => address.to_string(),
            None => describe(address),
        };
        info!(
            ingress = told(&ingress.listener, &settings.ingress.address),
            admin = told(&admin.listener, &settings.admin.address),
            "listening"
        );
        Self {
            ingress,
            admin,
            certificates: listeners.certificates,
            reloader: services.reloader,
            errands: services.errands,
            deliveries: services.deliveries,
            outbound: services.outbound,
            clock: services.clock,
            drain_timeout: limits.drain_timeout,
        }
    }

    /// Where webhooks arrive; `None` for a Unix socket.
    pub fn ingress_addr(&self) -> Option<SocketAddr> {
        self.ingress.listener.local_addr()
    }

    /// Where admins work; `None` for a Unix socket.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.listener.local_addr()
    }

    /// Serves until it is told to stop, and then until everything in hand is finished, the drain
    /// timeout has passed, or it is told once more.
    pub async fn serve(self, mut signals: Signals) {
        let Self {
            ingress,
            admin,
            certificates,
            reloader,
            errands,
            deliveries,
            outbound,
            clock,
            drain_timeout,
        } = self;
        let delivering = deliveries
            .clone()
            .map(|deliveries| tokio::spawn(deliveries.run(drain_timeout)));
        let background = [
            tokio::spawn(watch_certificates(certificates.clone())),
            tokio::spawn(feed_watchdog()),
            tokio::spawn(errands.make_visits(outbound, clock)),
        ];
        let admin_drain = Arc::clone(&admin.port.drain);
        let ingress_drain = Arc::clone(&ingress.port.drain);
        let mut ingress = tokio::spawn(ingress.serve());
        let mut admin = tokio::spawn(admin.serve());
        notify(&[NotifyState::Ready]);

        loop {
            match signals.next().await {
                Signal::Stop => break,
                Signal::Reload => reload(&reloader, &certificates).await,
            }
        }
        notify(&[NotifyState::Stopping]);
        info!("stopping: finishing the requests in hand");
        ingress_drain.begin();
        tokio::select! {
            _ = &mut ingress => {}
            () = tokio::time::sleep(drain_timeout) => {
                warn!("requests in hand after the drain timeout are cut off");
            }
            () = told_to_stop(&mut signals) => {
                warn!("told to stop at once: requests in hand are cut off");
            }
        }
        ingress_drain.end();
        if let (Some(deliveries), Some(delivering)) = (deliveries, delivering) {
            deliveries.end();
            let _ = timeout(drain_timeout + CUT_OFF, delivering).await;
        }
        if !ingress.is_finished() {
            // What was cut off still leaves its lines in the log.
            let _ = timeout(CUT_OFF, &mut ingress).await;
        }
        // The admin listener is the last to go: it says that this gateway is not ready any more.
        admin_drain.begin();
        let _ = timeout(ADMIN_DRAIN, &mut admin).await;
        admin_drain.end();
        for task in background {
            task.abort();
        }
        info!("stopped");
    }
}

impl<A: connection::Application> Door<A> {
    async fn serve(self) {
        self.port.serve(self.listener, self.application).await;
    }
}

/// A runtime as this machine is: on one core one thread, which costs less than several.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(cores).enable_all().build()
}

fn accept_tls(
    listen: &Listen,
    clients: Option<&Path>,
    certificates: &mut Vec<Arc<Certificate>>,
) -> Result<Option<tokio_rustls::TlsAcceptor>, ServerError> {
    let Some((chain, key)) = &listen.tls else {
        return Ok(None);
    };
    let certificate = Certificate::load(chain, key)?;
    let acceptor = certificate.acceptor(clients)?;
    certificates.push(certificate);
    Ok(Some(acceptor))
}

async fn told_to_stop(signals: &mut Signals) {
    while signals.next().await != Signal::Stop {}
}

async fn reload(reloader: &Arc<Reloader>, certificates: &[Arc<Certificate>]) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
    let reloader = Arc::clone(reloader);
    let certificates = certificates.to_vec();
    let report = on_a_thread(move || {
        refresh(&certificates);
        reloader.reload(false)
    });
    if let Some(report) = report.await {
        log_reload(&report);
    }
    notify(&[NotifyState::Ready]);
}

async fn watch_certificates(certificates: Vec<Arc<Certificate>>) {
    if certificates.is_empty() {
        return;
    }
    let mut ticks = interval(CERTIFICATE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, and the files have just been read.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let certificates = certificates.clone();
        on_a_thread(move || refresh(&certificates)).await;
    }
}

/// Blocks.
fn refresh(certificates: &[Arc<Certificate>]) {
    for certificate in certificates {
        certificate.refresh();
    }
}

/// Tells systemd that we live, if it wants to know.
async fn feed_watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}

/// Without systemd there is nobody to tell, which is fine.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "cannot tell systemd");
    }
}
