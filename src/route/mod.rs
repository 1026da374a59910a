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

mod allowed;
mod answer;
mod bindings;
mod clause;
mod commit;
mod conflict;
mod connection;
mod content;
mod deliver;
mod expressions;
mod fallible;
mod files;
mod function;
mod generation;
mod grant;
mod methods;
mod pattern;
mod reach;
mod report;
mod respond;
mod root;
mod settings;
mod shape;
pub mod signature;
mod suite;
mod table;

pub use allowed::Allowed;
pub use answer::{Answer, Case, Head, Line, RawAnswer};
pub use clause::{Clause, Runs, Site};
pub use commit::{Checkout, Commit};
pub use connection::{AnswerRoot, Connection, Target};
pub use content::{Content, Failure, Filling, Node};
pub use deliver::{BodyPlan, Deduping, Delivery, Durable, Part, PathPlan, Redaction, RequestPlan};
pub use function::{Check, Route};
pub use generation::Generation;
pub use grant::{Grant, OAuth2};
pub use methods::Methods;
pub use pattern::{Pattern, Segment};
pub use root::{Root, environment};
pub use settings::{Address, Limits, Listen, LogFormat, Settings};
pub use signature::{Outside, Signature};
pub use suite::{Suite, Test};
pub(crate) use suite::{decode_base64, scalar_text};
pub use table::{AddressKind, Found, Missed, RouteTable};

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Code, Diagnostic, Severity, Source, Sources, code};
use crate::spec::{Document, FieldPath, Incomplete, Loaded, Spec};

use connection::Connections;
use expressions::Cache;
use files::{Files, Texts};
use function::Workshop;
use report::{Complete, Lines, Report};
use shape::Shapes;
use signature::{Presets, Shop, Values};

#[cfg(test)]
mod tests;

/// Fewer documents are not worth a thread.
const DOCUMENTS_A_THREAD: usize = 64;

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
    /// What a request may come without, and nothing handles, where no schema or sample says that
    /// it may; sorted by place. In `strict` folders these are errors and stand above.
    pub unhandled: Vec<Diagnostic>,
    /// The files that the diagnostics speak of.
    pub sources: Sources,
}

