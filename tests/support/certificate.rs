//! Certificates that nobody signed but their own keys.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A certificate of this machine and its key, as PEM.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Certificate {
    /// A new one, for `127.0.0.1` and `localhost`.
    ///
    /// # Panics
    ///
    /// Where there are no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Writes both to files in `folder`, the certificate first.
    ///
    /// # Panics
    ///
    /// When they cannot be written.
    #[must_use]
    pub fn write(&self, folder: &Path) -> [PathBuf; 2] {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        [("certificate", &self.certificate), ("key", &self.key)].map(|(name, content)| {
            let number = FILES.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{name}-{}-{number}.pem", std::process::id()));
            std::fs::write(&path, content).expect("a file that can be written");
            path
        })
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}
