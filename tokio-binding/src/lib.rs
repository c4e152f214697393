//! The tokio binding.
