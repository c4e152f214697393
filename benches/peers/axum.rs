//! `axum`, whose events are only public as the frames of a response.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ::axum::response::IntoResponse as _;
use ::axum::response::sse::{Event, Sse};
use futures_util::stream;

use super::encoder::{EncoderAdapter, Shape};
use super::poll;

/// Its events, in one response of many. Making one is encoding it, so that is timed.
#[derive(Debug, Default)]
pub struct Encoder;

impl EncoderAdapter for Encoder {
    const NAME: &'static str = "axum";

    fn run(&mut self, shape: &Shape, times: u32, wire: &mut impl FnMut(&[u8])) -> Duration {
        let shape = *shape;
        let events = (0..times).map(move |_| Ok::<_, Infallible>(event(black_box(&shape))));
        let body = Sse::new(stream::iter(events)).into_response().into_body();
        let start = Instant::now();
        poll::for_each(body.into_data_stream(), |frame| wire(frame));
        start.elapsed()
    }
}

fn event(shape: &Shape) -> Event {
    let mut event = Event::default();
    if let Some(event_type) = shape.event_type {
        event = event.event(event_type);
    }
    if let Some(id) = shape.id {
        event = event.id(id);
    }
    event.data(shape.data)
}
