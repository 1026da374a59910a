//! The store on a real folder: what is on disk, who may read it, and what happens when somebody
//! else is there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use secrecy::SecretString;
use tempfile::TempDir;

use super::{Place as At, *};
use crate::auth::{Environment, KeyState, KeyTerms, Keyring, Lifetime, Owner, Scope};

/// A data directory that does not exist yet, in a folder that goes away.
struct Place {
    _parent: TempDir,
    location: Location,
}

impl Place {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let location = Location {
            data_dir: parent.path().join("deep/data"),
            master_key: None,
            place: None,
        };
        Self {
            _parent: parent,
            location,
        }
    }

    /// The same with the store in a schema of its own; `None`, and said, where there is no server.
    fn on_postgres() -> Option<Self> {
        let mut place = Self::new();
        place.location.place = Some(At::Postgres(postgres_url()?));
        Some(place)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.location.data_dir.join(name)
    }

    fn store(&self) -> Arc<dyn Store> {
        open_or_create(&self.location).unwrap()
    }

    fn with_master_key(&self, digits: &str) -> Location {
        Location {
            master_key: Some(digits.to_owned().into()),
            ..self.location.clone()
        }
    }

    /// All bytes of all files that are a database or belong to one.
    fn database_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in fs::read_dir(&self.location.data_dir).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains("hookweir.db") {
                bytes.extend(fs::read(path).unwrap());
            }
        }
        bytes
    }

    fn raw(&self) -> Connection {
        Connection::open(self.file("hookweir.db")).unwrap()
    }
}

/// A schema of its own in the database that `tests/run` starts (`HOOKWEIR_TEST_POSTGRES`); `None`,
/// and said, where there is none.
pub(super) fn postgres_url() -> Option<PostgresUrl> {
    let Ok(url) = std::env::var("HOOKWEIR_TEST_POSTGRES") else {
        println!("skipped: no PostgreSQL in HOOKWEIR_TEST_POSTGRES; `tests/run` starts one");
        return None;
    };
    let schema = format!("t{}", uuid::Uuid::now_v7().simple());
    Some(PostgresUrl::parse(&format!("{url}?schema={schema}")).unwrap())
}

macro_rules! suite {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name(&super::Place::new());
            })*
        }

        mod on_postgres {
            $(#[test]
            fn $name() {
                if let Some(place) = super::Place::on_postgres() {
                    super::$name(&place);
                }
            })*
        }
    };
}

// What each engine must do.
suite! {
    a_key_comes_back_as_it_was_after_a_restart
    a_revoked_key_is_revoked_once
    of_two_rotations_one_is_refused_and_leaves_no_key
    an_import_leaves_keys_that_are_there_as_they_are
    the_version_changes_with_every_writer_and_with_nothing_else
    a_running_gateway_sees_what_another_process_does_to_keys
    secrets_of_handshakes_are_kept_once_and_not_without_end
    what_became_of_a_visit_is_forgotten_after_a_month_and_one_that_is_open_is_not
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOON: &str = "2026-01-01T12:00:00.123Z";

fn issue(label: &str) -> (KeyRecord, ZapiKey) {
    let key = ZapiKey::generate().unwrap();
    let terms = KeyTerms {
        label: label.to_owned(),
        owner: Owner {
            id: "4150868000000225013".to_owned(),
            email: "ada@example.com".to_owned(),
            name: "Ada Lovelacé".to_owned(),
            org_id: "60001".to_owned(),
        },
        environment: Environment::Production,
        scope: Scope::Functions(vec!["lead".to_owned(), "ns__\"odd\"".to_owned()]),
        expires: Some(at("2027-01-01T00:00:00Z")),
    };
    (KeyRecord::issue(&key, terms, at(NOON)).unwrap(), key)
}

fn message(error: &StoreError) -> String {
    error.to_string()
}

fn a_key_comes_back_as_it_was_after_a_restart(place: &Place) {
    let (mut record, key) = issue("crm");
    place.store().add_key(&record, &key).unwrap();
    let (all, all_key) = issue("all");
    let all = KeyRecord {
        scope: Scope::All,
        expires: None,
        environment: Environment::Sandbox,
        created: at("2026-01-02T00:00:00Z"),
        ..all
    };
    let store = open(&place.location).unwrap();
    store.add_key(&all, &all_key).unwrap();
    assert_eq!(store.keys().unwrap(), [record.clone(), all.clone()]);
    let text = store.key_text(&record.id).unwrap().unwrap();
    assert_eq!(text.expose(), key.expose());
    assert!(store.key_text("key_none").unwrap().is_none());

    store
        .touch_keys(&[(record.hash, at("2026-01-03T00:00:00Z"))])
        .unwrap();
    store
        .touch_keys(&[(record.hash, at("2026-01-02T00:00:00Z"))])
        .unwrap();
    record.last_used = Some(at("2026-01-03T00:00:00Z"));
    assert_eq!(store.keys().unwrap(), [record, all]);
}

fn a_revoked_key_is_revoked_once(place: &Place) {
    let store = place.store();
    let (record, key) = issue("crm");
    store.add_key(&record, &key).unwrap();
    assert!(store.revoke_key(&record.id, at(NOON)).unwrap());
    assert!(
        !store
            .revoke_key(&record.id, at("2026-06-01T00:00:00Z"))
            .unwrap()
    );
    assert!(!store.revoke_key("key_none", at(NOON)).unwrap());
    assert_eq!(store.keys().unwrap()[0].revoked, Some(at(NOON)));
}

fn of_two_rotations_one_is_refused_and_leaves_no_key(place: &Place) {
    let (one, two) = (place.store(), place.store());
    let (record, key) = issue("crm");
    one.add_key(&record, &key).unwrap();
    let rotate = |store: &dyn Store| {
        let next = ZapiKey::generate().unwrap();
        let hour = Duration::from_hours(1);
        let (old, new) = record
            .rotate(&next, hour, Lifetime::AsBefore, at(NOON))
            .unwrap();
        store.rotate_key(&old, &new, &next).map(|()| new.id)
    };
    let id = rotate(&*one).unwrap();
    assert!(matches!(rotate(&*two), Err(StoreError::Overtaken { .. })));
    let keys = two.keys().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].replaced_by.as_deref(), Some(id.as_str()));
    assert_eq!(keys[0].state(at(NOON)), KeyState::Ending);
}

