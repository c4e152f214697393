//! An HTTP client of others.

use reqwest::{Client, ClientBuilder};

/// A client without options.
///
/// # Panics
///
/// When there can be none.
#[must_use]
pub fn client() -> Client {
    builder().build().expect("a client")
}

/// What makes clients that see what was sent. Of themselves they would ask for compression, in a build
/// with the library's own client, and say nothing of it.
pub(crate) fn builder() -> ClientBuilder {
    choose_tls();
    Client::builder().no_gzip().no_brotli().no_zstd()
}

/// Names the TLS provider of this process. In a build of the whole workspace, all clients are the
/// command's, which leave the choice to whoever runs them, whether they speak TLS or not.
pub(crate) fn choose_tls() {
    // This fails where one has been named already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
