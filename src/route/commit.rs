//! The git commit of a folder.
//!
//! The commit is read from git's own files, so that it is known where no git is installed.
//! Whether the folder differs from it only git can say; without git, or when git will not answer,
//! the folder counts as modified: a generation must not claim a commit that it may not be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The git commit of a folder, when it is in a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its full id.
    pub id: String,
    /// The folder differs from it, or nobody could tell.
    pub modified: bool,
}

impl Commit {
    /// The commit that is checked out where `folder` lies; `None` outside a checkout and before
    /// the first commit.
    pub fn of(folder: &Path) -> Option<Self> {
        let folder = fs::canonicalize(folder).ok()?;
        let id = Checkout::of(&folder)?.commit_id()?;
        Some(Self {
            id,
            modified: is_modified(&folder).unwrap_or(true),
        })
    }
}

/// Where git keeps what it knows of a work tree.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The folder of this work tree's `HEAD` and index.
    pub git: PathBuf,
    /// The folder of the refs that all work trees share.
    pub common: PathBuf,
}

impl Checkout {
    /// The work tree in which a folder lies.
    pub fn of(folder: &Path) -> Option<Self> {
        let folder = fs::canonicalize(folder).ok()?;
        let (git, common) = folder.ancestors().find_map(git_folders)?;
        Some(Self { git, common })
    }

    /// The full id of the commit that is checked out.
    pub fn commit_id(&self) -> Option<String> {
        resolve(&self.git, &self.common, "HEAD", 0)
    }

    /// A `git checkout`, `commit`, `pull` or `rebase` is under way.
    pub fn is_busy(&self) -> bool {
        self.git.join("index.lock").exists()
    }
}

fn git_folders(at: &Path) -> Option<(PathBuf, PathBuf)> {
    let dot = at.join(".git");
    let git = if dot.is_dir() {
        dot
    } else {
        // A worktree or a submodule: a file that says where.
        let text = fs::read_to_string(&dot).ok()?;
        at.join(text.strip_prefix("gitdir:")?.trim())
    };
    let common = match fs::read_to_string(git.join("commondir")) {
        Ok(text) => git.join(text.trim()),
        Err(_) => git.clone(),
    };
    git.join("HEAD").is_file().then_some((git, common))
}

fn resolve(git: &Path, common: &Path, name: &str, depth: u8) -> Option<String> {
    let text = fs::read_to_string(git.join(name))
        .or_else(|_| fs::read_to_string(common.join(name)))
        .ok()
        .or_else(|| packed(common, name))?;
    let text = text.trim();
    match text.strip_prefix("ref:") {
        // A ref may name a ref; git itself follows five.
        Some(next) if depth < 5 && !next.contains("..") => {
            resolve(git, common, next.trim(), depth + 1)
        }
        Some(_) => None,
        None => is_object_id(text).then(|| text.to_owned()),
    }
}

fn packed(common: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(common.join("packed-refs")).ok()?;
    text.lines()
        .filter(|line| !line.starts_with(['#', '^']))
        .filter_map(|line| line.split_once(' '))
        .find(|(_, packed)| packed.trim() == name)
        .map(|(id, _)| id.to_owned())
}

/// SHA-1 or SHA-256, in hex.
fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_modified(folder: &Path) -> Option<bool> {
    let output = Command::new("git")
        // Looking must neither take git's lock from somebody who works there nor start a
        // program that the checkout's configuration names.
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false", "-C"])
        .arg(folder)
        .args([
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--",
            ".",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(!output.stdout.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], folder: &str, expected: Option<&str>) {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), files);
        fs::create_dir_all(root.path().join(folder)).unwrap();
        let commit = Commit::of(&root.path().join(folder));
        assert_eq!(commit.map(|commit| commit.id).as_deref(), expected);
    }

    #[test]
    fn a_branch_is_followed_to_its_commit() {
        let head = (".git/HEAD", "ref: refs/heads/main\n");
        check(&[head, (".git/refs/heads/main", ID)], "specs", Some(ID));
        check(&[head], "specs", None);
        check(&[(".git/HEAD", ID)], "a/b/c", Some(ID));
        check(&[(".git/HEAD", "ref: HEAD")], "specs", None);
    }

    #[test]
    fn packed_refs_are_read() {
        let packed = format!("# pack-refs with: peeled\n{ID} refs/heads/main\n^{ID}\n");
        check(
            &[
                (".git/HEAD", "ref: refs/heads/main\n"),
                (".git/packed-refs", &packed),
            ],
            "specs",
            Some(ID),
        );
    }

    #[test]
    fn a_worktree_finds_the_refs_of_its_repository() {
        check(
            &[
                ("tree/.git", "gitdir: ../main/.git/worktrees/tree\n"),
                ("main/.git/worktrees/tree/HEAD", "ref: refs/heads/topic\n"),
                ("main/.git/worktrees/tree/commondir", "../..\n"),
                ("main/.git/refs/heads/topic", ID),
            ],
            "tree/specs",
            Some(ID),
        );
    }

    #[test]
    fn what_git_will_not_vouch_for_counts_as_modified() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[(".git/HEAD", ID)]);
        assert!(Commit::of(root.path()).unwrap().modified);
    }
}
