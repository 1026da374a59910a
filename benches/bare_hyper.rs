//! W1, W2 and W3 on hyper alone: the base of every ratio in `benches/run`.
//!
//! One thread, keep-alive, no limits, no log: nothing can do this work on hyper with
//! `serde_json::Value` and cost much less.

mod work;

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use work::{Answer, Arguments};

const PUSH_PATH: &str = "/crm/v2/functions/lead_in/actions/execute";
const SIGNED_PATH: &str = "/crm/v2/functions/lead_signed/actions/execute";
const STATUS_PATH: &str = "/crm/v2/functions/status_ok/actions/execute";

thread_local! {
    static SECRET: ring::hmac::Key = work::secret();
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = Arguments::from_command_line()? else {
        return Ok(());
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(arguments.address).await?;
    let key: &'static str = arguments.key.leak();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(request, key));
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
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    if !work::is_authentic(head.uri.query(), key) {
        return Ok(reply(work::unauthenticated()));
    }
    let answer = match (head.method, head.uri.path()) {
        (Method::POST, PUSH_PATH) => match body.collect().await {
            Ok(body) => work::push(&body.to_bytes()),
            Err(_) => work::push(b""),
        },
        (Method::POST, SIGNED_PATH) => match body.collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                let signature = head.headers.get("x-hub-signature-256");
                if SECRET.with(|secret| work::is_signed(signature, &body, secret)) {
                    work::push(&body)
                } else {
                    work::unauthenticated()
                }
            }
            Err(_) => work::push(b""),
        },
        (Method::GET, STATUS_PATH) => work::status(),
        _ => work::refusal(404, "INVALID_URL_PATTERN"),
    };
    Ok(reply(answer))
}

fn reply((status, body): Answer) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::from(body));
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
    reply
}