fn an_import_leaves_keys_that_are_there_as_they_are(place: &Place) {
    let store = place.store();
    let (record, key) = issue("mine");
    store.add_key(&record, &key).unwrap();
    assert!(matches!(
        store.add_key(&record, &key),
        Err(StoreError::Duplicate | StoreError::Database { .. })
    ));
    let again = KeyRecord::issue(
        &key,
        KeyTerms {
            label: "theirs".to_owned(),
            owner: Owner::default(),
            environment: Environment::Sandbox,
            scope: Scope::All,
            expires: None,
        },
        at(NOON),
    )
    .unwrap();
    let (new, new_key) = issue("new");
    let added = store
        .import_keys(&[(again.clone(), key.clone()), (new.clone(), new_key)])
        .unwrap();
    assert_eq!(added, [false, true]);
    let labels: BTreeSet<String> = store
        .keys()
        .unwrap()
        .into_iter()
        .map(|key| key.label)
        .collect();
    assert_eq!(
        labels,
        BTreeSet::from(["mine".to_owned(), "new".to_owned()])
    );
    assert!(matches!(
        store.add_key(&again, &key),
        Err(StoreError::Duplicate)
    ));
}

#[test]
fn the_text_of_a_key_or_token_is_in_no_byte_of_the_database() {
    let place = Place::new();
    let (store, first) = open_or_init(&place.location, at(NOON)).unwrap();
    let first = first.unwrap();
    let token = fs::read_to_string(&first.admin_token).unwrap();
    let master = fs::read_to_string(place.file("master.key")).unwrap();
    let printed = format!(
        "{store:?} {first:?} {:?} {:?}",
        place.location,
        store.keys().unwrap()
    );
    let check = |bytes: &[u8]| {
        let secrets = [
            first.key.expose().split('.').nth(1).unwrap(),
            first.key.expose().split('.').nth(2).unwrap(),
            token.trim(),
            token.trim().strip_prefix("hwa_").unwrap(),
            master.trim(),
        ];
        for secret in secrets {
            // A quarter of a secret is too much as well.
            let part = &secret.as_bytes()[secret.len() / 2..][..secret.len() / 4];
            assert!(!bytes.windows(part.len()).any(|window| window == part));
        }
    };
    // While it is open, with its log, and after it was closed.
    check(&place.database_bytes());
    check(printed.as_bytes());
    drop(store);
    check(&place.database_bytes());
    // The search finds what is there.
    assert!(
        place
            .database_bytes()
            .windows(5)
            .any(|window| window == b"first")
    );
}

