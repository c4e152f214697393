//! Any stream, any limits and options, cut anywhere: every implementation is as the oracle has it.
//!
//! The input is six bytes and the stream: options and implementation, the limits of events and ids,
//! and the lengths of three chunks, which repeat; 0 is all of the rest.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tests::byte_string::ByteString;
use tests::implementation::implementations;
use tests::oracle;
use tests::settings::Settings;

fuzz_target!(|input: &[u8]| {
    let Some((&[choice, event_limit, id_limit, lengths @ ..], stream)) =
        input.split_first_chunk::<6>()
    else {
        return;
    };
    let settings = Settings {
        event_limit: event_limit.into(),
        id_limit: id_limit.into(),
        keep_comments: choice & 1 != 0,
        advance_past_too_large: choice & 2 != 0,
        seed: ByteString::from(if choice & 4 != 0 && id_limit > 0 { "s" } else { "" }),
    };
    let chunks = cut(stream, lengths);
    let expected = oracle::interpret(&settings, stream);
    let arrivals = oracle::arrivals(&oracle::due(&settings, stream), &chunks);
    let mut implementations = implementations();
    implementations.retain(|implementation| implementation.supports(&settings));
    let index = usize::from(choice >> 3) % implementations.len();
    let implementation = &mut implementations[index];
    let reading = implementation.run(&settings, &chunks);
    assert_eq!(reading.outcome, expected, "{}, {settings:?}", implementation.name());
    if let Some(reported) = reading.arrivals {
        assert_eq!(reported, arrivals, "{}, {settings:?}", implementation.name());
    }
});

fn cut(mut stream: &[u8], lengths: [u8; 3]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    for length in lengths.into_iter().cycle() {
        let length = if length == 0 { stream.len() } else { stream.len().min(length.into()) };
        let (chunk, rest) = stream.split_at(length);
        chunks.push(chunk);
        stream = rest;
        if stream.is_empty() {
            break;
        }
    }
    chunks
}
