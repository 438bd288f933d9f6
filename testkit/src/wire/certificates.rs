//! The certificates of a server with TLS.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

type BoxError = Box<dyn Error + Send + Sync>;

/// The names of a server on this machine.
const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

/// A fault of the certificate of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It is valid from the year 2100 on.
    NotValidYet,
    /// It expired in the year 2001.
    Expired,
    /// It is that of a certificate authority, like many self-signed ones.
    OfAuthority,
}

/// A certificate authority with one server certificate.
pub(super) struct Authority {
    pub(super) pem: String,
    pub(super) der: Vec<u8>,
    pub(super) acceptor: TlsAcceptor,
}

impl Authority {
    /// Makes an authority with a certificate for `localhost` and `127.0.0.1`.
    pub(super) fn for_loopback() -> io::Result<Self> {
        Self::for_hosts(&LOOPBACK)
    }

    /// Creates an authority like [`for_loopback`](Self::for_loopback), with a fault in its
    /// certificate.
    pub(super) fn with_fault(fault: CertificateFault) -> io::Result<Self> {
        Self::generate(&LOOPBACK, Some(fault)).map_err(io::Error::other)
    }

    /// Makes an authority with a certificate for these names and addresses.
    pub(super) fn for_hosts(names: &[&str]) -> io::Result<Self> {
        Self::generate(names, None).map_err(io::Error::other)
    }

    fn generate(names: &[&str], fault: Option<CertificateFault>) -> Result<Self, BoxError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "EXAMPLE authority of a test");
        let root = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate()?;
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match fault {
            Some(CertificateFault::NotValidYet) => params.not_before = date_time_ymd(2100, 1, 1),
            Some(CertificateFault::Expired) => params.not_after = date_time_ymd(2001, 1, 1),
            Some(CertificateFault::OfAuthority) => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            None => {}
        }
        let leaf = params.signed_by(&key, &issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.into())?;
        Ok(Self { pem: root.pem(), der: root.der().to_vec(), acceptor: Arc::new(config).into() })
    }
}
