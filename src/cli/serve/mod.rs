//! `hookweir serve`: puts the parts together and runs until it is told to stop.
//!
//! In this order: the specs are compiled (a mistake ends it here, with 78), the listeners are
//! opened, the store is opened or made, the address of every function is printed, and then requests
//! are served. The store comes after the listeners because the key of the first start is shown
//! once: a start that fails must not use it up. Who connects meanwhile waits.

mod banner;
pub mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::{info, warn};

use super::console::{Console, Exit, Failure, finish};
use super::data_dir::DataDir;
use crate::auth::Keyring;
use crate::clock::{Clock, SystemClock};
use crate::connect::Tokens;
use crate::diagnostic::render::{Format, render};
use crate::dispatch::Dispatcher;
use crate::gateway::{Gateway, ReloadOutcome, Reloader, compile_folder};
use crate::outbound::Outbound;
use crate::route::{Address, Compilation, Generation, LogFormat, Outside, Settings};
use crate::server::log::{LogError, Logging};
use crate::server::{
    self, AdminAuth, Deliveries, Errands, InheritedSockets, Listeners, Recorder, Server, Services,
    Signals,
};
use crate::store::{self, FirstStart, KeyWatcher, Pace, Store};
use watch::Watch;

/// Serve the functions of a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir serve
  hookweir serve --watch                          reload when the folder changes
  hookweir serve --listen 0.0.0.0:8080 --data-dir /var/lib/hookweir
  hookweir -C /srv/webhooks serve                 another project
  hookweir serve --record recorded                keep requests as tests

The first start makes a data directory with a sandbox key and an admin token, and prints a
curl line to try. SIGHUP reloads, as `hookweir reload` does; SIGTERM finishes what is in
hand and ends; sent twice, it ends at once.")]
pub struct Args {
    /// The folder of functions
    #[arg(
        long,
        value_name = "DIR",
        env = "HOOKWEIR_SPECS",
        default_value = "specs"
    )]
    specs: PathBuf,

    #[command(flatten)]
    data_dir: DataDir,

    /// Where webhooks arrive: HOST:PORT, unix:PATH or systemd:NAME [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "HOOKWEIR_LISTEN")]
    listen: Option<String>,

    /// Where admins work [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS", env = "HOOKWEIR_ADMIN_LISTEN")]
    admin_listen: Option<String>,

    /// How third parties reach the gateway, such as `https://hooks.example.com`
    #[arg(long, value_name = "URL", env = "HOOKWEIR_PUBLIC_URL")]
    public_url: Option<String>,

    /// Reload when the folder has changed and been quiet for half a second
    #[arg(long, env = "HOOKWEIR_WATCH")]
    watch: bool,

    /// Write each request that is taken, without keys and secrets, into this folder as a test for
    /// `hookweir test --recorded DIR`
    #[arg(long, value_name = "DIR", env = "HOOKWEIR_RECORD")]
    record: Option<PathBuf>,

    /// How to log [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT", env = "HOOKWEIR_LOG_FORMAT", value_parser = ["text", "json"])]
    log_format: Option<String>,

    /// What to log: error, warn, info, debug, trace, or a filter such as `info,hookweir::access=off`
    #[arg(long, value_name = "LEVEL", env = "HOOKWEIR_LOG")]
    log_level: Option<String>,
}

/// Runs `hookweir serve`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| args.run(console))
}

