//! `hookweir urls`: the addresses to give to third parties.
//!
//! A webhook's URL is of use only with its key in it, because that is where Zoho's callers carry
//! it, so that is how it is printed, to standard output and nowhere else. Whoever can run this can
//! read the master key, and learns nothing that `keys show --reveal` would not tell. With
//! `--mask-keys` the output may go into a ticket or a log.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde::Serialize;

use super::console::{Console, Exit, Failure, finish};
use super::data_dir::DataDir;
use super::keys::{Format, json, masked};
use crate::auth::{Environment, KeyRecord, KeyState, Scope, ZapiKey};
use crate::diagnostic::Severity;
use crate::route::{self, Address, Listen, Route, Settings};
use crate::spec::{self, KeyRule};
use crate::store::{self, Store, StoreError};

/// Print each function's webhook URLs, for the sandbox and for production
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  hookweir urls
  hookweir urls github_push
  hookweir urls --mask-keys                         for a ticket
  hookweir urls --format json | jq -r '.[].production_url'

A URL holds a key that opens its function, because that is what makes it work where it is
pasted: treat it as a secret. Of several keys it is the one that opens the fewest functions,
and of those the newest. Where an environment has no such key, the URL says where one
belongs, and `hookweir keys create` makes one. A function that takes no keys has none.

URLs begin with `public_url` of the `gateway:` document, or else with the address of the
listener. Where `serve` was told one by `--public-url` or `--listen`, or by HOOKWEIR_PUBLIC_URL
or HOOKWEIR_LISTEN, this wants to be told the same.")]
pub struct Args {
    /// Only this function
    #[arg(value_name = "FUNCTION")]
    function: Option<String>,
    /// The folder of functions
    #[arg(
        long,
        value_name = "DIR",
        env = "HOOKWEIR_SPECS",
        default_value = "specs"
    )]
    specs: PathBuf,
    /// How third parties reach the gateway, such as `https://hooks.example.com`
    #[arg(long, value_name = "URL", env = "HOOKWEIR_PUBLIC_URL")]
    public_url: Option<String>,
    /// Where `serve` listens, when it was told so: HOST:PORT
    #[arg(long, value_name = "ADDRESS", env = "HOOKWEIR_LISTEN")]
    listen: Option<String>,
    /// Print keys as `1003.3f9c…`
    #[arg(long)]
    mask_keys: bool,
    #[command(flatten)]
    data_dir: DataDir,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The URLs of one function. New fields may come; none goes.
#[derive(Debug, Serialize)]
struct Entry {
    function: String,
    methods: Vec<String>,
    /// Zoho's address.
    path: String,
    /// `accept.path`, an address beside Zoho's.
    own_path: Option<String>,
    sandbox_url: String,
    production_url: String,
    own_sandbox_url: Option<String>,
    own_production_url: Option<String>,
    /// The id of the key in the URL; `null`: there is none, and the URL lacks it.
    sandbox_key: Option<String>,
    production_key: Option<String>,
    /// The function asks for a key.
    #[serde(skip)]
    takes_keys: bool,
}

/// Runs `hookweir urls`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| args.run(console))
}