#[test]
fn files_are_for_their_owner_alone() {
    let place = Place::new();
    let (_store, _) = open_or_init(&place.location, at(NOON)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.location.data_dir), 0o700);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&place.location.data_dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.insert(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    let expected = [
        "admin.token",
        "hookweir.db",
        "hookweir.db-shm",
        "hookweir.db-wal",
        "master.key",
        "open.lock",
    ];
    assert_eq!(names, BTreeSet::from(expected.map(str::to_owned)));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let place = Place::new();
    drop(place.store());
    let path = place.file("master.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = open(&place.location).unwrap_err();
    let path = path.display();
    assert_eq!(
        message(&error),
        format!("`{path}` can be read or changed by others (mode 0640): `chmod 600 {path}`")
    );
}

#[test]
fn a_first_start_makes_one_key_and_one_token_and_a_second_start_nothing() {
    let place = Place::new();
    assert!(matches!(
        open(&place.location),
        Err(StoreError::Missing { .. })
    ));
    assert!(!place.location.data_dir.exists());
    let (store, first) = open_or_init(&place.location, at(NOON)).unwrap();
    let first = first.unwrap();
    assert_eq!(store.keys().unwrap(), std::slice::from_ref(&first.record));
    assert_eq!(first.record.environment, Environment::Sandbox);
    let token = fs::read_to_string(place.file("admin.token")).unwrap();
    let hash = store.admin_token().unwrap().unwrap();
    assert!(hash.is_of(token.trim()));
    let read = place.location.read_admin_token().unwrap().unwrap();
    assert_eq!(read.hash(), hash);

    let (again, none) = open_or_init(&place.location, at(NOON)).unwrap();
    assert!(none.is_none());
    assert_eq!(again.keys().unwrap().len(), 1);
    assert_eq!(
        fs::read_to_string(place.file("admin.token")).unwrap(),
        token
    );
    let ring = Keyring::new(again.keys().unwrap());
    assert!(
        ring.authenticate(first.key.expose(), "any", at(NOON))
            .is_ok()
    );

    fs::remove_file(place.file("admin.token")).unwrap();
    let (renewed, _) = open_or_init(&place.location, at(NOON)).unwrap();
    let other = fs::read_to_string(place.file("admin.token")).unwrap();
    let hash = renewed.admin_token().unwrap().unwrap();
    assert!(hash.is_of(other.trim()) && !hash.is_of(token.trim()));
}

#[test]
fn a_first_start_that_was_cut_off_is_completed() {
    // Killed after the master key was written.
    let place = Place::new();
    fs::create_dir_all(&place.location.data_dir).unwrap();
    let digits = "ab".repeat(32);
    fs::write(place.file("master.key"), &digits).unwrap();
    fs::set_permissions(place.file("master.key"), fs::Permissions::from_mode(0o600)).unwrap();
    // Killed while writing one.
    fs::write(place.file("admin.token.new"), "hwa_half").unwrap();
    fs::write(place.file("hookweir.db"), "").unwrap();
    let (store, first) = open_or_init(&place.location, at(NOON)).unwrap();
    assert!(first.is_some() && store.admin_token().unwrap().is_some());
    assert!(!place.file("admin.token.new").exists());
    // The master key that was there is the one in use.
    let (record, key) = issue("x");
    store.add_key(&record, &key).unwrap();
    let other = open(&place.with_master_key(&digits)).unwrap();
    assert_eq!(
        other.key_text(&record.id).unwrap().unwrap().hash(),
        record.hash
    );
}

#[test]
fn a_wrong_master_key_is_found_out_at_once() {
    let place = Place::new();
    let (record, key) = issue("crm");
    place.store().add_key(&record, &key).unwrap();
    let database = place.file("hookweir.db");

    let error = open(&place.with_master_key(&"00".repeat(32))).unwrap_err();
    assert_eq!(
        message(&error),
        format!(
            "the master key in `HOOKWEIR_MASTER_KEY` is not the one that the store at `{}` was \
             sealed with",
            database.display()
        )
    );
    let error = open(&place.with_master_key("secret-canary")).unwrap_err();
    assert_eq!(
        message(&error),
        "the master key in `HOOKWEIR_MASTER_KEY` is not 64 hexadecimal digits"
    );
    let kept = fs::read(place.file("master.key")).unwrap();
    fs::remove_file(place.file("master.key")).unwrap();
    let error = open_or_init(&place.location, at(NOON)).unwrap_err();
    assert!(
        matches!(error, StoreError::MasterKeyMissing { .. }),
        "{error}"
    );
    assert!(!place.file("master.key").exists());
    // The same key by the environment opens it.
    let digits = String::from_utf8(kept).unwrap();
    let store = open(&place.with_master_key(&digits)).unwrap();
    assert_eq!(
        store.key_text(&record.id).unwrap().unwrap().hash(),
        record.hash
    );
}

#[test]
fn a_master_key_from_the_environment_is_not_written_to_disk() {
    let place = Place::new();
    let location = place.with_master_key(&"5a".repeat(32));
    let (_store, first) = open_or_init(&location, at(NOON)).unwrap();
    assert!(first.is_some());
    assert!(!place.file("master.key").exists());
}

#[test]
fn a_row_that_was_tampered_with_does_not_open() {
    let place = Place::new();
    let store = place.store();
    let (one, one_key) = issue("one");
    let (two, two_key) = issue("two");
    store.add_key(&one, &one_key).unwrap();
    store.add_key(&two, &two_key).unwrap();
    let raw = place.raw();
    let check = |sql: &str, expected: &str| {
        raw.execute_batch("SAVEPOINT before").unwrap();
        raw.execute(sql, [&one.id]).unwrap();
        raw.execute_batch("RELEASE before").unwrap();
        let error = store.key_text(&one.id).unwrap_err();
        assert_eq!(
            message(&error),
            format!("the store's entry of `{}` is damaged: {expected}", one.id)
        );
        assert!(store.key_text(&two.id).unwrap().is_some());
    };
    raw.execute("CREATE TABLE copy AS SELECT * FROM keys", [])
        .unwrap();
    let restore = || {
        raw.execute_batch(
            "UPDATE keys SET (sealed, hash) = (SELECT sealed, hash FROM copy WHERE copy.id = keys.id)",
        )
        .unwrap();
    };
    check(
        "UPDATE keys SET sealed = (SELECT sealed FROM copy WHERE id <> ?1) WHERE id = ?1",
        "its sealed text does not open",
    );
    restore();
    check(
        "UPDATE keys SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) AS BLOB) WHERE id = ?1",
        "its sealed text does not open",
    );
    restore();
    check(
        "UPDATE keys SET hash = zeroblob(32) WHERE id = ?1",
        "its sealed text is another key's",
    );
    restore();
    assert!(store.key_text(&one.id).unwrap().is_some());
    raw.execute("UPDATE keys SET functions = '{}' WHERE id = ?1", [&one.id])
        .unwrap();
    let error = store.keys().unwrap_err();
    assert!(
        message(&error).ends_with("its functions are not a list of names"),
        "{error}"
    );
}

#[test]
fn a_newer_store_and_somebody_elses_file_are_refused_unchanged() {
    let place = Place::new();
    drop(place.store());
    place.raw().pragma_update(None, "user_version", 99).unwrap();
    let error = open(&place.location).unwrap_err();
    assert!(
        message(&error).contains("has layout 99, and this version of hookweir knows layouts up to"),
        "{error}"
    );

    let place = Place::new();
    fs::create_dir_all(&place.location.data_dir).unwrap();
    place
        .raw()
        .execute_batch("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    let before = place.database_bytes();
    let error = open_or_init(&place.location, at(NOON)).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(place.database_bytes(), before);

    fs::write(
        place.file("hookweir.db"),
        "no database at all, but a text of some length".repeat(50),
    )
    .unwrap();
    let error = open(&place.location).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn what_was_written_is_on_disk_before_the_answer() {
    let place = Place::new();
    let _store = place.store();
    let connection = sqlite::connect(&place.file("hookweir.db")).unwrap();
    let setting = |name: &str| -> String {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| format!("{value:?}"))
            .unwrap()
    };
    assert_eq!(setting("journal_mode"), "Text(\"wal\")");
    assert_eq!(setting("synchronous"), "Integer(2)");
    assert_eq!(setting("foreign_keys"), "Integer(1)");
    assert_eq!(setting("page_size"), "Integer(16384)");
}

#[test]
fn many_first_starts_at_once_make_one_store() {
    let place = Arc::new(Place::new());
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (place, barrier) = (Arc::clone(&place), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                let (store, first) = open_or_init(&place.location, at(NOON)).unwrap();
                for label in ["a", "b", "c"] {
                    let (record, key) = issue(label);
                    store.add_key(&record, &key).unwrap();
                    assert!(store.key_text(&record.id).unwrap().is_some());
                }
                usize::from(first.is_some())
            })
        })
        .collect();
    let firsts: usize = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    assert_eq!(firsts, 1);
    assert_eq!(place.store().keys().unwrap().len(), 8 * 3 + 1);
}

