//! The gzip form of an event stream (RFC 1952), most of whose bytes are shared by all readers.
//!
//! A stream is one gzip member of many runs of deflate blocks. Each run ends at a full byte with all
//! of it readable, so nothing is delayed, and runs are joined like the bytes they stand for. A run
//! is made [alone](Compressor::alone), and then any reader takes it at any place, or
//! [after](Compressor::after) other bytes, and then only a reader takes it to whom those bytes were
//! the last ones sent. No reader has a window of its own.
//!
//! Who sees how long a run is and knows what it came after learns something of both: where secrets
//! and what strangers wrote share a topic, runs made alone tell less, and no compression nothing.

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress};

/// How far back a run may refer, in bytes.
const WINDOW: usize = 32 << 10;

/// The longest stored block, in bytes.
const STORED: usize = 0xFFFF;

/// zlib's level: higher ones cost more time than they save bytes on events.
const LEVEL: u32 = 3;

/// Compresses what is sent to many readers. One serves a whole hub.
#[derive(Debug)]
pub(crate) struct Compressor(Compress);

impl Compressor {
    pub(crate) fn new() -> Self {
        Self(Compress::new(Compression::new(LEVEL), false))
    }

    /// A run that any reader takes at any place.
    pub(crate) fn alone(&mut self, plain: &[u8]) -> Bytes {
        self.0.reset();
        self.run(plain)
    }

    /// A run for readers to whom `before` was sent last, in whatever runs, and nothing after it; of
    /// more than 32 KiB the end counts. Events that look alike take a small part of what they take
    /// alone.
    pub(crate) fn after(&mut self, before: &[u8], plain: &[u8]) -> Bytes {
        self.0.reset();
        let window = &before[before.len().saturating_sub(WINDOW)..];
        if window.is_empty() || self.0.set_dictionary(window).is_err() {
            return self.alone(plain);
        }
        self.run(plain)
    }

    /// Never longer than stored blocks are.
    fn run(&mut self, plain: &[u8]) -> Bytes {
        let most = stored_len(plain.len());
        let mut run = Vec::with_capacity(most);
        // A flush that ends with the room not full has written all of it.
        let done = self.0.compress_vec(plain, &mut run, FlushCompress::Sync);
        if done.is_err() || run.len() == run.capacity() || plain.is_empty() {
            run.clear();
            store(plain, &mut run);
        }
        run.shrink_to_fit();
        run.into()
    }
}

/// One reader's gzip stream: what its end has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GzipStream {
    checksum: u32,
    /// Modulo 2^32, in bytes.
    length: u32,
}

impl GzipStream {
    /// What a stream begins with: no name, no time, the fastest compression, an unknown system.
    pub(crate) const OPENING: Bytes = Bytes::from_static(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 0xFF]);

    pub(crate) const fn new() -> Self {
        Self { checksum: 0, length: 0 }
    }

    /// Notes that the run that stands for `plain` goes out.
    pub(crate) fn shared(&mut self, plain: &[u8]) {
        let mut hasher = Hasher::new_with_initial(self.checksum);
        hasher.update(plain);
        self.checksum = hasher.finalize();
        #[expect(clippy::cast_possible_truncation, reason = "the format counts modulo 2^32")]
        let length = plain.len() as u32;
        self.length = self.length.wrapping_add(length);
    }

    /// A run for this reader only, such as a comment that keeps it alive: uncompressed, five bytes
    /// longer than `plain` up to 64 KiB. A run made after other bytes must not follow it.
    pub(crate) fn private(&mut self, plain: &[u8]) -> Bytes {
        self.shared(plain);
        let mut run = Vec::new();
        store(plain, &mut run);
        run.into()
    }

    /// What a stream ends with: a last, empty block, the checksum and the length.
    pub(crate) fn finish(self) -> Bytes {
        let (checksum, length) = (self.checksum.to_le_bytes(), self.length.to_le_bytes());
        Bytes::copy_from_slice(&[&[0b011, 0], checksum.as_slice(), &length].concat())
    }
}

/// Appends `plain` in stored blocks, none of which is the last one of a stream.
fn store(plain: &[u8], run: &mut Vec<u8>) {
    for block in plain.chunks(STORED) {
        #[expect(clippy::cast_possible_truncation, reason = "a block is no longer than that")]
        let length = block.len() as u16;
        run.push(0);
        run.extend_from_slice(&length.to_le_bytes());
        run.extend_from_slice(&(!length).to_le_bytes());
        run.extend_from_slice(block);
    }
}