/// Whether a problem of what could be read of a document is one of the document, too, and does
/// not come from what was left out.
fn is_of_the_whole(problem: &Diagnostic, document: &Incomplete) -> bool {
    let lacks = |keys: &[&str]| keys.iter().any(|key| document.lacks(key));
    match problem.code {
        code::route::UNUSED_LET => false,
        code::route::MISSING_AUTH
        | code::route::NO_VERIFIER
        | code::signature::BAD_SCHEME
        | code::signature::NO_SECRET
        | code::signature::LACKING_PARAM => !lacks(&["auth"]),
        code::delivery::UNKNOWN_CONNECTION
        | code::delivery::BAD_DELIVERY
        | code::delivery::BAD_DELIVERY_REQUEST => !lacks(&["deliver"]),
        code::route::NO_TEST => !lacks(&["tests"]),
        code::route::NO_LAST_CASE | code::route::UNREACHABLE_CASE | code::route::MIXED_ANSWER => {
            !lacks(&["respond"])
        }
        code::route::BAD_TEST => !problem.span.is_some_and(|span| document.is_touched(span)),
        code::expr::UNKNOWN_NAME
        | code::expr::UNKNOWN_FIELD
        | code::template::UNKNOWN_NAME
        | code::template::UNKNOWN_FIELD => !lacks(&["let", "accept", "request"]),
        code::expr::UNHANDLED => !lacks(&["let", "request", "when", "check", "respond"]),
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
    compile_with(loaded, Outside::variables(variables))
}

/// Compiles everything that was loaded, with what there is outside of it.
pub fn compile_with(loaded: Loaded, outside: Outside<'_>) -> Compilation {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = loaded.documents.len().div_ceil(threads);
    compile_in_shares(loaded, outside, share.max(DOCUMENTS_A_THREAD))
}

/// Compiles with a thread for each share of so many documents.
fn compile_in_shares(loaded: Loaded, outside: Outside<'_>, length: usize) -> Compilation {
    let Loaded {
        root,
        sources,
        documents,
        incomplete,
        mut diagnostics,
    } = loaded;

    let whole = documents.iter().map(|document| (document, None));
    let parts = incomplete.iter().map(|part| (&part.document, Some(part)));
    let all: Vec<_> = whole.chain(parts).collect();
    let values = Values::of(all.iter().map(|(document, _)| *document), &sources, outside);
    let (mut settings, lost) =
        settings(&all, outside.variables, &values, &sources, &mut diagnostics);
    if let Some(url) = outside.public_url {
        settings.public_url = Some(url.trim_end_matches('/').to_owned());
    }
    let env_names: Vec<String> = settings.env.iter().map(|(name, _)| name.clone()).collect();
    let has_settings = all
        .iter()
        .any(|(document, _)| matches!(document.spec, Spec::Gateway(_)));
    let is_env_lost =
        lost.is_some_and(|part| part.lacks("env")) || (!has_settings && mentions_gateway(&sources));
    let presets = Presets::of(documents.iter(), &mut diagnostics);
    let connections = Connections::compile(
        documents.iter(),
        incomplete.iter().map(|part| &part.document),
        &sources,
        &values,
        &mut diagnostics,
    );
    let load = Load {
        values: &values,
        presets: &presets,
        connections: &connections,
        sources: &sources,
        texts: &Texts::default(),
        settings: &settings,
        lost,
        env: (!is_env_lost).then_some(env_names.as_slice()),
    };
    let mut files = sources.clone();
    let (mut suites, mut unhandled) = (Vec::new(), Vec::new());
    for mut share in load.compile(&all, length) {
        share.move_files_behind(&sources, &mut files);
        diagnostics.append(&mut share.diagnostics);
        unhandled.append(&mut share.unhandled);
        suites.append(&mut share.suites);
    }
    let parts = incomplete
        .iter()
        .filter(|part| !part.lacks("function") && !part.lacks("accept"))
        .map(|part| &part.document);
    conflict::report(documents.iter().chain(parts), &presets, &mut diagnostics);
    for found in [&mut diagnostics, &mut unhandled] {
        found.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
    }
    let is_sound = diagnostics
        .iter()
        .all(|diagnostic| diagnostic.severity < Severity::Error);
    let generation = is_sound.then(|| {
        Generation::new(
            suites
                .iter()
                .map(|suite| Arc::clone(&suite.route))
                .collect(),
            hash(&files, &root),
            Commit::of(&root),
            settings.limits.clone(),
            settings.env.clone(),
        )
        .marked(values.mark)
        .reaching(connections.sound.into_values().collect())
    });
    Compilation {
        generation,
        settings,
        suites,
        diagnostics,
        unhandled,
        sources: files,
    }
}

/// A document, and what was left out of it where it could only be read in part.
type Read<'l> = (&'l Document, Option<&'l Incomplete>);

/// What all functions of a load are compiled with.
#[derive(Clone, Copy)]
struct Load<'l> {
    /// What signatures take from outside.
    values: &'l Values,
    /// The presets that functions may name.
    presets: &'l Presets<'l>,
    /// The connections that functions may name.
    connections: &'l Connections,
    /// The files of the folder.
    sources: &'l Sources,
    /// The files that functions name.
    texts: &'l Texts,
    settings: &'l Settings,
    /// What was left out of the settings.
    lost: Option<&'l Incomplete>,
    /// Names under `env` of the gateway; `None` when they could not be read.
    env: Option<&'l [String]>,
}

/// What came of some of the documents.
#[derive(Default)]
struct Share {
    /// Of all functions that compiled.
    suites: Vec<Suite>,
    diagnostics: Vec<Diagnostic>,
    /// What nothing handles, where nothing is known of the request.
    unhandled: Vec<Diagnostic>,
    /// The files of the folder, and behind them those that these functions name.
    files: Sources,
}

