//! Opening a store, and the first start, which makes one.
//!
//! All of it happens under the folder's lock, so that of two processes that start at once one
//! makes the store and the other finds it. A crash in between leaves a state that the next
//! opening completes.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::folder::{self, Folder};
use super::seal::MasterKey;
use super::{Place, Store, StoreError, postgres, sqlite};
use crate::auth::{AdminToken, Environment, KeyRecord, KeyTerms, Owner, Scope, ZapiKey};

/// The environment variable that may give the master key, for those who keep no secret on disk.
pub const MASTER_KEY_VARIABLE: &str = "HOOKWEIR_MASTER_KEY";

/// Where a store is.
#[derive(Debug, Clone)]
pub struct Location {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The master key, 64 hexadecimal digits, where the environment gives it
    /// ([`MASTER_KEY_VARIABLE`]); it goes before the file `master.key`.
    pub master_key: Option<SecretString>,
    /// Where the store is; `None` for where the gateway of this data directory has it.
    pub place: Option<Place>,
}

/// What a first start made, to be told to whoever watches it.
#[derive(Debug)]
pub struct FirstStart {
    /// A sandbox key that opens all functions.
    pub key: ZapiKey,
    /// What is known of it.
    pub record: KeyRecord,
    /// The file that holds the admin token.
    pub admin_token: PathBuf,
}

impl Location {
    /// The file that holds the admin token, for commands that ask a running gateway.
    pub fn admin_token_file(&self) -> PathBuf {
        self.folder().admin_token()
    }

    /// Reads the admin token from its file; `None` when there is no file.
    pub fn read_admin_token(&self) -> Result<Option<AdminToken>, StoreError> {
        let text = folder::read_secret(&self.admin_token_file())?;
        Ok(text.map(|text| AdminToken::new(&text)))
    }

    /// Where the store is, by what was asked for or by what `serve` has noted.
    fn place(&self, folder: &Folder) -> Result<Place, StoreError> {
        match &self.place {
            Some(place) => Ok(place.clone()),
            None => folder.noted_place(),
        }
    }

    fn folder(&self) -> Folder {
        Folder::new(&self.data_dir)
    }
}

/// Opens a store that exists.
pub fn open(location: &Location) -> Result<Arc<dyn Store>, StoreError> {
    let folder = location.folder();
    let place = location.place(&folder)?;
    if let Place::Postgres(_) = place {
        // For the lock, and for a master key and an admin token of this machine.
        folder.create()?;
    } else if !place.file(&location.data_dir).exists() {
        let place = match &place {
            Place::Sqlite(path) => path.display().to_string(),
            _ => location.data_dir.display().to_string(),
        };
        return Err(StoreError::Missing { place });
    }
    let _lock = folder.lock()?;
    whole(open_locked(&folder, location, &place, false)?, &place)
}

/// Opens a store that a copy is to be written into, made where there is none.
pub(super) fn open_for_copy(location: &Location) -> Result<Arc<dyn Store>, StoreError> {
    let folder = location.folder();
    folder.create()?;
    let place = location.place(&folder)?;
    let _lock = folder.lock()?;
    let store = open_locked(&folder, location, &place, true)?;
    if store.admin_token()?.is_none() {
        match location.read_admin_token()? {
            // The one that the data directory has.
            Some(token) => store.set_admin_token(token.hash())?,
            None => renew_admin_token(&folder, &*store)?,
        }
    }
    Ok(store)
}

/// Refuses a store that a copy was begun into and not finished.
fn whole(store: Arc<dyn Store>, place: &Place) -> Result<Arc<dyn Store>, StoreError> {
    if store.tables().is_unfinished()? {
        let place = place.to_string();
        return Err(StoreError::Unfinished { place });
    }
    Ok(store)
}

/// Opens a store, made where there is none, without a key in it.
pub fn open_or_create(location: &Location) -> Result<Arc<dyn Store>, StoreError> {
    let folder = location.folder();
    folder.create()?;
    let place = location.place(&folder)?;
    let _lock = folder.lock()?;
    let store = whole(open_locked(&folder, location, &place, true)?, &place)?;
    if store.admin_token()?.is_none() {
        renew_admin_token(&folder, &*store)?;
    }
    Ok(store)
}

/// Opens a store as `serve` does: made where there is none, with an admin token and, where there
/// is not one key yet, a sandbox key that opens all functions. An admin token whose file was
/// removed is replaced by another.
pub fn open_or_init(
    location: &Location,
    now: Timestamp,
) -> Result<(Arc<dyn Store>, Option<FirstStart>), StoreError> {
    let store = open_or_create(location)?;
    let folder = location.folder();
    let _lock = folder.lock()?;
    if !folder.admin_token().exists() {
        renew_admin_token(&folder, &*store)?;
    }
    if let Some(place) = &location.place {
        folder.note_place(place)?;
    }
    if !store.keys()?.is_empty() {
        return Ok((store, None));
    }
    let key = ZapiKey::generate()?;
    let terms = KeyTerms {
        label: "first start".to_owned(),
        owner: Owner::default(),
        environment: Environment::Sandbox,
        scope: Scope::All,
        expires: None,
    };
    let record = KeyRecord::issue(&key, terms, now)?;
    store.add_key(&record, &key)?;
    let admin_token = folder.admin_token();
    let first = FirstStart {
        key,
        record,
        admin_token,
    };
    Ok((store, Some(first)))
}

fn open_locked(
    folder: &Folder,
    location: &Location,
    place: &Place,
    is_made: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let Place::Postgres(url) = place else {
        let path = place.file(&location.data_dir);
        if is_made {
            folder::create_database(&path)?;
        }
        let database = sqlite::Unlocked::open(&path)?;
        let (master, place) = master_key(folder, location, || database.is_sealed())?;
        return Ok(Arc::new(database.unlock(master, &place)?));
    };
    let database = postgres::Unlocked::open(url, is_made)?;
    let (master, place) = master_key(folder, location, || database.is_sealed())?;
    let store = database.unlock(master, &place)?;
    if let Some(token) = location.read_admin_token()? {
        store.set_admin_token(token.hash())?;
    }
    Ok(Arc::new(store))
}

/// The master key, and where it stands.
fn master_key(
    folder: &Folder,
    location: &Location,
    is_sealed: impl FnOnce() -> Result<bool, StoreError>,
) -> Result<(MasterKey, String), StoreError> {
    if let Some(text) = &location.master_key {
        let place = format!("`{MASTER_KEY_VARIABLE}`");
        return Ok((parse(text.expose_secret(), &place)?, place));
    }
    let path = folder.master_key();
    let place = format!("`{}`", path.display());
    if let Some(text) = folder::read_secret(&path)? {
        return Ok((parse(&text, &place)?, place));
    }
    // Made if nothing was sealed yet.
    if is_sealed()? {
        let variable = MASTER_KEY_VARIABLE;
        return Err(StoreError::MasterKeyMissing { path, variable });
    }
    // On disk before anything is sealed with it.
    let master = MasterKey::generate()?;
    folder::write_secret(&path, &master.to_text())?;
    Ok((master, place))
}

fn parse(text: &str, place: &str) -> Result<MasterKey, StoreError> {
    let place = place.to_owned();
    MasterKey::parse(text).ok_or(StoreError::MasterKeyForm { place })
}

fn renew_admin_token(folder: &Folder, store: &dyn Store) -> Result<(), StoreError> {
    let token = AdminToken::generate()?;
    // The file first: a token whose hash alone was written could not be found again.
    folder::write_secret(&folder.admin_token(), token.expose())?;
    store.set_admin_token(token.hash())
}
