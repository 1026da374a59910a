//! A third party that is delivered to: a server on a port of its own, which answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What it does.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Answers with a status and a body, and lines for headers.
    Answers(u16, &'static str, &'static str),
    /// Closes the connection in the middle of its answer.
    Breaks,
    /// Says nothing.
    Hangs,
    /// Answers without an end.
    Floods,
    /// Answers byte by byte, with a pause before each, and never comes to an end.
    Drips,
}

/// Answers each request as `act` says.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) address: SocketAddr,
    received: Mutex<Receiver<Received>>,
    ends: Arc<AtomicBool>,
}

impl Destination {
    pub(crate) fn new(act: impl Fn(&Received) -> Does + Send + Sync + 'static) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), act)
    }

    /// One that listens there.
    pub(crate) fn at(
        address: SocketAddr,
        act: impl Fn(&Received) -> Does + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = channel();
        let ends = Arc::new(AtomicBool::new(false));
        let act = Arc::new(act);
        let stops = Arc::clone(&ends);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stops.load(Ordering::Relaxed) {
                    return;
                }
                let (act, sender) = (Arc::clone(&act), sender.clone());
                std::thread::spawn(move || serve(stream, &*act, &sender));
            }
        });
        Self {
            address,
            received: Mutex::new(received),
            ends,
        }
    }

    /// One that takes everything.
    pub(crate) fn kind() -> Self {
        Self::new(|_| Does::Answers(200, "", "{}"))
    }

    /// The next request.
    #[track_caller]
    pub(crate) fn next(&self) -> Received {
        let received = self.received.lock().unwrap();
        received
            .recv_timeout(Duration::from_mins(1))
            .expect("nothing is delivered")
    }

    /// All that has come.
    pub(crate) fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().try_iter().collect()
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, act: &dyn Fn(&Received) -> Does, sender: &Sender<Received>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(received) = read(&mut reader) {
        let does = act(&received);
        let _ = sender.send(received);
        match does {
            Does::Answers(status, headers, body) => {
                let answer = format!(
                    "HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}",
                    body.len()
                );
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            Does::Breaks => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
                return;
            }
            Does::Hangs => {
                // Until the other side gives up.
                let mut rest = Vec::new();
                let _ = reader.read_to_end(&mut rest);
                return;
            }
            Does::Drips => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
                while stream.write_all(b"x").is_ok() {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                return;
            }
            Does::Floods => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
                while stream.write_all(&[b'x'; 4096]).is_ok() {}
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        method,
        target,
        headers,
        body,
    })
}
