//! `eventsource-stream`, the one most used; its parser is only public as a stream.

use std::marker::PhantomData;

use ::eventsource_stream::EventStream;

use super::input::{Chunk, Input};
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its stream.
#[derive(Debug, Default)]
pub struct Stream<C>(PhantomData<C>);

impl<C: Chunk + Default> Adapter for Stream<C> {
    const NAME: &'static str = "eventsource-stream";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        poll::for_each(EventStream::new(input.stream::<C, ()>()), |event| {
            let id = Some(event.id.as_bytes());
            events.event(event.event.as_bytes(), event.data.as_bytes(), id);
        });
    }
}
