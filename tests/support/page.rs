//! What the pages of `sansse serve` show, as expressions of JavaScript.

/// The data of the listed events, oldest first; a reset as `reset`.
pub const LISTED: &str = "[...document.querySelectorAll('#events .event')].reverse()\
    .map(row => row.dataset.type === 'reset' ? 'reset' : row.querySelector('.data').textContent)";

/// Whether the page is no wider than the window. (A phone's `innerWidth` grows with the page.)
pub const FITS: &str = "document.documentElement.scrollWidth <= outerWidth";

/// The state of the stream: `connecting`, `open` or `closed`.
pub const STATE: &str = "document.querySelector('#state').dataset.state";
