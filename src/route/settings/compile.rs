//! The `gateway:` document, from what is written to [`Settings`].

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Address, Limits, Listen, LogFormat, Settings};
use crate::delivery::Retention;
use crate::diagnostic::code;
use crate::route::files::cause;
use crate::route::report::{Complete, Report};
use crate::route::signature::Values;
use crate::spec::{
    FieldPath, GatewaySpec, LimitsSpec, Period, RetentionSpec, Size, TlsSpec, ValueSpec,
};
use crate::store::Place;

/// What `log.level` may say.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Fills in every default and reports what cannot be. Files are relative to `root`.
pub(in crate::route) fn compile(
    spec: &GatewaySpec,
    root: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
    values: &Values,
    report: &mut Report<'_>,
) -> Settings {
    let defaults = Settings::default();
    let at = FieldPath::root();
    let ingress = Listen {
        address: address(
            spec.listen.address.as_deref(),
            defaults.ingress.address,
            &at.key("listen"),
            report,
        ),
        tls: tls(
            spec.listen.tls.as_ref(),
            root,
            &at.key("listen").key("tls"),
            report,
        ),
    };
    let admin = Listen {
        address: address(
            spec.admin.address.as_deref(),
            defaults.admin.address,
            &at.key("admin"),
            report,
        ),
        tls: tls(
            spec.admin.tls.as_ref(),
            root,
            &at.key("admin").key("tls"),
            report,
        ),
    };
    check_admin(&ingress, &admin, report);
    check_proxy_protocol(spec, &ingress, report);
    Settings {
        ingress,
        admin,
        public_url: spec
            .public_url
            .as_deref()
            .and_then(|url| public_url(url, &at.key("public_url"), report)),
        limits: limits(&spec.limits, &at.key("limits"), report),
        log_format: log_format(
            spec.log.format.as_deref(),
            &at.key("log").key("format"),
            report,
        ),
        log_level: log_level(
            spec.log.level.as_deref(),
            &at.key("log").key("level"),
            report,
        )
        .unwrap_or(defaults.log_level),
        env: env(&spec.env, &at.key("env"), variables, report),
        trusted_proxies: networks(&spec.trusted_proxies, &at.key("trusted_proxies"), report),
        client_authorities: client_authorities(spec, root, report),
        proxy_protocol: spec.listen.proxy_protocol,
        outbound: super::outbound::compile(&spec.outbound, root, report),
        zoho_failures: spec.zoho_failures,
        retention: retention(&spec.retention),
        store: store(spec.store.as_ref(), root, values, report),
        strict: spec.strict,
    }
}

impl Address {
    /// Reads `HOST:PORT`, `unix:/path` or `systemd:NAME`; `Err` says what to write. A host is an
    /// address or `localhost`: a gateway listens on interfaces, not on names.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err("write the whole path: `unix:/run/hookweir/ingress.sock`")
            };
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            return if name.is_empty() {
                Err("write the name that the socket's unit gives: `systemd:ingress`")
            } else {
                Ok(Self::Systemd(name.to_owned()))
            };
        }
        let text = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        text.parse::<SocketAddr>()
            .map(Self::Tcp)
            .map_err(|_| "write `ADDRESS:PORT` as in `127.0.0.1:8080` or `[::]:8080`, `unix:/path`, or `systemd:NAME`")
    }

    /// Only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            // The unit file says where a socket of systemd's listens: the administrator's word.
            Self::Unix(_) | Self::Systemd(_) => true,
        }
    }
}

