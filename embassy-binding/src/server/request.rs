//! What a peer asks for.

#[cfg(feature = "post")]
use sansse::http::ContentLength;
use sansse::http::{
    HeadError, HeadField, HeadLine, HeadParser, Method, RequestFields, RequestLine,
};

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
    pub(super) head: Head<'a>,
    /// The answer, once there is one.
    pub(super) status: Status,
    pub(super) content: Content,
    /// Bytes of the content that have come, once the head has ended.
    #[cfg(feature = "post")]
    posted: Option<u8>,
}

/// What its head says.
pub(super) struct Head<'a> {
    pub(super) route: Route<'a>,
    method: Method,
    is_http_1_0: bool,
    fields: RequestFields,
    #[cfg(feature = "post")]
    pub(super) origin: Origin,
    #[cfg(feature = "post")]
    length: ContentLength,
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
            head: Head {
                route: Route::NOWHERE,
                method: Method::Other,
                is_http_1_0: false,
                fields: RequestFields::new(),
                #[cfg(feature = "post")]
                origin: Origin::new(),
                #[cfg(feature = "post")]
                length: ContentLength::new(),
            },
            status: Status(0),
            content: Content::Nothing,
            #[cfg(feature = "post")]
            posted: None,
        }
    }

    /// Whether only the head of the answer is asked for.
    pub(super) fn is_head(&self) -> bool {
        self.head.method == Method::Head
    }

    /// Takes some of the request, and says whether there is an answer: once it is whole, or wrong. What is
    /// behind it is of no interest.
    pub(super) fn take(&mut self, bytes: &[u8], config: &'a Config<'a>) -> bool {
        bytes.iter().any(|&byte| self.push(byte, config))
    }

    #[inline(never)]
    fn push(&mut self, byte: u8, config: &'a Config<'a>) -> bool {
        #[cfg(feature = "post")]
        if let Some(posted) = &mut self.posted {
            if let Some(place) = self.parser.storage().get_mut(usize::from(*posted)) {
                *place = byte;
            }
            *posted += 1;
            return self.post();
        }
        match self.push_head(byte, config) {
            Ok(false) => return false,
            #[cfg(feature = "post")]
            Ok(true) if self.head.is_post() && self.head.route.post.is_some() => {
                self.posted = Some(0);
                return self.post();
            }
            Ok(true) => (self.status, self.content) = self.head.decide(),
            Err(error) => self.status = error.into(),
        }
        true
    }

    /// The id that the peer has; empty where it has none.
    pub(super) fn last_event_id(&self) -> &[u8] {
        self.parser.kept()
    }

    /// Takes a byte of the head, and says whether that was its last.
    fn push_head(&mut self, byte: u8, config: &'a Config<'a>) -> Result<bool, HeadError> {
        if !self.parser.push(byte)? {
            return Ok(false);
        }
        match self.parser.line()? {
            HeadLine::Start(line) => self.head.start(line, config)?,
            HeadLine::Field(field) => {
                let kept = self.head.take(&field, self.parser.kept(), config)?;
                self.parser.keep(kept);
            }
            HeadLine::End if self.head.has_host() => return Ok(true),
            HeadLine::End => return Err(HeadError::Malformed),
        }
        Ok(false)
    }

    /// Hands the content on once it is whole, and says whether there is an answer.
    #[cfg(feature = "post")]
    fn post(&mut self) -> bool {
        self.status = match (self.head.route.post, self.head.length.bytes()) {
            _ if self.head.origin.is_foreign() => Status::FORBIDDEN,
            (None, _) => Status::NOT_FOUND,
            (Some(_), None) => Status::LENGTH_REQUIRED,
            (Some(post), Some(length)) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                match self.parser.storage().get(..length) {
                    None => Status::CONTENT_TOO_LARGE,
                    Some(content)
                        if self.posted.is_some_and(|posted| usize::from(posted) == length) =>
                    {
                        (post.take)(content)
                    }
                    Some(_) => return false,
                }
            }
        };
        true
    }
}

impl<'a> Head<'a> {
    /// Takes the first line.
    fn start(&mut self, line: &[u8], config: &'a Config<'a>) -> Result<(), HeadError> {
        let line = RequestLine::parse(line)?;
        self.method = line.method;
        self.is_http_1_0 = line.is_http_1_0;
        self.route = Route::new(config, line.path);
        Ok(())
    }

    /// Takes a field, and what was kept of one before, and says how many bytes at the end of its value are
    /// to be kept: of the last event ID, or, for a post, which needs none, of its host or origin.
    fn take(
        &mut self,
        field: &HeadField<'_>,
        kept: &[u8],
        config: &Config<'_>,
    ) -> Result<usize, HeadError> {
        let mut keep = 0;
        match field.place_in(NAMES) {
            // One that is too long is as good as any other that is none of the library's. Of several the
            // first counts.
            Some(LAST_EVENT_ID) if !self.is_post() => keep = field.value.len().min(LONGEST),
            Some(ACCEPT) => self.fields.accept(field),
            #[cfg(not(feature = "post"))]
            Some(HOST) => self.fields.host(),
            #[cfg(feature = "post")]
            Some(name @ (HOST | ORIGIN)) => {
                if name == HOST {
                    self.fields.host();
                }
                let length = self.origin.take(field, name == ORIGIN, kept, config);
                if self.is_post() {
                    keep = length;
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
        let _ = (kept, config);
        Ok(keep)
    }

    fn has_host(&self) -> bool {
        self.fields.has_host(self.is_http_1_0)
    }

    fn is_post(&self) -> bool {
        self.method == Method::Post
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

fn is_same(known: &str, path: &[u8]) -> bool {
    known.as_bytes() == path
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
