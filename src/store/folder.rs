//! The data directory: which files it holds, and who may read them.
//!
//! ```text
//! data/               0700
//!   hookweir.db       0600   (and, while it is in use, -wal and -shm beside it)
//!   master.key        0600   unless the environment gives the master key
//!   admin.token       0600   for the commands that ask a running gateway
//!   open.lock         0600   held while a store is being opened, and not after
//!   deliver.lock      0600   held by the one process that delivers
//!   store             0600   where the store is, if it is not here
//! ```
//!
//! A secret's file comes into being whole: it is written under another name, put on disk, and
//! renamed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Place, StoreError};

/// Largest file that is read as a secret; a longer one is something else.
const SECRET_LIMIT: u64 = 4096;

/// Where it is noted that the store is elsewhere.
const PLACE: &str = "store";

/// A data directory, whether it exists or not.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        // An empty path would have no parent to put on disk.
        let is_empty = path.as_os_str().is_empty();
        Self(if is_empty { Path::new(".") } else { path }.to_owned())
    }

    pub(super) fn master_key(&self) -> PathBuf {
        self.0.join("master.key")
    }

    pub(super) fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// Makes the folder, for its owner alone, with those above it; one that exists is left as it
    /// is.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(StoreError::file("make the data directory", &self.0))
    }

    /// Keeps other processes from opening a store here until the answer is dropped. Without it,
    /// two first starts at once would each make a master key.
    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let path = self.0.join("open.lock");
        let lock = open_lock(&path)?;
        lock.lock().map_err(StoreError::file("lock", &path))?;
        Ok(lock)
    }

    /// Notes where the store of this folder's gateway is, for commands that are not told.
    pub(super) fn note_place(&self, place: &Place) -> Result<(), StoreError> {
        let path = self.0.join(PLACE);
        if *place == Place::DataDir {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(StoreError::file("remove", &path)(error))
                }
                _ => Ok(()),
            };
        }
        let text = match place {
            // The command may be started elsewhere.
            Place::Sqlite(path) => {
                let whole = std::path::absolute(path).map_err(StoreError::file("find", path))?;
                Place::Sqlite(whole).to_string()
            }
            other => other.to_string(),
        };
        write_secret(&path, &text)
    }

    /// Where the store of this folder's gateway is. An address of PostgreSQL's is noted without its
    /// password, and must be given again.
    pub(super) fn noted_place(&self) -> Result<Place, StoreError> {
        let Some(text) = read_secret(&self.0.join(PLACE))? else {
            return Ok(Place::DataDir);
        };
        match Place::parse(text.trim()) {
            Ok(place @ Place::Sqlite(_)) => Ok(place),
            _ => Err(StoreError::Elsewhere {
                data_dir: self.0.clone(),
                store: text.trim().to_owned(),
            }),
        }
    }
}

/// Makes an empty database file, for its owner alone: SQLite would make it as the umask says, and
/// gives its own files beside the same permissions.
pub(super) fn create_database(path: &Path) -> Result<(), StoreError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Folder::new(folder).create()?;
    }
    private()
        .create(true)
        .truncate(false)
        .open(path)
        .map(|_| ())
        .map_err(StoreError::file("make", path))
}

/// Opens a file that is only there to be locked.
pub(super) fn open_lock(path: &Path) -> Result<File, StoreError> {
    private()
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(StoreError::file("open", path))
}

/// Reads a secret from a file that nobody else may read; `None` when there is no such file.
pub(super) fn read_secret(path: &Path) -> Result<Option<Zeroizing<String>>, StoreError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::file("read", path))?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(StoreError::Exposed { path, mode });
    }
    if metadata.len() > SECRET_LIMIT {
        let too_long = io::Error::new(io::ErrorKind::InvalidData, "it is too long for a secret");
        return Err(StoreError::file("read", path)(too_long));
    }
    let text = fs::read_to_string(path).map_err(StoreError::file("read", path))?;
    Ok(Some(Zeroizing::new(text)))
}

/// Writes a secret and a line feed into a file that nobody else may read, in place of one that is
/// there.
pub(super) fn write_secret(path: &Path, secret: &str) -> Result<(), StoreError> {
    // Written under the folder's lock, so no two processes use the same name at once; what an
    // earlier one left behind when it was killed is replaced.
    let draft = path.with_added_extension("new");
    let write = || -> io::Result<()> {
        let mut file = private().create(true).truncate(true).open(&draft)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(secret.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        // The name is on disk only when the folder is.
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(StoreError::file("write", path))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
