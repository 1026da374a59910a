//! Reading a body: counted while it arrives, within a time limit, copied only when it comes in
//! pieces.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, future};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use tokio::time::timeout;

use super::rejection::Refused;
use crate::gateway::Refusal;

/// The most that is reserved on a caller's word alone.
const FIRST_CAPACITY: u64 = 64 << 10;

/// Whether a body comes after the head, as far as HTTP/1.1's head tells.
pub(super) fn is_announced(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
}

/// Refuses a body by what the head says of it, before a byte of it is read.
pub(super) fn check_head(headers: &HeaderMap, limit: u64) -> Result<Option<u64>, Refused> {
    for encoding in headers.get_all(CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            let message = "the body must be sent without a content encoding".to_owned();
            return Err(Refused::Gateway(Refusal::UnsupportedMediaType { message }));
        }
    }
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        Some(length) if length > limit => Err(too_large(limit)),
        length => Ok(length),
    }
}

/// Reads the body. A body that lies in the connection's buffer already is neither copied nor
/// timed.
pub(super) async fn read<S, B, E>(
    body: S,
    length: Option<u64>,
    limit: u64,
    time: Duration,
) -> Result<Bytes, Refused>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    let mut reading = pin!(collect(body, length, limit));
    match future::poll_immediate(reading.as_mut()).await {
        Some(result) => result,
        None => timeout(time, reading)
            .await
            .unwrap_or(Err(Refused::BodyTimeout)),
    }
}

async fn collect<S, B, E>(body: S, length: Option<u64>, limit: u64) -> Result<Bytes, Refused>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    let mut body = pin!(body);
    let Some(first) = body.next().await else {
        return Ok(Bytes::new());
    };
    let mut first = first.map_err(|_| Refused::BodyBroken)?;
    check_size(first.remaining(), limit)?;
    let first = first.copy_to_bytes(first.remaining());
    if length == Some(first.len() as u64) {
        // Also sees a connection that breaks between the last byte and the end.
        return match body.next().await {
            None => Ok(first),
            Some(_) => Err(Refused::BodyBroken),
        };
    }
    let Some(second) = body.next().await else {
        return Ok(first);
    };
    let capacity = length.unwrap_or(0).min(limit).min(FIRST_CAPACITY);
    let mut whole =
        BytesMut::with_capacity(usize::try_from(capacity).unwrap_or(0).max(first.len()));
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        let piece = piece.map_err(|_| Refused::BodyBroken)?;
        check_size(whole.len().saturating_add(piece.remaining()), limit)?;
        append(&mut whole, piece);
        next = body.next().await;
    }
    Ok(whole.freeze())
}

fn append(whole: &mut BytesMut, mut piece: impl Buf) {
    while piece.has_remaining() {
        let chunk = piece.chunk();
        whole.extend_from_slice(chunk);
        let length = chunk.len();
        piece.advance(length);
    }
}

fn check_size(size: usize, limit: u64) -> Result<(), Refused> {
    if size as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(())
}

fn too_large(limit: u64) -> Refused {
    Refused::Gateway(Refusal::BodyTooLarge { limit })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn read_pieces(pieces: &[&'static str], limit: u64) -> Result<Bytes, Refused> {
        let pieces = pieces
            .iter()
            .map(|piece| Ok::<_, Infallible>(piece.as_bytes()));
        let stream = futures_util::stream::iter(pieces);
        read(stream, None, limit, Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn a_body_is_what_its_pieces_are() {
        for pieces in [&[][..], &["abc"], &["ab", "", "c"], &["a", "b", "c"]] {
            let whole = read_pieces(pieces, 3).await.unwrap();
            assert_eq!(whole, pieces.concat());
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_with_the_piece_that_passes_it() {
        for pieces in [&["abcd"][..], &["abc", "d"], &["a", "b", "c", "d", "e"]] {
            let refused = read_pieces(pieces, 3).await.unwrap_err();
            let is_size = matches!(
                refused,
                Refused::Gateway(Refusal::BodyTooLarge { limit: 3 })
            );
            assert!(is_size, "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_a_timeout() {
        let never = futures_util::stream::pending::<Result<&[u8], Infallible>>();
        let refused = read(never, None, 3, Duration::from_millis(1)).await;
        assert!(matches!(refused, Err(Refused::BodyTimeout)), "{refused:?}");
    }
}
