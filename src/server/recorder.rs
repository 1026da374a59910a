//! `serve --record DIR`: requests as entries for `tests:`, one file each, written by a thread of
//! their own, so that no request waits for the disk.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use tracing::warn;

/// More that wait to be written are left out.
const WAITING: usize = 256;
/// More files of one function are not written: who forgets that it is on does not fill the disk.
const MOST: usize = 1000;

/// Takes entries.
#[derive(Debug)]
pub struct Recorder(SyncSender<Entry>);

#[derive(Debug)]
struct Entry {
    function: String,
    request_id: String,
    text: String,
}

impl Recorder {
    /// Writes into this folder, which is made where there is none.
    pub fn start(folder: &Path) -> io::Result<Self> {
        make(folder)?;
        let (sender, entries) = mpsc::sync_channel::<Entry>(WAITING);
        let folder = folder.to_owned();
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                for entry in entries {
                    if let Err(error) = write(&folder, &entry) {
                        warn!(%error, function = entry.function, "a request cannot be recorded");
                    }
                }
            })?;
        Ok(Self(sender))
    }

    /// Writes an entry, soon. The request's id is one that stands in a file's name without harm.
    pub(super) fn record(&self, function: &str, request_id: &str, text: String) {
        let entry = Entry {
            function: function.to_owned(),
            request_id: request_id.to_owned(),
            text,
        };
        if self.0.try_send(entry).is_err() {
            warn!(
                function,
                "a request is not recorded: the disk does not keep up"
            );
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write(folder: &Path, entry: &Entry) -> io::Result<()> {
    let folder = folder.join(&entry.function);
    make(&folder)?;
    if fs::read_dir(&folder)?.take(MOST).count() == MOST {
        let message = format!("there are {MOST} of this function already");
        return Err(io::Error::other(message));
    }
    let path: PathBuf = folder.join(format!("{}.yaml", name(&entry.request_id)));
    let mut options = OpenOptions::new();
    // Two requests of one id: the later one.
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(entry.text.as_bytes())
}

/// An id may be the sender's.
fn name(request_id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    request_id
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .take(100)
        .collect()
}
