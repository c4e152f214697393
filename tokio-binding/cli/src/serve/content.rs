//! The content of a request: read within a limit, or thrown away.

use std::time::Duration;

use bytes::BytesMut;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::metrics;

/// How much of an unwanted content is read, in bytes, and for how long.
const DISCARD_LIMIT: usize = 32 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// How long a content may be, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentLimits {
    /// Bytes.
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// Why a content is refused.
#[derive(Debug)]
pub(super) enum ContentError {
    TooLarge,
    TooSlow,
    NotUtf8,
    Broken(hyper::Error),
}

/// Reads all of a content as text.
pub(super) async fn read(
    headers: &HeaderMap,
    mut content: Incoming,
    limits: ContentLimits,
) -> Result<String, ContentError> {
    let collecting = collect(&mut content, limits.bytes);
    let text = timeout(limits.time, collecting).await.unwrap_or_else(|_| {
        metrics::timeout("content");
        Err(ContentError::TooSlow)
    });
    if matches!(text, Err(ContentError::TooLarge)) {
        discard(headers, content).await;
    }
    String::from_utf8(text?.into()).map_err(|_| ContentError::NotUtf8)
}

async fn collect(content: &mut Incoming, limit: usize) -> Result<BytesMut, ContentError> {
    if content.size_hint().lower() > limit as u64 {
        return Err(ContentError::TooLarge);
    }
    let mut text = BytesMut::new();
    while let Some(frame) = content.frame().await {
        if let Ok(data) = frame.map_err(ContentError::Broken)?.into_data() {
            if data.len() > limit - text.len() {
                return Err(ContentError::TooLarge);
            }
            text.extend_from_slice(&data);
        }
    }
    Ok(text)
}

/// Reads on for a while, to nowhere: a client that is still sending when the connection closes may
/// never see the answer. One that waits to be asked is not asked.
pub(crate) async fn discard(headers: &HeaderMap, mut content: Incoming) {
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
    let _ = timeout(DISCARD_TIME, reading).await;
}
