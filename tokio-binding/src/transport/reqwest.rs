//! The ready transport.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, ClientBuilder};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::{BoxError, Transport};

/// How long a connection may take to be made, with TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After so much silence, and as often again, the network is asked whether the server is still
/// there. That kills no healthy stream, and leaves no dead one open.
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

impl Transport for Client {
    type Body = Body;
    type Error = reqwest::Error;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, reqwest::Error>> + Send + 'static {
        let client = self.clone();
        async move {
            let response = client.execute(request.try_into()?).await;
            // Nobody's log should have the secrets of a URL.
            Ok(response.map_err(reqwest::Error::without_url)?.into())
        }
    }
}

/// The client of who brings none.
pub(crate) fn client() -> Result<Client, BoxError> {
    let builder = || {
        Client::builder()
            .user_agent(concat!("sansse/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(PROBE)
            .tcp_keepalive_interval(PROBE)
            .tcp_keepalive_retries(PROBES)
            .http2_keep_alive_interval(PROBE)
            .http2_keep_alive_timeout(PROBE * PROBES)
    };
    Ok(with_tls(builder())?.build()?)
}

/// TLS with the system's certificates, and a provider that is ours alone: the process may choose
/// another one, or none.
fn with_tls(builder: ClientBuilder) -> Result<ClientBuilder, BoxError> {
    let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(builder.tls_backend_preconfigured(tls))
}
