//! The content of a request: read within a limit, or thrown away.

use std::time::Duration;

use bytes::BytesMut;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

/// How much of an unwanted content is read, in bytes, and for how long.
const DISCARD_LIMIT: usize = 32 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Why a content is refused.
#[derive(Debug)]
pub(super) enum ContentError {
    TooLarge,
    NotUtf8,
    Broken(hyper::Error),
}

/// Reads all of a content as text.
pub(super) async fn read(
    headers: &HeaderMap,
    mut content: Incoming,
    limit: usize,
) -> Result<String, ContentError> {
    let mut text = BytesMut::new();
    let mut too_large = content.size_hint().lower() > limit as u64;
    while !too_large {
        let Some(frame) = content.frame().await else {
            return String::from_utf8(text.into()).map_err(|_| ContentError::NotUtf8);
        };
        if let Ok(data) = frame.map_err(ContentError::Broken)?.into_data() {
            too_large = data.len() > limit - text.len();
            if !too_large {
                text.extend_from_slice(&data);
            }
        }
    }
    discard(headers, content).await;
    Err(ContentError::TooLarge)
}

/// Reads on for a while, to nowhere: a client that is still sending when the connection closes may
/// never see the answer. One that waits to be asked is not asked.
pub(super) async fn discard(headers: &HeaderMap, mut content: Incoming) {
    if content.is_end_stream() || headers.contains_key(EXPECT) {
        return;
    }
    let reading = async {
        let mut length = 0;
        while let Some(Ok(frame)) = content.frame().await {
            length += frame.data_ref().map_or(0, bytes::Bytes::len);
            if length > DISCARD_LIMIT {
                return;
            }
        }
    };
    // The answer goes out all the same.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}
