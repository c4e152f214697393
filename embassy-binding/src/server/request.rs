//! What a peer asks for.

#[cfg(feature = "post")]
use sansse::http::ContentLength;
use sansse::http::{HeadError, HeadLine, HeadParser, Method, RequestFields, RequestLine};

#[cfg(feature = "post")]
use super::config::Post;
use super::config::{Config, Page, Status};
#[cfg(feature = "post")]
use super::origin::Origin;

/// Bytes of one line of a head, or of a content, that are kept.
pub(super) const LINE: usize = 96;

/// Bytes of a last event ID, or of a host with its port, that are kept.
const LONGEST: usize = LINE / 2;

/// The fields that are looked at, by their places here.
static NAMES: &[&str] = &[
    sansse::http::LAST_EVENT_ID,
    "accept",
    "host",
    #[cfg(feature = "post")]
    "origin",
    #[cfg(feature = "post")]
    "content-length",
    #[cfg(feature = "post")]
    "transfer-encoding",
    #[cfg(feature = "cors")]
    "access-control-request-method",
];
const LAST_EVENT_ID: usize = 0;
const ACCEPT: usize = 1;
const HOST: usize = 2;
#[cfg(feature = "post")]
const ORIGIN: usize = 3;
#[cfg(feature = "post")]
const CONTENT_LENGTH: usize = 4;
#[cfg(feature = "post")]
const TRANSFER_ENCODING: usize = 5;
#[cfg(feature = "cors")]
const REQUEST_METHOD: usize = 6;

/// A request, as far as it has come.
pub(super) struct Request<'a> {
    parser: HeadParser<[u8; LINE]>,
    fields: RequestFields,
    id: Id,
    pub(super) route: Route<'a>,
    method: Method,
    is_http_1_0: bool,
    /// The answer, once there is one.
    pub(super) status: Status,
    pub(super) content: Content,
    #[cfg(feature = "post")]
    pub(super) origin: Origin,
    #[cfg(feature = "post")]
    length: ContentLength,
    /// Bytes of the content that have come, once the head has ended.
    #[cfg(feature = "post")]
    posted: Option<u8>,
}

/// What is behind the first lines of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    /// Only what may be asked for,
    Methods,
    /// by pages of other origins, too.
    #[cfg(feature = "cors")]
    Preflight,
    Page,
    /// A stream, which others write.
    Stream,
}

/// What there is at a path.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) page: Option<&'a Page<'a>>,
    is_events: bool,
    #[cfg(feature = "post")]
    post: Option<&'a Post<'a>>,
}

impl<'a> Request<'a> {
    pub(super) const fn new(head_limit: usize) -> Self {
        Self {
            parser: HeadParser::new([0; LINE], head_limit),
            fields: RequestFields::new(),
            id: Id::None,
            route: Route::NOWHERE,
            method: Method::Other,
            is_http_1_0: false,
            status: Status(0),
            content: Content::Nothing,
            #[cfg(feature = "post")]
            origin: Origin::new(),
            #[cfg(feature = "post")]
            length: ContentLength::new(),
            #[cfg(feature = "post")]
            posted: None,
        }
    }