fn the_version_changes_with_every_writer_and_with_nothing_else(place: &Place) {
    let (ours, theirs) = (place.store(), place.store());
    let before = ours.version().unwrap();
    ours.keys().unwrap();
    theirs.keys().unwrap();
    assert_eq!(ours.version().unwrap(), before);
    let (record, key) = issue("theirs");
    theirs.add_key(&record, &key).unwrap();
    let after_theirs = ours.version().unwrap();
    assert_ne!(after_theirs, before);
    assert_eq!(ours.version().unwrap(), after_theirs);
    ours.revoke_key(&record.id, at(NOON)).unwrap();
    assert_ne!(ours.version().unwrap(), after_theirs);
}

const QUICK: Pace = Pace {
    poll: Duration::from_millis(5),
    flush: Duration::from_hours(1),
};

fn a_running_gateway_sees_what_another_process_does_to_keys(place: &Place) {
    let store = place.store();
    let (installed, rings) = mpsc::channel();
    let watcher = KeyWatcher::start(
        Arc::clone(&store),
        Keyring::default(),
        QUICK,
        move |ring| {
            let _ = installed.send(ring);
        },
        || Ok(()),
    )
    .unwrap();
    let next = || rings.recv_timeout(Duration::from_secs(20)).unwrap();
    let theirs = open(&place.location).unwrap();
    let open_with = |ring: &Keyring, key: &ZapiKey| {
        ring.authenticate(key.expose(), "lead", at(NOON))
            .map(|_| ())
    };

    let (record, key) = issue("crm");
    theirs.add_key(&record, &key).unwrap();
    let ring = next();
    assert_eq!(open_with(&ring, &key), Ok(()));

    let second = ZapiKey::generate().unwrap();
    let (old, new) = record
        .rotate(&second, Duration::ZERO, Lifetime::AsBefore, at(NOON))
        .unwrap();
    theirs.rotate_key(&old, &new, &second).unwrap();
    let ring = next();
    assert_eq!(
        open_with(&ring, &key),
        Err(crate::auth::KeyRefusal::Expired)
    );
    assert_eq!(open_with(&ring, &second), Ok(()));

    // Being used is not being changed.
    theirs.touch_keys(&[(new.hash, at(NOON))]).unwrap();
    theirs.revoke_key(&new.id, at(NOON)).unwrap();
    let ring = next();
    assert_eq!(
        open_with(&ring, &second),
        Err(crate::auth::KeyRefusal::Revoked)
    );

    // What any ring noted is written at the end.
    let used = |records: Vec<KeyRecord>| records[0].last_used;
    assert_eq!(used(theirs.keys().unwrap()), None);
    drop(watcher);
    assert_eq!(used(theirs.keys().unwrap()), Some(at(NOON)));
    assert!(rings.try_recv().is_err());
}

