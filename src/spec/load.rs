//! Files of a project, read whole.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::{Layout, ROOT, Shape};
use super::places::Places;
use super::read::{self, error};
use super::typed::{Misfit, NodeReader};
use super::{
    ConnectionSpec, Document, FunctionSpec, GatewaySpec, Incomplete, Loaded, PresetSpec, Spec,
    mask, names, salvage, structure,
};
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Diagnostic, SourceId, Span, suggest};
use serde::Deserialize;

/// Bytes of one file.
pub const FILE_LIMIT: u64 = 1 << 20;

/// Fewer files are not worth a thread.
const FILES_A_THREAD: usize = 64;

/// What a document may start with.
pub(super) const KINDS: [&str; 4] = ["function", "gateway", "preset", "connection"];

/// Reads all `*.yaml` and `*.yml` files of a folder, not its sub-folders; `gateway:` may stand in
/// any of them. Files whose name starts with a dot are left out. `Err` only when the folder cannot
/// be read.
pub fn load(folder: &Path) -> std::io::Result<Loaded> {
    Ok(read_files(folder.to_owned(), &yaml_files(folder)?))
}

/// Reads single files, and of folders among them what [`load`] reads. Paths in specs are relative
/// to the first folder, or else to the first file's. `Err` when one of the paths does not exist.
pub fn load_files(paths: &[PathBuf]) -> std::io::Result<Loaded> {
    let mut files = Vec::new();
    let mut root: Option<&Path> = None;
    for path in paths {
        if std::fs::metadata(path)?.is_dir() {
            root.get_or_insert(path);
            files.extend(yaml_files(path)?);
        } else {
            files.push(path.clone());
        }
    }
    let beside = paths.first().and_then(|path| path.parent());
    let root = root.or(beside).unwrap_or(Path::new("")).to_owned();
    let mut seen = HashSet::new();
    files.retain(|path| seen.insert(path.clone()));
    Ok(read_files(root, &files))
}

/// Files share nothing, so that several threads read them; the order is that of the files.
fn read_files(root: PathBuf, files: &[PathBuf]) -> Loaded {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.len().div_ceil(threads).max(FILES_A_THREAD);
    let mut loaded = Loaded {
        root,
        ..Loaded::default()
    };
    let mut merge = |part: Vec<ReadFile>| {
        for file in part {
            loaded.sources.add(file.path, file.text);
            loaded.documents.extend(file.documents);
            loaded.incomplete.extend(file.incomplete);
            loaded.diagnostics.extend(file.problems);
        }
    };
    let numbered: Vec<(SourceId, &PathBuf)> = (0_u32..).map(SourceId).zip(files).collect();
    if files.len() <= share {
        merge(read_share(&numbered));
        return loaded;
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = numbered
            .chunks(share)
            .map(|chunk| (chunk, scope.spawn(|| read_share(chunk))))
            .collect();
        for (chunk, worker) in workers {
            // A thread that could not finish has its share read again here, where a panic shows.
            merge(worker.join().unwrap_or_else(|_| read_share(chunk)));
        }
    });
    loaded
}

fn read_share(files: &[(SourceId, &PathBuf)]) -> Vec<ReadFile> {
    files
        .iter()
        .map(|(source, path)| read_file(*source, path))
        .collect()
}

/// What came of one file.
struct ReadFile {
    path: Arc<str>,
    text: Arc<str>,
    documents: Vec<Document>,
    incomplete: Vec<Incomplete>,
    problems: Vec<Diagnostic>,
}

impl ReadFile {
    fn refused(path: &str, text: &str, problem: Diagnostic) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            documents: Vec::new(),
            incomplete: Vec::new(),
            problems: vec![problem],
        }
    }
}

/// Reads one text, as `check -` does; `path` is what diagnostics call it.
pub fn load_text(path: &str, text: &str) -> Loaded {
    alone(read_text(SourceId(0), path, text))
}

/// Reads one file's content; what is not UTF-8 is reported at its first wrong byte.
pub fn load_bytes(path: &str, bytes: Vec<u8>) -> Loaded {
    alone(read_bytes(SourceId(0), path, bytes))
}

fn alone(file: ReadFile) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.sources.add(file.path, file.text);
    loaded.documents = file.documents;
    loaded.incomplete = file.incomplete;
    loaded.diagnostics = file.problems;
    loaded
}

