//! One attempt to open a stream.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use sansse::http::{Answer, MOST_REDIRECTS};
use tokio::time::timeout;

use crate::event_source::disconnect::{Disconnect, RedirectError, Refused};
use crate::event_source::request::{Attempt, Provider, Redirected, Request};
use crate::event_source::update::Open;
use crate::sse::list;
use crate::transport::{AnyTransport, BoxBody};

/// How much of an answer that is no event stream is kept, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;
/// How long such an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// What all attempts of a source have in common.
pub(crate) struct Attempts {
    pub(crate) transport: Arc<dyn AnyTransport>,
    pub(crate) requests: Requests,
    pub(crate) head_timeout: Duration,
}

/// Where requests come from.
pub(crate) enum Requests {
    Same(Box<Request>),
    From(Box<Provider>),
}

impl Requests {
    pub(crate) fn same(request: Request) -> Self {
        Self::Same(Box::new(request))
    }
}

/// What an attempt led to, but for its failure.
pub(crate) enum Opened {
    Stream {
        open: Box<Open>,
        body: BoxBody,
        place: Redirected,
    },
    /// 204: never come back.
    Stop,
}

impl Attempts {
    /// Asks for the stream, and follows redirects. Goes to `place` instead of where the request
    /// says, if there is one.
    pub(crate) async fn open(
        self: Arc<Self>,
        attempt: Attempt,
        place: Option<Redirected>,
    ) -> Result<Opened, Disconnect> {
        let last_event_id = attempt.last_event_id.clone();
        let mut request = match &self.requests {
            Requests::Same(request) => (**request).clone(),
            Requests::From(provider) => {
                let request = provider(attempt).await.map_err(Disconnect::Provider)?;
                Request::from_http(request).map_err(|error| Disconnect::Provider(error.into()))?
            }
        };
        let may_have_gap = request.complete(&last_event_id);
        if let Some(place) = &place {
            request.go_to(place);
        }
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&request).await?;
            let status = response.status();
            let content_type = list(response.headers(), CONTENT_TYPE);
            match Answer::new(status.as_u16(), Some(&content_type)) {
                Answer::EventStream => return stream(response, &request, may_have_gap),
                Answer::Stop => return Ok(Opened::Stop),
                Answer::Redirect => {
                    request.redirect(status, response.headers()).map_err(Disconnect::Redirect)?;
                }
                Answer::WrongStatus | Answer::WrongType => {
                    return Err(refused(response, &request).await);
                }
            }
        }
        Err(Disconnect::Redirect(RedirectError::TooMany))
    }

    async fn send(&self, request: &Request) -> Result<Response<BoxBody>, Disconnect> {
        let request = request.to_http().map_err(|error| Disconnect::Unreachable(error.into()))?;
        match timeout(self.head_timeout, self.transport.send(request)).await {
            Ok(response) => response.map_err(Disconnect::Unreachable),
            Err(_) => Err(Disconnect::HeadTimeout(self.head_timeout)),
        }
    }
}

fn stream(
    response: Response<BoxBody>,
    request: &Request,
    may_have_gap: bool,
) -> Result<Opened, Disconnect> {
    let (head, body) = response.into_parts();
    let url = request.uri().map_err(|error| Disconnect::Unreachable(error.into()))?;
    let open = Box::new(Open { status: head.status, headers: head.headers, url, may_have_gap });
    Ok(Opened::Stream { open, body, place: request.place() })
}

async fn refused(response: Response<BoxBody>, request: &Request) -> Disconnect {
    let (head, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    // What has come when it breaks or takes too long is better than nothing.
    let _ = timeout(ANSWER_TIME, async {
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            bytes.extend_from_slice(&data[..data.len().min(ANSWER_LIMIT - bytes.len())]);
            if bytes.len() == ANSWER_LIMIT {
                break;
            }
        }
    })
    .await;
    match request.uri() {
        Ok(url) => Disconnect::Refused(Box::new(Refused {
            status: head.status,
            headers: head.headers,
            body: bytes.freeze(),
            url,
        })),
        Err(error) => Disconnect::Unreachable(error.into()),
    }
}
