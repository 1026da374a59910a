//! Watching a folder of specs for changes.
//!
//! The kernel's notices are only hints that something happened; what decides is the folder's
//! [`Fingerprint`]. So every way in which editors, `git` and Kubernetes replace files works alike:
//! writing in place, renaming over, swapping a symbolic link, moving the whole folder; and a commit
//! that changes no file but says where they come from. A change is reported when the folder has been quiet for a while and git holds no lock on it. Where the
//! kernel gives no notices (network file systems) a slow look at the folder finds the change.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tracing::warn;

use crate::clock::Stopwatch;
use crate::gateway::Fingerprint;
use crate::route::Checkout;

/// How long a folder must be quiet before it is read.
pub const SETTLE: Duration = Duration::from_millis(500);

/// How often the folder is looked at without a notice.
const IDLE_LOOK: Duration = Duration::from_secs(5);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<Notice>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Something,
    Stop,
}

impl Watch {
    /// Calls `changed`, on a thread of its own, after each change of `folder` that has settled for
    /// `settle`.
    pub fn start(
        folder: &Path,
        settle: Duration,
        changed: impl FnMut() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let watched = Watched::new(folder, sender.clone());
        let start = Fingerprint::of(folder).ok();
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || follow(watched, &receiver, start, settle, changed))?;
        Ok(Self {
            stop: sender,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(Notice::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn follow(
    mut watched: Watched,
    notices: &Receiver<Notice>,
    start: Option<Fingerprint>,
    settle: Duration,
    mut changed: impl FnMut(),
) {
    let mut known = start;
    loop {
        match notices.recv_timeout(IDLE_LOOK) {
            Ok(Notice::Something) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        watched.follow_links();
        if Fingerprint::of(&watched.folder).ok() == known {
            continue;
        }
        match settled(&watched, notices, settle) {
            Settled::At(print) if Some(&print) != known.as_ref() => {
                known = Some(print);
                changed();
            }
            Settled::At(_) => {}
            Settled::Gone => known = None,
            Settled::Stopped => return,
        }
    }
}

enum Settled {
    At(Fingerprint),
    Gone,
    Stopped,
}

/// Waits until the folder has looked the same for `settle` and git is done with it.
fn settled(watched: &Watched, notices: &Receiver<Notice>, settle: Duration) -> Settled {
    let mut last = Fingerprint::of(&watched.folder).ok();
    let mut quiet = Stopwatch::start();
    loop {
        let left = settle.saturating_sub(quiet.elapsed());
        match notices.recv_timeout(left.max(Duration::from_millis(5))) {
            Ok(Notice::Something) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return Settled::Stopped,
        }
        let now = Fingerprint::of(&watched.folder).ok();
        if now != last || Checkout::of(&watched.folder).is_some_and(|git| git.is_busy()) {
            last = now;
            quiet = Stopwatch::start();
        } else if quiet.elapsed() >= settle {
            return last.map_or(Settled::Gone, Settled::At);
        }
    }
}

/// The kernel's watches: on the folder itself, wherever it is now, and on the folder that holds
/// it, where it may be replaced.
struct Watched {
    folder: PathBuf,
    now: Option<PathBuf>,
    sender: Sender<Notice>,
    watcher: Option<RecommendedWatcher>,
}

impl Watched {
    fn new(folder: &Path, sender: Sender<Notice>) -> Self {
        let mut watched = Self {
            folder: folder.to_path_buf(),
            now: None,
            sender,
            watcher: None,
        };
        watched.follow_links();
        watched
    }

    /// Sets the watches anew when the folder's path leads somewhere else than before.
    fn follow_links(&mut self) {
        let now = self.folder.canonicalize().ok();
        if self.watcher.is_some() && now == self.now {
            return;
        }
        match self.watcher(now.as_deref()) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => {
                warn!(%error, folder = %self.folder.display(), "the kernel gives no notices of changes; looking every few seconds instead");
            }
        }
        self.now = now;
    }

    fn watcher(&self, now: Option<&Path>) -> notify::Result<RecommendedWatcher> {
        let sender = self.sender.clone();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if event.is_ok_and(|event| !event.kind.is_access()) {
                    // Nobody listens any more: the watch is being dropped.
                    let _ = sender.send(Notice::Something);
                }
            })?;
        if let Some(folder) = now {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        let holder = self
            .folder
            .parent()
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        watcher.watch(holder, RecursiveMode::NonRecursive)?;
        // A commit changes no file of the folder. What cannot be watched here is found by the slow
        // look.
        if let Some(checkout) = Checkout::of(&self.folder) {
            let refs = checkout.common.join("refs/heads");
            let _ = watcher.watch(&checkout.git, RecursiveMode::NonRecursive);
            let _ = watcher.watch(&refs, RecursiveMode::Recursive);
        }
        Ok(watcher)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc;

    use super::*;

    const QUIET: Duration = Duration::from_millis(30);
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Makes a folder with one file, watches it, lets `change` happen, and waits for the notice.
    fn check(change: impl FnOnce(&Path)) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("specs");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.yaml"), "first").unwrap();
        let (sender, changes) = mpsc::channel();
        let watch = Watch::start(&folder, QUIET, move || sender.send(()).unwrap()).unwrap();
        change(&folder);
        changes.recv_timeout(PATIENCE).unwrap();
        drop(watch);
    }

    #[test]
    fn sees_a_file_written_in_place() {
        check(|folder| fs::write(folder.join("a.yaml"), "second version").unwrap());
    }

    #[test]
    fn sees_a_file_renamed_over_another_as_editors_do() {
        check(|folder| {
            fs::write(folder.join(".a.yaml.swp"), "second version").unwrap();
            fs::rename(folder.join(".a.yaml.swp"), folder.join("a.yaml")).unwrap();
        });
    }

    #[test]
    fn sees_a_new_and_a_removed_file() {
        check(|folder| fs::write(folder.join("b.yaml"), "new").unwrap());
        check(|folder| fs::remove_file(folder.join("a.yaml")).unwrap());
    }

    #[test]
    fn sees_a_swapped_link_as_kubernetes_does() {
        let dir = tempfile::tempdir().unwrap();
        for (version, text) in [("..v1", "first"), ("..v2", "second")] {
            fs::create_dir(dir.path().join(version)).unwrap();
            fs::write(dir.path().join(version).join("a.yaml"), text).unwrap();
        }
        let link = |name: &str, target: &str| {
            std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
        };
        link("..data", "..v1");
        link("a.yaml", "..data/a.yaml");
        let (sender, changes) = mpsc::channel();
        let _watch = Watch::start(dir.path(), QUIET, move || sender.send(()).unwrap()).unwrap();
        link("..data_tmp", "..v2");
        fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
        changes.recv_timeout(PATIENCE).unwrap();
    }

    #[test]
    fn sees_the_whole_folder_replaced() {
        check(|folder| {
            let other = folder.with_file_name("specs.new");
            fs::create_dir(&other).unwrap();
            fs::write(other.join("a.yaml"), "another").unwrap();
            fs::rename(folder, folder.with_file_name("specs.old")).unwrap();
            fs::rename(&other, folder).unwrap();
        });
    }

    #[test]
    fn waits_while_git_holds_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        fs::write(dir.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let lock = dir.path().join(".git/index.lock");
        fs::write(&lock, "").unwrap();
        fs::write(dir.path().join("a.yaml"), "first").unwrap();
        let (sender, changes) = mpsc::channel();
        let seen_lock = lock.clone();
        let _watch = Watch::start(dir.path(), QUIET, move || {
            sender.send(seen_lock.exists()).unwrap();
        })
        .unwrap();
        fs::write(dir.path().join("a.yaml"), "half of a checkout").unwrap();
        assert!(changes.recv_timeout(QUIET * 5).is_err());
        fs::remove_file(&lock).unwrap();
        assert!(!changes.recv_timeout(PATIENCE).unwrap());
    }
}
