//! Takes what has come meanwhile into one transaction.
//!
//! Tasks wait at one queue. Whichever is free takes all that is there, up to a limit, and writes it
//! together. Where that fails as a whole, each is written by itself: one's mistake is not the
//! others'.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::persist;
use crate::store::postgres::link::{Link, LinkError, Sessions};

/// How much is written together at most.
const MOST: usize = 256;
/// How much waits at most; what comes beyond that is refused.
const WAITING: usize = 10_000;

/// Something that is to be written, and who waits for it.
type Put<T, R> = (T, oneshot::Sender<Result<R, LinkError>>);

/// What is to be written.
#[derive(Debug)]
pub(super) struct Queue<T, R>(mpsc::Sender<Put<T, R>>);

impl<T, R> Queue<T, R>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    /// Starts so many tasks, which write with `write`: it answers for each in their order.
    pub(super) fn start<W, F>(link: &Link, tasks: usize, write: W) -> Self
    where
        W: Fn(Sessions, Arc<Vec<T>>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Vec<R>, LinkError>> + Send + 'static,
    {
        let (put, inbox) = mpsc::channel(WAITING);
        let inbox = Arc::new(Mutex::new(inbox));
        for _ in 0..tasks {
            let (inbox, write) = (Arc::clone(&inbox), write.clone());
            let sessions = link.handle();
            link.start(async move {
                let mut taken: Vec<Put<T, R>> = Vec::with_capacity(MOST);
                // Only one waits at the queue at a time; the lock is free again when it has taken.
                while inbox.lock().await.recv_many(&mut taken, MOST).await > 0 {
                    let (things, waiting): (Vec<T>, Vec<_>) = taken.drain(..).unzip();
                    sessions.stats().wrote(things.len());
                    write_all(&sessions, things, waiting, &write).await;
                }
            });
        }
        Self(put)
    }

    /// Writes; answers once that is on disk.
    pub(super) async fn put(&self, thing: T) -> Result<R, LinkError> {
        let (told, tell) = oneshot::channel();
        self.0.try_send((thing, told)).map_err(|error| {
            LinkError::Unavailable(match error {
                mpsc::error::TrySendError::Full(_) => "too much waits for it".to_owned(),
                mpsc::error::TrySendError::Closed(_) => "it ends".to_owned(),
            })
        })?;
        let ended = |_| Err(LinkError::Unavailable("it ends".to_owned()));
        tell.await.unwrap_or_else(ended)
    }
}

async fn write_all<T, R, W, F>(
    sessions: &Sessions,
    things: Vec<T>,
    waiting: Vec<oneshot::Sender<Result<R, LinkError>>>,
    write: &W,
) where
    W: Fn(Sessions, Arc<Vec<T>>) -> F,
    F: Future<Output = Result<Vec<R>, LinkError>>,
{
    let things = Arc::new(things);
    let one = async |things: &Arc<Vec<T>>| {
        let done = sessions
            .within_limit(persist(|| write(sessions.clone(), Arc::clone(things))))
            .await?;
        if done.len() == things.len() {
            return Ok(done);
        }
        Err(LinkError::Failed("not all were answered for".to_owned()))
    };
    match one(&things).await {
        Ok(done) => {
            for (told, done) in waiting.into_iter().zip(done) {
                // Who asked may have gone away meanwhile; what was written stays.
                let _ = told.send(Ok(done));
            }
        }
        Err(LinkError::Failed(_)) if waiting.len() > 1 => {
            let Ok(things) = Arc::try_unwrap(things) else {
                let text = "the transaction still runs".to_owned();
                return refuse(waiting, &LinkError::Failed(text));
            };
            for (thing, told) in things.into_iter().zip(waiting) {
                let done = one(&Arc::new(vec![thing])).await;
                let first = done.map(|done| done.into_iter().next());
                let _ = told.send(first.and_then(|done| {
                    done.ok_or_else(|| LinkError::Failed("nothing was written".to_owned()))
                }));
            }
        }
        Err(error) => refuse(waiting, &error),
    }
}

fn refuse<R>(waiting: Vec<oneshot::Sender<Result<R, LinkError>>>, error: &LinkError) {
    for told in waiting {
        let _ = told.send(Err(error.clone()));
    }
}
