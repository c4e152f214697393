#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod block;
mod buffered;
mod checked;
mod chunk_parser;
mod encoder;
mod error;
mod event;
mod event_block;
mod event_id;
mod event_id_counter;
mod event_ranges;
mod field;
pub mod http;
mod interpreter;
mod item;
mod items;
mod last_event_id;
mod line;
// Vectors of 16 bytes, where every machine of the kind has them. `--cfg sansse_small` tries the way
// of all others.
#[cfg_attr(
    not(all(
        any(
            all(target_arch = "x86_64", target_feature = "sse2"),
            all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
        ),
        not(sansse_small)
    )),
    path = "line_search.rs"
)]
mod line_ends;
mod line_parser;
mod lines;

mod parser;
mod ready;
mod reconnect;
mod resume;
mod sink;
mod storage;
mod text;
mod text_items;
mod whole_block;

pub use buffered::BufferedParser;
pub use chunk_parser::ChunkParser;
pub use encoder::{DataWriter, Encoder};
pub use error::{BufferTooSmall, EncodeError, FieldError, SeedError};
pub use event::Event;
pub use event_block::EventBlock;
pub use event_id::{
    EventId, EventIdLine, EventIdText, GivenIdError, ParseEventIdError, check_given_id,
};
pub use event_id_counter::EventIdCounter;
pub use event_ranges::EventRanges;
pub use item::{Comment, Item, TooLarge};
pub use items::Items;
pub use parser::{Parser, StreamEnd};
pub use reconnect::{Backoff, DEFAULT_RECONNECTION_TIME, Reconnect};
pub use resume::{ResetCause, Resume, has_fallen_behind, resume};
#[cfg(feature = "embedded-io")]
pub use sink::IoSink;
pub use sink::{FmtSink, Length, Sink, SliceSink};
#[cfg(feature = "alloc")]
pub use storage::GrowingStorage;
pub use storage::Storage;
pub use text::Text;
pub use text_items::TextItems;