/// A store that can be made to fail.
#[derive(Debug)]
struct Fragile {
    store: Arc<dyn Store>,
    is_broken: Mutex<bool>,
    touched: mpsc::Sender<bool>,
}

impl Fragile {
    fn reach(&self) -> Result<(), StoreError> {
        if *self.is_broken.lock().unwrap() {
            let place = "disk".to_owned();
            return Err(StoreError::Foreign { place });
        }
        Ok(())
    }
}

impl Store for Fragile {
    fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.reach()?;
        self.store.keys()
    }
    fn add_key(&self, record: &KeyRecord, key: &ZapiKey) -> Result<(), StoreError> {
        self.store.add_key(record, key)
    }
    fn import_keys(&self, keys: &[(KeyRecord, ZapiKey)]) -> Result<Vec<bool>, StoreError> {
        self.store.import_keys(keys)
    }
    fn rotate_key(
        &self,
        old: &KeyRecord,
        new: &KeyRecord,
        key: &ZapiKey,
    ) -> Result<(), StoreError> {
        self.store.rotate_key(old, new, key)
    }
    fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.store.revoke_key(id, now)
    }
    fn key_text(&self, id: &str) -> Result<Option<ZapiKey>, StoreError> {
        self.store.key_text(id)
    }
    fn touch_keys(&self, used: &[(KeyHash, Timestamp)]) -> Result<(), StoreError> {
        let result = self.reach().and_then(|()| self.store.touch_keys(used));
        let _ = self.touched.send(result.is_ok() && !used.is_empty());
        result
    }
    fn handshake_secrets(&self) -> Result<Vec<(HandshakeSecret, SecretString)>, StoreError> {
        self.store.handshake_secrets()
    }
    fn keep_handshake_secret(
        &self,
        function: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        self.store.keep_handshake_secret(function, secret, now)
    }
    fn forget_handshake_secret(&self, id: &str) -> Result<bool, StoreError> {
        self.store.forget_handshake_secret(id)
    }
    fn record_visit(&self, visit: &Visit) -> Result<bool, StoreError> {
        self.store.record_visit(visit)
    }
    fn visits(&self) -> Result<Vec<Visit>, StoreError> {
        self.store.visits()
    }
    fn update_visit(&self, visit: &Visit) -> Result<(), StoreError> {
        self.store.update_visit(visit)
    }
    fn connection_tokens(&self) -> Result<Vec<ConnectionToken>, StoreError> {
        self.store.connection_tokens()
    }

    fn put_connection_token(&self, token: &ConnectionToken) -> Result<(), StoreError> {
        self.store.put_connection_token(token)
    }

    fn claim_connection_token(
        &self,
        connection: &str,
        environment: Environment,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store
            .claim_connection_token(connection, environment, now, until)
    }

    fn unclaim_connection_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<(), StoreError> {
        self.store.unclaim_connection_token(connection, environment)
    }

    fn forget_connection_token(
        &self,
        connection: &str,
        environment: Environment,
    ) -> Result<bool, StoreError> {
        self.store.forget_connection_token(connection, environment)
    }

    fn admin_token(&self) -> Result<Option<KeyHash>, StoreError> {
        self.store.admin_token()
    }
    fn set_admin_token(&self, hash: KeyHash) -> Result<(), StoreError> {
        self.store.set_admin_token(hash)
    }
    fn events(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn EventStore>, StoreError> {
        self.store.events(clock)
    }
    fn tables(&self) -> &dyn copy::Tables {
        self.store.tables()
    }
    fn version(&self) -> Result<i64, StoreError> {
        self.reach()?;
        self.store.version()
    }
    fn check(&self) -> Result<(), StoreError> {
        self.reach()?;
        self.store.check()
    }
}

