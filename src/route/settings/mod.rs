//! The `gateway:` document, checked, every default filled in.

mod compile;
mod outbound;

pub(super) use compile::{compile, networks};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::delivery::Retention;
use crate::outbound::Options;
use crate::spec::Rate;
use crate::store::Place;

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`
    Tcp(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
    /// `systemd:NAME`, a socket handed over by systemd.
    Systemd(String),
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// Certificate chain and key, as PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// What one request, connection or listener may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body: u64,
    /// Bytes of request line and headers.
    pub head: usize,
    /// Header lines.
    pub headers: usize,
    /// To send the head; also the idle time between requests.
    pub header_timeout: Duration,
    /// To send the body.
    pub body_timeout: Duration,
    /// To take the answer.
    pub write_timeout: Duration,
    /// For everything together.
    pub request_timeout: Duration,
    /// Open connections of a listener.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
    /// To finish after SIGTERM.
    pub drain_timeout: Duration,
    /// Evaluation steps a request.
    pub steps: u64,
    /// Bytes of new values a request.
    pub memory: u64,
    /// Bytes of an answer.
    pub response: usize,
    /// Failed authentications of one peer that are answered at once.
    pub failures: Rate,
    /// Parts of a multipart body.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 10 << 20,
            head: 16 << 10,
            headers: 64,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_mins(1),
            connections: 2048,
            connections_per_address: 64,
            drain_timeout: Duration::from_secs(30),
            steps: 1_000_000,
            memory: 16 << 20,
            response: 10 << 20,
            failures: Rate {
                times: 100,
                period: Duration::from_mins(1),
            },
            parts: 32,
        }
    }
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where webhooks arrive.
    pub ingress: Listen,
    /// Where admins work.
    pub admin: Listen,
    /// How third parties reach us, without a slash at the end.
    pub public_url: Option<String>,
    /// Limits.
    pub limits: Limits,
    /// `None`: text on a terminal, else JSON.
    pub log_format: Option<LogFormat>,
    /// `info`, or as `tracing`'s filter understands it.
    pub log_level: String,
    /// `env.NAME` values that expressions may read.
    pub env: Vec<(String, String)>,
    /// Whose `X-Forwarded-For` is believed: network and prefix length.
    pub trusted_proxies: Vec<(std::net::IpAddr, u8)>,
    /// PEM file with the authorities of callers' certificates.
    pub client_authorities: Option<PathBuf>,
    /// Connections to the ingress begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// What hookweir itself may reach, and how.
    pub outbound: Options,
    /// How long events are kept.
    pub retention: Retention,
    /// Where keys, events and deliveries are kept.
    pub store: Place,
    /// Answer failed functions with Zoho's 200 instead of 500.
    pub zoho_failures: bool,
    /// What a request may come without, and nothing handles, is an error.
    pub strict: bool,
}

impl Settings {
    /// The keys of the `gateway:` document whose change only a restart brings into effect. What is
    /// not listed here belongs to a generation and is swapped with it.
    pub fn needing_restart(&self, other: &Self) -> Vec<&'static str> {
        let (a, b) = (&self.limits, &other.limits);
        let of_a_request = |limits: &Limits| Limits {
            body: a.body,
            steps: a.steps,
            memory: a.memory,
            response: a.response,
            parts: a.parts,
            ..limits.clone()
        };
        let changes = [
            (
                "listen",
                (&self.ingress, self.proxy_protocol, &self.client_authorities)
                    != (
                        &other.ingress,
                        other.proxy_protocol,
                        &other.client_authorities,
                    ),
            ),
            ("admin", self.admin != other.admin),
            ("public_url", self.public_url != other.public_url),
            ("limits", of_a_request(a) != of_a_request(b)),
            (
                "log",
                (self.log_format, &self.log_level) != (other.log_format, &other.log_level),
            ),
            (
                "trusted_proxies",
                self.trusted_proxies != other.trusted_proxies,
            ),
            ("outbound", self.outbound != other.outbound),
            ("retention", self.retention != other.retention),
            ("store", self.store != other.store),
            ("zoho_failures", self.zoho_failures != other.zoho_failures),
        ];
        let changed = changes.into_iter().filter(|(_, is_changed)| *is_changed);
        changed.map(|(key, _)| key).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        let loopback = |port| Listen {
            address: Address::Tcp(SocketAddr::from(([127, 0, 0, 1], port))),
            tls: None,
        };
        Self {
            ingress: loopback(8080),
            admin: loopback(8081),
            public_url: None,
            limits: Limits::default(),
            log_format: None,
            log_level: "info".to_owned(),
            env: Vec::new(),
            trusted_proxies: Vec::new(),
            client_authorities: None,
            proxy_protocol: false,
            outbound: Options::default(),
            retention: Retention::default(),
            store: Place::default(),
            zoho_failures: false,
            strict: false,
        }
    }
}