impl Args {
    fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let outside = Outside {
            public_url: self.public_url.as_deref().filter(|url| !url.is_empty()),
            ..Outside::variables(&super::variable)
        };
        let compilation = compile_folder(&self.specs, outside)
            .map_err(|error| super::no_functions(&self.specs, &error, "--specs DIR"))?;
        let drawn = render(
            &compilation.diagnostics,
            &compilation.sources,
            Format::Human { colored: true },
        );
        write!(console.err, "{drawn}")?;
        let Compilation {
            generation: Some(generation),
            settings,
            suites,
            ..
        } = compilation
        else {
            return Err(Failure::configuration(format!(
                "the functions in `{}` cannot be served as they are",
                self.specs.display()
            ))
            .help("`hookweir explain CODE` says more about each kind of error"));
        };
        let written = settings.clone();
        let settings = self.overridden(settings)?;
        // Before there are threads: it changes the environment.
        let mut sockets = InheritedSockets::take()?;
        let logging = self.logging(&settings)?;
        let runtime = server::runtime()
            .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
        let _within = runtime.enter();
        let listeners = Listeners::open(&settings, &mut sockets)?;
        let mut location = self.data_dir.location()?;
        location.place.get_or_insert_with(|| settings.store.clone());
        let (store, first) = store::open_or_init(&location, console.clock.now())?;
        let running = self.start(generation, written, &settings, &store, listeners, logging)?;
        banner::print(
            console,
            &running.gateway,
            &suites,
            &running.addresses(&settings),
            first.as_ref(),
        )?;
        console.out.flush()?;
        let Running {
            server,
            signals,
            watchers,
            ..
        } = running;
        runtime.block_on(server.serve(signals));
        drop(watchers);
        Ok(Exit::Done)
    }

    fn logging(&self, settings: &Settings) -> Result<Logging, Failure> {
        server::log::start(settings).map_err(|error| match error {
            LogError::Level { .. } if self.log_level.is_some() => {
                Failure::usage(format!("`--log-level`: {error}"))
            }
            error => error.into(),
        })
    }

    /// The settings of the file, with what the command line and the environment say instead.
    fn overridden(&self, mut settings: Settings) -> Result<Settings, Failure> {
        if let Some(text) = &self.listen {
            settings.ingress.address = address(text, "--listen")?;
        }
        if let Some(text) = &self.admin_listen {
            settings.admin.address = address(text, "--admin-listen")?;
            if let Address::Tcp(at) = settings.admin.address
                && !at.ip().is_loopback()
                && settings.admin.tls.is_none()
            {
                return Err(Failure::usage(format!("`--admin-listen {text}` would carry the admin token over the network in clear"))
                    .help("give `admin: tls:` in the `gateway:` document, or listen on a loopback address"));
            }
        }
        if let Some(url) = &self.public_url {
            settings.public_url = Some(url.trim_end_matches('/').to_owned());
        }
        match self.log_format.as_deref() {
            Some("json") => settings.log_format = Some(LogFormat::Json),
            Some(_) => settings.log_format = Some(LogFormat::Text),
            None => {}
        }
        if let Some(level) = &self.log_level {
            settings.log_level.clone_from(level);
        }
        Ok(settings)
    }
}

/// Reads what `--listen` and its like were given.
pub(super) fn address(text: &str, flag: &str) -> Result<Address, Failure> {
    Address::parse(text).map_err(|why| {
        Failure::usage(format!("`{flag} {text}`: {why}"))
            .help("write HOST:PORT, unix:PATH or systemd:NAME")
    })
}

/// Everything that runs beside the requests. Fields end in the order in which they stand.
struct Watchers {
    _folder: Option<Watch>,
    _keys: KeyWatcher,
    /// The last: it writes what the others still log.
    _log: server::log::LogGuard,
}

struct Running {
    gateway: Arc<Gateway>,
    server: Server,
    signals: Signals,
    watchers: Watchers,
}

/// Where a running gateway is reached.
struct Addresses {
    /// As third parties know it.
    base: String,
    /// As this machine knows it.
    local: String,
    /// Where it listens, when `base` does not tell.
    listens: Option<String>,
    /// The Unix socket to go through.
    socket: Option<PathBuf>,
    /// The admin API's, when it has one.
    admin: Option<SocketAddr>,
}

