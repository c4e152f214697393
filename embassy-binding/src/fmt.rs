//! What happens to streams, for people who debug: through `defmt`, through `log`, or not at all.

#[cfg(feature = "defmt")]
macro_rules! debug {
    ($($argument:expr),+ $(,)?) => { ::defmt::debug!($($argument),+) };
}

#[cfg(all(feature = "log", not(feature = "defmt")))]
macro_rules! debug {
    ($($argument:expr),+ $(,)?) => { ::log::debug!($($argument),+) };
}

#[cfg(not(any(feature = "defmt", feature = "log")))]
macro_rules! debug {
    ($format:literal $(, $argument:expr)* $(,)?) => { { $(let _ = &$argument;)* } };
}
