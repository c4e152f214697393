//! Law 3, as the allocator saw it: the core allocates nothing, and what grows stays in its limit.

use allocation_counter::measure;
use sansse::{
    BufferedParser, Encoder, Event, EventId, Parser, ResetCause, Resume, SliceSink, resume,
};
use tests::cases;
use tests::chunking;
use tests::core_parsers::{configure, fill};
use tests::oracle;
use tests::outcome::Item;
use tests::settings::Settings;

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 1);
}

#[test]
fn parsing_allocates_nothing() {
    let roomy = Settings::roomy();
    let (mut event_storage, mut id_storage) = (vec![0; 8192], vec![0; 3 * 256]);
    for (event_limit, id_limit) in [(8192, 256), (8, 2), (0, 0)] {
        let settings = roomy.clone().with_limits(event_limit, id_limit);
        for case in cases::all() {
            let stream = case.input.as_bytes();
            let expected = oracle::interpret(&settings, stream);
            for chunks in [1, 2, 3, 7, 16, 8192].map(|size| chunking::fixed(stream, size)) {
                let mut agrees = true;
                let counted = measure(|| {
                    let parser = Parser::new(
                        &mut event_storage[..event_limit],
                        &mut id_storage[..3 * id_limit],
                    );
                    agrees = reads(configure(parser, &settings), &chunks, &expected.items);
                });
                assert!(agrees, "{}", case.name);
                assert_eq!(counted.count_total, 0, "{}", case.name);
            }
        }
    }
}

/// The items are compared while it counts, so that they are known to have been there.
fn reads(
    mut parser: Parser<&mut [u8], &mut [u8]>,
    chunks: &[&[u8]],
    mut expected: &[Item],
) -> bool {
    let mut agrees = true;
    for chunk in chunks {
        let mut items = parser.feed(chunk);
        while let Some(item) = items.next() {
            if let Some((first, rest)) = expected.split_first() {
                agrees &= *first == item;
                expected = rest;
            } else {
                agrees = false;
            }
        }
    }
    parser.end_stream();
    agrees && expected.is_empty()
}

#[test]
fn parsing_from_a_buffer_allocates_nothing() {
    let settings = Settings::roomy();
    for case in cases::all() {
        let stream = case.input.as_bytes();
        let expected = oracle::interpret(&settings, stream).items.len();
        let mut count = 0;
        let counted = measure(|| {
            let mut parser =
                BufferedParser::new(Parser::new([0; 8192], [0; 768]).keep_comments(), [0; 61]);
            let mut rest = stream;
            while !rest.is_empty() {
                let length = fill(parser.space(), rest);
                parser.filled(length);
                rest = &rest[length..];
                while parser.next().is_some() {
                    count += 1;
                }
            }
            parser.end_stream();
        });
        assert_eq!((counted.count_total, count), (0, expected), "{}", case.name);
    }
}

#[test]
fn encoding_allocates_nothing() {
    let mut memory = vec![0; 16 * 1024];
    for case in cases::all() {
        for shown in &case.events {
            let counted = measure(|| {
                let mut sink = SliceSink::new(&mut memory);
                let mut encoder = Encoder::new(&mut sink);
                let mut event =
                    Event::new(&shown.data).with_type(&shown.event_type).expect("a type");
                if let Ok(with_id) = event.with_id(&shown.last_event_id) {
                    event = with_id;
                }
                encoder.event(&event).expect("space");
                encoder.retry(u64::MAX).expect("space");
                encoder.comment("x").expect("space");
                encoder.id("7").expect("space");
                let id = event.id().and_then(|id| id.to_str().ok());
                encoder
                    .event_with(&shown.event_type, id, |data| {
                        use std::fmt::Write as _;
                        write!(data, "{}{:.1}", shown.data, 21.5)
                    })
                    .expect("space");
                assert!(event.encoded_len() < sink.written().len());
                assert!(event.encode_to_slice(&mut [0; 4]).is_err());
            });
            assert_eq!(counted.count_total, 0, "{}", case.name);
        }
    }
}

