//! What the page of `sansse serve` shows, as expressions of JavaScript.

/// The data of the listed events, oldest first; a reset as `reset`.
pub const LISTED: &str = "[...document.querySelectorAll('#events .event')].reverse()\
    .map(row => row.dataset.type === 'reset' ? 'reset' : row.querySelector('.data').textContent)";

/// The state of the stream: `connecting`, `open` or `closed`.
pub const STATE: &str = "document.querySelector('#state').dataset.state";
