//! Specs compiled: checked, immutable, ready to run; and the table that finds the route for a
//! request.
//!
//! ```text
//! Loaded ─▶ Settings ─▶ each function: Route, Suite ─▶ addresses compared ─▶ Generation
//! ```
//!
//! Whatever is wrong anywhere is reported, all at once, each with its place; one error is enough
//! for there to be no generation. A [`Route`] keeps nothing of how it was written but its places,
//! and whatever can be decided at load has been: expressions are programs, constant answers are
//! bytes. What a function's own tests need lies apart, in its [`Suite`], so that a gateway that
//! serves does not carry it.

mod answer;
mod bindings;
mod clause;
mod commit;
mod conflict;
mod content;
mod expressions;
mod files;
mod function;
mod generation;
mod methods;
mod pattern;
mod report;
mod respond;
mod root;
mod settings;
mod suite;
mod table;

pub use answer::{Answer, Case, Head, Line, RawAnswer};
pub use clause::{Clause, Runs, Site};
pub use commit::{Checkout, Commit};
pub use content::{Content, Failure, Filling, Node};
pub use function::{Check, Route};
pub use generation::Generation;
pub use methods::Methods;
pub use pattern::{Pattern, Segment};
pub use root::{Root, environment};
pub use settings::{Address, Limits, Listen, LogFormat, Settings};
pub use suite::{Suite, Test};
pub(crate) use suite::{decode_base64, scalar_text};
pub use table::{AddressKind, Found, Missed, RouteTable};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Code, Diagnostic, Severity, SourceId, Sources, code};
use crate::spec::{Document, FieldPath, Incomplete, Loaded, Spec};

use expressions::Cache;
use files::Files;
use function::Workshop;
use report::{Complete, Lines, Report};

/// What compiling a load gave.
#[derive(Debug)]
pub struct Compilation {
    /// The functions; `None` when there is any error.
    pub generation: Option<Generation>,
    /// The settings; defaults where they could not be read.
    pub settings: Settings,
    /// The functions' own tests, in the order of their files; of all functions that compiled.
    pub suites: Vec<Suite>,
    /// All problems, errors and warnings, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that the diagnostics speak of.
    pub sources: Sources,
}

/// Whether a problem of what could be read of a document is one of the document, too, and does
/// not come from what was left out.
fn is_of_the_whole(problem: &Diagnostic, document: &Incomplete) -> bool {
    let lacks = |keys: &[&str]| keys.iter().any(|key| document.lacks(key));
    match problem.code {
        code::route::UNUSED_LET => false,
        code::route::MISSING_AUTH => !lacks(&["auth"]),
        code::route::NO_TEST => !lacks(&["tests"]),
        code::route::NO_LAST_CASE | code::route::UNREACHABLE_CASE | code::route::MIXED_ANSWER => {
            !lacks(&["respond"])
        }
        code::route::BAD_TEST => !problem.span.is_some_and(|span| document.is_touched(span)),
        code::expr::UNKNOWN_NAME
        | code::expr::UNKNOWN_FIELD
        | code::template::UNKNOWN_NAME
        | code::template::UNKNOWN_FIELD => !lacks(&["let", "accept", "request"]),
        code::settings::OPEN_ADMIN
        | code::settings::SAME_ADDRESS
        | code::settings::PLAIN_PUBLIC_URL => !document.lacks_something(),
        _ => true,
    }
}

/// Whether a problem may come from what was left out of the settings.
fn is_of_lost_settings(problem: Code, settings: Option<&Incomplete>) -> bool {
    settings.is_some_and(|settings| match problem {
        code::route::BODY_LIMIT => settings.lacks("limits"),
        _ => false,
    })
}

/// Whether a `gateway:` document could not be read at all, as far as the texts tell: only there it is
/// a key at the beginning of a line.
fn mentions_gateway(sources: &Sources) -> bool {
    sources
        .iter()
        .any(|(_, source)| source.text.lines().any(|line| line.starts_with("gateway:")))
}

