//! The power is cut: what no sync has brought to the disk is gone.
//!
//! The store lies on ext4 in a file on XFS. A reflink of that file, made within some milliseconds
//! while the gateway writes, is the disk as a cut of the power would have left it: what the file
//! system had not sent to it yet is not there. It is mounted as after a start of the machine, and
//! every event that was answered before the cut must be found in it. That this would notice a loss
//! is shown beside it, by a database that is told not to sync.
//!
//! A disk that tears sectors, or that lies about what it has, is not modelled.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::crash::many;
use super::orders::{Orders, Seen};
use super::postgres::{self, Server};
use super::project::Project;
use crate::harness::destination::Destination;

/// How often the power is cut; `HOOKWEIR_CUTS` says otherwise.
const CUTS: u32 = 2;
const CLIENTS: u32 = 6;

/// Something mounted, until it is dropped.
struct Mount(PathBuf);

impl Mount {
    #[track_caller]
    fn new(file: &Path, at: PathBuf) -> Self {
        fs::create_dir_all(&at).unwrap();
        let said = run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(file)
            .arg(&at));
        assert!(said.is_ok(), "{said:?}");
        Self(at)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(said())
    }
}

/// A folder in which a disk can be cloned at once.
struct Shelf {
    mount: Mount,
    _folder: tempfile::TempDir,
}

impl Shelf {
    /// `None`, and said, for who may not mount or has no XFS.
    #[expect(
        clippy::print_stdout,
        reason = "a test that does nothing says why; `tests/run` shows it"
    )]
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shelf");
        fs::File::create(&file).unwrap().set_len(2 << 30).unwrap();
        let at = folder.path().join("mounted");
        fs::create_dir(&at).unwrap();
        let made = run(Command::new("mkfs.xfs")
            .args(["-q", "-m", "reflink=1"])
            .arg(&file))
        .and_then(|()| {
            run(Command::new("mount")
                .args(["-o", "loop"])
                .arg(&file)
                .arg(&at))
        });
        if let Err(why) = made {
            println!("skipped: no cut of the power without root and xfsprogs: {why}");
            return None;
        }
        Some(Self {
            mount: Mount(at),
            _folder: folder,
        })
    }

    /// A disk with an empty file system.
    fn disk(&self, name: &str) -> PathBuf {
        let file = self.mount.0.join(name);
        fs::File::create(&file).unwrap().set_len(400 << 20).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&file)).unwrap();
        file
    }

    /// The disk as it would be after a cut at this moment.
    fn cut(&self, disk: &Path, number: u32) -> PathBuf {
        let clone = self.mount.0.join(format!("cut-{number}"));
        run(Command::new("cp")
            .arg("--reflink=always")
            .arg(disk)
            .arg(&clone))
        .unwrap();
        clone
    }
}

fn cuts() -> u32 {
    many("HOOKWEIR_CUTS", CUTS)
}

/// Cuts the power of a disk again and again while orders come; what each cut has left, and what
/// was answered with success before it.
fn cut_under_load(
    shelf: &Shelf,
    disk: &Path,
    project: &Project,
) -> Vec<(PathBuf, HashSet<String>)> {
    let serving = project.serve(&[]);
    // What is delivered before the cut would hide that it is lost.
    let paused = project.run(&["deliveries", "pause", "--connection", "crm"]);
    assert_eq!(paused.code, 0, "{}", paused.err);
    let orders = Orders::post(serving.ingress, CLIENTS, "order");
    let mut left = Vec::new();
    for number in 0..cuts() {
        orders.wait_for_taken(50 + number * 13 % 40);
        let taken = orders.taken();
        left.push((shelf.cut(disk, number), taken));
    }
    orders.end();
    left
}

/// A start from what a cut has left delivers all that was answered.
fn nothing_is_missing(project: &Project, taken: &HashSet<String>, seen: &Seen) {
    let mut serving = project.serve(&[]);
    let resumed = project.run(&["deliveries", "resume", "--connection", "crm"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    seen.wait_for(taken);
    serving.stop();
}

#[test]
fn a_cut_of_the_power_costs_no_event() {
    let Some(shelf) = Shelf::new() else { return };
    let disk = shelf.disk("disk");
    let nobody = Destination::kind();
    let project = Project::delivering(&nobody, 10, "");
    let mount = Mount::new(&disk, project.path("data"));
    let left = cut_under_load(&shelf, &disk, &project);
    drop(mount);
    for (clone, taken) in left {
        let (destination, seen) = Seen::destination();
        let project = Project::delivering(&destination, 10, "");
        let _mount = Mount::new(&clone, project.path("data"));
        nothing_is_missing(&project, &taken, &seen);
        let database = rusqlite::Connection::open(project.path("data/hookweir.db")).unwrap();
        let whole: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
    }
}

#[test]
fn a_cut_of_the_power_costs_no_event_on_postgres() {
    if postgres::schema().is_none() {
        return;
    }
    let Some(shelf) = Shelf::new() else { return };
    let disk = shelf.disk("disk");
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).unwrap();
    let at = folder.path().join("disk");
    let mount = Mount::new(&disk, at.clone());
    let Some(server) = Server::start_in(&at) else {
        return;
    };
    // The server's own files are not written with a sync, to be quick.
    run(Command::new("sync").arg("--file-system").arg(&at)).unwrap();
    let nobody = Destination::kind();
    let project = Project::delivering(&nobody, 10, "").stored_at(&server.url);
    let left = cut_under_load(&shelf, &disk, &project);
    let url = server.url.clone();
    drop(server);
    drop(mount);
    for (clone, taken) in left {
        let _mount = Mount::new(&clone, at.clone());
        // After a start of the machine nobody has its number; here there may still be a trace.
        fs::remove_file(at.join("postgres/data/postmaster.pid")).unwrap();
        let server = Server::start_in(&at).unwrap();
        assert_eq!(server.url, url);
        let (destination, seen) = Seen::destination();
        let project = Project::delivering(&destination, 10, "").stored_at(&url);
        nothing_is_missing(&project, &taken, &seen);
    }
}

#[test]
fn a_cut_of_the_power_is_seen_where_nothing_is_synced() {
    let Some(shelf) = Shelf::new() else { return };
    let disk = shelf.disk("disk");
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(&disk, folder.path().join("careless"));
    let database = rusqlite::Connection::open(mount.0.join("careless.db")).unwrap();
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = OFF;
             CREATE TABLE orders (id INTEGER PRIMARY KEY);",
        )
        .unwrap();
    for id in 0..500 {
        database
            .execute("INSERT INTO orders VALUES (?1)", [id])
            .unwrap();
    }
    let clone = shelf.cut(&disk, 0);
    let left = Mount::new(&clone, folder.path().join("left"));
    let count = rusqlite::Connection::open(left.0.join("careless.db"))
        .and_then(|database| {
            database.query_row("SELECT count(*) FROM orders", [], |row| {
                row.get::<_, u32>(0)
            })
        })
        // Not even the table.
        .unwrap_or_default();
    assert!(count < 500, "nothing is lost: a cut would not be noticed");
    drop(database);
}
