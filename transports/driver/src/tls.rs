//! What the errors of rustls mean (feature `rustls`).

use std::error::Error;

use rustls::AlertDescription;

/// Tells whether an error will not pass: a certificate that is not trusted, a peer that speaks no
/// TLS of ours or refuses ours, no roots. For
/// [`TransportError::of_chain_with`](crate::TransportError::of_chain_with).
#[must_use]
pub fn is_permanent(error: &(dyn Error + 'static)) -> bool {
    use rustls::Error::{AlertReceived, General, InvalidCertificate, PeerIncompatible};

    match error.downcast_ref() {
        Some(AlertReceived(alert)) => is_refusal(*alert),
        Some(InvalidCertificate(_) | PeerIncompatible(_) | General(_)) => true,
        _ => false,
    }
}

/// What a peer will say of the same client again. Others may come of damaged bytes or of a fault
/// inside it: `BadRecordMac`, `DecodeError` or `InternalError`.
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
