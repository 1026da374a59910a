//! `hookweir connections`: third parties, and whether they know us.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use http::{HeaderValue, Method, header};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio::net::TcpListener;

use super::console::{Console, Exit, Failure, finish};
use super::data_dir::DataDir;
use super::keys::{Format, json};
use crate::auth::Environment;
use crate::clock::SystemClock;
use crate::connect::{Authorization, Tokens};
use crate::diagnostic::Severity;
use crate::outbound::{Bounds, Call, Outbound};
use crate::route::{self, Connection, Generation, Grant, OAuth2, Outside, Settings, Target};
use crate::server::redirect::await_redirect;
use crate::spec;
use crate::store::{self, ConnectionToken};

/// Where a browser is sent back to.
const REDIRECT: &str = "/callback";
/// How much is read of an answer.
const LONGEST: usize = 64 << 10;

/// List connections, try them, allow them in a browser, forget their tokens
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir connections list
  hookweir connections test zoho_crm --path /crm/v8/org
  hookweir connections authorize zoho_crm            of `grant: authorization_code`
  hookweir connections revoke zoho_crm

Access tokens (`auth: { oauth2: … }`) are asked for when they are needed, kept sealed in the
store, and asked for anew before they end. A running gateway takes a change over at once.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// The folder of functions
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "HOOKWEIR_SPECS",
        default_value = "specs"
    )]
    specs: PathBuf,
    #[command(flatten)]
    data_dir: DataDir,
    /// How results are written
    #[arg(long, value_enum, global = true, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List connections and what is known of their tokens
    #[command(after_help = "\
Examples:
  hookweir connections list
  hookweir connections list --format json")]
    List,
    /// Get a token, where one is needed, and send a GET
    #[command(after_help = "\
Examples:
  hookweir connections test zoho_crm --path /crm/v8/org
  hookweir connections test zoho_crm --environment sandbox

The exit code is 0 when the answer counts as success (200 to 299).")]
    Test {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
        /// What is put behind the connection's `base_url`
        #[arg(long, value_name = "PATH", default_value = "")]
        path: String,
        /// Where it leads: production or sandbox
        #[arg(long, value_name = "ENVIRONMENT", default_value = "production")]
        environment: Environment,
    },
    /// Have somebody allow it in a browser, and keep the tokens
    #[command(after_help = "\
Examples:
  hookweir connections authorize zoho_crm
  hookweir connections authorize zoho_crm --port 8085

Prints an address to be opened in a browser on this machine, and waits there for the browser
to be sent back to http://127.0.0.1:PORT/callback. Register that address with the third party;
some want the very port. PKCE (RFC 7636) keeps the code from being of use to anybody else.")]
    Authorize {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
        /// Where it leads: production or sandbox
        #[arg(long, value_name = "ENVIRONMENT", default_value = "production")]
        environment: Environment,
        /// The port of the address that the browser is sent back to; 0: any that is free
        #[arg(long, value_name = "PORT", default_value_t = 8085)]
        port: u16,
        /// How long it waits
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        within: u64,
    },
    /// Forget the tokens; what a third party has allowed ends only there
    #[command(after_help = "\
Example:
  hookweir connections revoke zoho_crm")]
    Revoke {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
        /// Where it leads: production or sandbox
        #[arg(long, value_name = "ENVIRONMENT", default_value = "production")]
        environment: Environment,
    },
}

/// Runs `hookweir connections`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| match &args.command {
        Command::List => args.list(console),
        Command::Test {
            name,
            path,
            environment,
        } => args.test(name, path, *environment, console),
        Command::Authorize {
            name,
            environment,
            port,
            within,
        } => args.authorize(
            name,
            *environment,
            *port,
            Duration::from_secs(*within),
            console,
        ),
        Command::Revoke { name, environment } => args.revoke(name, *environment, console),
    })
}

/// A connection in one environment. New fields may come; none goes.
#[derive(Serialize)]
struct View<'a> {
    connection: &'a str,
    environment: &'static str,
    summary: Option<&'a str>,
    base_url: &'a str,
    /// `oauth2`, `key` (a header or a parameter), or `none`.
    auth: &'static str,
    grant: Option<&'static str>,
    /// `kept`, `expired` or `none`; `null` where none is needed.
    token: Option<&'static str>,
    expires: Option<String>,
}