fn address(
    written: Option<&str>,
    default: Address,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Address {
    let Some(text) = written else { return default };
    Address::parse(text).unwrap_or_else(|help| {
        report
            .error(
                code::settings::BAD_ADDRESS,
                &at.key("address"),
                format!("`{text}` is not where one can listen"),
            )
            .help(help);
        default
    })
}

fn tls(
    spec: Option<&TlsSpec>,
    root: &Path,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<(PathBuf, PathBuf)> {
    let spec = spec?;
    let mut file = |path: &str, key, begins| pem_file(path, begins, root, &at.key(key), report);
    Some((
        file(&spec.certificate, "certificate", "-----BEGIN CERTIFICATE"),
        file(&spec.private_key, "private_key", "-----BEGIN"),
    ))
}

/// Bytes of a file with certificates or a key.
const LONGEST_PEM: u64 = 1 << 20;

/// A file in which a PEM block begins so.
pub(super) fn pem_file(
    path: &str,
    begins: &str,
    root: &Path,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> PathBuf {
    let full = root.join(path);
    // Asked before it is opened: a device may never end, a pipe waits for somebody who writes.
    let is_file = |data: fs::Metadata| data.is_file() && data.len() <= LONGEST_PEM;
    let why = match fs::metadata(&full).map(is_file) {
        Ok(false) => "it is not a file of 1 MiB at most".to_owned(),
        Err(error) => cause(&error),
        Ok(true) => match fs::read(&full) {
            Ok(bytes) => {
                let has_block = bytes
                    .windows(begins.len())
                    .any(|window| window == begins.as_bytes());
                if has_block {
                    return full;
                }
                format!("there is no `{begins}…` in it")
            }
            Err(error) => cause(&error),
        },
    };
    report
        .error(
            code::settings::UNREADABLE_FILE,
            at,
            format!("cannot use `{path}`: {why}"),
        )
        .help("a PEM file; its path is relative to the folder of this file");
    full
}

fn check_admin(ingress: &Listen, admin: &Listen, report: &mut Report<'_>) {
    let at = FieldPath::root().key("admin");
    if !admin.address.is_local() && admin.tls.is_none() {
        report
            .error(
                code::settings::OPEN_ADMIN,
                &at.key("address"),
                "the admin listener would send its token in the clear",
            )
            .help("add `admin.tls`, or listen on 127.0.0.1 or a Unix socket");
    }
    let is_any_port = matches!(&admin.address, Address::Tcp(address) if address.port() == 0);
    if ingress.address == admin.address && !is_any_port {
        report
            .error(
                code::settings::SAME_ADDRESS,
                &at.key("address"),
                "both listeners at one address",
            )
            .help("give `listen` and `admin` different ports");
    }
}

fn client_authorities(spec: &GatewaySpec, root: &Path, report: &mut Report<'_>) -> Option<PathBuf> {
    let key = "client_authorities";
    let at = FieldPath::root();
    if spec
        .admin
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_authorities.is_some())
    {
        report
            .error(
                code::settings::UNREADABLE_FILE,
                &at.key("admin").key("tls").key(key),
                "admins show a token, and no certificate",
            )
            .help("take it out, or move it to `listen.tls`");
    }
    let path = spec.listen.tls.as_ref()?.client_authorities.as_deref()?;
    let at = at.key("listen").key("tls").key(key);
    Some(pem_file(path, "-----BEGIN CERTIFICATE", root, &at, report))
}

/// Whoever may connect writes whose address it is.
fn check_proxy_protocol(spec: &GatewaySpec, ingress: &Listen, report: &mut Report<'_>) {
    let is_tcp = matches!(ingress.address, Address::Tcp(_));
    if spec.listen.proxy_protocol && is_tcp && spec.trusted_proxies.is_empty() {
        report
            .error(
                code::settings::NO_PROXY,
                &FieldPath::root().key("listen").key("proxy_protocol"),
                "nobody may connect: no proxy is trusted",
            )
            .help("name the proxy, as in `trusted_proxies: [10.0.0.5]`");
    }
}

fn public_url(url: &str, at: &FieldPath, report: &mut Report<'_>) -> Option<String> {
    let trimmed = url.trim_end_matches('/');
    let why = match trimmed.parse::<http::Uri>() {
        Err(_) => "it is not a URL",
        Ok(parsed) => {
            let is_http = matches!(parsed.scheme_str(), Some("http" | "https"));
            if !is_http || parsed.host().is_none_or(str::is_empty) {
                "it does not begin with `https://` and a host"
            } else if parsed.query().is_some() || url.contains('#') {
                "it has a query or a fragment"
            } else if parsed
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@'))
            {
                "it holds a user or password"
            } else if parsed.port_u16() == Some(0)
                || (parsed.port_u16().is_none() && has_port(&parsed))
            {
                "its port is not one of 1 to 65535"
            } else if parsed.path().contains("//")
                || parsed
                    .path()
                    .split('/')
                    .any(|part| matches!(part, "." | ".."))
            {
                "its path has an empty, `.` or `..` segment"
            } else {
                if parsed.scheme_str() == Some("http") && !is_loopback(parsed.host()) {
                    report
                        .warning(
                            code::settings::PLAIN_PUBLIC_URL,
                            at,
                            "keys would travel in the clear",
                        )
                        .help(
                            "use `https://`, with `listen.tls` or a proxy that has a certificate",
                        );
                }
                return Some(trimmed.to_owned());
            }
        }
    };
    report
        .error(
            code::settings::BAD_PUBLIC_URL,
            at,
            format!("`{url}` cannot be the gateway's address: {why}"),
        )
        .help("write it as in `https://hooks.example.com`");
    None
}

/// Whether anything is written where a port stands.
fn has_port(url: &http::Uri) -> bool {
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    let behind_host = authority
        .rsplit_once(']')
        .map_or(authority, |(_, rest)| rest);
    behind_host.contains(':')
}

fn is_loopback(host: Option<&str>) -> bool {
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

fn limits(spec: &LimitsSpec, at: &FieldPath, report: &mut Report<'_>) -> Limits {
    let defaults = Limits::default();
    let mut sizes = Positive { at, report };
    let limits = Limits {
        body: sizes.size("body", spec.body, defaults.body),
        head: whole(sizes.size("head", spec.head, defaults.head as u64)),
        headers: whole(sizes.count(
            "headers",
            spec.headers.map(u64::from),
            defaults.headers as u64,
        )),
        header_timeout: sizes.period(
            "header_timeout",
            spec.header_timeout,
            defaults.header_timeout,
        ),
        body_timeout: sizes.period("body_timeout", spec.body_timeout, defaults.body_timeout),
        write_timeout: sizes.period("write_timeout", spec.write_timeout, defaults.write_timeout),
        request_timeout: sizes.period(
            "request_timeout",
            spec.request_timeout,
            defaults.request_timeout,
        ),
        connections: whole(sizes.count(
            "connections",
            spec.connections.map(u64::from),
            defaults.connections as u64,
        )),
        connections_per_address: whole(sizes.count(
            "connections_per_address",
            spec.connections_per_address.map(u64::from),
            defaults.connections_per_address as u64,
        )),
        drain_timeout: sizes.period("drain_timeout", spec.drain_timeout, defaults.drain_timeout),
        steps: sizes.count("steps", spec.steps, defaults.steps),
        memory: sizes.size("memory", spec.memory, defaults.memory),
        response: whole(sizes.size("response", spec.response, defaults.response as u64)),
        failures: spec.failures.unwrap_or(defaults.failures),
        parts: whole(sizes.count("parts", spec.parts.map(u64::from), defaults.parts as u64)),
    };
    // hyper reads a head into a buffer of which this is the least.
    if limits.head < 8 << 10 {
        report
            .error(
                code::settings::BAD_LIMIT,
                &at.key("head"),
                "below 8KiB a head may not fit",
            )
            .help("write `8KiB` or more; the default is `16KiB`");
    }
    for (key, timeout) in [
        ("header_timeout", limits.header_timeout),
        ("body_timeout", limits.body_timeout),
    ] {
        if timeout > limits.request_timeout {
            report
                .error(
                    code::settings::BAD_LIMIT,
                    &at.key(key),
                    format!(
                        "`{key}` is longer than `request_timeout`, which is for everything together"
                    ),
                )
                .help("lower it, or raise `request_timeout`");
        }
    }
    if limits.connections_per_address > limits.connections && spec.connections_per_address.is_some()
    {
        report
            .error(
                code::settings::BAD_LIMIT,
                &at.key("connections_per_address"),
                "one address may have more connections than all together",
            )
            .help("lower it, or raise `connections`");
    }
    Limits {
        connections_per_address: limits.connections_per_address.min(limits.connections),
        ..limits
    }
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Limits of nothing at all would refuse everything.
struct Positive<'r, 'd> {
    at: &'r FieldPath,
    report: &'r mut Report<'d>,
}

impl Positive<'_, '_> {
    fn size(&mut self, key: &str, written: Option<Size>, default: u64) -> u64 {
        self.count(key, written.map(|size| size.0), default)
    }

    fn period(&mut self, key: &str, written: Option<Period>, default: Duration) -> Duration {
        let Some(Period(period)) = written else {
            return default;
        };
        if period.is_zero() {
            self.zero(key);
            return default;
        }
        period
    }

    fn count(&mut self, key: &str, written: Option<u64>, default: u64) -> u64 {
        if written == Some(0) {
            self.zero(key);
            return default;
        }
        written.unwrap_or(default)
    }

    fn zero(&mut self, key: &str) {
        self.report
            .error(
                code::settings::BAD_LIMIT,
                &self.at.key(key),
                format!("with `{key}` of nothing no request could be answered"),
            )
            .help("leave it out for the default");
    }
}

fn log_format(format: Option<&str>, at: &FieldPath, report: &mut Report<'_>) -> Option<LogFormat> {
    match format? {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        other => {
            report
                .error(
                    code::settings::BAD_LOG,
                    at,
                    format!("`{other}` is not a log format"),
                )
                .help("write `text` or `json`");
            None
        }
    }
}

fn log_level(level: Option<&str>, at: &FieldPath, report: &mut Report<'_>) -> Option<String> {
    let level = level?;
    if LEVELS.contains(&level) {
        return Some(level.to_owned());
    }
    report
        .error(
            code::settings::BAD_LOG,
            at,
            format!("`{level}` is not a log level"),
        )
        .help(format!("write one of {}", LEVELS.join(", ")));
    None
}

fn env(
    names: &[String],
    at: &FieldPath,
    variables: &dyn Fn(&str) -> Option<String>,
    report: &mut Report<'_>,
) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let at = at.index(index);
        let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_uppercase())
            && name
                .bytes()
                .all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
        if !is_name {
            report
                .error(
                    code::settings::BAD_VARIABLE_NAME,
                    &at,
                    format!("`{name}` cannot be a variable's name"),
                )
                .help("use capitals, digits and `_`, as the shell does");
        } else if found.iter().any(|(known, _)| known == name) {
            report.error(
                code::settings::BAD_VARIABLE_NAME,
                &at,
                format!("the variable `{name}` stands twice"),
            );
        } else if let Some(value) = variables(name) {
            found.push((name.clone(), value));
        } else {
            report
                .error(
                    code::settings::UNSET_VARIABLE,
                    &at,
                    format!("the environment variable `{name}` is not set"),
                )
                .help(format!(
                    "set it where hookweir is started: `{name}=… hookweir serve`"
                ));
            // Functions may name it all the same: one mistake is enough.
            found.push((name.clone(), String::new()));
        }
    }
    found
}

/// Reads a list of networks; those that are none are reported and left out.
pub(in crate::route) fn networks(
    networks: &[String],
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Vec<(IpAddr, u8)> {
    networks
        .iter()
        .enumerate()
        .filter_map(|(index, text)| {
            let network = network(text);
            if network.is_none() {
                report
                    .error(
                        code::settings::BAD_NETWORK,
                        &at.index(index),
                        format!("`{text}` is not a network"),
                    )
                    .help("write an address, or a network as in `10.0.0.0/8` or `fd00::/8`");
            }
            network
        })
        .collect()
}

/// An address, or the first address of a network with the length of its prefix.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length: u8 = match length {
        Some(length) => length.parse().ok().filter(|&length| length <= longest)?,
        None => longest,
    };
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let is_first = bits.checked_shl(u32::from(length)).unwrap_or(0) == 0;
    is_first.then_some((address, length))
}

