//! The one `gateway:` document.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Period, Rate, Size, ValueSpec};

/// The gateway's settings as they are written; all have defaults.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gateway")]
pub struct GatewaySpec {
    /// A name for people.
    ///
    /// ```yaml
    /// gateway: main
    /// ```
    pub gateway: String,
    /// Where webhooks arrive.
    ///
    /// ```yaml
    /// listen: { address: 0.0.0.0:8080 }
    /// ```
    #[serde(default)]
    pub listen: ListenSpec,
    /// Where admins work.
    ///
    /// ```yaml
    /// admin: { address: 127.0.0.1:8081 }
    /// ```
    #[serde(default)]
    pub admin: AdminSpec,
    /// How third parties reach us: `https://hooks.example.com`; `urls` prints it.
    ///
    /// ```yaml
    /// public_url: https://hooks.example.com
    /// ```
    pub public_url: Option<String>,
    /// What one request, connection or listener may use.
    ///
    /// ```yaml
    /// limits: { body: 20MiB, connections: 4096 }
    /// ```
    #[serde(default)]
    pub limits: LimitsSpec,
    /// What is logged, and how.
    ///
    /// ```yaml
    /// log: { format: json, level: info }
    /// ```
    #[serde(default)]
    pub log: LogSpec,
    /// Environment variables that expressions may read as `env.NAME`; one that is not set is an
    /// error at load.
    ///
    /// ```yaml
    /// env: [SLACK_CHANNEL]
    /// ```
    #[serde(default)]
    pub env: Vec<String>,
    /// Addresses (CIDR) whose `X-Forwarded-For` is believed.
    ///
    /// ```yaml
    /// trusted_proxies: [10.0.0.0/8]
    /// ```
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// What hookweir itself may reach, and how: certificates by their address, confirmations.
    ///
    /// ```yaml
    /// outbound: { proxy: http://proxy.internal:3128 }
    /// ```
    #[serde(default)]
    pub outbound: OutboundSpec,
    /// How long events are kept.
    ///
    /// ```yaml
    /// retention: { events: 30d, bodies: 7d, size: 10GiB }
    /// ```
    #[serde(default)]
    pub retention: RetentionSpec,
    /// Where keys, events and deliveries are kept: `sqlite:PATH`, or a PostgreSQL database that
    /// several gateways may share. An address with a password comes from outside: `{ env: NAME }`.
    /// Default: `hookweir.db` in the data directory.
    ///
    /// ```yaml
    /// store: sqlite:/var/lib/hookweir/events.db
    /// ```
    pub store: Option<ValueSpec>,
    /// Answer failed functions with Zoho's 200 instead of 500.
    ///
    /// ```yaml
    /// zoho_failures: true
    /// ```
    #[serde(default)]
    pub zoho_failures: bool,
    /// What a request may come without, and nothing handles, is an error: in functions that name a
    /// `schema` or `sample`, and in those that do not.
    ///
    /// ```yaml
    /// strict: true
    /// ```
    #[serde(default)]
    pub strict: bool,
}

/// Where webhooks arrive.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Listen")]
pub struct ListenSpec {
    /// `HOST:PORT`, `unix:/path`, or `systemd:NAME`; default `127.0.0.1:8080`.
    ///
    /// ```yaml
    /// address: 127.0.0.1:8080
    /// ```
    pub address: Option<String>,
    /// Every connection begins with a PROXY protocol header (version 1 or 2), which says who the
    /// proxy connects for. Only `trusted_proxies`, and Unix sockets, may connect then.
    ///
    /// ```yaml
    /// proxy_protocol: true
    /// ```
    #[serde(default)]
    pub proxy_protocol: bool,
    /// TLS from files; read again when they change.
    ///
    /// ```yaml
    /// tls: { certificate: tls/chain.pem, private_key: tls/key.pem }
    /// ```
    pub tls: Option<TlsSpec>,
}

/// Where admins work.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Admin")]
pub struct AdminSpec {
    /// As `listen.address`; default `127.0.0.1:8081`.
    ///
    /// ```yaml
    /// address: 127.0.0.1:8080
    /// ```
    pub address: Option<String>,
    /// TLS; obligatory on any other than a loopback address.
    ///
    /// ```yaml
    /// tls: { certificate: tls/chain.pem, private_key: tls/key.pem }
    /// ```
    pub tls: Option<TlsSpec>,
}

/// How long events are kept. What is still owed is never forgotten.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retention")]
pub struct RetentionSpec {
    /// Events with everything that belongs to them; default `30d`.
    ///
    /// ```yaml
    /// events: 90d
    /// ```
    pub events: Option<Period>,
    /// Headers, bodies and what was sent; default as long as the events.
    ///
    /// ```yaml
    /// bodies: 7d
    /// ```
    pub bodies: Option<Period>,
    /// Bytes of the store, above which the oldest bodies are forgotten; without it there is no
    /// limit.
    ///
    /// ```yaml
    /// size: 10GiB
    /// ```
    pub size: Option<Size>,
}

