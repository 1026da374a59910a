//! Connections to PostgreSQL, and transactions on them.
//!
//! They live on a thread of their own, so that callers with a runtime and callers without one use
//! the same ones, and so that a transaction that was begun is finished whoever has gone away.
//! Whatever goes wrong within a transaction closes its connection, which takes everything back; the
//! next one opens another. A server that was just found not to answer is not waited for again: for
//! a second, everything fails at once.

use std::error::Error as _;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use futures_util::StreamExt as _;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{PostgresUrl, Tls};
use crate::clock::Stopwatch;
use crate::outbound;
use crate::store::events::WriterStats;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a transaction may take. What lasts longer is done in bites.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a server that does not answer is left alone.
const DOWN: Duration = Duration::from_secs(1);
/// Connections for what is written: accepting, leasing, settling, keys, administrators.
const WRITERS: usize = 8;
/// Connections for looks at the log.
const READERS: usize = 4;

/// What every connection is set to. What was answered to be done is on disk, whatever the server's
/// default is.
const SESSION: &str = "-c synchronous_commit=on -c jit=off -c statement_timeout=10s \
    -c idle_in_transaction_session_timeout=30s -c default_transaction_isolation=read\\ committed \
    -c client_min_messages=warning";
/// What is written is found by its index: the planner's statistics of tables that fill and empty
/// within minutes are always old, and one scan of a long table holds up everything.
const PLANS: &str = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off \
    -c plan_cache_mode=force_generic_plan";

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum LinkError {
    /// The server does not answer, or not now.
    #[error("{0}")]
    Unavailable(String),
    /// Another transaction was in the way; once more, it may work.
    #[error("{0}")]
    Conflict(String),
    /// There is no room.
    #[error("{0}")]
    Full(String),
    /// A statement is wrong, or the database is not as it should be.
    #[error("{0}")]
    Failed(String),
}

impl From<tokio_postgres::Error> for LinkError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code() else {
            let source = error.source().map(ToString::to_string);
            let text = source.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
            let is_ours = [
                "error serializing",
                "error deserializing",
                "invalid",
                "expected",
            ]
            .iter()
            .any(|beginning| text.starts_with(beginning));
            return if is_ours {
                Self::Failed(text)
            } else {
                Self::Unavailable(text)
            };
        };
        let text = error
            .as_db_error()
            .map_or_else(|| error.to_string(), |told| told.message().to_owned());
        if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
        {
            return Self::Conflict(text);
        }
        if *code == SqlState::DISK_FULL {
            return Self::Full(text);
        }
        // By class: connection, resources, operator intervention, system errors; and a server that
        // has become one that only reads, or is asked for more than it does now.
        let is_passing = ["08", "53", "57", "58"]
            .iter()
            .any(|class| code.code().starts_with(class))
            || *code == SqlState::READ_ONLY_SQL_TRANSACTION
            || *code == SqlState::LOCK_NOT_AVAILABLE
            || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT;
        if is_passing {
            Self::Unavailable(text)
        } else {
            Self::Failed(format!("{text} ({})", code.code()))
        }
    }
}

/// Connections to one database.
pub(in crate::store) struct Link {
    /// `None` only while this is dropped.
    runtime: Option<tokio::runtime::Runtime>,
    inner: Arc<Inner>,
}

struct Inner {
    url: PostgresUrl,
    writers: Pool,
    readers: Pool,
    listener: (Config, Option<MakeRustlsConnect>),
    down: Mutex<Option<(Stopwatch, String)>>,
    stats: Arc<WriterStats>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Link").field(&self.inner.url).finish()
    }
}

impl Link {
    /// Of all transactions.
    pub(in crate::store) fn stats(&self) -> &WriterStats {
        &self.inner.stats
    }

    /// To this database. Nothing is connected yet.
    pub(in crate::store) fn new(url: PostgresUrl) -> Result<Arc<Self>, LinkError> {
        let failed = |text: String| LinkError::Failed(text);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let tls = url.tls.as_ref().map(tls).transpose()?;
        let writers = pool(config(&url, PLANS), tls.clone(), WRITERS)?;
        let reading = config(&url, "-c default_transaction_read_only=on");
        let readers = pool(reading.clone(), tls.clone(), READERS)?;
        let inner = Inner {
            url,
            writers,
            readers,
            listener: (reading, tls),
            down: Mutex::default(),
            stats: Arc::default(),
        };
        Ok(Arc::new(Self {
            runtime: Some(runtime),
            inner: Arc::new(inner),
        }))
    }

    /// The database.
    pub(in crate::store) fn url(&self) -> &PostgresUrl {
        &self.inner.url
    }

