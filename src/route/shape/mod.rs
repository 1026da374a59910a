//! The type of a body that a JSON Schema or samples describe.
//!
//! It is used for checking alone: no request is compared with it. It describes a JSON body; the
//! same function may be sent a form, whose values are texts, or no body at all. A part of a schema
//! that types cannot say is `dyn`: no request that the schema allows makes a true expression an
//! error at load.

mod sample;
mod schema;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::report::{Complete, Report};
use crate::diagnostic::code::route::BAD_SHAPE;
use crate::expr::Type;
use crate::spec::{FieldPath, RequestSpec};

/// The types of bodies that functions have named so far: each file is read into a type once.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    known: HashMap<(Kind, Vec<PathBuf>), Outcome>,
}

/// A type; or which of the files cannot be read, and why.
type Outcome = Result<Type, (usize, String)>;

/// What describes a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Schema,
    Sample,
}

impl Shapes {
    /// The type of the body of a function; `None` where nothing describes it, or what does cannot
    /// be read, which is reported. Paths are relative to `root`.
    pub(super) fn of(
        &mut self,
        spec: &RequestSpec,
        root: &Path,
        files: &mut Files<'_>,
        report: &mut Report<'_>,
    ) -> Option<Type> {
        let at = FieldPath::root().key("request");
        let (kind, paths, at) = match (&spec.schema, spec.sample.as_slice()) {
            (None, []) => return None,
            (Some(schema), []) => (Kind::Schema, std::slice::from_ref(schema), at.key("schema")),
            (None, samples) => (Kind::Sample, samples, at.key("sample")),
            (Some(_), _) => {
                report
                    .error_at_key(BAD_SHAPE, &at.key("sample"), "`sample` beside `schema`")
                    .help("keep `schema`, which says more; or `sample`, when there is no schema");
                return None;
            }
        };
        // One path may stand without a list around it.
        let place = |report: &Report<'_>, index: usize| {
            let item = at.index(index);
            if kind == Kind::Sample && report.is_written(&item) {
                item
            } else {
                at.clone()
            }
        };
        let mut texts = Vec::with_capacity(paths.len());
        for (index, path) in paths.iter().enumerate() {
            match files.read(root, path) {
                Ok((_, text)) => texts.push(text),
                Err(why) => {
                    let at = place(report, index);
                    report
                        .error(BAD_SHAPE, &at, format!("cannot read `{path}`: {why}"))
                        .help("a path is relative to the folder of the function's file");
                }
            }
        }
        if texts.len() < paths.len() {
            return None;
        }
        let full = paths.iter().map(|path| root.join(path)).collect();
        let source = match paths {
            [path] => path.clone(),
            paths => format!("{} samples", paths.len()),
        };
        let outcome = self
            .known
            .entry((kind, full))
            .or_insert_with(|| match kind {
                Kind::Schema => schema::read(texts.first().map_or("", |text| text), &source)
                    .map_err(|why| (0, why)),
                Kind::Sample => sample::read(&texts, &source),
            });
        match outcome {
            Ok(of) => Some(of.clone()),
            Err((index, why)) => {
                let path = paths.get(*index).map_or("", String::as_str);
                let at = place(report, *index);
                let is_json = !why.starts_with("at `");
                let what = match kind {
                    _ if is_json => "JSON",
                    Kind::Schema => "a JSON Schema",
                    Kind::Sample => "a sample",
                };
                let message = format!("`{path}` is not {what}: {why}");
                report.error(BAD_SHAPE, &at, message);
                None
            }
        }
    }
}

/// JSON, or what is wrong with it and where.
fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let words = error.to_string();
        let words = words
            .rsplit_once(" at line ")
            .map_or(words.as_str(), |(words, _)| words);
        format!("line {line}, column {column}: {words}")
    })
}
