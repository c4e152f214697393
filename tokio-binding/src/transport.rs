//! What carries a client's requests.

#[cfg(feature = "reqwest")]
mod reqwest;

use std::error::Error;
use std::fmt;
use std::pin::Pin;

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

#[cfg(feature = "reqwest")]
pub(crate) use self::reqwest::client as default_client;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) type BoxBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An HTTP client, as an [`EventSource`](crate::EventSource) needs one. `reqwest::Client` is one with
/// the feature `reqwest`, and so is every function from a request to a future response.
///
/// A request comes with an absolute URI. What a transport need not do: follow redirects (it must
/// not, or their rules are its own), keep time but for connecting, decode anything but content
/// codings that it asked for itself.
///
/// # Cancel safety
///
/// Dropping the future, or the body of a response, must end the request: that is how a source is
/// closed.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use sansse_tokio::{EventSource, OwnedEvent, Update};
/// use futures_util::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let canned = |_request: http::Request<Bytes>| async {
///     let response = http::Response::builder().header("content-type", "text/event-stream");
///     response.body(Full::<Bytes>::from("data: hello\n\n"))
/// };
/// let mut source = EventSource::get("http://example.org/").transport(canned).connect()?;
/// assert!(matches!(source.next().await, Some(Ok(Update::Open(_)))));
/// let Some(Ok(Update::Event(event))) = source.next().await else { panic!() };
/// assert_eq!(event.data(), "hello");
/// # Ok(()) }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// The body of a response.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
    /// Why there is no response.
    type Error: Into<BoxError>;

    /// Sends a request. Resolves when the head of the response has come.
    ///
    /// # Errors
    ///
    /// When there is no connection or no response.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send + 'static;
}

impl<F, A, B, E> Transport for F
where
    F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    E: Into<BoxError>,
{
    type Body = B;
    type Error = E;

    fn send(&self, request: Request<Bytes>) -> impl Future<Output = A::Output> + Send + 'static {
        self(request)
    }
}

/// A [`Transport`] whose types are out of sight.
pub(crate) trait AnyTransport: Send + Sync {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<BoxBody>, BoxError>>;
}

impl<T: Transport> AnyTransport for T {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<BoxBody>, BoxError>> {
        let response = Transport::send(self, request);
        Box::pin(async {
            let response = response.await.map_err(Into::into)?;
            Ok(response.map(|body| {
                body.map_frame(|frame| {
                    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
                })
                .map_err(Into::into)
                .boxed_unsync()
            }))
        })
    }
}

impl fmt::Debug for dyn AnyTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}
