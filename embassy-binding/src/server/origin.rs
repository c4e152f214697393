//! Which page a request comes from.

use sansse::http::HeadField;

/// The most bytes of a host, with its port, that can be told to be the device's own.
const AUTHORITY: usize = 48;

/// The origin of a request, beside the host that it was sent to.
pub(super) struct Origin<'a> {
    /// The one of the list that it is.
    allowed: Option<&'a str>,
    /// Whichever of the two came first,
    first: [u8; AUTHORITY],
    length: u8,
    /// to be held against the second.
    is_same: bool,
    origins: u8,
}

impl<'a> Origin<'a> {
    pub(super) const fn new() -> Self {
        Self { allowed: None, first: [0; AUTHORITY], length: 0, is_same: false, origins: 0 }
    }

    pub(super) fn take_host(&mut self, host: &HeadField<'_>) {
        self.compare(host.value);
    }

    pub(super) fn take(&mut self, origin: &HeadField<'_>, listed: &'a [&'a str]) {
        self.origins = self.origins.saturating_add(1);
        let mut listed = listed.iter().copied();
        self.allowed = listed.find(|listed| listed.as_bytes() == origin.value && origin.is_whole);
        let scheme = origin.value.iter().position(|&byte| byte == b':');
        let authority = scheme.and_then(|end| origin.value[end..].strip_prefix(b"://"));
        self.compare(authority.unwrap_or_default());
    }

    /// The origin that may read the answer. A request that names several has none.
    pub(super) fn allowed(&self) -> Option<&'a str> {
        self.allowed.filter(|_| self.origins == 1)
    }

    /// Whether it comes from a page that is neither the device's own nor allowed.
    pub(super) fn is_foreign(&self) -> bool {
        self.origins > 0 && self.allowed().is_none() && !(self.is_same && self.origins == 1)
    }

    fn compare(&mut self, authority: &[u8]) {
        let known = &self.first[..usize::from(self.length)];
        self.is_same = !known.is_empty() && known.eq_ignore_ascii_case(authority);
        if let (true, Some(first)) = (known.is_empty(), self.first.get_mut(..authority.len())) {
            first.copy_from_slice(authority);
            self.length = u8::try_from(authority.len()).unwrap_or_default();
        }
    }
}
