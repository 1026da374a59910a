//! W4 on hyper and an append log: an event is answered once it is on disk, and nothing else is done.
//!
//! One thread for HTTP, as `bare_hyper`, and one that writes: it takes all events that wait, writes
//! them behind one another, calls `fdatasync` once and lets them all go. The file is as long as it
//! will be from the start and is written round and round, so that a sync has no metadata to write.
//! It cannot be read back beside new events, finds no duplicate and delivers nothing: this is what
//! durability alone costs.

#[expect(dead_code, reason = "W1 and W3 are not done here")]
mod work;

use std::convert::Infallible;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use work::Arguments;

const KEPT_PATH: &str = "/crm/v2/functions/lead_kept/actions/execute";

/// How long the file is.
const LENGTH: u64 = 256 << 20;

/// An event, and who waits for it.
struct Waiting {
    body: Bytes,
    done: oneshot::Sender<()>,
}

/// What is to be written.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    filled: Condvar,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = Arguments::from_command_line()? else {
        return Ok(());
    };
    let file = prepared()?;
    let queue = Arc::new(Queue::default());
    let for_writer = Arc::clone(&queue);
    std::thread::Builder::new()
        .name("append".to_owned())
        .spawn(move || write(&file, &for_writer))?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(arguments, queue))
}

/// The file, in the working directory, written whole.
fn prepared() -> std::io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open("append.log")?;
    let zeros = vec![0; 1 << 20];
    let mut at = 0;
    while at < LENGTH {
        file.write_all_at(&zeros, at)?;
        at += zeros.len() as u64;
    }
    file.sync_all()?;
    Ok(file)
}

/// Group commit. Whoever waits when this fails gets no answer.
fn write(file: &File, queue: &Queue) {
    let mut at = 0;
    let mut buffer = Vec::new();
    loop {
        let waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = queue
            .filled
            .wait_while(waiting, |waiting| waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut *waiting);
        drop(waiting);
        buffer.clear();
        for event in &batch {
            let length = u32::try_from(event.body.len()).unwrap_or(u32::MAX);
            buffer.extend_from_slice(&length.to_le_bytes());
            buffer.extend_from_slice(&crc32fast::hash(&event.body).to_le_bytes());
            buffer.extend_from_slice(&event.body);
        }
        if at + buffer.len() as u64 > LENGTH {
            at = 0;
        }
        if file.write_all_at(&buffer, at).is_err() || file.sync_data().is_err() {
            return;
        }
        at += buffer.len() as u64;
        for event in batch {
            // It may have gone away.
            let _ = event.done.send(());
        }
    }
}

async fn serve(arguments: Arguments, queue: Arc<Queue>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(arguments.address).await?;
    let key: &'static str = arguments.key.leak();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(request, key, Arc::clone(&queue)));
            // A connection that the client breaks off is none of ours.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    key: &'static str,
    queue: Arc<Queue>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let (status, text) = if !work::is_authentic(head.uri.query(), key) {
        work::unauthenticated()
    } else if head.method == Method::POST && head.uri.path() == KEPT_PATH {
        let is_kept = match body.collect().await {
            Ok(body) => keep(&queue, body.to_bytes()).await,
            Err(_) => false,
        };
        if is_kept {
            work::status()
        } else {
            work::refusal(503, "UNAVAILABLE")
        }
    } else {
        work::refusal(404, "INVALID_URL_PATTERN")
    };
    let mut reply = Response::new(Full::from(text));
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static(work::CONTENT_TYPE),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        http::HeaderValue::from_static(work::CONTENT_DISPOSITION),
    );
    Ok(reply)
}

/// Whether the event is on disk.
async fn keep(queue: &Queue, body: Bytes) -> bool {
    let (done, waits) = oneshot::channel();
    let event = Waiting { body, done };
    queue
        .waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(event);
    queue.filled.notify_one();
    waits.await.is_ok()
}
