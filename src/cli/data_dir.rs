//! Where a command finds the store.

use std::path::PathBuf;

use clap::Args;

use super::console::Failure;
use crate::store::{Location, MASTER_KEY_VARIABLE, Place};

/// The data directory, for commands that read or change the store.
#[derive(Debug, Clone, Args)]
pub struct DataDir {
    /// The data directory: the store, the master key and the admin token
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "HOOKWEIR_DATA_DIR",
        default_value = "data"
    )]
    pub data_dir: PathBuf,

    /// The store, where it is not in the data directory: `sqlite:PATH` or
    /// `postgres://USER@HOST/DATABASE`. An address with a password belongs into the environment
    /// variable, because command lines are seen by other users
    #[arg(
        long,
        value_name = "STORE",
        global = true,
        env = "HOOKWEIR_STORE",
        hide_env_values = true
    )]
    pub store: Option<String>,
}

impl DataDir {
    /// The store's location. The master key is taken from the environment where it stands there;
    /// there is no flag for it, because command lines are seen by other users.
    pub fn location(&self) -> Result<Location, Failure> {
        let master_key = std::env::var(MASTER_KEY_VARIABLE)
            .ok()
            .filter(|text| !text.is_empty());
        Ok(Location {
            data_dir: self.data_dir.clone(),
            master_key: master_key.map(Into::into),
            place: self.place()?,
        })
    }

    /// The file of the admin token.
    pub fn admin_token_file(&self) -> PathBuf {
        let location = Location {
            data_dir: self.data_dir.clone(),
            master_key: None,
            place: None,
        };
        location.admin_token_file()
    }

    /// The store that was asked for.
    fn place(&self) -> Result<Option<Place>, Failure> {
        let Some(text) = self.store.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let place = Place::parse(text).map_err(|why| {
            Failure::usage(format!("`--store` or HOOKWEIR_STORE: {why}"))
                .help("write `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`")
        })?;
        Ok(Some(place))
    }
}
