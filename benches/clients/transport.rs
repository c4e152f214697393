//! What all clients pay: the bytes, as reqwest hands them out.

use std::error::Error;

use super::{Reader, Tally};

/// A client of reqwest that asks nobody but the server.
pub(super) fn prepare() -> Result<reqwest::Client, reqwest::Error> {
    // The binding leaves the choice of a TLS provider to the process. This fails where it is made.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build()
}

impl Reader for reqwest::Client {
    async fn read(self, url: &str, _events: u64) -> Result<Tally, Box<dyn Error>> {
        let mut response = self.get(url).send().await?;
        let mut tally = Tally::default();
        while let Some(chunk) = response.chunk().await? {
            tally.bytes += chunk.len() as u64;
        }
        Ok(tally)
    }
}