#[test]
fn a_store_that_fails_for_a_while_costs_neither_keys_nor_uses() {
    let place = Place::new();
    let (report, results) = mpsc::channel();
    let store = Arc::new(Fragile {
        store: place.store(),
        is_broken: Mutex::new(true),
        touched: report,
    });
    let (record, key) = issue("crm");
    store.add_key(&record, &key).unwrap();
    let ring = Keyring::new([record]);
    ring.authenticate(key.expose(), "lead", at(NOON)).unwrap();
    let often = Pace {
        poll: Duration::from_millis(1),
        flush: Duration::ZERO,
    };
    let (install, rings) = mpsc::channel();
    let watcher = KeyWatcher::start(
        store.clone(),
        ring,
        often,
        move |ring| {
            let _ = install.send(ring);
        },
        || Ok(()),
    )
    .unwrap();
    let next = || results.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(!next() && !next());
    let (second, second_key) = issue("new");
    store.add_key(&second, &second_key).unwrap();
    *store.is_broken.lock().unwrap() = false;
    while !next() {}
    let ring = rings.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(
        ring.authenticate(second_key.expose(), "lead", at(NOON))
            .is_ok()
    );
    drop(watcher);
    assert_eq!(store.keys().unwrap()[0].last_used, Some(at(NOON)));
}

#[test]
fn a_database_of_the_first_layout_opens_and_keeps_its_keys() {
    let place = Place::new();
    let (record, key) = issue("old");
    place.store().add_key(&record, &key).unwrap();
    place
        .raw()
        .execute_batch(
            "DROP TABLE handshake_secrets; DROP TABLE visits; DROP TABLE connection_tokens;
             DROP TABLE attempts;
             DROP TABLE deliveries; DROP TABLE requests; DROP TABLE dedupe; DROP TABLE answers;
             DROP TABLE payloads; DROP TABLE events; DROP TABLE pauses; DROP TABLE revision;
             DROP TRIGGER keys_added; DROP TRIGGER keys_changed; PRAGMA user_version = 1;",
        )
        .unwrap();
    let store = place.store();
    assert_eq!(store.keys().unwrap().len(), 1);
    assert!(store.handshake_secrets().unwrap().is_empty());
    assert!(store.visits().unwrap().is_empty());
}

