//! HTTP clients of the user's own that trust the authorities of test servers.

use std::sync::Arc;

#[cfg(feature = "hyper")]
pub(crate) type Connector =
    hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>;

#[cfg(feature = "ureq")]
pub(crate) fn agent(authorities: &[&[u8]]) -> ureq::Agent {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};

    let roots = authorities.iter().map(|ca| Certificate::from_der(ca).to_owned()).collect();
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build();
    ureq::Agent::config_builder().tls_config(tls).build().new_agent()
}

#[cfg(feature = "hyper")]
pub(crate) fn connector(authorities: &[&[u8]]) -> Connector {
    let mut roots = rustls::RootCertStore::empty();
    for ca in authorities {
        roots.add(ca.to_vec().into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build()
}
