//! The one TLS configuration: rustls on ring, with Mozilla's roots built in, so that a bare container needs no certificate files.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

pub(crate) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
