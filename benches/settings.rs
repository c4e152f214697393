//! How the benchmarks are run: short, since there are many.

use std::time::Duration;

use criterion::Criterion;

/// Criterion with the command line's options over ours.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20)
        .nresamples(2000)
        .without_plots()
        .configure_from_args()
}
