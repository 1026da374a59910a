//! Answers, compiled: cases, each in one of Zoho's two forms.
//!
//! Status and header lines that are known at load are made at load, defaults and all.

use http::{HeaderMap, StatusCode};

use super::clause::Clause;
use super::content::Content;
use crate::value::{Arena, Value};
use crate::zoho;

/// One case.
#[derive(Debug)]
pub struct Case {
    /// The case holds if this is true; the last has none.
    pub when: Option<Clause>,
    /// What is answered then.
    pub answer: Answer,
}

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// Zoho's envelope around this; `None` is its empty `output`.
    Envelope(Option<Content>),
    /// What Zoho calls a `crmAPIResponse`.
    Raw(RawAnswer),
}

/// What Zoho calls a `crmAPIResponse`.
#[derive(Debug)]
pub struct RawAnswer {
    /// Status and header lines.
    pub head: Head,
    /// `None`: empty.
    pub body: Option<Content>,
}

/// Status and header lines of an answer.
#[derive(Debug)]
pub enum Head {
    /// Known at load.
    Fixed {
        /// Status.
        status: StatusCode,
        /// All lines, Zoho's defaults included.
        headers: HeaderMap,
    },
    /// Known when it runs.
    Computed {
        /// A number or its text. `None`: 200.
        status: Option<Line>,
        /// `None`: Zoho's default, unless `headers` has one.
        content_type: Option<Line>,
        /// `None`: Zoho's default.
        headers: Option<Vec<(Box<str>, Line)>>,
    },
}

/// The text of a status or of a header.
#[derive(Debug)]
pub enum Line {
    /// As written.
    Fixed(Box<str>),
    /// Text with holes; one hole alone may give a list, which repeats the header.
    Computed(Clause),
    /// The header repeats.
    Many(Vec<Line>),
}

impl Head {
    /// Status and lines, defaults filled in, where nothing is to be computed.
    pub(super) fn fixed(
        status: Option<&Line>,
        content_type: Option<&Line>,
        headers: Option<&[(Box<str>, Line)]>,
    ) -> Option<Self> {
        let arena = Arena::new();
        let is_known = |line: Option<&Line>| line.is_none_or(Line::is_fixed);
        if !is_known(status) || !is_known(content_type) {
            return None;
        }
        let headers: Option<Vec<(&str, Value<'_>)>> = match headers {
            Some(lines) => Some(
                lines
                    .iter()
                    .map(|(name, line)| Some((&**name, line.constant(&arena)?)))
                    .collect::<Option<_>>()?,
            ),
            None => None,
        };
        let answer = zoho::Response {
            status_code: status.and_then(|line| line.constant(&arena)),
            content_type: content_type.and_then(|line| line.constant(&arena)),
            headers: headers.as_deref(),
            body: None,
        }
        .answer()
        .ok()?;
        let mut headers = answer.headers;
        // Room for what the server adds: a map that has to grow is hashed anew, at every answer.
        headers.reserve(4);
        Some(Self::Fixed {
            status: answer.status,
            headers,
        })
    }
}

impl Line {
    fn is_fixed(&self) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Computed(_) => false,
            Self::Many(lines) => lines.iter().all(Self::is_fixed),
        }
    }

    /// The value, when nothing is to be computed.
    fn constant<'v>(&'v self, arena: &'v Arena) -> Option<Value<'v>> {
        match self {
            Self::Fixed(text) => Some(Value::String(text)),
            Self::Computed(_) => None,
            Self::Many(lines) => {
                let values: Option<Vec<_>> =
                    lines.iter().map(|line| line.constant(arena)).collect();
                Some(arena.list(&values?))
            }
        }
    }
}
