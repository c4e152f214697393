//! A client that follows an event stream and comes back.

use core::fmt;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};
use sansse::http::{Answer, HeadLine, HeadParser, MIME_TYPE, ResponseFields, status};
use sansse::{
    Backoff, BufferedParser, Item, Parser, Reconnect, SeedError, Storage, StreamEnd, Text,
};

use super::body::Body;
use super::connect::Connect;
use super::error::{ClientError, Failure};
use super::request::Request;
use crate::window::Window;

/// Follows an event stream, and comes back with its last event ID when the connection ends, after the
/// reconnection time of the standard, of the server, or a [`Backoff`] (HTML standard, 9.2).
///
/// Memory is the caller's: that of the [`Parser`], and a buffer to read into, of 64 bytes or more. It
/// follows no redirects and takes no content coding but chunks.
///
/// ```no_run
/// # use embassy_net::{Ipv4Address, tcp::TcpSocket};
/// use sansse_embassy::client::{EventSource, Request, Tcp};
/// use sansse_embassy::{Item, Parser};
///
/// # async fn follow(socket: TcpSocket<'_>) -> Result<(), Box<dyn std::error::Error>> {
/// let server = Tcp::new(socket, (Ipv4Address::new(192, 0, 2, 1), 80));
/// let request = Request::new("example.org", "/events")?;
/// let mut source = EventSource::new(server, request, Parser::new([0; 512], [0; 3 * 64]), [0; 256]);
/// loop {
///     match source.next().await {
///         Ok(Item::Event(event)) => { /* … */ }
///         Ok(_) => {}
///         // To go on all the same, after the reconnection time, is to ask for the next again.
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # }
/// ```
pub struct EventSource<'a, C, E, I, B> {
    connection: C,
    request: Request<'a>,
    parser: BufferedParser<E, I, B>,
    reconnect: Reconnect,
    /// The content of the response, while there is one.
    body: Option<Body>,
    /// When to connect.
    due: Option<Instant>,
    random: u64,
    connect_timeout: Duration,
    idle_timeout: Duration,
}

/// The most bytes that the head of a response may have.
const HEAD: usize = 8192;
/// Bytes of a line of it that are kept.
const LINE: usize = 96;

impl<'a, C: Connect, E: Storage, I: Storage, B: Storage> EventSource<'a, C, E, I, B> {
    /// Follows what a request asks for. It connects when the first item is asked for, within 10 s, and
    /// takes a minute of silence for the end of a connection.
    #[must_use]
    pub const fn new(connection: C, request: Request<'a>, parser: Parser<E, I>, buffer: B) -> Self {
        Self {
            connection,
            request,
            parser: BufferedParser::new(parser, buffer),
            reconnect: Reconnect::new(Backoff::STANDARD),
            body: None,
            due: None,
            random: 0,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
        }
    }

