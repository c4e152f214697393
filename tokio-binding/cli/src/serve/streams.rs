//! Who may have streams, and how many.

use clap::Args;
use sansse_tokio::{Cors, CorsError, Endpoint, EndpointLimits, Hub};

use crate::failure::Failure;

/// What `sansse serve` can be told of streams.
#[derive(Args, Clone, Debug)]
pub(crate) struct StreamOptions {
    /// Let pages of this origin read the streams, such as `https://example.org`; `*` for those of
    /// any. Can be given more than once
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,

    /// Let those pages send cookies and the like
    #[arg(long, requires = "cors_origin")]
    cors_credentials: bool,

    /// Do not compress streams for those who take gzip
    #[arg(long)]
    pub(super) no_gzip: bool,

    /// Most streams at once; what comes on top is told to come back later
    #[arg(long, value_name = "STREAMS")]
    max_streams: Option<usize>,

    /// Most streams at once of one address, which for IPv6 is a network of 64 bits. Behind a proxy
    /// all are of the proxy's address
    #[arg(long, value_name = "STREAMS")]
    max_streams_per_address: Option<usize>,
}

impl StreamOptions {
    /// The door of a hub, as it was asked for.
    pub(crate) fn endpoint(&self, hub: Hub) -> Result<Endpoint, Failure> {
        let mut limits = EndpointLimits::new();
        if let Some(streams) = self.max_streams {
            limits = limits.connections(streams);
        }
        if let Some(streams) = self.max_streams_per_address {
            limits = limits.per_address(streams);
        }
        let endpoint = Endpoint::new(hub).limits(limits);
        if self.cors_origin.is_empty() {
            return Ok(endpoint);
        }
        let cors = self
            .cors()
            .map_err(|problem| Failure::usage(format!("cannot use --cors-origin: {problem}")))?;
        Ok(endpoint.cors(cors))
    }

    fn cors(&self) -> Result<Cors, CorsError> {
        let cors = if self.cors_origin.iter().any(|origin| origin == "*") {
            Cors::any()
        } else {
            Cors::allow(&self.cors_origin)?
        };
        cors.credentials(self.cors_credentials)
    }
}