/// The length of so many bytes in stored blocks.
const fn stored_len(length: usize) -> usize {
    length + 5 * length.div_ceil(STORED)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use flate2::read::MultiGzDecoder;
    use flate2::write::GzDecoder;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A reader: what it was sent, and what it must have decoded by now.
    struct Reader {
        stream: GzipStream,
        sent: Vec<u8>,
        plain: Vec<u8>,
        decoder: GzDecoder<Vec<u8>>,
    }

    impl Reader {
        fn new() -> Self {
            let decoder = GzDecoder::new(Vec::new());
            let mut reader =
                Self { stream: GzipStream::new(), sent: Vec::new(), plain: Vec::new(), decoder };
            reader.receive(&GzipStream::OPENING);
            reader
        }

        fn take(&mut self, run: &[u8], plain: &[u8]) {
            self.stream.shared(plain);
            self.plain.extend_from_slice(plain);
            self.receive(run);
        }

        fn take_private(&mut self, plain: &[u8]) {
            let run = self.stream.private(plain);
            self.plain.extend_from_slice(plain);
            self.receive(&run);
        }

        /// All that came so far is readable at once.
        fn receive(&mut self, run: &[u8]) {
            self.sent.extend_from_slice(run);
            self.decoder.write_all(run).expect("it decodes");
            self.decoder.flush().expect("it decodes");
            assert!(*self.decoder.get_ref() == self.plain, "readable as soon as it has come");
        }

        /// The end is one, and the checksum and the length are right.
        fn finish(mut self) {
            let end = self.stream.finish();
            self.sent.extend_from_slice(&end);
            self.decoder.write_all(&end).expect("it decodes");
            let decoded = self.decoder.finish().expect("a whole gzip stream");
            assert!(decoded == self.plain);
            let mut decoded = Vec::new();
            let length = MultiGzDecoder::new(&*self.sent).read_to_end(&mut decoded);
            assert_eq!(length.ok(), Some(self.plain.len()), "one member and nothing after it");
            assert!(decoded == self.plain);
        }
    }

    /// Events as servers send them, and worse.
    fn event() -> impl Strategy<Value = Vec<u8>> {
        let alike = ("[a-z ]{0,9}", 0..1000_u32).prop_map(|(text, number)| {
            format!("id: 7f-{number}\ndata: {{\"type\":\"delta\",\"text\":\"{text}\"}}\n\n")
                .into_bytes()
        });
        let text = "data: [ -~é漢🦀]{0,300}\n\n".prop_map(String::into_bytes);
        let repetitive =
            ("[ab]{1,5}", 0..400_usize).prop_map(|(text, count)| text.repeat(count).into_bytes());
        prop_oneof![
            6 => alike,
            2 => text,
            1 => repetitive,
            1 => vec(any::<u8>(), 0..600),
            1 => Just(Vec::new()),
        ]
    }

    /// What happens to a reader at an event: which private bytes it is given before it, and whether
    /// it takes the run made alone though the other one would do.
    fn step() -> impl Strategy<Value = (Option<Vec<u8>>, bool)> {
        let private = prop_oneof![
            6 => Just(None),
            1 => Just(Some(b":\n\n".to_vec())),
            1 => vec(any::<u8>(), 0..100).prop_map(Some),
        ];
        (private, prop::bool::weighted(0.2))
    }

    proptest! {
        /// One compressor makes two runs of each event, one of them after the event before it;
        /// readers that join and leave anywhere share them.
        #[test]
        fn shared_runs_decode_from_any_joining_point(
            events in vec(event(), 1..24),
            readers in vec((any::<prop::sample::Index>(), vec(step(), 0..24)), 1..6),
        ) {
            let mut compressor = Compressor::new();
            let alone: Vec<_> = events.iter().map(|event| compressor.alone(event)).collect();
            let pairs = events.windows(2);
            let after: Vec<_> =
                pairs.map(|pair| compressor.after(&pair[0], &pair[1])).collect();
            for (join, steps) in readers {
                let join = join.index(events.len());
                let mut reader = Reader::new();
                let mut follows = false;
                for (at, (private, refuses)) in (join..events.len()).zip(steps) {
                    if let Some(private) = private {
                        reader.take_private(&private);
                        follows = false;
                    }
                    let run = if follows && !refuses { &after[at - 1] } else { &alone[at] };
                    reader.take(run, &events[at]);
                    follows = true;
                }
                reader.finish();
            }
        }

        /// What a run comes after may be several events, and any part of their end.
        #[test]
        fn runs_after_any_end_of_what_was_sent(
            batches in vec((vec(event(), 1..6), any::<prop::sample::Index>()), 1..8),
        ) {
            let (mut compressor, mut reader) = (Compressor::new(), Reader::new());
            for (events, start) in batches {
                let before = reader.plain[start.index(reader.plain.len() + 1)..].to_vec();
                let plain = events.concat();
                reader.take(&compressor.after(&before, &plain), &plain);
            }
            reader.finish();
        }
    }

    #[test]
    fn a_stream_without_an_event_is_whole() {
        Reader::new().finish();
        let mut reader = Reader::new();
        reader.take(&Compressor::new().alone(b""), b"");
        reader.take_private(b"");
        reader.finish();
    }

    #[test]
    fn long_events_and_long_private_bytes() {
        let (mut compressor, mut reader) = (Compressor::new(), Reader::new());
        let event: Vec<u8> = (0..1 << 18)
            .flat_map(|number: u32| number.wrapping_mul(0x9E37_79B1).to_le_bytes())
            .collect();
        let line = b"data: the same again\n".repeat(50_000);
        for plain in [&event, &line] {
            reader.take(&compressor.alone(plain), plain);
            reader.take(&compressor.after(plain, plain), plain);
            reader.take_private(plain);
        }
        reader.finish();
    }

    /// The sizes that sharing is worth: an event is a tenth after one like it.
    #[test]
    fn an_event_after_one_like_it_is_small() {
        let chunk = |content: &str| {
            format!(
                "data: {{\"id\":\"chatcmpl-9aB3f\",\"object\":\"chat.completion.chunk\",\
                \"created\":1718345013,\"model\":\"gpt-4o-2024-08-06\",\"choices\":\
                [{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":null}}]}}\n\n"
            )
        };
        let mut compressor = Compressor::new();
        let (first, second) = (chunk("Hello"), chunk(" world"));
        let alone = compressor.alone(second.as_bytes()).len();
        let after = compressor.after(first.as_bytes(), second.as_bytes()).len();
        assert!(alone < second.len(), "{alone} of {} bytes alone", second.len());
        assert!(after <= second.len() / 8, "{after} of {} bytes after one like it", second.len());
    }

    #[test]
    fn what_cannot_be_compressed_grows_by_five_bytes() {
        let noise: Vec<u8> =
            (0..25_u32).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect();
        assert_eq!(Compressor::new().alone(&noise).len(), 105);
        assert_eq!(GzipStream::new().private(b":\n\n").len(), 8);
    }
}
