//! The server's certificate and key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::failure::Failure;

/// Where the certificate and its key are.
#[derive(Args, Clone, Debug)]
pub(super) struct Tls {
    /// Serve TLS with the certificates in this PEM file, the server's own first
    #[arg(long = "tls-cert", value_name = "FILE", requires = "key")]
    certificates: Option<PathBuf>,

    /// The private key of that certificate, a PEM file
    #[arg(long = "tls-key", value_name = "FILE", requires = "certificates")]
    key: Option<PathBuf>,
}

impl Tls {
    /// What takes TLS handshakes, if there are to be any. HTTP/2 is preferred by ALPN.
    pub(super) fn acceptor(&self) -> Result<Option<TlsAcceptor>, Failure> {
        let (Some(certificates_path), Some(key_path)) = (&self.certificates, &self.key) else {
            return Ok(None);
        };
        let certificates = read_certificates(certificates_path)?;
        let key = PrivateKeyDer::from_pem_file(key_path)
            .map_err(|error| cannot_read(key_path, "--tls-key", "private key", &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
            .map_err(|error| do_not_fit(certificates_path, key_path, &error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| cannot_read(path, "--tls-cert", "certificate", &error))?;
    if certificates.is_empty() {
        return Err(cannot_read(path, "--tls-cert", "certificate", &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn cannot_read(path: &Path, option: &str, what: &str, error: &pem::Error) -> Failure {
    let path = path.display();
    Failure::new(match error {
        pem::Error::Io(error) => {
            format!("cannot read {path}: {error}; give {option} a PEM file that this user may read")
        }
        pem::Error::NoItemsFound => {
            format!("there is no {what} in {path}; give {option} a PEM file that holds one")
        }
        error => format!("{path} is no PEM file: {error}; give {option} one with a {what}"),
    })
}

fn do_not_fit(certificates: &Path, key: &Path, error: &rustls::Error) -> Failure {
    let (certificates, key) = (certificates.display(), key.display());
    Failure::new(match error {
        rustls::Error::InconsistentKeys(_) => format!(
            "the key in {key} is not that of the first certificate in {certificates}; \
            give --tls-key and --tls-cert the two that belong together"
        ),
        error => format!(
            "cannot serve TLS with {certificates} and {key}: {error}; \
            give --tls-cert a certificate, its chain after it, and --tls-key its key"
        ),
    })
}
