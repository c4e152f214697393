//! Parsers and encoders: ours, and those of other people, each used in the fastest way that it
//! offers to the public.

pub mod axum;
pub mod bounds;
pub mod encoder;
pub mod eventsource_client;
pub mod eventsource_stream;
pub mod input;
pub mod ours;
mod page;
pub mod poll;
pub mod reader;
pub mod reqwest_sse;
pub mod russe;
pub mod sse_codec;
pub mod sse_core;
pub mod sse_parse;
pub mod sse_stream;
pub mod sseer;
pub mod stream_rs;

use bytes::Bytes;

use crate::peers::encoder::Encoder;
use crate::peers::reader::Reader;

/// Chunks that cost nothing to pass on, for those who take any kind.
type Slice = &'static [u8];

/// Other people's parsers: a synchronous one where there is one, else a stream over chunks that are
/// there.
#[must_use]
pub fn parsers() -> Vec<Box<dyn Reader>> {
    vec![
        Box::<sse_core::Decoder>::default(),
        Box::<sse_stream::Stream<Slice>>::default(),
        Box::<sse_parse::Parser>::default(),
        Box::<sseer::Stream<Slice>>::default(),
        Box::<stream_rs::Parser>::default(),
        Box::<russe::Decoder>::default(),
        Box::<sse_codec::Decoder>::default(),
        Box::<reqwest_sse::Events<Slice>>::default(),
        Box::<eventsource_client::Client<Slice>>::default(),
        Box::<eventsource_stream::Stream<Slice>>::default(),
    ]
}

/// Other people's streams of events, over chunks as HTTP clients hand them out.
#[must_use]
pub fn streams() -> Vec<Box<dyn Reader>> {
    vec![
        Box::<sse_core::Stream>::default(),
        Box::<sse_stream::Stream<Bytes>>::default(),
        Box::<sse_parse::Stream>::default(),
        Box::<sseer::Stream<Bytes>>::default(),
        Box::<stream_rs::Stream>::default(),
        Box::<russe::Framed>::default(),
        Box::<sse_codec::Framed>::default(),
        Box::<reqwest_sse::Events<Bytes>>::default(),
        Box::<eventsource_client::Client<Bytes>>::default(),
        Box::<eventsource_stream::Stream<Bytes>>::default(),
    ]
}

/// Other people's encoders.
#[must_use]
pub fn encoders() -> Vec<Box<dyn Encoder>> {
    vec![
        Box::<russe::Encoder>::default(),
        Box::<sse_stream::Encoder>::default(),
        Box::<sse_codec::Encoder>::default(),
        Box::<axum::Encoder>::default(),
    ]
}