impl<'a> View<'a> {
    fn new(
        connection: &'a Connection,
        environment: Environment,
        target: &'a Target,
        tokens: &[ConnectionToken],
        now: jiff::Timestamp,
    ) -> Self {
        let kept = tokens
            .iter()
            .find(|token| token.connection == *connection.name && token.environment == environment);
        let has_key = target.query.is_some()
            || target.headers.values().any(HeaderValue::is_sensitive)
            || target.signer.is_some();
        let oauth2 = target.oauth2.as_ref();
        Self {
            connection: &connection.name,
            environment: environment.as_str(),
            summary: connection.summary.as_deref(),
            base_url: &target.base_url,
            auth: match oauth2 {
                Some(_) => "oauth2",
                None if has_key => "key",
                None => "none",
            },
            grant: oauth2.map(|oauth2| match oauth2.grant {
                Grant::ClientCredentials => "client_credentials",
                Grant::RefreshToken(_) => "refresh_token",
                Grant::AuthorizationCode { .. } => "authorization_code",
            }),
            token: oauth2.map(|_| match kept {
                None => "none",
                Some(token) if token.expires.is_some_and(|expires| expires <= now) => "expired",
                Some(_) => "kept",
            }),
            expires: kept
                .and_then(|token| token.expires)
                .map(|expires| expires.to_string()),
        }
    }
}

const ENVIRONMENTS: [Environment; 2] = [Environment::Production, Environment::Sandbox];

/// What is needed to reach a third party.
struct Reach {
    connection: Arc<Connection>,
    general: Outbound,
    tokens: Tokens,
    runtime: tokio::runtime::Runtime,
}

impl Reach {
    fn target(&self, environment: Environment) -> Result<&Target, Failure> {
        self.connection.target(environment).ok_or_else(|| {
            let name = &self.connection.name;
            Failure::failed(format!("`{name}` leads nowhere in the sandbox"))
                .help("`sandbox: { base_url: … }` in the connection says where")
        })
    }

    fn outbound(&self, target: &Target) -> Result<Outbound, Failure> {
        let identity = target.identity.as_ref();
        self.general
            .allowing(&self.connection.allow, identity)
            .map_err(|error| Failure::failed(error.to_string()))
    }
}

impl Args {
    fn compile(&self, outside: Outside<'_>) -> Result<(Arc<Generation>, Settings), Failure> {
        let loaded = spec::load(&self.specs)
            .map_err(|error| super::no_functions(&self.specs, &error, "--specs DIR"))?;
        let compiled = route::compile_with(loaded, outside);
        let Some(generation) = compiled.generation else {
            let errors = compiled.diagnostics.iter();
            let count = errors
                .filter(|problem| problem.severity == Severity::Error)
                .count();
            let message = format!("`{}` has errors: {count}", self.specs.display());
            return Err(Failure::problems(message).help("`hookweir check` shows where"));
        };
        Ok((Arc::new(generation), compiled.settings))
    }

