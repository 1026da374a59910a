//! Which engine a store is in, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::postgres::{PostgresUrl, PostgresUrlError};

/// Where a store is: `sqlite:PATH`, or a PostgreSQL database. Printed without a password.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Place {
    /// The file `hookweir.db` of the data directory.
    #[default]
    DataDir,
    /// Another file.
    Sqlite(PathBuf),
    /// A database that several gateways may share.
    Postgres(PostgresUrl),
}

/// Why a text names no store. Without a part of it: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No engine that there is.
    #[error("it begins with neither `sqlite:` nor `postgres://`")]
    Engine,
    /// `sqlite:` and nothing behind it.
    #[error("there is no path behind `sqlite:`")]
    Path,
    /// Not an address of PostgreSQL's.
    #[error(transparent)]
    Postgres(#[from] PostgresUrlError),
}

impl Place {
    /// Reads `sqlite:PATH` or `postgres://…`. A path is relative to where the program was started.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.ends_with('/') {
                return Err(PlaceError::Path);
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        match PostgresUrl::parse(text) {
            Err(PostgresUrlError::Scheme) => Err(PlaceError::Engine),
            other => Ok(Self::Postgres(other?)),
        }
    }

    /// Whether a password stands in it.
    pub fn has_password(&self) -> bool {
        matches!(self, Self::Postgres(url) if url.has_password())
    }

    /// The database file, for SQLite.
    pub(super) fn file(&self, data_dir: &Path) -> PathBuf {
        match self {
            Self::Sqlite(path) => path.clone(),
            Self::DataDir | Self::Postgres(_) => data_dir.join("hookweir.db"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDir => f.write_str("the data directory"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_of_two_engines() {
        let sqlite = |path: &str| Ok(Place::Sqlite(path.into()));
        assert_eq!(Place::parse("sqlite:data/x.db"), sqlite("data/x.db"));
        assert_eq!(Place::parse("sqlite:///var/x.db"), sqlite("/var/x.db"));
        for (wrong, why) in [
            ("sqlite:", PlaceError::Path),
            ("sqlite:data/", PlaceError::Path),
            ("data/x.db", PlaceError::Engine),
            ("mysql://localhost/x", PlaceError::Engine),
        ] {
            assert_eq!(Place::parse(wrong), Err(why), "{wrong}");
        }
        let place = Place::parse("postgres://ada:canary@localhost/hooks").unwrap();
        assert!(place.has_password());
        assert_eq!(place.to_string(), "postgres://ada@localhost/hooks");
        assert!(!format!("{place:?}").contains("canary"));
    }
}