/// What hookweir itself may reach, and how. It never reaches an address that is not public
/// (private, loopback, link-local, of a cloud's metadata) unless it is allowed here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Outbound")]
pub struct OutboundSpec {
    /// A proxy for everything, which then says what may be reached.
    ///
    /// ```yaml
    /// proxy: http://proxy.internal:3128
    /// ```
    pub proxy: Option<String>,
    /// PEM file with certificate authorities that are trusted beside the system's.
    ///
    /// ```yaml
    /// authorities: tls/company-ca.pem
    /// ```
    pub authorities: Option<String>,
    /// Addresses (CIDR) that may be reached though they are not public.
    ///
    /// ```yaml
    /// allow: [10.1.0.0/16]
    /// ```
    #[serde(default)]
    pub allow: Vec<String>,
}

/// TLS from files.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub struct TlsSpec {
    /// PEM file with the chain.
    ///
    /// ```yaml
    /// certificate: tls/chain.pem
    /// ```
    pub certificate: String,
    /// PEM file with the key.
    ///
    /// ```yaml
    /// private_key: tls/key.pem
    /// ```
    pub private_key: String,
    /// Of the listener for webhooks: PEM file with the authorities whose certificates callers may
    /// show. Functions with `auth.client_certificate` ask for one.
    ///
    /// ```yaml
    /// client_authorities: tls/clients-ca.pem
    /// ```
    pub client_authorities: Option<String>,
}

/// What one request, connection or listener may use.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct LimitsSpec {
    /// Largest body that any function may ask for; default `10MiB`.
    ///
    /// ```yaml
    /// body: 20MiB
    /// ```
    pub body: Option<Size>,
    /// Request line and headers; default `16KiB`.
    ///
    /// ```yaml
    /// head: 32KiB
    /// ```
    pub head: Option<Size>,
    /// Header lines; default 64.
    ///
    /// ```yaml
    /// headers: 100
    /// ```
    pub headers: Option<u32>,
    /// To send the head, and to be idle between requests; default `10s`.
    ///
    /// ```yaml
    /// header_timeout: 5s
    /// ```
    pub header_timeout: Option<Period>,
    /// To send the body; default `30s`.
    ///
    /// ```yaml
    /// body_timeout: 1m
    /// ```
    pub body_timeout: Option<Period>,
    /// To take the answer; default `30s`.
    ///
    /// ```yaml
    /// write_timeout: 1m
    /// ```
    pub write_timeout: Option<Period>,
    /// For everything together, from the end of the head to the last byte of the answer; default
    /// `60s`.
    ///
    /// ```yaml
    /// request_timeout: 2m
    /// ```
    pub request_timeout: Option<Period>,
    /// Open connections; default 2048.
    ///
    /// ```yaml
    /// connections: 4096
    /// ```
    pub connections: Option<u32>,
    /// Open connections of one address; default 64.
    ///
    /// ```yaml
    /// connections_per_address: 16
    /// ```
    pub connections_per_address: Option<u32>,
    /// To finish after SIGTERM; default `30s`.
    ///
    /// ```yaml
    /// drain_timeout: 10s
    /// ```
    pub drain_timeout: Option<Period>,
    /// Evaluation steps a request; default 1,000,000.
    ///
    /// ```yaml
    /// steps: 2000000
    /// ```
    pub steps: Option<u64>,
    /// New values a request; default `16MiB`.
    ///
    /// ```yaml
    /// memory: 32MiB
    /// ```
    pub memory: Option<Size>,
    /// Largest answer; default `10MiB`.
    ///
    /// ```yaml
    /// response: 20MiB
    /// ```
    pub response: Option<Size>,
    /// Requests of one peer that may fail to authenticate; default `100/min`. Further ones are
    /// answered a second late.
    ///
    /// ```yaml
    /// failures: 20/min
    /// ```
    pub failures: Option<Rate>,
    /// Parts of a multipart body; default 32.
    ///
    /// ```yaml
    /// parts: 64
    /// ```
    pub parts: Option<u32>,
}

/// What is logged, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Log")]
pub struct LogSpec {
    /// `text` or `json`; default `text` on a terminal, else `json`.
    ///
    /// ```yaml
    /// format: json
    /// ```
    #[serde(default, deserialize_with = "super::either::log_format")]
    #[schemars(extend("enum" = ["text", "json"]))]
    pub format: Option<String>,
    /// `error warn info debug trace`; default `info`.
    ///
    /// ```yaml
    /// level: debug
    /// ```
    pub level: Option<String>,
}
