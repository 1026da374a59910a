//! W1 and W2 on warp's filters, with nothing of ours around them.
//!
//! `warp::service` on hyper's HTTP/1 connection, as hookweir itself is served: `warp::serve`
//! looks for HTTP/2 on every connection and is a little slower.

mod work;

use std::error::Error;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use warp::{Filter, Rejection};

use work::{Answer, Arguments};

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
    let service = warp::service(functions(key));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            // A connection that the client breaks off is none of ours.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

thread_local! {
    static SECRET: ring::hmac::Key = work::secret();
}

fn functions(
    key: &'static str,
) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = Rejection> + Clone {
    let push = warp::post()
        .and(warp::path!(
            "crm" / "v2" / "functions" / "lead_in" / "actions" / "execute"
        ))
        .and(warp::query::raw())
        .and(warp::body::bytes())
        .map(move |query: String, body: Bytes| {
            if work::is_authentic(Some(&query), key) {
                work::push(&body)
            } else {
                work::unauthenticated()
            }
        });
    let signed = warp::post()
        .and(warp::path!(
            "crm" / "v2" / "functions" / "lead_signed" / "actions" / "execute"
        ))
        .and(warp::query::raw())
        .and(warp::header::headers_cloned())
        .and(warp::body::bytes())
        .map(
            move |query: String, headers: http::HeaderMap, body: Bytes| {
                let signature = headers.get("x-hub-signature-256");
                let is_signed = SECRET.with(|secret| work::is_signed(signature, &body, secret));
                if work::is_authentic(Some(&query), key) && is_signed {
                    work::push(&body)
                } else {
                    work::unauthenticated()
                }
            },
        );
    let status = warp::get()
        .and(warp::path!(
            "crm" / "v2" / "functions" / "status_ok" / "actions" / "execute"
        ))
        .and(warp::query::raw())
        .map(move |query: String| {
            if work::is_authentic(Some(&query), key) {
                work::status()
            } else {
                work::unauthenticated()
            }
        });
    push.or(signed).unify().or(status).unify().map(reply)
}

fn reply((status, body): Answer) -> Response<Vec<u8>> {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
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
