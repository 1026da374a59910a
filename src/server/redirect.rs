//! Waits for one browser that is sent back here, as OAuth's redirects do.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Answers browsers until one comes whose query `take` is content with; what that made of it.
/// Others are told what was wrong with theirs, and the wait goes on. `path` is where it is sent to.
pub async fn await_redirect<T: Send + 'static>(
    listener: TcpListener,
    path: &'static str,
    take: impl FnMut(&str) -> Result<T, String> + Send + 'static,
) -> std::io::Result<T> {
    let (found, mut wanted) = mpsc::channel(1);
    let take = Arc::new(Mutex::new(take));
    loop {
        tokio::select! {
            Some(found) = wanted.recv() => return Ok(found),
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let (take, found) = (Arc::clone(&take), found.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = answer(&request, path, &take, &found);
                        std::future::ready(Ok::<_, Infallible>(answer))
                    });
                    // A browser that goes away is none of ours.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        }
    }
}

fn answer<T>(
    request: &Request<Incoming>,
    path: &str,
    take: &Mutex<impl FnMut(&str) -> Result<T, String>>,
    found: &mpsc::Sender<T>,
) -> Response<Full<Bytes>> {
    let (status, text) = if request.uri().path() == path {
        let query = request.uri().query().unwrap_or_default();
        let mut take = take.lock().unwrap_or_else(PoisonError::into_inner);
        match take(query) {
            Ok(taken) => {
                // Of several that come at once, the first counts.
                let _ = found.try_send(taken);
                (
                    StatusCode::OK,
                    "Allowed. This window can be closed.\n".to_owned(),
                )
            }
            Err(why) => (StatusCode::BAD_REQUEST, format!("Not taken: {why}\n")),
        }
    } else {
        (StatusCode::NOT_FOUND, "Nothing is here.\n".to_owned())
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
