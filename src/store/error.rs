//! What can be wrong with the disk, in words for the operator. No text of a secret gets in.

use std::io;
use std::path::{Path, PathBuf};

use crate::auth::NoRandomness;

/// What went wrong with the disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database.
    #[error("cannot use the store at `{path}`")]
    Database {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file or folder beside it.
    #[error("cannot {what} `{path}`")]
    File {
        /// What was being done.
        what: &'static str,
        /// To which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What stands at the store's path is not what was opened.
    #[error("the store at `{path}` was replaced while it was in use; start hookweir again")]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// There is no store, and whoever asked does not make one.
    #[error("there is no store in `{place}`; `hookweir serve` or `hookweir keys create` makes one")]
    Missing {
        /// The data directory, or the database.
        place: String,
    },
    /// `serve` has its store in PostgreSQL, whose address with its password is not kept.
    #[error(
        "the gateway of `{data_dir}` has its store at `{store}`: give its whole address in \
         HOOKWEIR_STORE, or by `--store`"
    )]
    Elsewhere {
        /// The data directory.
        data_dir: PathBuf,
        /// The store, without a password.
        store: String,
    },
    /// A copy into it was cut off.
    #[error("a copy into the store at `{place}` was not finished: run `hookweir store copy` again")]
    Unfinished {
        /// The file, or the database.
        place: String,
    },
    /// A copy would mix with what is there.
    #[error("the store that is to be copied into is not empty")]
    NotEmpty,
    /// A gateway delivers from it.
    #[error("a gateway uses the store at `{place}`: stop it first")]
    InUse {
        /// The file, or the database.
        place: String,
    },
    /// The file belongs to another program.
    #[error("`{place}` is not a store of hookweir's")]
    Foreign {
        /// The file, or the database.
        place: String,
    },
    /// A later version of the program has changed the layout.
    #[error(
        "the store at `{place}` has layout {found}, and this version of hookweir knows layouts up \
         to {known}: use the newer version that wrote it, or a backup from before"
    )]
    Newer {
        /// The file, or the database.
        place: String,
        /// Its layout.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The bundled SQLite has a bug that loses data.
    #[error("SQLite {found} can corrupt a database that several processes use; 3.51.3 is needed")]
    UnsafeSqlite {
        /// Its version.
        found: String,
    },
    /// The master key is not 64 hexadecimal digits.
    #[error("the master key in {place} is not 64 hexadecimal digits")]
    MasterKeyForm {
        /// The file, or the variable.
        place: String,
    },
    /// Somebody else could read it.
    #[error("`{path}` can be read or changed by others (mode {mode:04o}): `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The database has sealed keys, the file that opens them is not there.
    #[error(
        "the master key `{path}` is gone, and the keys in the store were sealed with it: put it \
         back, or give it in {variable}"
    )]
    MasterKeyMissing {
        /// The file.
        path: PathBuf,
        /// The variable's name.
        variable: &'static str,
    },
    /// The master key is a well-formed one, but another.
    #[error("the master key in {place} is not the one that the store at `{store}` was sealed with")]
    MasterKeyWrong {
        /// The file, or the variable.
        place: String,
        /// The database.
        store: String,
    },
    /// A row says what cannot be.
    #[error("the store's entry of `{id}` is damaged: {what}")]
    Damaged {
        /// Which key.
        id: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The same key is there already.
    #[error("this key is in the store already")]
    Duplicate,
    /// Somebody changed the key in between.
    #[error("`{id}` was rotated, revoked or removed in the meantime")]
    Overtaken {
        /// Which key.
        id: String,
    },
    /// No secret can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl StoreError {
    pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |source| Self::Database {
            path: path.clone(),
            source: source.into(),
        }
    }

    pub(super) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
