//! The one writer: whatever is to be written at the same time is written in one transaction.
//!
//! Callers send what they want written and wait; a thread takes all that has come, up to a limit,
//! runs it in one transaction and tells everybody once that is on disk. A statement that fails
//! spoils the whole transaction, so then each is run in one of its own: one caller's mistake is not
//! the others'.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;

use super::super::EventsError;
use crate::clock::Stopwatch;
use crate::store::events::WriterStats;

/// How much is written together at most.
const MOST: usize = 256;

/// Something that is to be written.
trait Job: Send {
    /// Within a transaction; may be called again, in another one.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Once it is on disk, or is known not to be.
    fn tell(self: Box<Self>, outcome: Result<(), EventsError>);
}

struct Write<T, F> {
    work: F,
    answer: Option<T>,
    reply: oneshot::Sender<Result<T, EventsError>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.answer = Some((self.work)(connection)?);
        Ok(())
    }

    fn tell(self: Box<Self>, outcome: Result<(), EventsError>) {
        let answer = match (outcome, self.answer) {
            (Ok(()), Some(answer)) => Ok(answer),
            (Ok(()), None) => Err(EventsError::Bug("nothing was written".to_owned())),
            (Err(error), _) => Err(error),
        };
        // Who asked may have gone away meanwhile; what was written stays.
        let _ = self.reply.send(answer);
    }
}

/// Sends what is to be written to the thread that writes. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        stats: std::sync::Arc<WriterStats>,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(connection, &inbox, &stats))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Writes; answers once that is on disk.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let gone = || EventsError::Unavailable("its thread has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        let job = Write {
            work,
            answer: None,
            reply,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Box::new(job)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // What has been asked for is written to the end.
            let _ = thread.join();
        }
    }
}

fn serve(mut connection: Connection, inbox: &Receiver<Box<dyn Job>>, stats: &WriterStats) {
    while let Ok(first) = inbox.recv() {
        let mut jobs = vec![first];
        while jobs.len() < MOST
            && let Ok(next) = inbox.try_recv()
        {
            jobs.push(next);
        }
        let count = jobs.len();
        let outcome = together(&mut connection, &mut jobs, stats);
        match outcome {
            Err(error) if count > 1 && !is_of_all(&error) => {
                for mut job in jobs {
                    let outcome = together(&mut connection, std::slice::from_mut(&mut job), stats);
                    job.tell(outcome.map_err(|error| told(&error)));
                }
            }
            outcome => {
                let outcome = outcome.map_err(|error| told(&error));
                for job in jobs {
                    job.tell(outcome.clone());
                }
            }
        }
        stats.wrote(count);
    }
}

fn together(
    connection: &mut Connection,
    jobs: &mut [Box<dyn Job>],
    stats: &WriterStats,
) -> rusqlite::Result<()> {
    let whole = Stopwatch::start();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        job.run(&transaction)?;
        // SQLite ends a transaction by itself when the disk is full: what came after would be
        // written alone.
        if transaction.is_autocommit() {
            return Err(rusqlite::Error::InvalidQuery);
        }
    }
    let last = Stopwatch::start();
    transaction.commit()?;
    stats.commits.note(last.elapsed());
    stats.transactions.note(whole.elapsed());
    Ok(())
}

/// Whether it would meet each of them alone, too.
fn is_of_all(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
    )
}

/// The same, in the store's words.
pub(super) fn told(error: &rusqlite::Error) -> EventsError {
    let message = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => EventsError::Full(message),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::PermissionDenied,
        ) => EventsError::Unavailable(message),
        _ => EventsError::Bug(message),
    }
}

/// How long a writer waits for one of another process.
pub(super) const BUSY: Duration = Duration::from_secs(5);