    /// Runs `work` to its end, whoever waits for it, or until its time is over.
    pub(in crate::store) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LinkError>> + Send + 'static,
    ) -> impl Future<Output = Result<T, LinkError>> + Send + 'static {
        let sessions = self.handle();
        let task = self
            .runtime
            .as_ref()
            .map(|runtime| runtime.spawn(async move { sessions.within_limit(work).await }));
        async move {
            let Some(task) = task else {
                return Err(LinkError::Unavailable("it ends".to_owned()));
            };
            task.await.unwrap_or_else(|error| {
                Err(if error.is_panic() {
                    LinkError::Failed("it panicked".to_owned())
                } else {
                    LinkError::Unavailable("it ends".to_owned())
                })
            })
        }
    }

    /// Starts what has no end of its own; it ends with the connections.
    pub(in crate::store) fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// The same as [`run`](Self::run), for callers that may be kept waiting.
    pub(in crate::store) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, LinkError>> + Send + 'static,
    ) -> Result<T, LinkError> {
        let (told, tell) = std::sync::mpsc::channel();
        let work = self.run(work);
        self.start(async move {
            let _ = told.send(work.await);
        });
        let ended = |_| Err(LinkError::Unavailable("it ends".to_owned()));
        tell.recv().unwrap_or_else(ended)
    }

    /// What a task of [`run`](Self::run) uses.
    pub(in crate::store) fn handle(&self) -> Sessions {
        Sessions(Arc::clone(&self.inner))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    /// It has not answered in time: what it was connected by is not used again.
    fn is_silent(&self) -> LinkError {
        for pool in [&self.writers, &self.readers] {
            drop(pool.retain(|_, _| false));
        }
        let text = format!("it has not answered within {} s", LIMIT.as_secs());
        self.is_down(text)
    }

    fn is_down(&self, text: String) -> LinkError {
        *self.down() = Some((Stopwatch::start(), text.clone()));
        LinkError::Unavailable(text)
    }

    fn down(&self) -> MutexGuard<'_, Option<(Stopwatch, String)>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn session(&self, pool: &Pool) -> Result<Object, LinkError> {
        let known = self.down().as_ref().and_then(|(since, text)| {
            (since.elapsed() < DOWN).then(|| LinkError::Unavailable(text.clone()))
        });
        if let Some(down) = known {
            return Err(down);
        }
        match pool.get().await {
            Ok(session) => {
                *self.down() = None;
                Ok(session)
            }
            Err(PoolError::Timeout(deadpool_postgres::TimeoutType::Wait)) => {
                let text = "all of its connections are in use".to_owned();
                Err(LinkError::Unavailable(text))
            }
            Err(PoolError::Backend(error)) => {
                Err(match LinkError::from(error) {
                    // A wrong password or database may be put right without a restart.
                    LinkError::Unavailable(text) | LinkError::Failed(text) => self.is_down(text),
                    other => other,
                })
            }
            Err(error) => Err(self.is_down(error.to_string())),
        }
    }
}

fn config(url: &PostgresUrl, options: &str) -> Config {
    let mut config = Config::clone(&url.config);
    let schema = &url.schema;
    let theirs = config.get_options().unwrap_or_default();
    let options = format!("{SESSION} {options} -c search_path={schema} {theirs}");
    let mode = if url.tls.is_some() {
        SslMode::Require
    } else {
        SslMode::Disable
    };
    config
        .options(options)
        .ssl_mode(mode)
        .connect_timeout(CONNECT)
        .tcp_user_timeout(LIMIT)
        .keepalives_idle(Duration::from_secs(30));
    if config.get_application_name().is_none() {
        config.application_name("hookweir");
    }
    config
}

