//! What readers are told beside the events.

use embassy_time::Duration;
use sansse::{Event, FieldError};

/// What readers are told beside the events: when to come back, and that they missed something.
///
/// ```
/// use embassy_time::Duration;
/// use sansse_embassy::StreamOptions;
///
/// static OPTIONS: StreamOptions = StreamOptions::new().retry(Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions<'a> {
    /// Milliseconds.
    pub(crate) retry: u32,
    /// Milliseconds.
    pub(crate) spread: u32,
    pub(crate) reset_event: &'a str,
    /// Whether who comes without an id is given what the log holds.
    pub(crate) has_history: bool,
}

impl Default for StreamOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> StreamOptions<'a> {
    /// Come back after 3 s, up to 5 s later where many are sent away; `reset` events.
    #[must_use]
    pub const fn new() -> Self {
        Self { retry: 3000, spread: 5000, reset_event: "reset", has_history: false }
    }

    /// The reconnection time that each stream begins with. It counts in milliseconds, up to 49 days.
    #[must_use]
    pub const fn retry(mut self, time: Duration) -> Self {
        self.retry = milliseconds(time);
        self
    }

    /// How much later, at most, readers come back who are sent away: because all places are taken, or
    /// because the log closes. Each is told another time, so that they do not all come at once.
    #[must_use]
    pub const fn spread(mut self, time: Duration) -> Self {
        self.spread = milliseconds(time);
        self
    }

    /// Readers who come without an id begin with the oldest event that the log still holds, and not
    /// only with what is published from then on: a page that draws a chart has something to draw.
    ///
    /// ```
    /// # use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
    /// # use sansse_embassy::{Broadcast, Event, StreamOptions};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// static FEED: Broadcast<CriticalSectionRawMutex, 1024, 2> = Broadcast::new();
    /// FEED.start(35);
    /// FEED.publish(&Event::new("x"))?;
    /// let options = StreamOptions::new().history();
    /// let mut subscription = FEED.subscribe(None, &options)?;
    ///
    /// let mut stream = [0; 64];
    /// let length = subscription.fill(&mut stream)?;
    /// assert_eq!(&stream[..length], b"id: z-0\n\nretry: 3000\n\nid: z-1\ndata: x\n\n");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn history(mut self) -> Self {
        self.has_history = true;
        self
    }

    /// The type of the event that tells readers that they missed something (law 11). Its data is JSON,
    /// `{"reason":"…"}`.
    ///
    /// # Errors
    ///
    /// When the type holds a line break.
    pub fn reset_event(mut self, event_type: &'a str) -> Result<Self, FieldError> {
        Event::new("").with_type(event_type)?;
        self.reset_event = event_type;
        Ok(self)
    }
}

/// At most 49 days.
pub(crate) const fn milliseconds(time: Duration) -> u32 {
    let milliseconds = time.as_millis();
    if milliseconds > u32::MAX as u64 {
        u32::MAX
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "it has just been compared")]
        {
            milliseconds as u32
        }
    }
}
