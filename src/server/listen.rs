//! Sockets: binding them, taking them over from systemd, and the one stream type above them.
//!
//! A listener that ends takes no newcomers but gives up nobody who has connected: whoever connected
//! may have sent a request already. Nothing here knows of HTTP. What can go wrong when a listener is opened is said in the words of
//! whoever wrote its address, with what to do about it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{SockFilter, SockRef};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tracing::debug;

use crate::route::Address;

/// How many connections the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;

/// A server that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`{hint}")]
    Listen {
        /// As it was written.
        address: String,
        /// What to do, where that is known.
        hint: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// systemd did not hand over a socket of this name.
    #[error(
        "systemd handed over no socket named `{name}` (there is {found}); \
         set `FileDescriptorName={name}` in the socket unit"
    )]
    NoSuchSocket {
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        found: String,
    },
    /// The certificate or its key.
    #[error("cannot use `{path}` for TLS")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: super::tls::TlsError,
    },
}

/// Sockets that systemd opened for us, by name.
#[derive(Debug, Default)]
pub struct InheritedSockets(HashMap<String, Inherited>);

#[derive(Debug)]
enum Inherited {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl InheritedSockets {
    /// Takes the sockets over. To be called once, at the start of the process and before it has
    /// threads, as it removes `LISTEN_FDS` from the environment.
    pub fn take() -> io::Result<Self> {
        let names: Vec<String> = sd_notify::listen_fds_with_names()?
            .map(|(_, name)| name)
            .collect();
        let mut descriptors = listenfd::ListenFd::from_env();
        let mut sockets = HashMap::new();
        for (index, name) in names.into_iter().enumerate() {
            // Which kind a descriptor is shows only when it is taken as one.
            let socket = match descriptors.take_tcp_listener(index) {
                Ok(Some(listener)) => Inherited::Tcp(listener),
                Ok(None) | Err(_) => match descriptors.take_unix_listener(index)? {
                    Some(listener) => Inherited::Unix(listener),
                    None => continue,
                },
            };
            sockets.insert(name, socket);
        }
        Ok(Self(sockets))
    }

    fn names(&self) -> String {
        if self.0.is_empty() {
            return "none at all".to_owned();
        }
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        format!("`{}`", names.join("`, `"))
    }
}

/// An open listener.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp {
        listener: TcpListener,
        /// It is systemd's too, and goes on without us.
        is_inherited: bool,
    },
    Unix {
        listener: UnixListener,
        /// Removed when the listener ends, if we made it.
        file: Option<SocketFile>,
    },
}

/// A socket's file, removed with the value.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Opens the address. Must be called within a runtime.
    pub(super) fn open(
        address: &Address,
        inherited: &mut InheritedSockets,
    ) -> Result<Self, ServerError> {
        let failed = |source: io::Error| ServerError::Listen {
            address: describe(address),
            hint: hint(&source),
            source,
        };
        match address {
            Address::Tcp(address) => bind_tcp(*address).map_err(failed),
            Address::Unix(path) => bind_unix(path).map_err(failed),
            Address::Systemd(name) => match inherited.0.remove(name) {
                None => Err(ServerError::NoSuchSocket {
                    name: name.clone(),
                    found: inherited.names(),
                }),
                Some(Inherited::Tcp(listener)) => listener
                    .set_nonblocking(true)
                    .and_then(|()| TcpListener::from_std(listener))
                    .map(|listener| Self::Tcp {
                        listener,
                        is_inherited: true,
                    })
                    .map_err(failed),
                Some(Inherited::Unix(listener)) => listener
                    .set_nonblocking(true)
                    .and_then(|()| UnixListener::from_std(listener))
                    .map(|listener| Self::Unix {
                        listener,
                        file: None,
                    })
                    .map_err(failed),
            },
        }
    }

    /// The address that it got: the port, where port 0 was asked for.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { listener, .. } => listener.local_addr().ok(),
            Self::Unix { .. } => None,
        }
    }

    /// Waits for the next connection. The address is `None` for a Unix socket.
    pub(super) async fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            Self::Tcp { listener, .. } => {
                let (stream, peer) = listener.accept().await?;
                // Answers are written whole; waiting for more to send would only delay them.
                stream.set_nodelay(true)?;
                Ok((Either::Left(stream), Some(peer.ip().to_canonical())))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Either::Right(stream), None))
            }
        }
    }

    /// Takes no newcomers any more. Who has connected already is in the queue, or will be as soon
    /// as their handshake ends.
    pub(super) fn shut(self) -> Queue {
        match self {
            Self::Tcp {
                listener,
                is_inherited: false,
            } => {
                if let Err(error) = SockRef::from(&listener).attach_filter(&NO_NEWCOMERS) {
                    debug!(%error, "who connects in the last moment will be reset");
                }
                listener.into_std().map_or(Queue::Nobody, Queue::Tcp)
            }
            // The next process finds them where they are.
            Self::Tcp { .. } | Self::Unix { file: None, .. } => Queue::Nobody,
            Self::Unix {
                listener,
                file: Some(file),
            } => {
                // Without its file nobody finds it.
                drop(file);
                listener.into_std().map_or(Queue::Nobody, Queue::Unix)
            }
        }
    }
}