/// Where the store is.
fn store(
    written: Option<&ValueSpec>,
    root: &Path,
    values: &Values,
    report: &mut Report<'_>,
) -> Place {
    let at = FieldPath::root().key("store");
    let Some(value) = written else {
        return Place::DataDir;
    };
    let is_text = matches!(value, ValueSpec::Text(_));
    if !is_text && values.assumed {
        return Place::DataDir;
    }
    let text = match values.read(value, root) {
        Ok(text) => text,
        Err((message, help)) => {
            report
                .error(code::signature::UNSET_SECRET, &at, message)
                .help(help);
            return Place::DataDir;
        }
    };
    match Place::parse(text.trim()) {
        Ok(place) if is_text && place.has_password() => {
            report
                .error(
                    code::settings::BAD_STORE,
                    &at,
                    "a password is written into the spec",
                )
                .help("say where the whole address is: `store: { env: NAME }`, `{ file: path }` or `{ credential: NAME }`");
        }
        Ok(place) => return place,
        Err(why) => {
            report
                .error(
                    code::settings::BAD_STORE,
                    &at,
                    format!("this names no store: {why}"),
                )
                .help("write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`");
        }
    }
    Place::DataDir
}

/// How long events are kept, defaults filled in.
fn retention(spec: &RetentionSpec) -> Retention {
    let events = spec
        .events
        .map_or(Retention::default().events, |period| period.0);
    Retention {
        events,
        bodies: spec.bodies.map_or(events, |period| period.0),
        size: spec.size.map(|size| size.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_three_kinds() {
        for (text, expected) in [
            (
                "127.0.0.1:0",
                Some(Address::Tcp(([127, 0, 0, 1], 0).into())),
            ),
            (
                "localhost:80",
                Some(Address::Tcp(([127, 0, 0, 1], 80).into())),
            ),
            (
                "[::]:443",
                Some(Address::Tcp(SocketAddr::from(([0_u16; 8], 443)))),
            ),
            (
                "unix:/run/x.sock",
                Some(Address::Unix("/run/x.sock".into())),
            ),
            ("systemd:ingress", Some(Address::Systemd("ingress".into()))),
            ("unix:x.sock", None),
            ("systemd:", None),
            ("8080", None),
            (":8080", None),
            ("example.com:80", None),
            ("127.0.0.1:70000", None),
        ] {
            assert_eq!(Address::parse(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn networks_begin_at_their_first_address() {
        for (text, expected) in [
            ("10.0.0.0/8", Some(8)),
            ("10.0.0.1", Some(32)),
            ("10.0.0.1/8", None),
            ("0.0.0.0/0", Some(0)),
            ("fd00::/8", Some(8)),
            ("::1", Some(128)),
            ("::1/127", None),
            ("10.0.0.0/33", None),
            ("10.0.0.0/", None),
            ("ten", None),
        ] {
            assert_eq!(network(text).map(|network| network.1), expected, "{text}");
        }
    }
}
