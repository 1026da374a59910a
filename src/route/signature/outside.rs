//! What specs take from outside: environment variables, files with secrets, systemd's credentials.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::super::files::cause;
use crate::diagnostic::Sources;
use crate::spec::{AuthSpec, Document, SignatureSpec, Spec, ValueSpec};

/// What a load may take from outside its files.
#[derive(Clone, Copy)]
pub struct Outside<'o> {
    /// Looks up environment variables.
    pub variables: &'o dyn Fn(&str) -> Option<String>,
    /// Secrets are not looked up, and made up instead: for who checks specs or runs their tests
    /// where the secrets are not.
    pub assume_secrets: bool,
    /// How third parties reach the gateway, where that is said beside the files.
    pub public_url: Option<&'o str>,
}

impl<'o> Outside<'o> {
    /// With these variables, and nothing else.
    pub fn variables(variables: &'o dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            variables,
            assume_secrets: false,
            public_url: None,
        }
    }

    /// With secrets that are made up.
    #[must_use]
    pub fn assuming_secrets(self) -> Self {
        Self {
            assume_secrets: true,
            ..self
        }
    }
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("assume_secrets", &self.assume_secrets)
            .finish_non_exhaustive()
    }
}

/// The variables that signatures and connections name, looked up once, so that several threads can ask.
#[derive(Default)]
pub(in crate::route) struct Values {
    variables: HashMap<String, Option<String>>,
    credentials: Option<PathBuf>,
    pub(in crate::route) assumed: bool,
    /// Of everything that was looked up.
    pub(in crate::route) mark: Mark,
}

/// Tells whether two loads took the same from outside, and nothing else: a keyed hash, whose key
/// never leaves the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::route) struct Mark(u64);

static MARKING: LazyLock<std::hash::RandomState> = LazyLock::new(std::hash::RandomState::new);

/// Bytes of a file with a secret, a key or a set of keys.
const LONGEST: u64 = 256 << 10;

/// Where systemd says that it has put credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

impl Values {
    /// Looks up whatever the documents name.
    pub(in crate::route) fn of<'d>(
        documents: impl Iterator<Item = &'d Document>,
        sources: &Sources,
        outside: Outside<'_>,
    ) -> Self {
        let mut hasher = MARKING.build_hasher();
        let mut values = Self {
            mark: Mark::default(),
            variables: HashMap::new(),
            credentials: (outside.variables)(CREDENTIALS).map(PathBuf::from),
            assumed: outside.assume_secrets,
        };
        for document in documents {
            let taken: Vec<&ValueSpec> = match &document.spec {
                Spec::Function(function) => match &function.auth {
                    Some(AuthSpec::Callers {
                        signature: Some(signature),
                        ..
                    }) => of(signature).collect(),
                    _ => continue,
                },
                Spec::Connection(connection) => connection.values().collect(),
                Spec::Gateway(gateway) => gateway.store.iter().collect(),
                Spec::Preset(_) => continue,
            };
            values.look_up(&taken, outside);
            let file = sources
                .get(document.source)
                .map(|source| Path::new(&*source.path));
            let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
            for value in taken {
                values.read(value, folder).hash(&mut hasher);
            }
        }
        outside.public_url.hash(&mut hasher);
        values.mark = Mark(hasher.finish());
        values
    }

    fn look_up(&mut self, taken: &[&ValueSpec], outside: Outside<'_>) {
        for &value in taken {
            if let ValueSpec::Env(name) = value
                && !self.variables.contains_key(name)
            {
                self.variables
                    .insert(name.clone(), (outside.variables)(name));
            }
        }
    }

    /// Nothing is looked up.
    pub(in crate::route) fn assumed() -> Self {
        Self {
            assumed: true,
            ..Self::default()
        }
    }

    /// The text; `Err` says why there is none, and what to do.
    pub(in crate::route) fn read(
        &self,
        value: &ValueSpec,
        folder: &Path,
    ) -> Result<String, (String, String)> {
        let (text, what) = match value {
            ValueSpec::Text(text) => return Ok(text.clone()),
            ValueSpec::Env(name) => {
                let set = self.variables.get(name).cloned().flatten();
                let text = set.ok_or_else(|| {
                    (
                        format!("the environment variable `{name}` is not set"),
                        format!("set it where hookweir is started: `{name}=… hookweir serve`"),
                    )
                })?;
                (text, format!("the environment variable `{name}`"))
            }
            ValueSpec::File(path) => (
                read_file(&folder.join(path)).map_err(|why| {
                    (
                        format!("cannot read `{path}`: {why}"),
                        "its path is relative to the folder of this file".to_owned(),
                    )
                })?,
                format!("the file `{path}`"),
            ),
            ValueSpec::Credential(name) => {
                let folder = self.credentials.as_ref().ok_or_else(|| {
                    (
                        format!("systemd has handed over no credential `{name}`"),
                        format!("put `LoadCredential={name}:/path` into the unit"),
                    )
                })?;
                let text = read_file(&folder.join(name)).map_err(|why| {
                    (
                        format!("cannot read the credential `{name}`: {why}"),
                        format!("put `LoadCredential={name}:/path` into the unit"),
                    )
                })?;
                (text, format!("the credential `{name}`"))
            }
        };
        if text.trim().is_empty() {
            return Err((
                format!("{what} is empty"),
                "an empty secret would let everybody in".to_owned(),
            ));
        }
        Ok(text)
    }
}

/// What a signature takes from outside.
fn of(signature: &SignatureSpec) -> impl Iterator<Item = &ValueSpec> {
    let listed = signature.secrets.iter().chain(&signature.keys);
    let named = signature
        .params
        .values()
        .chain(signature.certificates.values());
    listed.chain(named)
}

/// A file's text without the line break at its end, which editors put there.
fn read_file(path: &Path) -> Result<String, String> {
    // Asked before it is opened: opening a pipe waits for somebody who writes to it.
    let data = fs::metadata(path).map_err(|error| cause(&error))?;
    if !data.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = fs::File::open(path).map_err(|error| cause(&error))?;
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| cause(&error))?;
    if text.len() as u64 > LONGEST {
        return Err(format!("it is longer than {} KiB", LONGEST >> 10));
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
