//! Which page a request comes from.

use sansse::http::HeadField;

use super::config::Config;

/// The most bytes of a host, with its port, that can be told to be the device's own.
const AUTHORITY: usize = 48;

/// The origin of a request, beside the host that it was sent to.
pub(super) struct Origin {
    /// The one of the list that it is, from 1 on.
    listed: u8,
    /// How many there are.
    origins: u8,
    /// Whichever of origin and host came first,
    first: [u8; AUTHORITY],
    length: u8,
    /// to be held against the second.
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
            first: [0; AUTHORITY],
            length: 0,
            is_own: false,
            #[cfg(feature = "cors")]
            is_preflight: false,
        }
    }

    /// Takes a field, if it says anything of that.
    pub(super) fn take(&mut self, field: &HeadField<'_>, config: &Config<'_>) {
        #[cfg(feature = "cors")]
        if field.is("access-control-request-method") {
            self.is_preflight = true;
        }
        let mut authority = field.value;
        if field.is("origin") {
            self.origins = self.origins.saturating_add(1);
            self.listed = place(field, config);
            let start = authority.iter().position(|&byte| byte == b'/').unwrap_or_default();
            authority = authority
                .get(start..)
                .and_then(|rest| rest.strip_prefix(b"//"))
                .unwrap_or_default();
        } else if !field.is("host") {
            return;
        }
        let known = &self.first[..usize::from(self.length)];
        self.is_own = !known.is_empty() && known.eq_ignore_ascii_case(authority);
        if self.length == 0
            && let Some(first) = self.first.get_mut(..authority.len())
        {
            first.copy_from_slice(authority);
            self.length = u8::try_from(authority.len()).unwrap_or_default();
        }
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
