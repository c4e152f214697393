//! Any bytes at all: the parser never panics, and never touches what lies beside its storage.
//!
//! The input is the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sansse::{BufferedParser, Item, Parser, Storage};
use tests::core_parsers::fill;

/// As many bytes on either side of each storage.
const GUARD: usize = 16;

fuzz_target!(|stream: &[u8]| {
    for (event_limit, id_limit, chunk_size) in [(4096, 256, usize::MAX), (20, 5, 3), (0, 0, 1)] {
        guarded(stream, event_limit, id_limit, chunk_size);
    }
    buffered(stream);
});

fn guarded(stream: &[u8], event_limit: usize, id_limit: usize, chunk_size: usize) {
    let mut event_memory = vec![0xA5; event_limit + 2 * GUARD];
    let mut id_memory = vec![0x5A; 3 * id_limit + 2 * GUARD];
    let mut parser = Parser::new(
        &mut event_memory[GUARD..GUARD + event_limit],
        &mut id_memory[GUARD..GUARD + 3 * id_limit],
    )
    .keep_comments();
    let mut count = 0;
    for chunk in stream.chunks(chunk_size) {
        let mut items = parser.feed(chunk);
        while let Some(item) = items.next() {
            check(item, event_limit, id_limit);
            count += 1;
        }
        assert_eq!(items.consumed(), chunk.len());
    }
    // Each item has a line of its own.
    assert!(count <= stream.len());
    assert!(parser.last_event_id().len() <= id_limit);
    parser.end_stream();
    for (memory, guard) in [(event_memory, 0xA5), (id_memory, 0x5A)] {
        assert_eq!(memory[..GUARD], [guard; GUARD]);
        assert_eq!(memory[memory.len() - GUARD..], [guard; GUARD]);
    }
}

fn buffered(stream: &[u8]) {
    let mut parser = BufferedParser::new(Parser::new([0; 64], [0; 48]), [0; 7]);
    let mut rest = stream;
    while !rest.is_empty() {
        let length = fill(parser.space(), rest);
        parser.filled(length);
        rest = &rest[length..];
        drain(&mut parser);
    }
    parser.end_stream();
}

fn drain<E: Storage, I: Storage, B: Storage>(parser: &mut BufferedParser<E, I, B>) {
    while let Some(item) = parser.next() {
        check(item, 64, 16);
    }
}

/// Looks at all of an item.
fn check(item: Item<'_>, event_limit: usize, id_limit: usize) {
    match item {
        Item::Event(event) => {
            assert!(event.last_event_id().len() <= id_limit);
            let own_id = event.id().map_or(0, |id| id.len());
            assert!(event.data().len() + own_id <= event_limit);
            assert!(event.event_type().len() <= event_limit.max("message".len()));
            assert!(!event.event_type().is_empty());
            assert_eq!(event.data().to_string(), event.data().to_string_lossy());
        }
        Item::TooLarge(event) => assert!(event.last_event_id().len() <= id_limit),
        Item::Comment(comment) => assert!(comment.text().len() <= event_limit),
        Item::Retry(_) | Item::IdTooLong => {}
        unknown => panic!("teach the target this item: {unknown:?}"),
    }
}
