//! What a peer asks for.

use sansse::http::{HeadError, HeadLine, HeadParser, Method, RequestFields, RequestLine};

use super::answer::{Answer, Content};
use super::config::{Config, Page, Post, Status};
use super::error::ServeError;
use super::origin::Origin;
use super::within;
use crate::connection::Connection;

/// Bytes of one line of a head, or of a content, that are kept.
pub(super) const LINE: usize = 128;

/// A request that is whole.
pub(super) enum Asked<'a> {
    /// For something that has an answer at once,
    Answer(Answer<'a>),
    /// or for events, behind those that the fields name. The answer is the stream's head.
    Events(Answer<'a>, RequestFields),
}

/// Where a request goes.
#[derive(Clone, Copy)]
enum Route<'a> {
    Page(&'a Page<'a>),
    Events,
    Post(&'a Post<'a>),
    /// Something is there, with these methods.
    Other(&'static str),
    Nowhere,
}

/// A request, as far as it has come.
struct Request<'a> {
    config: &'a Config<'a>,
    fields: RequestFields,
    origin: Origin<'a>,
    route: Route<'a>,
    method: Method,
    is_http_1_0: bool,
}

/// Reads a request and decides on it.
pub(super) async fn read<'a, C: Connection>(
    connection: &mut C,
    config: &'a Config<'a>,
) -> Result<Asked<'a>, ServeError<C::Error>> {
    match within(config.read_timeout, read_all(connection, config)).await {
        Some(asked) => asked,
        None => Ok(Asked::Answer(Answer::new(Status::REQUEST_TIMEOUT))),
    }
}

async fn read_all<'a, C: Connection>(
    connection: &mut C,
    config: &'a Config<'a>,
) -> Result<Asked<'a>, ServeError<C::Error>> {
    let mut line = [0; LINE];
    let mut parser = HeadParser::new(&mut line, config.head_limit);
    let mut request = Request::new(config);
    loop {
        let step = connection.receive(|mut bytes| {
            let length = bytes.len();
            let step = request.take(&mut parser, &mut bytes);
            (length - bytes.len(), step)
        });
        match step.await?.ok_or(ServeError::Closed)? {
            Ok(true) => break,
            Ok(false) => {}
            Err(status) => return Ok(Asked::Answer(request.answer(status))),
        }
    }
    let post = match request.decide() {
        Ok(post) => post,
        Err(asked) => return Ok(asked),
    };
    let length = request.content_length();
    let Some(content) = length.and_then(|length| line.get_mut(..length)) else {
        let status =
            if length.is_none() { Status::LENGTH_REQUIRED } else { Status::CONTENT_TOO_LARGE };
        return Ok(Asked::Answer(request.answer(status)));
    };
    let mut filled = 0;
    while filled < content.len() {
        let room = &mut content[filled..];
        let step = connection.receive(|bytes| {
            let length = bytes.len().min(room.len());
            room[..length].copy_from_slice(&bytes[..length]);
            (length, length)
        });
        filled += step.await?.ok_or(ServeError::Closed)?;
    }
    Ok(Asked::Answer(request.answer((post.take)(content))))
}

impl<'a> Request<'a> {
    fn new(config: &'a Config<'a>) -> Self {
        Self {
            config,
            fields: RequestFields::new(),
            origin: Origin::new(),
            route: Route::Nowhere,
            method: Method::Other,
            is_http_1_0: false,
        }
    }

    /// Takes some of the head, and says whether that was the rest of it.
    fn take(
        &mut self,
        parser: &mut HeadParser<&mut [u8; LINE]>,
        bytes: &mut &[u8],
    ) -> Result<bool, Status> {
        while let Some(line) = parser.read(bytes)? {
            match line {
                HeadLine::Start(line) => {
                    let line = RequestLine::parse(line)?;
                    self.method = line.method;
                    self.is_http_1_0 = line.is_http_1_0;
                    self.route = route(self.config, line.method, line.path);
                }
                HeadLine::Field(field) => {
                    self.fields.take(&field)?;
                    if field.is("host") {
                        self.origin.take_host(&field);
                    } else if field.is("origin") {
                        self.origin.take(&field, self.config.origins);
                    }
                }
                HeadLine::End => {
                    self.fields.check(self.is_http_1_0)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The function that content is for, or what there is to answer without any.
    fn decide(&mut self) -> Result<&'a Post<'a>, Asked<'a>> {
        let mut answer = self.answer(Status::OK);
        match self.route {
            Route::Page(page) => answer.content = Content::Page(page),
            Route::Events if !self.fields.accepts_event_stream() => {
                answer.status = Status::NOT_ACCEPTABLE;
            }
            Route::Events => {
                answer.content = Content::Stream;
                if self.method == Method::Get {
                    return Err(Asked::Events(answer, self.fields.clone()));
                }
            }
            Route::Post(_) if self.origin.is_foreign() => answer.status = Status::FORBIDDEN,
            Route::Post(post) => return Ok(post),
            Route::Other(methods) if self.method == Method::Options => {
                answer.status = Status::NO_CONTENT;
                answer.allow = methods;
                answer.is_preflight = self.fields.is_preflight();
            }
            Route::Other(methods) => {
                answer.status = Status::METHOD_NOT_ALLOWED;
                answer.allow = methods;
            }
            Route::Nowhere => answer.status = Status::NOT_FOUND,
        }
        Err(Asked::Answer(answer))
    }

    fn answer(&self, status: Status) -> Answer<'a> {
        Answer {
            origin: self.origin.allowed(),
            varies: !self.config.origins.is_empty(),
            is_head: self.method == Method::Head,
            ..Answer::new(status)
        }
    }

    /// Bytes of the content, if that is known.
    fn content_length(&self) -> Option<usize> {
        let length = self.fields.content_length()?;
        Some(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

fn route<'a>(config: &'a Config<'a>, method: Method, path: &[u8]) -> Route<'a> {
    let page = config.pages.iter().find(|page| page.path.as_bytes() == path);
    let post = config.posts.iter().find(|post| post.path.as_bytes() == path);
    let is_events = config.events.as_bytes() == path;
    match (method, page, post) {
        (Method::Get | Method::Head, Some(page), _) => Route::Page(page),
        (Method::Get | Method::Head, None, _) if is_events => Route::Events,
        (Method::Post, _, Some(post)) => Route::Post(post),
        (_, None, None) if !is_events => Route::Nowhere,
        (_, None, Some(_)) if !is_events => Route::Other("POST, OPTIONS"),
        (_, _, Some(_)) => Route::Other("GET, HEAD, POST, OPTIONS"),
        (_, _, None) => Route::Other("GET, HEAD, OPTIONS"),
    }
}

impl From<HeadError> for Status {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::TooLong => Self::HEAD_TOO_LARGE,
            HeadError::Version => Self::VERSION_NOT_SUPPORTED,
            _ => Self::BAD_REQUEST,
        }
    }
}
