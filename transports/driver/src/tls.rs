//! Explains the errors of rustls (feature `rustls`).

use std::error::Error;

use rustls::AlertDescription;

/// Returns whether an error is permanent: an untrusted certificate, a peer without a common TLS
/// version, a rejection by the peer, or missing roots. For
/// [`TransportError::of_chain_with`](crate::TransportError::of_chain_with).
pub fn is_permanent(error: &(dyn Error + 'static)) -> bool {
    use rustls::Error::{AlertReceived, General, InvalidCertificate, PeerIncompatible};

    match error.downcast_ref() {
        Some(AlertReceived(alert)) => is_refusal(*alert),
        Some(InvalidCertificate(_) | PeerIncompatible(_) | General(_)) => true,
        _ => false,
    }
}

/// Returns whether a peer would reject the same client again. Other alerts may be due to damaged
/// bytes or a fault of the peer: `BadRecordMac`, `DecodeError` or `InternalError`.
const fn is_refusal(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity
            | AlertDescription::MissingExtension
            | AlertDescription::NoApplicationProtocol
            | AlertDescription::ProtocolVersion
            | AlertDescription::UnknownCA
            | AlertDescription::UnrecognisedName
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::UnsupportedExtension
    )
}