fn tls(tls: &Tls) -> Result<MakeRustlsConnect, LinkError> {
    let roots = outbound::authorities(tls.authorities.as_deref())
        .map_err(|error| LinkError::Failed(format!("`sslrootcert` {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| LinkError::Failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(client))
}

fn pool(config: Config, tls: Option<MakeRustlsConnect>, size: usize) -> Result<Pool, LinkError> {
    let kind = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = match tls {
        None => Manager::from_config(config, NoTls, kind),
        Some(tls) => Manager::from_config(config, tls, kind),
    };
    let timeouts = Timeouts {
        wait: Some(CONNECT),
        create: Some(CONNECT),
        recycle: Some(CONNECT),
    };
    Pool::builder(manager)
        .max_size(size)
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| LinkError::Failed(error.to_string()))
}

/// Begins transactions, within [`Link::run`].
#[derive(Clone)]
pub(in crate::store) struct Sessions(Arc<Inner>);

impl Sessions {
    /// Of all transactions.
    pub(in crate::store) fn stats(&self) -> &WriterStats {
        &self.0.stats
    }

    /// Begins a transaction that writes.
    pub(in crate::store) async fn begin(&self) -> Result<Work, LinkError> {
        let session = self.0.session(&self.0.writers).await?;
        let work = Work {
            session: Some(session),
            begun: Some((Stopwatch::start(), Arc::clone(&self.0.stats))),
        };
        work.batch("BEGIN").await?;
        Ok(work)
    }

    /// A connection that only reads, each statement for itself.
    pub(in crate::store) async fn reader(&self) -> Result<Work, LinkError> {
        let session = self.0.session(&self.0.readers).await?;
        Ok(Work {
            session: Some(session),
            begun: None,
        })
    }

    /// A connection that writes, each statement for itself.
    pub(in crate::store) async fn writer(&self) -> Result<Work, LinkError> {
        let session = self.0.session(&self.0.writers).await?;
        Ok(Work {
            session: Some(session),
            begun: None,
        })
    }

    /// What `work` comes to, if it does in time.
    pub(in crate::store) async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        match tokio::time::timeout(LIMIT, work).await {
            Ok(done) => done,
            Err(_) => Err(self.0.is_silent()),
        }
    }

    /// Hears what is said on a channel, whose name needs no quotes, by a connection of its own.
    /// The statements are run first.
    pub(in crate::store) async fn listen(
        &self,
        channel: &str,
        first: &str,
    ) -> Result<Messages, LinkError> {
        let (config, tls) = &self.0.listener;
        let sql = format!("{first}; LISTEN {channel}");
        match tls {
            None => Messages::new(config.connect(NoTls).await?, &sql).await,
            Some(tls) => Messages::new(config.connect(tls.clone()).await?, &sql).await,
        }
    }
}

/// What is said on a channel.
pub(in crate::store) struct Messages {
    /// The connection ends with it.
    _client: tokio_postgres::Client,
    inbox: tokio::sync::mpsc::Receiver<()>,
}

impl Messages {
    async fn new<S, T>(
        (client, mut connection): (tokio_postgres::Client, tokio_postgres::Connection<S, T>),
        sql: &str,
    ) -> Result<Self, LinkError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // One that waits says as much as many.
        let (said, inbox) = tokio::sync::mpsc::channel(1);
        let mut messages =
            futures_util::stream::poll_fn(move |context| connection.poll_message(context));
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(_) = message {
                    let _ = said.try_send(());
                }
            }
        });
        client.batch_execute(sql).await?;
        Ok(Self {
            _client: client,
            inbox,
        })
    }

    /// Waits for the next one; `None` when the connection is lost.
    pub(in crate::store) async fn next(&mut self) -> Option<()> {
        self.inbox.recv().await
    }
}

/// Values of a statement.
pub(in crate::store) type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

/// A connection that is being used. Unless it is [`done`](Self::done) or committed, it is closed,
/// and what was done by it is taken back.
pub(in crate::store) struct Work {
    /// `None` once it is given back.
    session: Option<Object>,
    /// When a transaction was begun, and where to note how long it took.
    begun: Option<(Stopwatch, Arc<WriterStats>)>,
}

impl Work {
    fn session(&self) -> Result<&Object, LinkError> {
        let gone = || LinkError::Failed("the connection was given back".to_owned());
        self.session.as_ref().ok_or_else(gone)
    }

    /// All rows that a statement gives.
    pub(in crate::store) async fn query(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, LinkError> {
        let session = self.session()?;
        let statement = session.prepare_cached(sql).await?;
        Ok(session.query(&statement, params).await?)
    }

    /// The same for a statement whose text differs from time to time, such as a filter's: it is
    /// forgotten at once, where [`query`](Self::query) keeps each as long as its connection.
    pub(in crate::store) async fn query_once(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, LinkError> {
        Ok(self.session()?.query(sql, params).await?)
    }

    /// The first row.
    pub(in crate::store) async fn first(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, LinkError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// How many rows a statement touches.
    pub(in crate::store) async fn execute(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<u64, LinkError> {
        let session = self.session()?;
        let statement = session.prepare_cached(sql).await?;
        Ok(session.execute(&statement, params).await?)
    }

    /// Statements without values.
    pub(in crate::store) async fn batch(&self, sql: &str) -> Result<(), LinkError> {
        Ok(self.session()?.batch_execute(sql).await?)
    }

    /// Has it on disk.
    pub(in crate::store) async fn commit(self) -> Result<(), LinkError> {
        let watch = Stopwatch::start();
        self.batch("COMMIT").await?;
        if let Some((begun, stats)) = &self.begun {
            stats.commits.note(watch.elapsed());
            stats.transactions.note(begun.elapsed());
        }
        self.done();
        Ok(())
    }

    /// Gives the connection back, which is in no transaction.
    pub(in crate::store) fn done(mut self) {
        drop(self.session.take());
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            drop(Object::take(session));
        }
    }
}
