//! Where a command finds the store.

use std::path::PathBuf;

use clap::Args;

use crate::store::{Location, MASTER_KEY_VARIABLE};

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
}

impl DataDir {
    /// The store's location. The master key is taken from the environment where it stands there;
    /// there is no flag for it, because command lines are seen by other users.
    pub fn location(&self) -> Location {
        let master_key = std::env::var(MASTER_KEY_VARIABLE)
            .ok()
            .filter(|text| !text.is_empty());
        Location {
            data_dir: self.data_dir.clone(),
            master_key: master_key.map(Into::into),
            database: None,
        }
    }
}
