//! The admin API's answers, as JSON.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use warp::reply::Response;

use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::gateway::signature::{Sample, Samples};
use crate::gateway::{Gateway, LastReload, ReloadOutcome, ReloadReport};
use crate::route::{Commit, Generation};
use crate::server::rejection::JSON;

/// `GET /admin/v1/generation`
#[derive(Debug, Serialize)]
pub(super) struct GenerationView<'a> {
    number: u64,
    hash: &'a str,
    loaded_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<CommitView<'a>>,
    functions: Vec<&'a str>,
    last_reload: LastReloadView<'a>,
}

#[derive(Debug, Serialize)]
struct CommitView<'a> {
    id: &'a str,
    modified: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct LastReloadView<'a> {
    at: String,
    succeeded: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    problems: &'a str,
}

#[derive(Debug, Serialize)]
struct FunctionView<'a> {
    function: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    methods: Vec<&'a str>,
}

/// `GET /readyz` with the token.
#[derive(Debug, Serialize)]
pub(super) struct ReadyView<'a> {
    pub(super) status: &'a str,
    pub(super) generation: u64,
    pub(super) last_reload: LastReloadView<'a>,
    /// What is wrong with the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ReloadView<'a> {
    outcome: &'a str,
    message: String,
    /// The problems as people read them; empty without any.
    drawn: String,
    generation: u64,
    hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<CommitView<'a>>,
    diagnostics: Vec<DiagnosticView<'a>>,
}

#[derive(Debug, Serialize)]
struct DiagnosticView<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    help: &'a [String],
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// A request that was not signed.
#[derive(Debug, Serialize)]
struct SampleView<'a> {
    request_id: &'a str,
    received_at: String,
    function: &'a str,
    method: &'a str,
    path: &'a str,
    /// It was let in all the same.
    observed: bool,
    failed: String,
    #[serde(flatten)]
    diagnosis: Option<DiagnosisView<'a>>,
}

/// What the doctor finds.
#[derive(Debug, Serialize)]
struct DiagnosisView<'a> {
    would_fit: &'a [String],
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct ErrorView<'a> {
    code: &'a str,
    message: &'a str,
}

pub(super) fn generation(gateway: &Gateway, last: &LastReload) -> Response {
    let generation = gateway.generation();
    json(StatusCode::OK, &generation_view(&generation, last))
}

/// `GET /admin/v1/unsigned`
pub(super) fn unsigned(samples: &Samples) -> Response {
    let all = samples.all();
    let views: Vec<_> = all.iter().map(|sample| sample_view(sample, None)).collect();
    json(StatusCode::OK, &views)
}

/// `GET /admin/v1/unsigned/ID`
pub(super) fn diagnosis(sample: &Sample, gateway: &Gateway) -> Response {
    let unkept = ["its body was too long to be kept".to_owned()];
    let found = sample.diagnose(gateway);
    let view = match &found {
        Some(found) => DiagnosisView {
            would_fit: &found.would_fit,
            notes: &found.notes,
        },
        None => DiagnosisView {
            would_fit: &[],
            notes: &unkept,
        },
    };
    json(StatusCode::OK, &sample_view(sample, Some(view)))
}

fn sample_view<'a>(sample: &'a Sample, diagnosis: Option<DiagnosisView<'a>>) -> SampleView<'a> {
    SampleView {
        request_id: sample.request_id(),
        received_at: sample.received_at().to_string(),
        function: sample.function(),
        method: sample.method().as_str(),
        path: sample.path(),
        observed: sample.observed,
        failed: sample.why.to_string(),
        diagnosis,
    }
}

fn generation_view<'a>(generation: &'a Generation, last: &'a LastReload) -> GenerationView<'a> {
    GenerationView {
        number: generation.number,
        hash: &generation.hash,
        loaded_at: generation.loaded_at.to_string(),
        commit: generation.commit.as_ref().map(commit_view),
        functions: generation.routes.iter().map(|route| &*route.name).collect(),
        last_reload: last_reload(last),
    }
}

pub(super) fn functions(generation: &Arc<Generation>) -> Response {
    let functions: Vec<FunctionView<'_>> = generation
        .routes
        .iter()
        .map(|route| FunctionView {
            function: &route.name,
            summary: route.summary.as_deref(),
            path: route.path.as_deref(),
            methods: route.methods.iter().map(http::Method::as_str).collect(),
        })
        .collect();
    json(StatusCode::OK, &functions)
}

pub(super) fn reload(report: &ReloadReport) -> Response {
    let (status, outcome) = match &report.outcome {
        ReloadOutcome::Installed => (StatusCode::OK, "installed"),
        ReloadOutcome::Unchanged => (StatusCode::OK, "unchanged"),
        ReloadOutcome::WouldInstall => (StatusCode::OK, "would_install"),
        ReloadOutcome::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        ReloadOutcome::Unreadable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unreadable"),
    };
    let diagnostics = report.diagnostics.iter();
    let view = ReloadView {
        outcome,
        message: report.verdict(),
        drawn: report.drawn(),
        generation: report.number,
        hash: &report.hash,
        commit: report.commit.as_ref().map(commit_view),
        diagnostics: diagnostics
            .map(|diagnostic| diagnostic_view(diagnostic, &report.sources))
            .collect(),
    };
    json(status, &view)
}

pub(super) fn last_reload(last: &LastReload) -> LastReloadView<'_> {
    LastReloadView {
        at: last.at.to_string(),
        succeeded: last.succeeded,
        problems: &last.problems,
    }
}

fn commit_view(commit: &Commit) -> CommitView<'_> {
    CommitView {
        id: &commit.id,
        modified: commit.modified,
    }
}

fn diagnostic_view<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> DiagnosticView<'a> {
    let place = diagnostic.span.and_then(|span| {
        let source = sources.get(span.source)?;
        let (line, column) = source.position(span.start);
        let (end_line, end_column) = source.position(span.end);
        Some(Place {
            file: &source.path,
            line,
            column,
            end_line,
            end_column,
        })
    });
    DiagnosticView {
        code: diagnostic.code.0,
        severity: match diagnostic.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: &diagnostic.message,
        place,
        help: &diagnostic.help,
    }
}

/// An error's answer.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    json(status, &ErrorView { code, message })
}

/// A value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => text(status, JSON, body),
        // Views hold text and numbers only; were one not to serialise, saying so is all there is.
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, JSON, Vec::new()),
    }
}

/// A text with its type; never to be kept, as it is about now.
pub(super) fn text(
    status: StatusCode,
    content_type: http::HeaderValue,
    body: impl Into<bytes::Bytes>,
) -> Response {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(http::header::CONTENT_TYPE, content_type);
    headers.insert(
        http::header::CACHE_CONTROL,
        http::HeaderValue::from_static("no-store"),
    );
    headers.insert(
        http::header::X_CONTENT_TYPE_OPTIONS,
        http::HeaderValue::from_static("nosniff"),
    );
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