fn secrets_of_handshakes_are_kept_once_and_not_without_end(place: &Place) {
    let store = place.store();
    let keep = |function: &str, text: &str| {
        let secret = SecretString::from(text);
        store
            .keep_handshake_secret(function, &secret, at(NOON))
            .unwrap()
    };
    assert_eq!(keep("f", "one"), Kept::Added);
    assert_eq!(keep("f", "one"), Kept::Known);
    for number in 1..32 {
        assert_eq!(keep("f", &format!("secret {number}")), Kept::Added);
    }
    assert_eq!(keep("f", "one too many"), Kept::Full);
    assert_eq!(keep("f", "one"), Kept::Known);
    assert_eq!(keep("g", "one"), Kept::Added);
    let first = store.handshake_secrets().unwrap().remove(0).0;
    assert!(store.forget_handshake_secret(&first.id).unwrap());
    assert!(!store.forget_handshake_secret(&first.id).unwrap());
}

#[test]
fn a_secret_that_was_moved_to_another_row_opens_nowhere() {
    let place = Place::new();
    let store = place.store();
    let secret = SecretString::from("one");
    store.keep_handshake_secret("g", &secret, at(NOON)).unwrap();
    assert_eq!(store.handshake_secrets().unwrap().len(), 1);
    place
        .raw()
        .execute(
            "UPDATE handshake_secrets SET id = 'hs_moved' WHERE function = 'g'",
            [],
        )
        .unwrap();
    assert!(store.handshake_secrets().is_err());
}

fn what_became_of_a_visit_is_forgotten_after_a_month_and_one_that_is_open_is_not(place: &Place) {
    let store = place.store();
    let visit =
        |url: &str, when: &str| Visit::new("f", url.into(), VisitState::Pending, at(when)).unwrap();
    let mut first = visit("https://a.example/1", "2026-01-01T00:00:00Z");
    assert!(store.record_visit(&first).unwrap());
    // The same again is the same visit.
    let again = visit("https://a.example/1", "2026-01-01T00:01:00Z");
    assert!(store.record_visit(&again).unwrap());
    assert_eq!(store.visits().unwrap().len(), 1);
    let second = visit("https://a.example/2", "2026-01-01T00:02:00Z");
    assert!(store.record_visit(&second).unwrap());
    first.state = VisitState::Done;
    store.update_visit(&first).unwrap();
    let late = visit("https://a.example/3", "2026-02-05T00:00:00Z");
    assert!(store.record_visit(&late).unwrap());
    let left: Vec<_> = store.visits().unwrap();
    let left: Vec<_> = left.iter().map(|visit| visit.id.as_str()).collect();
    assert_eq!(left, [&second.id, &late.id]);
}

