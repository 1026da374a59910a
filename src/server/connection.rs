//! From an open listener to HTTP on a connection: permits, TLS, time limits, and a clean end.
//!
//! Every connection is bounded from its first byte to its last: the handshake, the head, idleness
//! and a client that does not take its answer each have a time limit. HTTP/1.1 is served by
//! hyper's `http1`, HTTP/2 only where TLS agreed on it; hyper-util's `auto` is not used because
//! it has no time limit before the first byte.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::drain::Drain;
use super::head_timer::HeadTimer;
use super::listen::{Listener, Queue, Socket, Stream};
use super::metrics::ListenerMetrics;
use super::peer::TrustedProxies;
use super::proxied;
use crate::auth::{ClientCertificate, signature};
use crate::clock::Stopwatch;
use crate::route::Limits;

/// For a TLS handshake, from the first byte to the last.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// After an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long an idle connection is kept when draining begins: a request may be on its way. A busy
/// one ends with its next answer.
const IDLE_GRACE: Duration = Duration::from_secs(1);
/// How long a TCP handshake that has begun may take when draining begins: a round trip.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(100);
/// How long, and for how many bytes, a client may go on sending after a refusal.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Header lines that hyper takes unless it is told a number. Told one, it clears a table of that
/// size for every request, so a smaller number is `guard`'s to keep.
const HYPERS_HEADERS: usize = 100;
/// The least that hyper takes as buffer, and so as limit of a head.
const LEAST_BUFFER: usize = 8192;

/// What is served on a listener.
pub(super) trait Application: Clone + Send + Sync + 'static {
    /// The service of one connection.
    fn service(
        &self,
        connection: &Arc<Connection>,
    ) -> impl Service<
        http::Request<Incoming>,
        Response = warp::reply::Response,
        Error = Infallible,
        Future: Send,
    > + Send
    + 'static;
}

/// A listener's limits and how much of them is used.
pub(super) struct Port {
    pub(super) limits: Limits,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) drain: Arc<Drain>,
    pub(super) metrics: Arc<ListenerMetrics>,
    pub(super) proxies: Arc<TrustedProxies>,
    /// Connections begin with a PROXY protocol header.
    proxied: bool,
    permits: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

/// What requests may ask about the connection they came by, and tell it.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who connected; `None` on a Unix socket.
    pub(super) peer: Option<IpAddr>,
    /// The same as text, for the log.
    pub(super) peer_text: Option<Box<str>>,
    /// The certificate that it has shown.
    pub(super) client: Option<Arc<ClientCertificate>>,
    /// HTTP/2 has streams and no `Connection` header.
    pub(super) is_http2: bool,
    /// Header lines that a request may have.
    pub(super) most_headers: usize,
    drain: Arc<Drain>,
    /// Requests in hand.
    active: AtomicUsize,
    /// Requests begun so far.
    begun: AtomicUsize,
    opened: Stopwatch,
    /// When the latest request began, in microseconds after `opened`.
    latest: AtomicU64,
    /// From the head of a request to the last byte of its answer.
    request_time: Duration,
    /// Something was answered before its body had been read.
    unread: AtomicBool,
}

impl Connection {
    /// Whether the next answer is the last.
    pub(super) fn ends_with_this_answer(&self) -> bool {
        !self.is_http2 && self.drain.has_begun()
    }

