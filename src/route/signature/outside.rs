//! What specs take from outside: environment variables, files with secrets, systemd's credentials.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::files::cause;
use crate::spec::{AuthSpec, Document, SignatureSpec, Spec, ValueSpec};

/// What a load may take from outside its files.
#[derive(Clone, Copy)]
pub struct Outside<'o> {
    /// Looks up environment variables.
    pub variables: &'o dyn Fn(&str) -> Option<String>,
    /// Secrets are not looked up, and made up instead: for who checks specs or runs their tests
    /// where the secrets are not.
    pub assume_secrets: bool,
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("assume_secrets", &self.assume_secrets)
            .finish_non_exhaustive()
    }
}

/// The variables that signatures name, looked up once, so that several threads can ask.
#[derive(Default)]
pub(in crate::route) struct Values {
    variables: HashMap<String, Option<String>>,
    credentials: Option<PathBuf>,
    pub(super) assumed: bool,
}

/// Where systemd says that it has put credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

impl Values {
    /// Looks up whatever the documents name.
    pub(in crate::route) fn of<'d>(
        documents: impl Iterator<Item = &'d Document>,
        outside: Outside<'_>,
    ) -> Self {
        let mut values = Self {
            variables: HashMap::new(),
            credentials: (outside.variables)(CREDENTIALS).map(PathBuf::from),
            assumed: outside.assume_secrets,
        };
        for document in documents {
            if let Spec::Function(function) = &document.spec
                && let Some(AuthSpec::Callers {
                    signature: Some(signature),
                    ..
                }) = &function.auth
            {
                values.look_up(signature, outside);
            }
        }
        values
    }

    fn look_up(&mut self, signature: &SignatureSpec, outside: Outside<'_>) {
        let listed = signature.secrets.iter().chain(&signature.keys);
        let named = signature
            .params
            .values()
            .chain(signature.certificates.values());
        for value in listed.chain(named) {
            if let ValueSpec::Env(name) = value
                && !self.variables.contains_key(name)
            {
                self.variables
                    .insert(name.clone(), (outside.variables)(name));
            }
        }
    }

    /// The text; `Err` says why there is none, and what to do.
    pub(super) fn read(
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

/// A file's text without the line break at its end, which editors put there.
fn read_file(path: &Path) -> Result<String, String> {
    let mut text = fs::read_to_string(path).map_err(|error| cause(&error))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