/// Statements in a schema, by another program.
fn run_on_postgres(url: &PostgresUrl, sql: &str) {
    let link = postgres::link::Link::new(url.clone()).unwrap();
    let (sessions, sql) = (link.handle(), sql.to_owned());
    link.wait(async move {
        let work = sessions.writer().await?;
        work.batch(&sql).await?;
        work.done();
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_newer_store_and_somebody_elses_schema_are_refused_unchanged() {
    let Some(place) = Place::on_postgres() else {
        return;
    };
    let Some(At::Postgres(url)) = place.location.place.clone() else {
        panic!("not on PostgreSQL");
    };
    let error = open(&place.location).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    let schema = url.schema();
    run_on_postgres(
        &url,
        &format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.bookmarks (url TEXT)"),
    );
    let error = open_or_init(&place.location, at(NOON)).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    run_on_postgres(&url, &format!("DROP TABLE {schema}.bookmarks"));
    place.store();
    run_on_postgres(&url, "UPDATE layout SET step = 99");
    let error = open(&place.location).unwrap_err();
    assert!(
        message(&error).contains("has layout 99, and this version of hookweir knows layouts up to"),
        "{error}"
    );
}

#[test]
fn gateways_of_one_database_share_its_master_key() {
    let Some(place) = Place::on_postgres() else {
        return;
    };
    let (record, key) = issue("crm");
    let (store, first) = open_or_init(&place.location, at(NOON)).unwrap();
    assert!(first.is_some());
    store.add_key(&record, &key).unwrap();
    // Another machine: without the master key it is told so, and makes none of its own.
    let mut other = Place::new();
    other.location.place.clone_from(&place.location.place);
    let error = open_or_init(&other.location, at(NOON)).unwrap_err();
    assert!(
        matches!(error, StoreError::MasterKeyMissing { .. }),
        "{error}"
    );
    assert!(!other.file("master.key").exists());
    let error = open(&other.with_master_key(&"00".repeat(32))).unwrap_err();
    assert!(
        matches!(error, StoreError::MasterKeyWrong { .. }),
        "{error}"
    );
    let digits = fs::read_to_string(place.file("master.key")).unwrap();
    let (theirs, none) = open_or_init(&other.with_master_key(&digits), at(NOON)).unwrap();
    assert!(none.is_none());
    assert_eq!(theirs.keys().unwrap(), store.keys().unwrap());
    // Each has its own admin token, and not a word of it is in the database.
    assert_ne!(theirs.admin_token().unwrap(), store.admin_token().unwrap());
    assert!(theirs.admin_token().unwrap().is_some());
}

#[test]
fn a_server_that_cannot_be_reached_is_said_without_its_password() {
    let mut place = Place::new();
    // A port of 127.0.0.1 that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("postgres://ada:secret-canary@127.0.0.1:{port}/hooks");
    place.location.place = Some(At::parse(&url).unwrap());
    let error = open(&place.location).unwrap_err();
    let mut words = message(&error);
    let mut source = std::error::Error::source(&error);
    while let Some(of) = source {
        words.push_str(&format!(": {of}"));
        source = of.source();
    }
    assert!(
        words.contains(&format!("postgres://ada@127.0.0.1:{port}/hooks")),
        "{words}"
    );
    assert!(words.contains("Connection refused"), "{words}");
    assert!(!words.contains("canary"), "{words}");
}

/// An engine's store with keys, secrets, events, deliveries in several states, and attempts.
async fn filled(place: &Place) -> (Arc<dyn Store>, Arc<dyn EventStore>) {
    use super::events::tests_support as events;
    let store = place.store();
    let (record, key) = issue("crm");
    store.add_key(&record, &key).unwrap();
    let next = ZapiKey::generate().unwrap();
    let (old, new) = record
        .rotate(&next, Duration::ZERO, Lifetime::AsBefore, at(NOON))
        .unwrap();
    store.rotate_key(&old, &new, &next).unwrap();
    store
        .keep_handshake_secret("f", &SecretString::from("one"), at(NOON))
        .unwrap();
    let kept = store.events(Arc::new(crate::clock::SystemClock)).unwrap();
    events::fill(&*kept).await;
    (store, kept)
}

async fn comes_over(from: Place, mut to: Place) {
    let (store, kept) = filled(&from).await;
    let before = super::events::tests_support::all(&*kept).await;
    assert!(before.len() > 1000);
    let keys = store.keys().unwrap();
    drop((store, kept));
    // One master key for both, as in one data directory.
    let digits = fs::read_to_string(from.file("master.key")).unwrap();
    to.location.master_key = Some(digits.into());
    let counts = copy(&from.location, &to.location).unwrap();
    assert_eq!(counts[0], ("keys", 2));
    let store = open(&to.location).unwrap();
    assert_eq!(store.keys().unwrap(), keys);
    assert!(store.key_text(&keys[1].id).unwrap().is_some());
    assert_eq!(store.handshake_secrets().unwrap().len(), 1);
    let kept = store.events(Arc::new(crate::clock::SystemClock)).unwrap();
    assert_eq!(super::events::tests_support::all(&*kept).await, before);
    // It goes on where it was: new numbers, and what was owed is delivered.
    super::events::tests_support::go_on(&*kept).await;
    drop((store, kept));
    let again = copy(&from.location, &to.location).unwrap_err();
    assert!(matches!(again, StoreError::NotEmpty), "{again}");
}

#[tokio::test]
async fn a_store_comes_over_to_postgres_whole() {
    if let Some(to) = Place::on_postgres() {
        comes_over(Place::new(), to).await;
    }
}

#[tokio::test]
async fn a_store_comes_over_from_postgres_whole() {
    if let Some(from) = Place::on_postgres() {
        comes_over(from, Place::new()).await;
    }
}

#[test]
fn a_copy_that_was_cut_off_is_refused_until_it_is_begun_again() {
    let (from, mut to) = (Place::new(), Place::new());
    let (record, key) = issue("crm");
    from.store().add_key(&record, &key).unwrap();
    let digits = fs::read_to_string(from.file("master.key")).unwrap();
    to.location.master_key = Some(digits.into());
    to.store().tables().begin().unwrap();
    let error = open(&to.location).unwrap_err();
    assert!(matches!(error, StoreError::Unfinished { .. }), "{error}");
    copy(&from.location, &to.location).unwrap();
    assert_eq!(open(&to.location).unwrap().keys().unwrap().len(), 1);
    // While a gateway delivers from it, nothing is copied.
    let store = from.store();
    let _claim = store.tables().claim().unwrap();
    let error = copy(&from.location, &Place::new().location).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::InUse { .. } | StoreError::MasterKeyWrong { .. }
        ),
        "{error}"
    );
}