    /// Notes that an answer leaves a part of its request unread, so that the connection does not
    /// end in a reset that would take the answer with it.
    pub(super) fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Notes that a request begins, at the start of `watch`.
    pub(super) fn begin(&self, watch: &Stopwatch) {
        let since = watch.since(&self.opened).as_micros();
        self.latest
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        if self.is_http2 {
            self.begun.fetch_add(1, Ordering::Relaxed);
            self.active.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When the latest request began, and how much of its time is left.
    fn time_left(&self) -> (u64, Duration) {
        let latest = self.latest.load(Ordering::Relaxed);
        let end = Duration::from_micros(latest).saturating_add(self.request_time);
        (latest, end.saturating_sub(self.opened.elapsed()))
    }

    /// Notes that a request has ended.
    pub(super) fn end(&self) {
        if self.is_http2 {
            self.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Port {
    pub(super) fn new(
        limits: Limits,
        tls: Option<TlsAcceptor>,
        drain: Arc<Drain>,
        metrics: Arc<ListenerMetrics>,
        proxies: Arc<TrustedProxies>,
        proxied: bool,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(
            limits.connections.min(Semaphore::MAX_PERMITS),
        ));
        Self {
            limits,
            tls,
            drain,
            metrics,
            proxies,
            proxied,
            permits,
            addresses: Mutex::default(),
        }
    }

    /// Accepts until the draining begins, and returns when all connections have ended.
    pub(super) async fn serve<A: Application>(self: Arc<Self>, listener: Listener, application: A) {
        loop {
            let permit = tokio::select! {
                biased;
                () = self.drain.begun() => break,
                // At the limit nothing more is accepted: the kernel's queue is the waiting room.
                permit = Arc::clone(&self.permits).acquire_owned() => permit,
            };
            let Ok(permit) = permit else { break };
            tokio::select! {
                biased;
                () = self.drain.begun() => break,
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => self.take(socket, peer, permit, &application),
                    Err(error) => self.accept_failed(&error).await,
                },
            }
        }
        // Whoever is in the queue has connected as far as they know, and so has who is about to
        // be.
        let queue = listener.shut();
        self.take_all(&queue, &application);
        sleep(HANDSHAKE_GRACE).await;
        self.take_all(&queue, &application);
        drop(queue);
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        let _ = self.permits.acquire_many(all).await;
    }

    fn take_all<A: Application>(self: &Arc<Self>, queue: &Queue, application: &A) {
        while let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            let Some((socket, peer)) = queue.next() else {
                break;
            };
            self.take(socket, peer, permit, application);
        }
    }

    async fn accept_failed(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        self.metrics.accept_failed();
        match error.kind() {
            // That client's affair.
            ConnectionAborted | ConnectionReset | Interrupted => {}
            // Want of file descriptors or memory: it passes when connections end. The client
            // waits in the queue meanwhile.
            _ => {
                if self.metrics.is_worth_saying() {
                    warn!(%error, listener = self.metrics.name(), "cannot accept connections");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    fn take<A: Application>(
        self: &Arc<Self>,
        socket: Socket,
        peer: Option<IpAddr>,
        permit: OwnedSemaphorePermit,
        application: &A,
    ) {
        let Some(share) = Share::of(self, peer) else {
            return self.refuse_address(peer);
        };
        let place = Place(Arc::clone(self), share);
        self.metrics.connected();
        let port = Arc::clone(self);
        let application = application.clone();
        tokio::spawn(async move {
            let _permits = (permit, place);
            port.run(socket, peer, &application).await;
        });
    }

    fn refuse_address(&self, peer: Option<IpAddr>) {
        self.metrics.refused_address();
        if self.metrics.is_worth_saying() {
            warn!(
                peer = ?peer,
                limit = self.limits.connections_per_address,
                listener = self.metrics.name(),
                "too many connections of one address"
            );
        }
    }

    async fn run<A: Application>(
        self: &Arc<Self>,
        mut socket: Socket,
        mut peer: Option<IpAddr>,
        application: &A,
    ) {
        let mut share = None;
        if self.proxied {
            if peer.is_some_and(|peer| !self.proxies.trust(peer)) {
                return debug!(peer = ?peer, "not a trusted proxy");
            }
            match timeout(HANDSHAKE_TIMEOUT, proxied::sender(&mut socket)).await {
                Ok(Ok(None)) => {}
                Ok(Ok(sender)) => {
                    peer = sender.map(|sender| sender.to_canonical());
                    share = Share::of(self, peer);
                    if share.is_none() {
                        return self.refuse_address(peer);
                    }
                }
                Ok(Err(error)) => return debug!(%error, peer = ?peer, "connection refused"),
                Err(_) => return debug!(peer = ?peer, "PROXY header took too long"),
            }
        }
        let _share = share;
        let (stream, is_http2, client) = match &self.tls {
            None => (Stream::Left(socket), false, None),
            Some(acceptor) => match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await {
                Ok(Ok(stream)) => {
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let shown = stream.get_ref().1.peer_certificates();
                    let client = shown.and_then(|chain| chain.first()).map(|der| {
                        Arc::new(ClientCertificate {
                            names: signature::certificate_names(der),
                        })
                    });
                    (Stream::Right(Box::new(stream)), is_http2, client)
                }
                Ok(Err(error)) => return debug!(%error, peer = ?peer, "TLS handshake failed"),
                Err(_) => return debug!(peer = ?peer, "TLS handshake took too long"),
            },
        };
        let connection = Arc::new(Connection {
            peer,
            client,
            peer_text: peer.map(|peer| peer.to_string().into()),
            is_http2,
            most_headers: self.limits.headers,
            drain: Arc::clone(&self.drain),
            active: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            opened: Stopwatch::start(),
            latest: AtomicU64::new(0),
            request_time: self.limits.request_timeout,
            unread: AtomicBool::new(false),
        });
        let mut io = TimeoutStream::new(Lingering {
            stream,
            connection: Arc::clone(&connection),
            end: None,
            overdue: None,
        });
        io.set_write_timeout(Some(self.limits.write_timeout));
        let io = TokioIo::new(Box::pin(io));
        let service = application.service(&connection);
        let result = if is_http2 {
            self.http2(io, service, &connection).await
        } else {
            self.http1(io, service).await
        };
        if let Err(error) = result {
            debug!(%error, peer = ?peer, "connection ended");
        }
    }

    async fn http1<S>(&self, io: Io, service: S) -> hyper::Result<()>
    where
        S: Service<http::Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
    {
        let timer = HeadTimer::new();
        let mut builder = http1::Builder::new();
        builder
            .timer(timer.clone())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(self.limits.head.max(LEAST_BUFFER))
            // A client that has said all it has to say may still wait for the answer.
            .half_close(true);
        if self.limits.headers > HYPERS_HEADERS {
            builder.max_headers(self.limits.headers);
        }
        let mut connection = timer.drive(builder.serve_connection(io, service));
        if let Some(result) = self.until_drain(Pin::new(&mut connection)).await {
            return result;
        }
        tokio::select! {
            biased;
            result = &mut connection => return result,
            () = self.drain.ended() => return Ok(()),
            () = sleep(IDLE_GRACE.min(self.limits.drain_timeout / 2)) => {}
        }
        connection.connection().graceful_shutdown();
        tokio::select! {
            biased;
            result = connection => result,
            () = self.drain.ended() => Ok(()),
        }
    }

    /// Polls a connection until it ends, or until the draining begins.
    ///
    /// The wait for the draining is polled only once: it keeps this task's waker, and polling it
    /// with every request would take its lock with every request.
    async fn until_drain<C: Future>(&self, mut connection: Pin<&mut C>) -> Option<C::Output> {
        let mut begun = pin!(self.drain.begun());
        let mut is_registered = false;
        poll_fn(move |cx| {
            if let Poll::Ready(output) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if !is_registered || self.drain.has_begun() {
                is_registered = true;
                if begun.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn http2<S>(&self, io: Io, service: S, activity: &Arc<Connection>) -> hyper::Result<()>
    where
        S: Service<http::Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
        S::Future: Send + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(self.limits.head).unwrap_or(u32::MAX));
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut draining = pin!(self.drain.begun());
        let mut seen = 0;
        // hyper limits neither a preface that does not come, nor a head that stays half, nor
        // idleness: a span without any request ends the connection.
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => return result,
                () = draining.as_mut() => break,
                () = sleep(self.limits.header_timeout) => {
                    let begun = activity.begun.load(Ordering::Relaxed);
                    if begun == seen && activity.active.load(Ordering::Relaxed) == 0 {
                        break;
                    }
                    seen = begun;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        let rest = if self.drain.has_begun() {
            self.limits.drain_timeout
        } else {
            self.limits.header_timeout
        };
        tokio::select! {
            biased;
            result = connection => result,
            () = self.drain.ended() => Ok(()),
            () = sleep(rest) => Ok(()),
        }
    }
}

type Io = TokioIo<Pin<Box<TimeoutStream<Lingering>>>>;

/// One connection, counted.
struct Place(
    Arc<Port>,
    #[expect(dead_code, reason = "held until the end")] Share,
);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.metrics.disconnected();
    }
}

/// One connection's share of its address.
struct Share {
    port: Arc<Port>,
    address: Option<IpAddr>,
}

impl Share {
    /// `None` when the address has its share already. Proxies that are trusted, and Unix sockets,
    /// have no share of their own: they bring many clients.
    fn of(port: &Arc<Port>, peer: Option<IpAddr>) -> Option<Self> {
        let address = peer.filter(|peer| !port.proxies.trust(*peer)).map(network);
        if let Some(address) = address {
            let mut addresses = port
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let count = addresses.entry(address).or_insert(0);
            if *count >= port.limits.connections_per_address {
                return None;
            }
            *count += 1;
        }
        Some(Self {
            port: Arc::clone(port),
            address,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut addresses = self
            .port
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

/// What counts as one address: of IPv6 the /64, which is what one customer gets.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(network.into())
        }
    }
}

/// A stream whose end is not a reset, and that takes no answer longer than a request may take.
///
/// Closing a TCP socket with unread bytes in it makes the kernel send a reset, which can reach the
/// client before it has read the answer: a refused upload would then look like a broken
/// connection. So what still arrives after the last answer is read and thrown away, for a while.
///
/// A client that takes an answer a few bytes at a time never stalls, and would hold its connection for
/// as long as it likes. So a write that has to wait does so only until the request's time is over.
#[derive(Debug)]
struct Lingering {
    stream: Stream,
    connection: Arc<Connection>,
    end: Option<End>,
    /// When the time of the request that began then is over; made once a write has to wait.
    overdue: Option<(u64, Pin<Box<Sleep>>)>,
}

#[derive(Debug)]
struct End {
    until: Pin<Box<Sleep>>,
    bytes: usize,
    /// Whether more is expected; found out by the first read.
    expects: bool,
}

impl Lingering {
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let (latest, left) = self.connection.time_left();
        if self.overdue.as_ref().is_none_or(|(of, _)| *of != latest) {
            self.overdue = Some((latest, Box::pin(sleep(left))));
        }
        match &mut self.overdue {
            Some((_, overdue)) => overdue
                .as_mut()
                .poll(cx)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(end) = &mut self.end else {
            return Poll::Ready(());
        };
        let mut scrap = [0; 4096];
        loop {
            if end.bytes == 0 || end.until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buf = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Pending if end.expects => return Poll::Pending,
                Poll::Pending | Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if buf.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    end.expects = true;
                    end.bytes = end.bytes.saturating_sub(buf.filled().len());
                }
            }
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.in_time(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.in_time(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.end.is_none() {
            std::task::ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.end = Some(End {
                until: Box::pin(sleep(LINGER)),
                bytes: LINGER_BYTES,
                // An HTTP/2 client always has something on its way: acknowledgements, windows.
                expects: this.connection.is_http2 || this.connection.unread.load(Ordering::Relaxed),
            });
        }
        this.poll_rest(cx).map(Ok)
    }
}