impl Load<'_> {
    /// Compiles all functions among the documents, in their order. They have nothing in common but
    /// what saves work, so that several threads can compile them.
    fn compile(self, documents: &[Read<'_>], length: usize) -> Vec<Share> {
        let mut chunks = documents.chunks(length);
        let first = chunks.next().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = chunks
                .map(|chunk| (chunk, scope.spawn(move || self.compile_share(chunk))))
                .collect();
            let mut shares = vec![self.compile_share(first)];
            shares.extend(others.into_iter().map(|(chunk, thread)| {
                // What made a thread panic does so here again, where the caller sees it.
                thread.join().unwrap_or_else(|_| self.compile_share(chunk))
            }));
            shares
        })
    }

    fn compile_share(self, documents: &[Read<'_>]) -> Share {
        let mut share = Share {
            files: self.sources.clone(),
            ..Share::default()
        };
        let mut files = Files::new(&mut share.files, self.texts);
        let mut cache = Cache::default();
        let mut signatures = Cache::default();
        let mut shapes = Shapes::default();
        let mut lines = None;
        let assumed = Values::assumed();
        for &(document, part) in documents {
            let Some(source) = self.sources.get(document.source) else {
                continue;
            };
            let lines = match &mut lines {
                Some((of, lines)) if *of == document.source => lines,
                other => &mut other.insert((document.source, Lines::of(&source.text))).1,
            };
            let folder = folder(source);
            if let Spec::Preset(preset) = &document.spec {
                let mut shop = Shop {
                    values: &assumed,
                    presets: self.presets,
                    folder,
                    settings: self.settings,
                    env: self.env.unwrap_or_default(),
                    path: &[],
                    cache: &mut signatures,
                    files: &mut files,
                };
                let report = Report::new(document, source, lines);
                let found = signature::check_preset(preset, report, &mut shop);
                share.diagnostics.extend(found.finish());
                continue;
            }
            let Spec::Function(spec) = &document.spec else {
                continue;
            };
            let mut workshop = Workshop {
                root: folder,
                settings: self.settings,
                env: self.env,
                cache: &mut cache,
                files: &mut files,
                shapes: &mut shapes,
                values: self.values,
                presets: self.presets,
                connections: self.connections,
                signatures: &mut signatures,
                unhandled: &mut share.unhandled,
            };
            let report = Report::new(document, source, lines);
            let (route, mut found) = function::compile(spec, report, &mut workshop);
            let tests = suite::compile(spec, self.env, &mut found, &mut cache);
            let problems = found.finish().into_iter().filter(|problem| {
                part.is_none_or(|part| is_of_the_whole(problem, part))
                    && !is_of_lost_settings(problem.code, self.lost)
            });
            share.diagnostics.extend(problems);
            if part.is_none()
                && let Some(route) = route
            {
                share.suites.push(Suite {
                    route: Arc::new(route),
                    folder: folder.to_owned(),
                    places: document.places.clone(),
                    tests,
                });
            }
        }
        share
    }
}

impl Share {
    /// Puts the files that these functions name behind those of the shares before it, where the
    /// diagnostics find them: each file once, in the order in which it is first named.
    fn move_files_behind(&mut self, folder: &Sources, all: &mut Sources) {
        let mut moved = HashMap::new();
        for (id, source) in self.files.iter().skip(folder.len()) {
            let known = all
                .iter()
                .skip(folder.len())
                .find_map(|(known, other)| (other.path == source.path).then_some(known));
            let place = known
                .unwrap_or_else(|| all.add(Arc::clone(&source.path), Arc::clone(&source.text)));
            moved.insert(id, place);
        }
        for diagnostic in self.diagnostics.iter_mut().chain(&mut self.unhandled) {
            let related = diagnostic.related.iter_mut().map(|(span, _)| span);
            for span in diagnostic.span.iter_mut().chain(related) {
                span.source = moved.get(&span.source).copied().unwrap_or(span.source);
            }
        }
    }
}

/// The folder of a file: what its paths are relative to.
fn folder(source: &Source) -> &Path {
    Path::new(&*source.path).parent().unwrap_or(Path::new(""))
}

/// The settings, and where they could only be read in part, what is known of that.
fn settings<'i>(
    documents: &[Read<'i>],
    variables: &dyn Fn(&str) -> Option<String>,
    values: &Values,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Settings, Option<&'i Incomplete>) {
    let mut found = None;
    for &(document, part) in documents {
        let Spec::Gateway(spec) = &document.spec else {
            continue;
        };
        let Some(source) = sources.get(document.source) else {
            continue;
        };
        let lines = Lines::of(&source.text);
        let mut report = Report::new(document, source, &lines);
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
            let settings = settings::compile(spec, folder(source), variables, values, &mut report);
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