/// Drops the packets that open a connection, and no others.
///
/// Between the last look into the queue and the closing of the socket there is a gap, and who
/// connects in it is reset with their request in the air. With this in place nobody can: their
/// kernel asks again after a second, and is refused. It is a program in the kernel's packet filter
/// language; the packet begins with the TCP header, whose byte 13 has the flags.
static NO_NEWCOMERS: [SockFilter; 5] = {
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
};

/// Who has connected to a listener that is shut and was not yet accepted.
#[derive(Debug)]
pub(super) enum Queue {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
    /// It is somebody else's.
    Nobody,
}

impl Queue {
    /// The next of them. Never waits. Must be called within a runtime.
    pub(super) fn next(&self) -> Option<(Socket, Option<IpAddr>)> {
        loop {
            // Asked directly: the runtime learns of them only when it next asks the kernel.
            match self.accept() {
                Ok(next) => return next,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // That one has gone; the next may not have.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    debug!(%error, "cannot accept who is still in the queue");
                    return None;
                }
            }
        }
    }

    fn accept(&self) -> io::Result<Option<(Socket, Option<IpAddr>)>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                let socket = Either::Left(TcpStream::from_std(stream)?);
                Ok(Some((socket, Some(peer.ip().to_canonical()))))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Some((Either::Right(UnixStream::from_std(stream)?), None)))
            }
            Self::Nobody => Ok(None),
        }
    }
}

/// An address as it is written in a spec.
pub(super) fn describe(address: &Address) -> String {
    match address {
        Address::Tcp(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Systemd(name) => format!("systemd:{name}"),
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": another program listens there; stop it or choose another address"
        }
        io::ErrorKind::PermissionDenied => {
            ": not permitted; ports below 1024 and other users' folders need privileges"
        }
        io::ErrorKind::AddrNotAvailable => ": no interface of this machine has that address",
        io::ErrorKind::NotFound => ": its folder does not exist",
        _ => "",
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for the last run's connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(Listener::Tcp {
        listener: socket.listen(BACKLOG)?,
        is_inherited: false,
    })
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    // The owner and the group; whoever else should connect is a matter of the folder.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(Listener::Unix {
        listener,
        file: Some(file),
    })
}

/// Removes the file of a gateway that ended without doing so itself; a file where somebody still
/// listens, or that is no socket, stays.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) if !file.file_type().is_socket() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file that is no socket stands there",
        )),
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)
            }
            Err(error) => Err(error),
        },
    }
}

/// An accepted connection before TLS: of a TCP listener, or of a Unix socket.
pub(super) type Socket = Either<TcpStream, UnixStream>;

/// A connection as HTTP sees it: plain, or under TLS.
pub(super) type Stream = Either<Socket, Box<TlsStream<Socket>>>;
