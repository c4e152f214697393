//! Where a reader is, whatever the log that it reads.

use sansse::ResetCause;

use crate::broadcast::{Cursor, Log};
use crate::stream_options::StreamOptions;
use crate::subscription::Overtaken;
use crate::window::{Window, decimal};

/// A reader of a log.
pub(crate) struct Reader {
    pub(crate) cursor: Cursor,
    /// The reconnection time that it is told, in milliseconds.
    retry: u32,
    /// Bytes of what it is told that have gone out.
    sent: usize,
    /// What it is told before anything else,
    told: Told,
    /// and why, where it missed something.
    cause: ResetCause,
    /// Whether it has one of the places.
    pub(crate) has_place: bool,
}

/// What is for one reader alone. It is written anew for each part of it that goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// All has been told.
    End,
    Nothing,
    KeepAlive,
    /// The position and the reconnection time,
    Opening,
    /// and what was missed,
    OpeningReset,
    /// or only that.
    Reset,
    /// The time to come back after, and nothing else.
    Farewell,
}

/// The event that tells of a gap, and a reconnection time. The event carries the position itself: were an
/// id to come before it, a reader cut between the two would never learn of the gap.
const RESET_AND_RETRY: &[u8] = b"event: \x01\n\x00data: {\"reason\":\"\x02\"}\n\nretry: \x03\n\n";
const RETRY: &[u8] = b"retry: \x03\n\n";
const RESET: &[u8] = RESET_AND_RETRY.split_at(RESET_AND_RETRY.len() - RETRY.len()).0;
const OPENING: &[u8] = b"\x00\nretry: \x03\n\n";

impl Reader {
    /// One that reads nothing.
    pub(crate) const fn new() -> Self {
        Self {
            cursor: Cursor::NOWHERE,
            retry: 0,
            sent: 0,
            told: Told::End,
            cause: ResetCause::UnknownId,
            has_place: false,
        }
    }

    /// Begins to read.
    pub(crate) fn begin(
        &mut self,
        log: &mut Log,
        ring: &[u8],
        last_event_id: Option<&[u8]>,
        options: &StreamOptions<'_>,
    ) {
        self.told = Told::Opening;
        self.retry = options.retry;
        if let Some(cause) = log.resume(ring, last_event_id, options, &mut self.cursor) {
            self.miss(log, cause);
        }
    }

    /// Reads nothing more, and is to come back after so many milliseconds.
    pub(crate) fn send_away(&mut self, time: u32) {
        self.told = Told::Farewell;
        self.retry = time;
    }

    /// Whether there is something to say before anything else, or all has been said.
    pub(crate) fn is_told(&self) -> bool {
        self.told != Told::Nothing
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.told == Told::End
    }

    pub(crate) fn keep_alive(&mut self) {
        if self.told == Told::Nothing && self.cursor.is_between_events() {
            self.told = Told::KeepAlive;
        }
    }

    /// Copies what there is, as far as it fits.
    #[inline(never)]
    pub(crate) fn fill(
        &mut self,
        log: &mut Log,
        ring: &[u8],
        options: &StreamOptions<'_>,
        out: &mut [u8],
    ) -> Result<usize, Overtaken> {
        if self.cursor.run != log.run() && self.has_place {
            // Nothing that was begun in another run can be written to its end.
            if self.sent > 0 || !self.cursor.is_between_events() {
                return Err(Overtaken);
            }
            self.miss(log, ResetCause::UnknownId);
        }
        let mut filled = 0;
        while self.told != Told::End
            && let Some(room @ [_, ..]) = out.get_mut(filled..)
        {
            if self.told != Told::Nothing {
                filled += self.tell(log, options, room);
                continue;
            }
            match log.read(ring, &mut self.cursor, room) {
                Some(read) => {
                    filled += read;
                    if !log.is_at_end(&self.cursor) {
                        break;
                    }
                    self.send_away(log.come_back(options));
                }
                None if self.cursor.is_between_events() => self.miss(log, ResetCause::Dropped),
                None => return Err(Overtaken),
            }
        }
        Ok(filled)
    }

    /// Goes on with what comes from now on, and tells that something was missed.
    #[inline(never)]
    fn miss(&mut self, log: &mut Log, cause: ResetCause) {
        log.count_reset();
        self.cursor = log.live();
        self.cause = cause;
        self.told = match self.told {
            Told::Opening | Told::OpeningReset => Told::OpeningReset,
            _ => Told::Reset,
        };
    }

    /// Writes what it is told, as far as it fits, and says how many bytes.
    fn tell(&mut self, log: &Log, options: &StreamOptions<'_>, out: &mut [u8]) -> usize {
        let line = log.id(&self.cursor).to_line();
        let mut digits = [0; 10];
        let parts = [
            &*line,
            options.reset_event.as_bytes(),
            self.cause.as_str().as_bytes(),
            decimal(self.retry, &mut digits),
        ];
        let text = match self.told {
            Told::KeepAlive => b":\n\n",
            Told::Opening => OPENING,
            Told::OpeningReset => RESET_AND_RETRY,
            Told::Reset => RESET,
            _ => RETRY,
        };
        let mut window = Window::new(out, self.sent);
        window.write_parts(text, &parts);
        if window.is_cut() {
            self.sent += window.filled();
        } else {
            self.sent = 0;
            self.told = match self.told {
                Told::Farewell => Told::End,
                _ => Told::Nothing,
            };
        }
        window.filled()
    }
}