    /// Whether only the head of the answer is asked for.
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::Head
    }

    /// Takes some of the request, and says whether there is an answer: once it is whole, or wrong.
    pub(super) fn take(&mut self, bytes: &mut &[u8], config: &'a Config<'a>) -> bool {
        #[cfg(feature = "post")]
        if self.posted.is_some() {
            return self.take_content(bytes);
        }
        match self.take_head(bytes, config) {
            Ok(false) => return false,
            #[cfg(feature = "post")]
            Ok(true) if self.method == Method::Post && self.route.post.is_some() => {
                self.posted = Some(0);
                return self.take_content(bytes);
            }
            Ok(true) => (self.status, self.content) = self.decide(),
            Err(error) => self.status = error.into(),
        }
        true
    }

    /// The id that the peer has, where it has one. One that is too long is as good as any other that is
    /// none of the library's.
    pub(super) fn last_event_id(&self) -> Option<&[u8]> {
        match self.id {
            Id::None => None,
            Id::Kept => Some(self.parser.kept()),
            Id::TooLong => Some(b"?"),
        }
    }

    /// Takes some of the head, and says whether that was the rest of it.
    fn take_head(&mut self, bytes: &mut &[u8], config: &'a Config<'a>) -> Result<bool, HeadError> {
        while self.parser.advance(bytes)? {
            let mut kept = 0;
            let is_id = match self.parser.line() {
                Err(error) => return Err(error),
                Ok(HeadLine::Start(line)) => {
                    let line = RequestLine::parse(line)?;
                    self.method = line.method;
                    self.is_http_1_0 = line.is_http_1_0;
                    self.route = Route::new(config, line.path);
                    continue;
                }
                Ok(HeadLine::End) if self.fields.has_host(self.is_http_1_0) => return Ok(true),
                Ok(HeadLine::End) => return Err(HeadError::Malformed),
                Ok(HeadLine::Field(ref field)) => {
                    // A post needs no id, and nothing else its origin's host.
                    let is_post = self.method == Method::Post;
                    let mut is_id = false;
                    match field.place_in(NAMES) {
                        Some(LAST_EVENT_ID) if !is_post => {
                            is_id = true;
                            kept = field.value.len();
                        }
                        Some(ACCEPT) => self.fields.accept(field),
                        #[cfg(not(feature = "post"))]
                        Some(HOST) => self.fields.host(),
                        #[cfg(feature = "post")]
                        Some(name @ (HOST | ORIGIN)) => {
                            if name == HOST {
                                self.fields.host();
                            }
                            let kept_before = self.parser.kept();
                            let end = self.origin.take(field, name == ORIGIN, kept_before, config);
                            if is_post {
                                kept = end;
                            }
                        }
                        #[cfg(feature = "post")]
                        Some(CONTENT_LENGTH) => self.length.length(field)?,
                        #[cfg(feature = "post")]
                        Some(TRANSFER_ENCODING) => self.length.coding()?,
                        #[cfg(feature = "cors")]
                        Some(REQUEST_METHOD) => self.origin.is_preflight = true,
                        _ => {}
                    }
                    is_id
                }
            };
            if kept > 0 {
                let is_kept = kept <= LONGEST && self.parser.keep(kept);
                if is_id {
                    self.id = if is_kept { Id::Kept } else { Id::TooLong };
                }
            }
        }
        Ok(false)
    }

    /// Takes some of the content, and hands it on once it is whole.
    #[cfg(feature = "post")]
    fn take_content(&mut self, bytes: &mut &[u8]) -> bool {
        self.status = match (self.route.post, self.length.bytes()) {
            _ if self.origin.is_foreign() => Status::FORBIDDEN,
            (None, _) => Status::NOT_FOUND,
            (Some(_), None) => Status::LENGTH_REQUIRED,
            (Some(post), Some(length)) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let filled = usize::from(self.posted.unwrap_or_default());
                match self.parser.storage().get_mut(..length) {
                    None => Status::CONTENT_TOO_LARGE,
                    Some(content) => {
                        let room = content.get_mut(filled..).unwrap_or_default();
                        let (part, rest) = bytes.split_at(room.len().min(bytes.len()));
                        *bytes = rest;
                        let is_whole = part.len() == room.len();
                        for (byte, place) in part.iter().zip(room) {
                            *place = *byte;
                        }
                        if !is_whole {
                            self.posted = u8::try_from(filled + part.len()).ok();
                            return false;
                        }
                        (post.take)(content)
                    }
                }
            }
        };
        true
    }

    /// What there is to answer to a request without content.
    #[inline(never)]
    fn decide(&self) -> (Status, Content) {
        let is_get = matches!(self.method, Method::Get | Method::Head);
        match self.route {
            Route { page: Some(_), .. } if is_get => (Status::OK, Content::Page),
            Route { is_events: true, .. } if is_get && self.fields.accepts_event_stream() => {
                (Status::OK, Content::Stream)
            }
            Route { is_events: true, .. } if is_get => (Status::NOT_ACCEPTABLE, Content::Nothing),
            route if route.methods().is_empty() => (Status::NOT_FOUND, Content::Nothing),
            #[cfg(feature = "cors")]
            _ if self.method == Method::Options && self.origin.is_preflight => {
                (Status::NO_CONTENT, Content::Preflight)
            }
            _ => (Status::METHOD_NOT_ALLOWED, Content::Methods),
        }
    }
}

impl<'a> Route<'a> {
    const NOWHERE: Self = Self {
        page: None,
        is_events: false,
        #[cfg(feature = "post")]
        post: None,
    };

    fn new(config: &'a Config<'a>, path: &[u8]) -> Self {
        Self {
            page: config.pages.iter().find(|page| is_same(page.path, path)),
            is_events: is_same(config.events, path),
            #[cfg(feature = "post")]
            post: config.posts.iter().find(|post| is_same(post.path, path)),
        }
    }

    /// The methods that one may use.
    pub(super) fn methods(self) -> &'static str {
        static METHODS: [&str; 4] = ["", "GET, HEAD", "POST", "GET, HEAD, POST"];
        let is_there = self.page.is_some() || self.is_events;
        #[cfg(feature = "post")]
        let takes = self.post.is_some();
        #[cfg(not(feature = "post"))]
        let takes = false;
        METHODS.get(usize::from(is_there) + 2 * usize::from(takes)).copied().unwrap_or_default()
    }
}

#[inline(never)]
fn is_same(known: &str, path: &[u8]) -> bool {
    known.as_bytes() == path
}

/// The last event ID of a request.
#[derive(Clone, Copy)]
enum Id {
    None,
    Kept,
    TooLong,
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
