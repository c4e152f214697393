//! Any stream, any limits and options, cut anywhere: every implementation is as the oracle has it.
//!
//! The input is six bytes and the stream: options and implementation, the limits of events and ids,
//! and the lengths of three chunks, which repeat; 0 is all of the rest.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tests::byte_string::ByteString;
use tests::chunking;
use tests::expectation::Expectation;
use tests::implementation::implementations;
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
    let mut implementations = implementations();
    implementations.retain(|implementation| implementation.supports(&settings));
    let index = usize::from(choice >> 3) % implementations.len();
    let chunks = chunking::of_lengths(stream, &lengths.map(usize::from));
    Expectation::of(&settings, stream).check(implementations[index].as_mut(), &chunks);
});
