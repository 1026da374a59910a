//! What is logged, and where it goes.
//!
//! Everything goes through one [`LogWriter`]: what `tracing` says and the access lines. Text is
//! for people at a terminal, JSON (one object a line) for everybody else.

mod access;
mod writer;

pub use access::AccessLog;
pub(crate) use access::Line;
pub use writer::{LogGuard, LogWriter};

use std::io::{self, IsTerminal, Write};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::util::SubscriberInitExt;

use crate::route::{LogFormat, Settings};

/// Logging that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.level` is not a filter.
    #[error(
        "`{level}` is no log level: write `info`, `debug`, or a filter such as `info,hookweir::access=off`"
    )]
    Level {
        /// As written.
        level: String,
        /// Why.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// No thread for it.
    #[error("cannot start the log's thread")]
    Thread(#[source] io::Error),
    /// Something else logs already.
    #[error("logging is set up already")]
    Twice,
}

/// Logging that is set up.
#[derive(Debug)]
pub struct Logging {
    /// For the server; `None` when the level says that nobody wants access lines.
    pub access: Option<AccessLog>,
    /// To be kept until the very end: with it, logging ends.
    pub guard: LogGuard,
}

/// Logs to standard error, as the settings say, from now on and for the whole process. Panics are
/// logged too.
pub fn start(settings: &Settings) -> Result<Logging, LogError> {
    let is_terminal = io::stderr().is_terminal();
    let format = settings.log_format.unwrap_or(if is_terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    // Colour as `NO_COLOR` has it.
    let is_coloured =
        is_terminal && std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty());
    start_to(io::stderr(), &settings.log_level, format, is_coloured)
}

fn start_to(
    out: impl Write + Send + 'static,
    level: &str,
    format: LogFormat,
    is_coloured: bool,
) -> Result<Logging, LogError> {
    let filter = filter(level)?;
    let (writer, guard) = LogWriter::start(out).map_err(LogError::Thread)?;
    subscriber(filter, writer.clone(), format, is_coloured)
        .try_init()
        .map_err(|_| LogError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    let wants_access = tracing::enabled!(target: "hookweir::access", tracing::Level::INFO);
    Ok(Logging {
        access: wants_access.then(|| AccessLog::new(writer, format)),
        guard,
    })
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)
        .map_err(|source| LogError::Level {
            level: level.to_owned(),
            source,
        })
}

fn subscriber(
    filter: EnvFilter,
    writer: LogWriter,
    format: LogFormat,
    is_coloured: bool,
) -> Dispatch {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(Milliseconds)
        .with_writer(writer);
    match format {
        LogFormat::Text => subscriber.with_ansi(is_coloured).finish().into(),
        LogFormat::Json => subscriber
            .json()
            .flatten_event(true)
            .with_ansi(false)
            .finish()
            .into(),
    }
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without words");
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(message, %place, "panic");
}

/// Times as the access lines have them.
struct Milliseconds;

impl FormatTime for Milliseconds {
    fn format_time(
        &self,
        out: &mut tracing_subscriber::fmt::format::Writer<'_>,
    ) -> std::fmt::Result {
        use crate::clock::Clock;
        write!(out, "{:.3}", crate::clock::SystemClock.now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogFormat, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let (writer, guard) = LogWriter::start(kept.clone()).unwrap();
        let dispatch = subscriber(filter(level).unwrap(), writer, format, false);
        tracing::dispatcher::with_default(&dispatch, log);
        drop(guard);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_has_one_object_a_line_with_fields_beside_the_message() {
        let text = logged("info", LogFormat::Json, || {
            tracing::info!(generation = 3, "reloaded");
            tracing::debug!("not said");
            tracing::warn!(problem = "a \"quote\"\nand a line", "odd");
        });
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "reloaded");
        assert_eq!(lines[0]["generation"], 3);
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(
            lines[0]["timestamp"].as_str().unwrap().len(),
            "2026-11-01T10:00:00.000Z".len()
        );
        assert_eq!(lines[1]["problem"], "a \"quote\"\nand a line");
    }

    #[test]
    fn text_is_a_line_for_people() {
        let text = logged("warn", LogFormat::Text, || {
            tracing::info!("not said");
            tracing::warn!(generation = 3, "odd");
        });
        assert!(
            text.ends_with("WARN hookweir::server::log::tests: odd generation=3\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn a_level_that_is_none_is_said_as_it_was_written() {
        let message = filter("a=b=c").unwrap_err().to_string();
        assert!(message.starts_with("`a=b=c` is no log level"), "{message}");
    }
}
