//! Which page a request comes from.

use sansse::http::{HeadField, is_same};

use super::config::Config;

/// The origin of a request, beside the host that it was sent to.
pub(super) struct Origin {
    /// The one of the list that it is, from 1 on.
    listed: u8,
    /// How many there are; at most two are counted.
    origins: u8,
    /// Whether it has the host's name and port.
    is_own: bool,
    /// Whether a browser asks what another request may do (Fetch standard, CORS-preflight request).
    #[cfg(feature = "cors")]
    pub(super) is_preflight: bool,
}

impl Origin {
    pub(super) const fn new() -> Self {
        Self {
            listed: 0,
            origins: 0,
            is_own: false,
            #[cfg(feature = "cors")]
            is_preflight: false,
        }
    }

    /// Takes a host or an origin, and what was kept of one before, and says how many bytes at the end of
    /// its value are to be kept: of the two the one that comes first, to be held against the second.
    pub(super) fn take(
        &mut self,
        field: &HeadField<'_>,
        is_origin: bool,
        kept: &[u8],
        config: &Config<'_>,
    ) -> usize {
        let mut authority = field.value;
        if is_origin {
            self.origins = if self.origins == 0 { 1 } else { 2 };
            self.listed = place(field, config);
            // Behind `scheme://`, which browsers write before all that has a host.
            let scheme = authority.iter().position(|&byte| byte == b'/').unwrap_or(authority.len());
            authority = authority.get(scheme + 2..).unwrap_or_default();
        }
        self.is_own = !kept.is_empty() && is_same(kept, authority);
        authority.len()
    }

    /// The origin that may read the answer. A request that names several has none.
    #[cfg(feature = "cors")]
    pub(super) fn allowed<'a>(&self, config: &Config<'a>) -> Option<&'a str> {
        let place = usize::from(self.listed).checked_sub(1)?;
        config.origins.get(place).copied().filter(|_| self.origins == 1)
    }

    /// Whether it comes from a page that is neither the device's own nor allowed.
    pub(super) fn is_foreign(&self) -> bool {
        match self.origins {
            0 => false,
            1 => !self.is_own && self.listed == 0,
            _ => true,
        }
    }
}

/// Which of the list an origin is, from 1 on; 0 when it is none.
fn place(origin: &HeadField<'_>, config: &Config<'_>) -> u8 {
    #[cfg(feature = "cors")]
    {
        let place = config.origins.iter().position(|listed| listed.as_bytes() == origin.value);
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or_default()
    }
    #[cfg(not(feature = "cors"))]
    {
        let _ = (origin, config);
        0
    }
}