/// Compiles everything that was loaded. `variables` looks up environment variables.
pub fn compile(loaded: Loaded, variables: &dyn Fn(&str) -> Option<String>) -> Compilation {
    let Loaded {
        root,
        mut sources,
        documents,
        incomplete,
        mut diagnostics,
    } = loaded;
    let lines: HashMap<SourceId, Lines> = sources
        .iter()
        .map(|(id, source)| (id, Lines::of(&source.text)))
        .collect();
    let originals = Originals {
        sources: sources.clone(),
        lines,
    };

    let has_settings = documents
        .iter()
        .chain(incomplete.iter().map(|part| &part.document))
        .any(|document| matches!(document.spec, Spec::Gateway(_)));
    let (settings, lost) = settings(
        &documents,
        &incomplete,
        variables,
        &originals,
        &mut diagnostics,
    );
    let env_names: Vec<String> = settings.env.iter().map(|(name, _)| name.clone()).collect();
    let is_env_lost = lost.is_some_and(|part| part.lacks("env"))
        || (!has_settings && mentions_gateway(&originals.sources));
    let env = (!is_env_lost).then_some(env_names.as_slice());
    let mut cache = Cache::default();
    let mut routes = Vec::new();
    let mut suites = Vec::new();
    let mut files = Files::new(&mut sources);
    let whole = documents.iter().map(|document| (document, None));
    let parts = incomplete.iter().map(|part| (&part.document, Some(part)));
    for (document, part) in whole.chain(parts) {
        let Spec::Function(spec) = &document.spec else {
            continue;
        };
        let Some(report) = originals.report(document) else {
            continue;
        };
        let folder = originals.folder(document);
        let mut workshop = Workshop {
            root: &folder,
            settings: &settings,
            env,
            cache: &mut cache,
            files: &mut files,
        };
        let (route, mut found) = function::compile(spec, report, &mut workshop);
        let tests = suite::compile(spec, env, &mut found, &mut cache);
        diagnostics.extend(found.finish().into_iter().filter(|problem| {
            part.is_none_or(|part| is_of_the_whole(problem, part))
                && !is_of_lost_settings(problem.code, lost)
        }));
        if part.is_some() {
            continue;
        }
        if let Some(route) = route.map(Arc::new) {
            routes.push(Arc::clone(&route));
            suites.push(Suite {
                route,
                folder,
                places: document.places.clone(),
                tests,
            });
        }
    }
    let parts = incomplete
        .iter()
        .filter(|part| !part.lacks("function") && !part.lacks("accept"))
        .map(|part| &part.document);
    conflict::report(documents.iter().chain(parts), &mut diagnostics);
    diagnostics.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
    let is_sound = diagnostics
        .iter()
        .all(|diagnostic| diagnostic.severity < Severity::Error);
    let generation = is_sound.then(|| {
        Generation::new(
            routes,
            hash(&sources, &root),
            Commit::of(&root),
            settings.limits.clone(),
            settings.env.clone(),
        )
    });
    Compilation {
        generation,
        settings,
        suites,
        diagnostics,
        sources,
    }
}

/// The files as they were read, and where their lines begin.
struct Originals {
    sources: Sources,
    lines: HashMap<SourceId, Lines>,
}

impl Originals {
    /// An empty report about a document.
    fn report<'d>(&'d self, document: &'d Document) -> Option<Report<'d>> {
        let source = self.sources.get(document.source)?;
        let lines = self.lines.get(&document.source)?;
        Some(Report::new(document, source, lines))
    }

    /// The folder of a document's file: what its paths are relative to.
    fn folder(&self, document: &Document) -> PathBuf {
        let source = self.sources.get(document.source);
        let folder = source.and_then(|source| Path::new(&*source.path).parent());
        folder.unwrap_or(Path::new("")).to_owned()
    }
}

/// The settings, and where they could only be read in part, what is known of that.
fn settings<'i>(
    documents: &[Document],
    incomplete: &'i [Incomplete],
    variables: &dyn Fn(&str) -> Option<String>,
    originals: &Originals,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Settings, Option<&'i Incomplete>) {
    let mut found = None;
    let whole = documents.iter().map(|document| (document, None));
    let parts = incomplete.iter().map(|part| (&part.document, Some(part)));
    for (document, part) in whole.chain(parts) {
        let Spec::Gateway(spec) = &document.spec else {
            continue;
        };
        let Some(mut report) = originals.report(document) else {
            continue;
        };
        let at = FieldPath::root().key("gateway");
        if let Some((_, _, first)) = &found {
            report
                .error_at_key(
                    code::settings::TWO_GATEWAYS,
                    &at,
                    "a second `gateway:` document",
                )
                .related(*first, "the first stands here")
                .help("put all settings into one document");
        } else {
            let settings =
                settings::compile(spec, &originals.folder(document), variables, &mut report);
            found = Some((settings, part, report.key(&at)));
        }
        let problems = report.finish().into_iter();
        diagnostics.extend(
            problems.filter(|problem| part.is_none_or(|part| is_of_the_whole(problem, part))),
        );
    }
    found
        .map(|(settings, part, _)| (settings, part))
        .unwrap_or_default()
}

/// SHA-256 of all files, in hex: of each its path below `root` and its text, in the order of the
/// paths, with their lengths, so that no two sets of files read alike. Where the folder lies does
/// not matter.
fn hash(sources: &Sources, root: &Path) -> String {
    let mut files: Vec<(&str, &str)> = sources
        .iter()
        .map(|(_, source)| {
            let below = Path::new(&*source.path).strip_prefix(root);
            let path = below.ok().and_then(Path::to_str).unwrap_or(&source.path);
            (path, &*source.text)
        })
        .collect();
    files.sort_unstable();
    let mut hash = Sha256::new();
    for part in files.into_iter().flat_map(|(path, text)| [path, text]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}
