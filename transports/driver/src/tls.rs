//! Explains the errors of rustls (feature `rustls`).

use std::{error::Error, fmt, io};

use rustls::{AlertDescription, CertificateError, pki_types::UnixTime};
use tcss_export_core::{Wall, text::brief};

use crate::clock::utc;

/// Returns whether an error is permanent, for
/// [`TransportError::of_chain_with`](crate::TransportError::of_chain_with).
///
/// Permanent are an untrusted certificate, a peer without a common TLS version, a rejection by the
/// peer, and missing roots.
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

/// A problem with the TLS of a server, such as an untrusted certificate. `Display` explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// Its certificate is not valid yet. The clock of this machine may be slow.
    NotValidYet {
        /// The time of this machine.
        now: Wall,
        /// When the certificate becomes valid.
        from: Wall,
    },
    /// Its certificate has expired. The clock of this machine may be fast.
    Expired {
        /// The time of this machine.
        now: Wall,
        /// When the certificate expired.
        until: Wall,
    },
    /// No trusted authority issued its certificate.
    UnknownIssuer,
    /// Its certificate is that of a certificate authority, often a self-signed one.
    Authority,
    /// Its certificate is for other names.
    OtherName {
        /// The name that was expected.
        expected: String,
        /// The names that the certificate has.
        names: Vec<String>,
    },
    /// Its certificate is refused for another reason.
    Certificate(String),
    /// This machine has no roots to trust.
    NoRoots,
    /// The server did not answer with TLS, but for example with plain HTTP.
    NotTls,
}

impl TlsProblem {
    /// Returns the problem that this error reports, or the error inside an `io::Error`. It ignores
    /// the sources; [`TransportError::tls_problem`] searches them.
    ///
    /// [`TransportError::tls_problem`]: crate::TransportError::tls_problem
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Self::of(error.get_ref()?);
        }
        match error.downcast_ref()? {
            rustls::Error::InvalidCertificate(error) => Some(Self::of_certificate(error)),
            rustls::Error::General(text) if text.starts_with("No CA certificates") => {
                Some(Self::NoRoots)
            }
            rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
                Some(Self::NotTls)
            }
            _ => None,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::NotValidYetContext { time, not_before } => {
                Self::NotValidYet { now: wall(*time), from: wall(*not_before) }
            }
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired { now: wall(*time), until: wall(*not_after) }
            }
            // After a bad signature, an authority of the same name has another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext { expected, presented } => Self::OtherName {
                expected: expected.to_str().into_owned(),
                names: presented.iter().map(|name| bare(name)).collect(),
            },
            // An error of webpki. Its only text is its name.
            CertificateError::Other(error) => match error.to_string() {
                name if name == "CaUsedAsEndEntity" => Self::Authority,
                name => Self::Certificate(words(&name)),
            },
            error => Self::Certificate(words(&error.to_string())),
        }
    }
}

fn wall(time: UnixTime) -> Wall {
    Wall::from_unix_seconds(time.as_secs().try_into().unwrap_or(i64::MAX))
}

/// Returns the name without the type that rustls adds, as in `DnsName("a.example")`.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

/// Splits a name in camel case into words. Keeps other text.
fn words(name: &str) -> String {
    if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return name.to_owned();
    }
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotValidYet { now, from } => write!(
                f,
                "the server's certificate is not valid before {}, and this machine's clock shows \
                 {}",
                utc(*from),
                utc(*now)
            ),
            Self::Expired { now, until } => write!(
                f,
                "the server's certificate expired on {}, and this machine's clock shows {}",
                utc(*until),
                utc(*now)
            ),
            Self::UnknownIssuer => {
                f.write_str("no authority that this machine trusts issued the server's certificate")
            }
            Self::Authority => f.write_str(
                "the server's certificate is that of an authority, perhaps self-signed, and not \
                 one for a server",
            ),
            Self::OtherName { expected, names } => {
                let (expected, names) = (brief(expected), names.join(", "));
                let names = brief(if names.is_empty() { "no name" } else { &names });
                write!(f, "the server's certificate is not for {expected}, but for {names}")
            }
            Self::Certificate(reason) => {
                write!(f, "the server's certificate is not accepted: {}", brief(reason))
            }
            Self::NoRoots => f.write_str("this machine has no root certificates"),
            Self::NotTls => f.write_str("the server sent something else than TLS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use rustls::{OtherError, pki_types::ServerName};

    use super::*;
    use crate::transport_error::TransportError;

    fn text(error: CertificateError) -> String {
        let error = io::Error::other(rustls::Error::InvalidCertificate(error));
        let error = TransportError::from(io::Error::new(io::ErrorKind::InvalidData, error));
        error.tls_problem().expect("a problem").to_string()
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn a_wrong_time_is_explained_with_both_dates() {
        let (early, late) = (at(1_699_979_400), at(1_709_251_199));
        let not_yet = CertificateError::NotValidYetContext { time: early, not_before: late };
        let expected = "the server's certificate is not valid before 2024-02-29 23:59 UTC, and \
                        this machine's clock shows 2023-11-14 16:30 UTC";
        assert_eq!(text(not_yet), expected);
        let expired = CertificateError::ExpiredContext { time: late, not_after: early };
        let expected = "the server's certificate expired on 2023-11-14 16:30 UTC, and this \
                        machine's clock shows 2024-02-29 23:59 UTC";
        assert_eq!(text(expired), expected);
        assert_eq!(utc(wall(at(u64::MAX))), "9223372036854775 s after 1970");
    }

    #[test]
    fn the_names_of_a_certificate_are_shown() {
        let mismatch = |presented: &[&str]| {
            text(CertificateError::NotValidForNameContext {
                expected: ServerName::try_from("a.example").expect("a name"),
                presented: presented.iter().map(|&name| name.to_owned()).collect(),
            })
        };
        let shown = mismatch(&[r#"DnsName("*.b.example")"#, "IpAddress(127.0.0.1)"]);
        let expected =
            "the server's certificate is not for a.example, but for *.b.example, 127.0.0.1";
        assert_eq!(shown, expected);
        assert!(mismatch(&[]).ends_with("but for no name"));
    }

    #[test]
    fn an_error_of_webpki_is_explained_in_words() {
        #[derive(Debug)]
        struct Webpki(&'static str);
        impl fmt::Display for Webpki {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
        impl Error for Webpki {}
        let other = |name| text(CertificateError::Other(OtherError(Arc::new(Webpki(name)))));
        assert!(other("CaUsedAsEndEntity").contains("perhaps self-signed"));
        let reason = "the server's certificate is not accepted: unsupported cert version";
        assert_eq!(other("UnsupportedCertVersion"), reason);
        let reason = "the server's certificate is not accepted: bad encoding";
        assert_eq!(text(CertificateError::BadEncoding), reason);
    }

    #[test]
    fn other_errors_are_no_problem_of_a_certificate() {
        for error in [rustls::Error::DecryptError, rustls::Error::General("why".to_owned())] {
            assert_eq!(TlsProblem::of(&error), None);
        }
        let roots = rustls::Error::General("No CA certificates were loaded".to_owned());
        assert_eq!(TlsProblem::of(&roots), Some(TlsProblem::NoRoots));
    }
}