impl Args {
    fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let now = console.clock.now();
        let loaded = spec::load(&self.specs)
            .map_err(|error| super::no_functions(&self.specs, &error, "--specs DIR"))?;
        // An address has no secret in it but keys.
        let variable = |name: &str| std::env::var(name).ok();
        let outside = route::Outside::variables(&variable).assuming_secrets();
        let compiled = route::compile_with(loaded, outside);
        let Some(generation) = compiled.generation else {
            let errors = compiled
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == Severity::Error)
                .count();
            let errors = if errors == 1 {
                "an error".to_owned()
            } else {
                format!("{errors} errors")
            };
            let message = format!("`{}` has {errors}", self.specs.display());
            return Err(Failure::problems(message).help("`hookweir check` shows where"));
        };
        let routes: Vec<&Route> = generation
            .routes
            .iter()
            .map(AsRef::as_ref)
            .filter(|route| {
                self.function
                    .as_deref()
                    .is_none_or(|name| name == &*route.name)
            })
            .collect();
        if let (Some(name), true) = (&self.function, routes.is_empty()) {
            let message = format!(
                "there is no function `{name}` in `{}`",
                self.specs.display()
            );
            return Err(Failure::failed(message).help("`hookweir urls` shows all"));
        }
        let public_url = self.public_url.as_deref().filter(|url| !url.is_empty());
        let base = if let Some(url) = public_url {
            url.trim_end_matches('/').to_owned()
        } else {
            let mut settings = compiled.settings;
            if let Some(text) = &self.listen {
                settings.ingress.address = super::serve::address(text, "--listen")?;
            }
            base_url(&settings)?
        };
        let keys = Keys::open(self)?;
        let mut entries = Vec::new();
        for route in routes {
            entries.push(self.entry(route, &base, &keys, now)?);
        }
        match self.format {
            Format::Json => json(console.out, &entries)?,
            Format::Human => self.print(console, &entries)?,
        }
        Ok(Exit::Done)
    }

    fn entry(
        &self,
        route: &Route,
        base: &str,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Entry, Failure> {
        let takes_keys = match route.keys {
            KeyRule::Required | KeyRule::Optional => true,
            KeyRule::None => false,
        };
        let find = |environment| {
            let record = takes_keys.then(|| newest(&keys.records, &route.name, environment, now));
            record.flatten()
        };
        let path = zoho_path(&route.name);
        let url = |environment: Environment, path: &str| -> Result<String, Failure> {
            let query = match find(environment) {
                _ if !takes_keys => String::new(),
                Some(record) => {
                    let shown = if self.mask_keys {
                        masked(record)
                    } else {
                        keys.text(record)?
                    };
                    format!("?auth_type=apikey&zapikey={shown}")
                }
                None if self.format == Format::Json => "?auth_type=apikey".to_owned(),
                None => format!("?auth_type=apikey&zapikey=<{environment} key>"),
            };
            Ok(format!("{base}{path}{query}"))
        };
        let own = |environment| {
            let path = route.path.as_deref();
            path.map(|path| url(environment, path)).transpose()
        };
        let id = |environment| find(environment).map(|record| record.id.clone());
        Ok(Entry {
            function: route.name.to_string(),
            methods: route.methods.iter().map(ToString::to_string).collect(),
            sandbox_url: url(Environment::Sandbox, &path)?,
            production_url: url(Environment::Production, &path)?,
            own_path: route.path.clone(),
            own_sandbox_url: own(Environment::Sandbox)?,
            own_production_url: own(Environment::Production)?,
            sandbox_key: id(Environment::Sandbox),
            production_key: id(Environment::Production),
            path,
            takes_keys,
        })
    }

    fn print(&self, console: &mut Console<'_>, entries: &[Entry]) -> io::Result<()> {
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                writeln!(console.out)?;
            }
            write_entry(console.out, entry)?;
        }
        let keyed = || entries.iter().filter(|entry| entry.takes_keys);
        for (environment, is_missing) in [
            (
                Environment::Sandbox,
                keyed().any(|entry| entry.sandbox_key.is_none()),
            ),
            (
                Environment::Production,
                keyed().any(|entry| entry.production_key.is_none()),
            ),
        ] {
            if is_missing {
                writeln!(
                    console.err,
                    "note: `hookweir keys create --environment {environment}` makes the key that \
                     is missing"
                )?;
            }
        }
        let has_keys =
            keyed().any(|entry| entry.sandbox_key.is_some() || entry.production_key.is_some());
        if has_keys && !self.mask_keys {
            writeln!(
                console.err,
                "note: these URLs hold keys; `--mask-keys` hides them"
            )?;
        }
        Ok(())
    }
}

fn write_entry(out: &mut dyn Write, entry: &Entry) -> io::Result<()> {
    writeln!(out, "{} ({})", entry.function, entry.methods.join(", "))?;
    let own = |url: &Option<String>| url.clone().map(|url| format!("\n              {url}"));
    writeln!(
        out,
        "  sandbox     {}{}",
        entry.sandbox_url,
        own(&entry.own_sandbox_url).unwrap_or_default()
    )?;
    writeln!(
        out,
        "  production  {}{}",
        entry.production_url,
        own(&entry.own_production_url).unwrap_or_default()
    )
}

/// A function's webhook URL, with its key: the whole of what a third party needs.
pub fn webhook_url(base: &str, function: &str, key: &ZapiKey) -> String {
    format!(
        "{}?auth_type=apikey&zapikey={}",
        address(base, function),
        key.expose()
    )
}

/// A function's address without a key.
pub fn address(base: &str, function: &str) -> String {
    format!("{base}{}", zoho_path(function))
}

/// Where third parties reach the gateway: `public_url`, or the listener's own address. Without a
/// slash at the end.
pub fn base_url(settings: &Settings) -> Result<String, Failure> {
    let Listen { address, tls } = &settings.ingress;
    match (&settings.public_url, address) {
        (Some(url), _) => Ok(url.trim_end_matches('/').to_owned()),
        (None, Address::Tcp(address)) => {
            let scheme = if tls.is_some() { "https" } else { "http" };
            let mut address = *address;
            // Listening everywhere is no address to call; here is one that works on this machine.
            if address.ip().is_unspecified() {
                address.set_ip(match address.ip() {
                    std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                });
            }
            Ok(format!("{scheme}://{address}"))
        }
        (None, Address::Unix(_) | Address::Systemd(_)) => {
            let message = "the gateway listens on a socket that has no URL of its own";
            Err(Failure::usage(message)
                .help("say in `gateway:` or by `--public-url` how third parties reach it"))
        }
    }
}

