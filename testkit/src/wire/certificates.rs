//! The certificates of a server with TLS.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A certificate authority with one server certificate.
pub(super) struct Authority {
    pub(super) pem: String,
    pub(super) der: Vec<u8>,
    pub(super) acceptor: TlsAcceptor,
}

impl Authority {
    /// Makes an authority with a certificate for `localhost` and `127.0.0.1`.
    pub(super) fn for_loopback() -> io::Result<Self> {
        Self::for_hosts(&["localhost", "127.0.0.1"])
    }

    /// Makes an authority with a certificate for these names and addresses.
    pub(super) fn for_hosts(names: &[&str]) -> io::Result<Self> {
        let (params, key) = root().map_err(io::Error::other)?;
        let root = params.self_signed(&key).map_err(io::Error::other)?;
        Ok(Self {
            pem: root.pem(),
            der: root.der().to_vec(),
            acceptor: Arc::new(server_config(&Issuer::new(params, key), names)?).into(),
        })
    }
}

fn root() -> Result<(CertificateParams, KeyPair), rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "EXAMPLE authority of a test");
    Ok((params, KeyPair::generate()?))
}

fn server_config(issuer: &Issuer<'_, KeyPair>, names: &[&str]) -> io::Result<ServerConfig> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = params.signed_by(&key, issuer).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .map_err(io::Error::other)
}