    fn list(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let outside = Outside::variables(&super::variable).assuming_secrets();
        let (generation, _) = self.compile(outside)?;
        let tokens = match store::open(&self.data_dir.location()?) {
            Ok(store) => store.connection_tokens()?,
            // Before the first start there are none.
            Err(store::StoreError::Missing { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let now = console.clock.now();
        let views: Vec<View<'_>> = generation
            .connections
            .iter()
            .flat_map(|connection| {
                let there = ENVIRONMENTS.into_iter().filter_map(|environment| {
                    let target = connection.target(environment)?;
                    Some(View::new(connection, environment, target, &tokens, now))
                });
                there.collect::<Vec<_>>()
            })
            .collect();
        if self.format == Format::Json {
            json(console.out, &views)?;
            return Ok(Exit::Done);
        }
        for view in &views {
            let auth = match (view.grant, view.token, &view.expires) {
                (Some(grant), Some("none"), _) => format!("{grant}, no token yet"),
                (Some(grant), Some(token), Some(expires)) => {
                    format!("{grant}, token {token} until {expires}")
                }
                (Some(grant), Some(token), None) => format!("{grant}, token {token}"),
                _ => view.auth.to_owned(),
            };
            writeln!(
                console.out,
                "{}  {}  {}  {auth}",
                view.connection, view.environment, view.base_url
            )?;
        }
        if views.is_empty() {
            writeln!(
                console.err,
                "there is no connection in `{}`",
                self.specs.display()
            )?;
        }
        Ok(Exit::Done)
    }

    fn reach(&self, name: &str) -> Result<Reach, Failure> {
        let (generation, settings) = self.compile(Outside::variables(&super::variable))?;
        let connection = generation.connections.iter().find(|one| *one.name == *name);
        let Some(connection) = connection else {
            return Err(Failure::failed(format!("there is no connection `{name}`"))
                .help("`hookweir connections list` shows all"));
        };
        let outbound = Outbound::new(&settings.outbound)
            .map_err(|error| Failure::failed(format!("`outbound`: {error}")))?;
        let store = store::open(&self.data_dir.location()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        Ok(Reach {
            connection: Arc::clone(connection),
            general: outbound,
            tokens: Tokens::new(store, Arc::new(SystemClock)),
            runtime,
        })
    }

    fn test(
        &self,
        name: &str,
        path: &str,
        environment: Environment,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let reach = self.reach(name)?;
        let target = reach.target(environment)?;
        let outbound = reach.outbound(target)?;
        let connection = &reach.connection;
        let mut headers = target.headers.clone();
        if let Some(oauth2) = &target.oauth2 {
            let access = reach
                .tokens
                .access(connection, environment, oauth2, &outbound, None);
            let access = reach.runtime.block_on(access);
            let access = access.map_err(|error| no_token(name, &error.to_string()))?;
            match access.expires {
                Some(expires) => writeln!(console.err, "token: good until {expires}")?,
                None => writeln!(console.err, "token: good")?,
            }
            let line = access.header(oauth2);
            let mut line = HeaderValue::from_str(line.expose_secret())
                .map_err(|_| no_token(name, "it cannot stand in a header"))?;
            line.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, line);
        }
        let mut url = format!("{}{path}", target.base_url);
        if let Some((key, value)) = &target.query {
            let pair = form_urlencoded::Serializer::new(String::new())
                .append_pair(key, value.expose_secret())
                .finish();
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&pair);
        }
        let call = Call {
            method: Method::GET,
            url,
            headers,
            body: bytes::Bytes::new(),
        };
        let bounds = Bounds {
            time: connection.timeout,
            bytes: LONGEST,
        };
        let called = reach.runtime.block_on(outbound.call(call, bounds));
        let called = called.map_err(|error| Failure::failed(format!("`{name}`: {error}")))?;
        writeln!(console.out, "{}", called.status)?;
        if (200..300).contains(&called.status) {
            return Ok(Exit::Done);
        }
        let said = String::from_utf8_lossy(&called.body);
        let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
        Err(Failure::failed(format!(
            "`{name}` answers with {}: {said}",
            called.status
        )))
    }

    fn authorize(
        &self,
        name: &str,
        environment: Environment,
        port: u16,
        within: Duration,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let reach = self.reach(name)?;
        let target = reach.target(environment)?;
        let outbound = reach.outbound(target)?;
        let is_code = |oauth2: &&OAuth2| matches!(oauth2.grant, Grant::AuthorizationCode { .. });
        let Some(oauth2) = target.oauth2.as_ref().filter(is_code) else {
            let message = format!("nobody needs to allow `{name}` in a browser");
            return Err(Failure::failed(message)
                .help("that is for `auth: { oauth2: { grant: authorization_code, … } }`"));
        };
        let listener = reach
            .runtime
            .block_on(TcpListener::bind(("127.0.0.1", port)));
        let listener = listener.map_err(|error| {
            Failure::failed(format!("cannot listen at 127.0.0.1:{port}: {error}"))
                .help("`--port 0` takes any that is free, where the third party takes any")
        })?;
        let redirect = format!("http://{}{REDIRECT}", listener.local_addr()?);
        let Some(begun) = Authorization::begin(oauth2, &redirect) else {
            return Err(Failure::failed(format!(
                "`{name}` has no address to allow it at"
            )));
        };
        writeln!(console.out, "{}", begun.url)?;
        writeln!(
            console.err,
            "open this address in a browser on this machine; waiting for it to be sent back to {redirect}"
        )?;
        console.out.flush()?;
        let came = await_redirect(listener, REDIRECT, move |query| begun.finish(query));
        let came = async { tokio::time::timeout(within, came).await };
        let Ok(came) = reach.runtime.block_on(came) else {
            return Err(Failure::failed(format!(
                "nobody came back within {} s",
                within.as_secs()
            )));
        };
        let kept = reach
            .tokens
            .authorize(&reach.connection, environment, oauth2, &outbound, came?);
        let access = reach.runtime.block_on(kept);
        let access = access.map_err(|error| no_token(name, &error.to_string()))?;
        match access.expires {
            Some(expires) => writeln!(console.err, "{name} is allowed; token until {expires}")?,
            None => writeln!(console.err, "{name} is allowed")?,
        }
        Ok(Exit::Done)
    }

    fn revoke(
        &self,
        name: &str,
        environment: Environment,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let store = store::open(&self.data_dir.location()?)?;
        if !store.forget_connection_token(name, environment)? {
            let message = format!("there are no tokens of `{name}` ({})", environment.as_str());
            return Err(Failure::failed(message).help("`hookweir connections list` shows all"));
        }
        writeln!(console.err, "the tokens of {name} are forgotten")?;
        Ok(Exit::Done)
    }
}

fn no_token(name: &str, why: &str) -> Failure {
    Failure::failed(format!("no access token for `{name}`: {why}"))
}
