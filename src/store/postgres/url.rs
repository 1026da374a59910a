//! Where a PostgreSQL database is.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The schema that is used where none is named.
const SCHEMA: &str = "hookweir";

/// A PostgreSQL database: `postgres://user:password@host:port/database`, as libpq reads it
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>), and three
/// parameters that are read here:
///
/// * `schema`: where our tables are, `hookweir` where it does not stand there;
/// * `sslmode`: `require`, `verify-ca` and `verify-full` all mean a connection whose certificate is
///   checked, with the host's name; `disable` means none. Without it, another machine is spoken to
///   by TLS, this one without;
/// * `sslrootcert`: a PEM file with further authorities.
///
/// Printed without its password.
#[derive(Clone, PartialEq)]
pub struct PostgresUrl {
    pub(super) config: Box<Config>,
    pub(super) schema: String,
    pub(super) tls: Option<Tls>,
    shown: String,
}

/// How a server is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tls {
    /// Authorities beside the system's.
    pub(super) authorities: Option<PathBuf>,
}

/// Why a text is no such address. Without a part of it: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// Its beginning.
    #[error("it does not begin with `postgres://`")]
    Scheme,
    /// What libpq's form does not have.
    #[error("it is no address of PostgreSQL's: {0}")]
    Form(String),
    /// No server in it.
    #[error("it names no host")]
    Host,
    /// Not one word of small letters, digits and `_`.
    #[error("`schema` is not a word of small letters, digits and `_`")]
    Schema,
    /// `prefer` and `allow` protect from nobody who can change what is sent.
    #[error("`sslmode` is `disable`, `require`, `verify-ca` or `verify-full`, not `{0}`")]
    SslMode(String),
}

impl PostgresUrl {
    /// Whether a password stands in it.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The schema.
    pub(in crate::store) fn schema(&self) -> &str {
        &self.schema
    }

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, PostgresUrlError> {
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(PostgresUrlError::Scheme)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut schema, mut mode, mut authorities) = (SCHEMA.to_owned(), None, None);
        let mut others = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "schema" => schema = value.into_owned(),
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(PathBuf::from(&*value)),
                _ => {
                    others.append_pair(&name, &value);
                }
            }
        }
        if !is_word(&schema) {
            return Err(PostgresUrlError::Schema);
        }
        // libpq has no `+` for a space.
        let others = others.finish().replace('+', "%20");
        let config: Config = format!("postgres://{place}?{others}")
            .parse()
            .map_err(|error| PostgresUrlError::Form(reason(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(PostgresUrlError::Host);
        }
        let is_checked = match mode.as_deref() {
            None => !config.get_hosts().iter().all(is_here),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => return Err(PostgresUrlError::SslMode(other.to_owned())),
        };
        let shown = format!("postgres://{}", without_password(place));
        Ok(Self {
            config: Box::new(config),
            schema,
            tls: is_checked.then_some(Tls { authorities }),
            shown,
        })
    }
}

/// A word that PostgreSQL takes without quotes.
fn is_word(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=63).contains(&text.len())
        && !text.starts_with("pg_")
        && text.bytes().next().is_some_and(is_letter)
        && text
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// What is wrong with it. The library's words name parameters, never their values.
fn reason(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Whether a server is on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// `user:password@host/database` without what stands between `:` and `@`.
fn without_password(place: &str) -> String {
    // The last `@`: a password may hold one that nobody encoded.
    match place.rsplit_once('@') {
        None => place.to_owned(),
        Some((who, place)) => {
            let user = who.split_once(':').map_or(who, |(user, _)| user);
            format!("{user}@{place}")
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)?;
        if self.schema != SCHEMA {
            write!(f, "?schema={}", self.schema)?;
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PostgresUrl {
        PostgresUrl::parse(text).unwrap()
    }

    #[test]
    fn a_password_is_in_nothing_that_is_printed() {
        for text in [
            "postgres://ada:s3cret@db.example.com/hooks",
            "postgres://ada:s3cret@p@db.example.com/hooks",
            "postgresql://ada:s3cret@db.example.com/hooks?schema=two",
        ] {
            let Ok(url) = PostgresUrl::parse(text) else {
                continue;
            };
            let printed = format!("{url} {url:?} {:?}", url.tls);
            assert!(!printed.contains("s3cret"), "{printed}");
            assert!(printed.contains("db.example.com/hooks"), "{printed}");
        }
        for wrong in [
            "postgres://ada:s3cret@db.example.com/hooks?sslmode=s",
            "postgres://ada:s3cret@db.example.com:s3cret/hooks",
            "postgres://ada:s3cret@db.example.com/hooks?nonsense=s3cret",
            "postgres://ada:s3cret%ff@db.example.com/hooks?connect_timeout=s3cret",
        ] {
            let error = PostgresUrl::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn another_machine_is_spoken_to_by_tls() {
        let checked = |text: &str| read(text).tls.is_some();
        assert!(checked("postgres://db.example.com/hooks"));
        assert!(checked("postgres://localhost,db.example.com/hooks"));
        assert!(checked("postgres://localhost/hooks?sslmode=require"));
        assert!(!checked("postgres://localhost/hooks"));
        assert!(!checked("postgres://127.0.0.1:5433/hooks"));
        assert!(!checked("postgres://%2Frun%2Fpostgresql/hooks"));
        assert!(!checked("postgres://db.example.com/hooks?sslmode=disable"));
        let error = PostgresUrl::parse("postgres://h/d?sslmode=prefer").unwrap_err();
        assert_eq!(error, PostgresUrlError::SslMode("prefer".to_owned()));
    }

    #[test]
    fn a_schema_is_a_word() {
        assert_eq!(read("postgres://localhost/d").schema, "hookweir");
        assert_eq!(read("postgres://localhost/d?schema=two_2").schema, "two_2");
        for wrong in ["", "Two", "2", "pg_x", "a-b", "a;b", "\"a\""] {
            let text = format!("postgres://localhost/d?schema={wrong}");
            let error = PostgresUrl::parse(&text).unwrap_err();
            assert_eq!(error, PostgresUrlError::Schema, "{wrong}");
        }
        let error = PostgresUrl::parse("mysql://localhost/d").unwrap_err();
        assert_eq!(error, PostgresUrlError::Scheme);
        let error = PostgresUrl::parse("postgres:///d").unwrap_err();
        assert_eq!(error, PostgresUrlError::Host);
    }
}