/// Zoho's address of a function; all versions mean the same, this is the present one.
fn zoho_path(function: &str) -> String {
    format!("/crm/v8/functions/{function}/actions/execute")
}

/// The keys of the store; none where there is no store yet.
struct Keys {
    store: Option<Arc<dyn Store>>,
    records: Vec<KeyRecord>,
}

impl Keys {
    fn open(args: &Args) -> Result<Self, Failure> {
        let store = match store::open(&args.data_dir.location()?) {
            Err(StoreError::Missing { .. }) => None,
            other => Some(other?),
        };
        let records = match &store {
            Some(store) => store.keys()?,
            None => Vec::new(),
        };
        Ok(Self { store, records })
    }

    fn text(&self, record: &KeyRecord) -> Result<String, Failure> {
        let key = match &self.store {
            Some(store) => store.key_text(&record.id)?,
            None => None,
        };
        key.map(|key| key.expose().to_owned())
            .ok_or_else(|| Failure::failed(format!("`{}` is no longer in the store", record.id)))
    }
}

/// The key to put into a URL: of those that go on opening the function, one that opens the fewest
/// functions, and of those the newest.
fn newest<'a>(
    records: &'a [KeyRecord],
    function: &str,
    environment: Environment,
    now: Timestamp,
) -> Option<&'a KeyRecord> {
    let breadth = |record: &KeyRecord| match &record.scope {
        Scope::All => usize::MAX,
        Scope::Functions(names) => names.len(),
    };
    records
        .iter()
        .filter(|record| {
            record.environment == environment
                && record.state(now) == KeyState::Active
                && record.scope.opens(function)
        })
        .min_by_key(|record| {
            (
                breadth(record),
                std::cmp::Reverse((record.created, &record.id)),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{KeyTerms, Owner};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn key(environment: Environment, functions: &[&str], created: &str) -> KeyRecord {
        let scope = match functions {
            [] => Scope::All,
            names => Scope::Functions(names.iter().map(|name| (*name).to_owned()).collect()),
        };
        let (label, owner) = (String::new(), Owner::default());
        let terms = KeyTerms {
            label,
            owner,
            environment,
            scope,
            expires: None,
        };
        KeyRecord::issue(&ZapiKey::generate().unwrap(), terms, at(created)).unwrap()
    }

    #[test]
    fn a_url_gets_the_newest_of_the_narrowest_keys_that_go_on() {
        use Environment::{Production, Sandbox};
        let now = at("2026-06-01T00:00:00Z");
        let mut keys = vec![
            key(Production, &["lead"], "2026-05-01T00:00:00Z"),
            key(Sandbox, &[], "2026-01-01T00:00:00Z"),
            key(Sandbox, &["lead", "push"], "2026-04-01T00:00:00Z"),
            key(Sandbox, &["push"], "2026-05-01T00:00:00Z"),
            key(Sandbox, &["lead"], "2026-02-01T00:00:00Z"),
            key(Sandbox, &["lead"], "2026-03-01T00:00:00Z"),
        ];
        // The best is taken away, again and again.
        let rounds = [Some(5), Some(4), Some(2), Some(1), None];
        for (round, expected) in rounds.into_iter().enumerate() {
            let found = newest(&keys, "lead", Sandbox, now).map(|record| record.id.clone());
            let expected = expected.map(|index: usize| keys[index].id.clone());
            assert_eq!(found, expected);
            for record in keys
                .iter_mut()
                .filter(|record| Some(&record.id) == found.as_ref())
            {
                match round % 3 {
                    0 => record.revoked = Some(now),
                    1 => record.expires = Some(now),
                    _ => record.replaced_by = Some("key_other".to_owned()),
                }
            }
        }
    }

    #[test]
    fn the_base_is_the_public_url_or_an_address_that_can_be_called() {
        let settings = |public: Option<&str>, address: Address| {
            let settings = Settings {
                public_url: public.map(str::to_owned),
                ingress: Listen { address, tls: None },
                ..Settings::default()
            };
            base_url(&settings).ok()
        };
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let rows = [
            (None, tcp("127.0.0.1:8080"), Some("http://127.0.0.1:8080")),
            (None, tcp("0.0.0.0:80"), Some("http://127.0.0.1:80")),
            (None, tcp("[::]:80"), Some("http://[::1]:80")),
            (
                Some("https://hooks.example.com/"),
                tcp("0.0.0.0:80"),
                Some("https://hooks.example.com"),
            ),
            (None, Address::Unix("/run/hookweir.sock".into()), None),
            (
                Some("https://a.example"),
                Address::Unix("/run/hookweir.sock".into()),
                Some("https://a.example"),
            ),
        ];
        for (public, address, expected) in rows {
            assert_eq!(
                settings(public, address.clone()).as_deref(),
                expected,
                "{address:?}"
            );
        }
    }
}