impl Args {
    fn start(
        &self,
        mut generation: Generation,
        written: Settings,
        settings: &Settings,
        store: &Arc<dyn Store>,
        listeners: Listeners,
        logging: Logging,
    ) -> Result<Running, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        generation.number = 1;
        generation.loaded_at = clock.now();
        let keyring = Keyring::new(store.keys()?);
        let outbound = Outbound::new(&settings.outbound)
            .map_err(|error| Failure::failed(format!("`outbound`: {error}")))?;
        let gateway = Gateway::new(generation, keyring.clone()).reaching(outbound.clone());
        let gateway = Arc::new(gateway);
        let token = store
            .admin_token()?
            .ok_or_else(|| Failure::failed("the store has no admin token"))?;
        let installed = Arc::clone(&gateway);
        let errands = Errands::new(Some(Arc::clone(store)), Arc::clone(&gateway));
        // Before the first request, which may be signed with one.
        errands.refresh()?;
        let tokens = Arc::new(Tokens::new(Arc::clone(store), Arc::clone(&clock)));
        let (changed, known) = (errands.clone(), Arc::clone(&tokens));
        let keys = KeyWatcher::start(
            Arc::clone(store),
            keyring,
            Pace::default(),
            move |keyring| installed.install_keys(keyring),
            move || {
                known.forget();
                changed.refresh()
            },
        )?;
        let reloader = Reloader::new(
            self.specs.clone(),
            Box::new(super::variable),
            Arc::clone(&clock),
            Arc::clone(&gateway),
        );
        let public_url = self.public_url.clone().filter(|url| !url.is_empty());
        let reloader = reloader.reached_at(public_url).started_with(written);
        let reloader = Arc::new(reloader);
        let deliveries = Deliveries::new(
            Arc::new(Dispatcher::new(
                store.events(Arc::clone(&clock))?,
                Arc::clone(&gateway),
                outbound.clone(),
                tokens,
            )),
            settings.retention,
        );
        let services = Services {
            deliveries: Some(deliveries),
            reloader: Arc::clone(&reloader),
            auth: AdminAuth::from_hash(token.0),
            clock,
            access: logging.access,
            sockets: InheritedSockets::default(),
            store: Some(Arc::clone(store)),
            errands,
            recorder: self.recorder()?,
            outbound: Some(outbound),
        };
        let server = Server::on(listeners, settings, services);
        let signals = Signals::of_process()?;
        let folder = self.watch.then(|| watch_folder(&reloader)).transpose()?;
        let watchers = Watchers {
            _folder: folder,
            _keys: keys,
            _log: logging.guard,
        };
        Ok(Running {
            gateway,
            server,
            signals,
            watchers,
        })
    }
}

impl Running {
    fn addresses(&self, settings: &Settings) -> Addresses {
        let mut shown = settings.clone();
        if let Some(address) = self.server.ingress_addr() {
            // Port 0 has become a real one.
            shown.ingress.address = Address::Tcp(address);
        }
        let listens = match &shown.ingress.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(path) => format!("unix:{}", path.display()),
            Address::Systemd(name) => format!("systemd:{name}"),
        };
        let socket = match &shown.ingress.address {
            Address::Unix(path) => Some(path.clone()),
            Address::Tcp(_) | Address::Systemd(_) => None,
        };
        let public = shown.public_url.take();
        // Through a Unix socket any host will do.
        let local = super::urls::base_url(&shown).unwrap_or_else(|_| "http://localhost".to_owned());
        let is_told = public.is_none() && socket.is_none();
        Addresses {
            base: public.unwrap_or_else(|| local.clone()),
            local,
            listens: (!is_told).then_some(listens),
            socket,
            admin: self.server.admin_addr(),
        }
    }
}

impl Args {
    fn recorder(&self) -> Result<Option<Recorder>, Failure> {
        let Some(folder) = &self.record else {
            return Ok(None);
        };
        let recorder = Recorder::start(folder).map_err(|error| {
            Failure::failed(format!("cannot record in `{}`: {error}", folder.display()))
        })?;
        warn!(folder = %folder.display(), "requests are recorded, their bodies too");
        Ok(Some(recorder))
    }
}

fn watch_folder(reloader: &Arc<Reloader>) -> Result<Watch, Failure> {
    let folder = reloader.folder().to_path_buf();
    let reloader = Arc::clone(reloader);
    let watch = Watch::start(&folder, watch::SETTLE, move || {
        let report = reloader.reload(false);
        match &report.outcome {
            ReloadOutcome::Unchanged => {}
            outcome if outcome.is_good() => {
                info!(generation = report.number, "{}", report.summary());
            }
            _ => warn!(
                generation = report.number,
                "the folder changed and cannot be served: {}",
                report.summary()
            ),
        }
    });
    watch.map_err(|error| Failure::failed(format!("cannot watch `{}`: {error}", folder.display())))
}