    /// Paces attempts otherwise. Jitter needs a number of its own for each device, such as one out of a
    /// random number generator.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff, random: u64) -> Self {
        self.reconnect = Reconnect::new(backoff);
        self.random = random;
        self
    }

    /// How long connecting may take, with the head of the answer.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How long a stream may be silent before its connection is taken for lost: longer than the server
    /// takes between two comments.
    #[must_use]
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = time;
        self
    }

    /// The last event ID, to be kept for the next start of the device.
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        self.parser.last_event_id()
    }

    /// Sets the last event ID, before the first item.
    ///
    /// # Errors
    ///
    /// Those of the parser.
    pub fn seed_last_event_id(&mut self, id: &[u8]) -> Result<(), SeedError> {
        self.parser.seed_last_event_id(id)
    }

    /// Whether a stream is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.body.is_some()
    }

    /// The next item, of this connection or of a later one. A connection that fails or ends is replaced
    /// after the reconnection time; an event that was not whole by then is dropped and comes again.
    ///
    /// # Errors
    ///
    /// When the server's answer has a browser give up. Who asks for the next item all the same tries
    /// again, after the reconnection time.
    ///
    /// # Cancel safety
    ///
    /// No event is lost if the connection loses nothing when its `read` is dropped before it is ready. A
    /// connection that was about to be made is begun anew.
    pub async fn next(&mut self) -> Result<Item<'_>, ClientError> {
        while !self.parser.advance() {
            self.fill().await?;
        }
        let item = self.parser.item();
        match item {
            Some(Item::Retry(milliseconds)) => self.reconnect.retry(milliseconds),
            Some(Item::Event(_)) => self.reconnect.proven(),
            _ => {}
        }
        Ok(item.unwrap_or(Item::Retry(self.reconnect.time())))
    }

    /// Reads some of the stream into the parser; connects where there is none.
    async fn fill(&mut self) -> Result<(), ClientError> {
        let Some(body) = &mut self.body else { return self.open().await };
        let space = self.parser.space();
        let reading = select(self.connection.read(space), Timer::after(self.idle_timeout)).await;
        let decoded = match reading {
            Either::First(Ok(length @ 1..)) => {
                space.get_mut(..length).and_then(|bytes| body.decode(bytes).ok())
            }
            Either::First(_) | Either::Second(()) => None,
        };
        let is_ended = decoded.is_none() || body.is_ended();
        self.parser.filled(decoded.unwrap_or_default());
        if is_ended {
            self.body = None;
            self.wait();
        }
        Ok(())
    }

    /// Connects, at the time for it.
    async fn open(&mut self) -> Result<(), ClientError> {
        if let Some(due) = self.due {
            Timer::at(due).await;
        }
        // Should this be dropped, it is not begun anew at once.
        self.due = Some(after(self.reconnect.time()));
        let timer = Timer::after(self.connect_timeout);
        let connecting = select(self.connect(), timer).await;
        if self.body.is_none() {
            self.wait();
        }
        match connecting {
            Either::First(Err(Failure::Final(error))) => Err(error),
            Either::First(_) | Either::Second(()) => Ok(()),
        }
    }

    /// Has the next attempt wait.
    fn wait(&mut self) {
        // Knuth's MMIX: the high bits are good enough for that.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.due = Some(after(self.reconnect.next_wait(0, self.random)));
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        // What the connection before left unfinished is dropped (9.2.6).
        let _: StreamEnd = self.parser.end_stream();
        self.connection.connect().await.map_err(|_| Failure::Passing)?;
        self.send_request().await.map_err(|_| Failure::Passing)?;

        let mut head = HeadParser::new([0; LINE], HEAD);
        let (mut code, mut fields) = (0, ResponseFields::new());
        loop {
            let space = self.parser.space();
            let length = self.connection.read(space).await.map_err(|_| Failure::Passing)?;
            let mut bytes = space.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                return Err(Failure::Passing);
            }
            while let Some(line) = head.read(&mut bytes)? {
                match line {
                    HeadLine::Start(line) => code = status(line)?,
                    HeadLine::Field(field) => fields.take(&field)?,
                    // More is to come (RFC 9110, 15.2).
                    HeadLine::End if code < 200 => {
                        head = HeadParser::new([0; LINE], HEAD);
                        fields = ResponseFields::new();
                    }
                    HeadLine::End => {
                        let rest = bytes.len();
                        space.copy_within(length - rest..length, 0);
                        return self.begin(code, &fields, rest);
                    }
                }
            }
        }
    }

    async fn send_request(&mut self) -> Result<(), C::Error> {
        let mut sent = 0;
        loop {
            let mut room = [0; 64];
            let mut window = Window::new(&mut room, sent);
            self.request.write(self.parser.last_event_id().as_bytes(), &mut window);
            let (filled, is_cut) = (window.filled(), window.is_cut());
            self.connection.write_all(room.get(..filled).unwrap_or_default()).await?;
            sent += filled;
            if !is_cut {
                return self.connection.flush().await;
            }
        }
    }

    /// Takes an answer, of whose content so many bytes are in the parser's space.
    fn begin(&mut self, code: u16, fields: &ResponseFields, rest: usize) -> Result<(), Failure> {
        let content_type = fields.is_event_stream().then_some(MIME_TYPE.as_bytes());
        match Answer::new(code, content_type) {
            Answer::EventStream => {}
            Answer::Stop => return Err(Failure::Final(ClientError::Stop)),
            Answer::WrongType => return Err(Failure::Final(ClientError::Type)),
            Answer::Redirect | Answer::WrongStatus => {
                return Err(Failure::Final(ClientError::Status(code)));
            }
        }
        let mut body = Body::new(fields.framing());
        let bytes = self.parser.space().get_mut(..rest).unwrap_or_default();
        let length = body.decode(bytes).map_err(|_| Failure::Passing)?;
        self.parser.filled(length);
        if !body.is_ended() {
            self.body = Some(body);
        }
        Ok(())
    }
}

fn after(milliseconds: u64) -> Instant {
    let time = Duration::from_millis(milliseconds);
    Instant::now().checked_add(time).unwrap_or(Instant::MAX)
}

impl<C, E, I, B> fmt::Debug for EventSource<'_, C, E, I, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("request", &self.request)
            .field("reconnect", &self.reconnect)
            .field("is_open", &self.body.is_some())
            .finish_non_exhaustive()
    }
}