fn yaml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if !is_yaml || entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        // A link that leads nowhere is kept, to be reported.
        if kind.is_file() || (kind.is_symlink() && !path.is_dir()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(source: SourceId, path: &Path) -> ReadFile {
    let shown = path.to_string_lossy();
    match read_limited(path) {
        Ok(bytes) if bytes.len() as u64 > FILE_LIMIT => {
            ReadFile::refused(&shown, "", too_large(source))
        }
        Ok(bytes) => read_bytes(source, &shown, bytes),
        Err(problem) => {
            let message = format!("cannot read this file: {problem}");
            let problem = error(code::UNREADABLE, nowhere(source), message);
            ReadFile::refused(&shown, "", problem)
        }
    }
}

fn read_limited(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe waits for somebody who writes to it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(FILE_LIMIT);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_bytes(source: SourceId, path: &str, bytes: Vec<u8>) -> ReadFile {
    match String::from_utf8(bytes) {
        Ok(text) => read_text(source, path, &text),
        Err(wrong) => {
            let start = wrong.utf8_error().valid_up_to();
            let bytes = wrong.as_bytes();
            let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            let span = Span {
                source,
                start,
                end: start,
            };
            let mut problem = error(code::ENCODING, span, "this file is not UTF-8");
            let help = if is_utf16 {
                "it is UTF-16: save it as UTF-8"
            } else {
                "save it as UTF-8"
            };
            problem.help.push(help.to_owned());
            // With the replacement character in it there is a text to draw.
            ReadFile::refused(path, &String::from_utf8_lossy(bytes), problem)
        }
    }
}

fn too_large(source: SourceId) -> Diagnostic {
    let message = format!("this file is larger than {} MiB", FILE_LIMIT >> 20);
    error(code::LIMIT, nowhere(source), message)
}

fn nowhere(source: SourceId) -> Span {
    Span {
        source,
        start: 0,
        end: 0,
    }
}

fn read_text(source: SourceId, path: &str, text: &str) -> ReadFile {
    // The mark is no part of the text: editors do not count it either.
    let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
    if text.len() as u64 > FILE_LIMIT {
        return ReadFile::refused(path, "", too_large(source));
    }
    if let Some(at) = text.find('\0') {
        let span = Span {
            source,
            start: at,
            end: at + 1,
        };
        let problem = error(code::ENCODING, span, "a NUL byte cannot stand in YAML");
        return ReadFile::refused(path, &text, problem);
    }
    let mut problems = Vec::new();
    let mut documents = Vec::new();
    let mut incomplete = Vec::new();
    let mut secret = Vec::new();
    for layout in read::read(source, &text, &mut problems) {
        if is_blank(&layout) {
            continue;
        }
        secret.extend(mask::ranges(&layout));
        let places = Places::new(source, Arc::clone(&text), layout);
        match spec(&places, &mut problems) {
            Some(spec) => documents.push(Document {
                source,
                spec,
                places,
            }),
            None => incomplete.extend(salvage::salvage(source, &places)),
        }
    }
    ReadFile {
        path: path.into(),
        text: mask::mask(&text, &secret),
        documents,
        incomplete,
        problems,
    }
}

/// Nothing but comments, or nothing at all.
fn is_blank(layout: &Layout) -> bool {
    layout
        .scalar(ROOT)
        .is_some_and(|scalar| scalar.text.is_empty())
}

/// Reads a document as what its first key says.
fn spec(places: &Places, problems: &mut Vec<Diagnostic>) -> Option<Spec> {
    let layout = places.layout();
    let Some(Shape::Map(pairs)) = layout.shape(ROOT) else {
        let mut problem = error(
            code::KIND,
            places.node(ROOT),
            "a document must be a map that starts with `function:` or `gateway:`",
        );
        problem.label = Some("not a map".to_owned());
        problems.push(problem);
        return None;
    };
    let first = pairs.first().map(|&(key, _)| key);
    let kind = first
        .and_then(|key| layout.scalar(key))
        .map(|scalar| &*scalar.text)
        .unwrap_or_default();
    let before = problems.len();
    if !KINDS.contains(&kind) {
        problems.push(unknown_kind(places, first, kind));
        return None;
    }
    match typed(kind, layout) {
        Ok(spec) => {
            names::check(&spec, places, problems);
            (problems.len() == before).then_some(spec)
        }
        Err(misfit) => {
            let found = structure::problems(places);
            // The schema sees the same mistakes, except for a few that only arithmetic finds.
            if found.is_empty() {
                let at = misfit.at.unwrap_or(ROOT);
                problems.push(error(code::BAD_VALUE, places.node(at), misfit.message));
            }
            problems.extend(found);
            None
        }
    }
}

/// Reads a layout as a document of one of [`KINDS`].
pub(super) fn typed(kind: &str, layout: &Layout) -> Result<Spec, Misfit> {
    let reader = NodeReader::new(layout);
    Ok(match kind {
        "gateway" => Spec::Gateway(Box::new(GatewaySpec::deserialize(reader)?)),
        "preset" => Spec::Preset(Box::new(PresetSpec::deserialize(reader)?)),
        "connection" => Spec::Connection(Box::new(ConnectionSpec::deserialize(reader)?)),
        _ => Spec::Function(Box::new(as_written(
            FunctionSpec::deserialize(reader)?,
            layout,
        ))),
    })
}

fn as_written(mut function: FunctionSpec, layout: &Layout) -> FunctionSpec {
    function.respond_is_list = layout
        .field(ROOT, "respond")
        .is_some_and(|(_, value)| matches!(layout.shape(value), Some(Shape::List(_))));
    function
}

fn unknown_kind(
    places: &Places,
    first: Option<super::layout::NodeId>,
    written: &str,
) -> Diagnostic {
    let layout = places.layout();
    let at = first.map_or_else(|| places.node(ROOT), |key| places.node(key));
    let late = KINDS
        .into_iter()
        .find_map(|kind| layout.field(ROOT, kind).map(|(key, _)| (kind, key)));
    let mut problem = error(
        code::KIND,
        at,
        format!("a document cannot start with `{written}`"),
    );
    if let Some((kind, key)) = late {
        problem
            .related
            .push((places.node(key), "this says what it is".to_owned()));
        problem.help.push(format!("move `{kind}:` to the top"));
    } else if let Some(kind) = suggest::nearest(written, KINDS) {
        problem.help.push(format!("did you mean `{kind}`?"));
    }
    problem.help.push(
        "the first key says what a document is: `function: NAME`, `connection: NAME`, `gateway: NAME` or `preset: NAME`"
            .to_owned(),
    );
    problem
}
