//! `POST /topics/{topic}`: publishing.

use http::request::Parts;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Incoming;
use sansse_tokio::{Event, Hub, PublishError};

use super::content::{self, ContentError, ContentLimits};
use super::routes::{Body, full, sentence};
use super::target::pairs;

/// Publishes the content of a request, and answers with the id that the stream carries.
pub(super) async fn answer(
    hub: &Hub,
    topic: &str,
    limits: ContentLimits,
    request: &Parts,
    content: Incoming,
) -> Response<Body> {
    let data = match posted(&request.headers, content, limits).await {
        Ok(data) => data,
        Err(refusal) => return *refusal,
    };
    let event_type = pairs(&request.uri)
        .find(|(name, _)| name == "event")
        .map_or_else(String::new, |(_, event_type)| event_type.into());
    let event = match Event::new(&data).with_type(&event_type) {
        Ok(event) => event,
        Err(problem) => return sentence(StatusCode::BAD_REQUEST, &problem.to_string()),
    };
    match hub.publish(topic, &event) {
        Ok(id) => {
            full(StatusCode::CREATED, "application/json", format!("{{\"id\":\"{id}\"}}\n").into())
        }
        Err(problem) => {
            let status = match problem {
                PublishError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                PublishError::Closed => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            sentence(status, &problem.to_string())
        }
    }
}

/// The content of a request that a page of this server makes, or no page at all; or why it is not
/// taken.
pub(crate) async fn posted(
    headers: &HeaderMap,
    content: Incoming,
    limits: ContentLimits,
) -> Result<String, Box<Response<Body>>> {
    if !is_same_origin(headers) {
        content::discard(headers, content).await;
        return Err(Box::new(sentence(
            StatusCode::FORBIDDEN,
            "a page of another origin may not publish here: publish from this server's own page",
        )));
    }
    let text = content::read(headers, content, limits).await;
    text.map_err(|problem| Box::new(refuse(&problem, limits)))
}

fn refuse(problem: &ContentError, limits: ContentLimits) -> Response<Body> {
    match problem {
        ContentError::TooLarge => sentence(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is too large: send at most {} bytes", limits.bytes),
        ),
        ContentError::NotUtf8 => sentence(
            StatusCode::BAD_REQUEST,
            "the body is not UTF-8: send text, and binary data as base64",
        ),
        ContentError::TooSlow => sentence(
            StatusCode::REQUEST_TIMEOUT,
            &format!("the body took too long: send all of it within {:?}", limits.time),
        ),
        ContentError::Broken(error) => {
            sentence(StatusCode::BAD_REQUEST, &format!("the body could not be read: {error}"))
        }
    }
}

/// Whether the request comes from a page of this server, or from no page at all.
///
/// Browsers that say so themselves are believed, since a proxy may have rewritten `Host`.
fn is_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).map(|host| host.as_bytes().to_ascii_lowercase());
    let origin = origin.as_bytes().to_ascii_lowercase();
    [&b"http://"[..], b"https://"].iter().any(|scheme| {
        origin.strip_prefix(*scheme).is_some_and(|origin| Some(origin) == host.as_deref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (site, origin, expected) in [
            (None, None, true),
            (None, Some("http://localhost:8080"), true),
            (None, Some("HTTP://LOCALHOST:8080"), true),
            (None, Some("https://localhost:8080"), true),
            (None, Some("http://localhost"), false),
            (None, Some("http://evil.example"), false),
            (None, Some("null"), false),
            (None, Some(""), false),
            (Some("same-origin"), Some("https://proxy.example"), true),
            (Some("same-site"), Some("http://localhost:8080"), false),
            (Some("cross-site"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "localhost:8080".parse().unwrap());
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(is_same_origin(&headers), expected, "{site:?} {origin:?}");
        }
    }
}
