//! What is the least that our parser can do, where it does more than hand out bytes.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use sansse::Item;

use super::input::Input;
use super::ours::Parser;
use super::poll;
use super::reader::{Adapter, Events, Id};

/// The chunks come as they do for those whose events own their bytes, and these are borrowed. Where a
/// chunk has several, each counts as an owner of it, and no longer when it is dropped.
#[derive(Debug, Default)]
pub struct Counted(Parser);

impl Adapter for Counted {
    const NAME: &'static str = "bytes, with an owner counted and discounted";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut parser = self.0.parser();
        let owner = Arc::new(());
        poll::for_each(input.stream::<Bytes, ()>(), |chunk| {
            let mut items = parser.feed(chunk);
            let mut is_first = true;
            while items.advance() {
                let is_alone = is_first && items.consumed() == chunk.len();
                is_first = false;
                if let Some(Item::Event(event)) = items.item() {
                    let another = (!is_alone).then(|| black_box(Arc::clone(&owner)));
                    let id = event.last_event_id().as_bytes();
                    events.event(event.event_type().as_bytes(), event.data().as_bytes(), Some(id));
                    drop(black_box(another));
                }
            }
        });
    }
}

/// A chunk is checked once, as a whole, and each value is cut out of it, which looks at both of its
/// ends. What is no part of the chunk is checked by itself.
#[derive(Debug, Default)]
pub struct Cut(Parser);

impl Adapter for Cut {
    const NAME: &'static str = "bytes, with the chunk checked and the values cut out of it";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut parser = self.0.parser();
        for chunk in &*input.slices {
            let text = simdutf8::basic::from_utf8(chunk).unwrap_or_default();
            let cut = |value: &[u8]| {
                let start = (value.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
                match text.get(start..start.wrapping_add(value.len())) {
                    Some(value) => Some(value.len()),
                    None => simdutf8::basic::from_utf8(value).ok().map(str::len),
                }
            };
            let mut items = parser.feed(chunk);
            while let Some(item) = items.next() {
                if let Item::Event(event) = item {
                    let (event_type, data) = (event.event_type(), event.data());
                    let id = event.last_event_id();
                    // What everybody knows to be text needs no look.
                    let is_text = (event_type == "message" || cut(event_type.as_bytes()).is_some())
                        && cut(data.as_bytes()).is_some()
                        && (id.is_empty() || cut(id.as_bytes()).is_some());
                    if is_text {
                        let id = id.as_bytes();
                        events.event(event_type.as_bytes(), data.as_bytes(), Some(id));
                    }
                }
            }
        }
    }
}
