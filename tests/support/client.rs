//! An HTTP client of others.

/// A client without options.
#[must_use]
pub fn client() -> reqwest::Client {
    choose_tls();
    reqwest::Client::new()
}

/// Names the TLS provider of this process. In a build of the whole workspace, all clients are the
/// command's, which leave the choice to whoever runs them, whether they speak TLS or not.
pub(crate) fn choose_tls() {
    // This fails where one has been named already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