#[test]
fn ids_and_headers_allocate_nothing() {
    let counted = measure(|| {
        let id = EventId { epoch: u64::MAX, sequence: 36 };
        assert_eq!(EventId::parse(id.to_text().as_bytes()), Ok(id));
        assert_eq!(resume(Some(id.to_text().as_bytes()), u64::MAX, 40, [36]), Resume::From(36));
        assert_eq!(resume(Some(b"x"), 1, 40, [36]), Resume::Reset(ResetCause::UnknownId));
        assert!(sansse::http::is_event_stream(b"text/event-stream; charset=utf-8"));
        assert!(sansse::http::accepts_event_stream(b"text/html, */*;q=0.1"));
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn growing_storage_stays_in_its_limit() {
    const EVENT_LIMIT: usize = 10_000;
    const ID_LIMIT: usize = 1_000;
    let most: i64 = (EVENT_LIMIT + 3 * ID_LIMIT).try_into().expect("a small number");
    let long = "x".repeat(64 * 1024);
    let lines = "data:x\n".repeat(64 * 1024);
    let hostile = [
        format!("data:{long}\n\n"),
        format!("{lines}\n"),
        format!("event:{}\ndata:{long}\n\n", &long[..4000]),
        format!("id:{long}\n:{long}\nretry:{long}\n{long}:{long}\n\n"),
        format!("id:{0}\ndata\n\nid:{0}\ndata\n\nid:{0}\ndata\n\n", &long[..ID_LIMIT]),
        format!("data:{}\n:{long}\nevent:{long}\n\n", &long[..EVENT_LIMIT]),
    ];
    for stream in hostile {
        for size in [1, 1000, stream.len()] {
            // It outlives the closure, so that what it holds at last is counted.
            let mut parser = Parser::growing(EVENT_LIMIT, ID_LIMIT).keep_comments();
            let counted = measure(|| {
                for chunk in stream.as_bytes().chunks(size) {
                    let mut items = parser.feed(chunk);
                    while items.advance() {}
                }
            });
            assert!(counted.bytes_current <= most, "{} bytes", counted.bytes_current);
            // While it grows, the allocator may need the old place beside the new one.
            assert!(counted.bytes_max <= 2 * most.unsigned_abs(), "{} bytes", counted.bytes_max);
            assert!(counted.count_total <= 32, "{} allocations", counted.count_total);
        }
    }
    let untouched = measure(|| drop(Parser::growing(EVENT_LIMIT, ID_LIMIT)));
    assert_eq!(untouched.count_total, 0);
}

/// What all events of a chunk share is made once.
#[cfg(feature = "hosts")]
#[test]
fn events_of_a_chunk_are_owned_without_an_allocation_each() {
    use futures_util::{FutureExt, StreamExt, stream};
    use sansse_tokio::{EventStream, OwnedItem};

    let chunk = bytes::Bytes::from("event: tick\nid: 7\ndata: shared\n\n".repeat(1000));
    let mut items = EventStream::new(stream::iter([Ok::<_, std::convert::Infallible>(chunk)]));
    let mut events = 0;
    let allocations = measure(|| {
        while let Some(Some(item)) = items.next().now_or_never() {
            assert!(matches!(item, Ok(OwnedItem::Event(_))));
            events += 1;
        }
    });
    assert_eq!(events, 1000);
    // The chunk's, and the room for the last event ID.
    assert!(allocations.count_total <= 4, "{} allocations", allocations.count_total);
}

/// An event that is alone in its chunk takes it.
#[cfg(feature = "hosts")]
#[test]
fn events_with_a_chunk_each_are_owned_without_an_allocation() {
    use futures_util::{FutureExt, StreamExt, stream};
    use sansse_tokio::{EventStream, OwnedItem};

    // Made before counting starts; half of them hold two.
    let chunks = (0..1000).map(|number| {
        let chunk = format!("event: tick\nid: {number}\ndata: alone\n\n").repeat(1 + number % 2);
        Ok::<_, std::convert::Infallible>(bytes::Bytes::from(chunk))
    });
    let chunks: Vec<_> = chunks.collect();
    let mut items = EventStream::new(stream::iter(chunks));
    let mut events = 0;
    let allocations = measure(|| {
        while let Some(Some(item)) = items.next().now_or_never() {
            assert!(matches!(item, Ok(OwnedItem::Event(_))));
            events += 1;
        }
    });
    assert_eq!(events, 1500);
    // Who shares a chunk made of a vector counts its owners from then on, in memory of their own.
    let shared = 500;
    assert!(allocations.count_total <= shared + 4, "{} allocations", allocations.count_total);
}
