//! HTTP clients as a user may build them, which trust the certificate authorities of test servers.

use std::sync::Arc;

#[cfg(feature = "reqwest")]
use tcss_export::driver::{CONNECT_LIMIT, HEADERS_LIMIT, IDLE_LIMIT};

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
    hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls_config(authorities))
        .https_or_http()
        .enable_http1()
        .build()
}

/// A client with the settings that the docs of the transport require.
#[cfg(feature = "reqwest")]
pub(crate) fn reqwest(authorities: &[&[u8]]) -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let builder = builder.retry(reqwest::retry::never()).http1_only();
    let builder = builder.no_gzip().no_brotli().no_zstd().no_deflate();
    let builder = builder.http1_max_headers(HEADERS_LIMIT);
    let builder = builder.connect_timeout(CONNECT_LIMIT).pool_idle_timeout(IDLE_LIMIT);
    builder.tls_backend_preconfigured(tls_config(authorities)).build().expect("a client")
}

#[cfg(any(feature = "hyper", feature = "reqwest"))]
fn tls_config(authorities: &[&[u8]]) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for ca in authorities {
        roots.add(ca.to_vec().into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
