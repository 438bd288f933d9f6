use std::error::Error;
use std::fmt;

/// Why a request is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The method is neither GET nor POST.
    Method,
    /// The path is not `/`.
    Path,
    /// A header that every call must have is not there.
    MissingHeader(&'static str),
    /// A header that every call must have once is there more often.
    RepeatedHeader(&'static str),
    /// The Authorization header is missing, repeated or not of the documented form.
    Authorization(&'static str),
    /// The timestamp is no decimal number of seconds.
    Timestamp,
    /// The scope's date is not the UTC date of the timestamp.
    ScopeDate,
    /// The scope names another service.
    ScopeService,
    /// The signed headers are neither `content-type;host` nor `content-type;host;x-tc-action`.
    SignedHeaders,
    /// Nobody knows the SecretId.
    UnknownSecretId,
    /// The timestamp is further from the service's clock than [`WINDOW`](super::WINDOW).
    Expired {
        /// The request's time, in unix seconds.
        timestamp: i64,
        /// The service's time, in unix seconds.
        now: i64,
    },
    /// The signature is not the one of this request and key.
    Signature,
}

impl Refusal {
    /// Returns the service's error code.
    ///
    /// The documents name no code for a path and for a repeated header; both are an
    /// `InvalidParameter` here.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Method => "UnsupportedProtocol",
            Self::MissingHeader(_) => "MissingParameter",
            Self::Path | Self::RepeatedHeader(_) | Self::Timestamp => "InvalidParameter",
            Self::Authorization(_) | Self::SignedHeaders => "AuthFailure.InvalidAuthorization",
            Self::UnknownSecretId => "AuthFailure.SecretIdNotFound",
            Self::Expired { .. } => "AuthFailure.SignatureExpire",
            Self::ScopeDate | Self::ScopeService | Self::Signature => {
                "AuthFailure.SignatureFailure"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("expected the method GET or POST"),
            Self::Path => f.write_str("expected the path /"),
            Self::MissingHeader(name) => write!(f, "expected a header {name}"),
            Self::RepeatedHeader(name) => write!(f, "expected only one header {name}"),
            Self::Authorization(problem) => f.write_str(problem),
            Self::Timestamp => f.write_str("expected x-tc-timestamp in whole seconds"),
            Self::ScopeDate => f.write_str("expected the UTC date of x-tc-timestamp in the scope"),
            Self::ScopeService => f.write_str("expected this service's name in the scope"),
            Self::SignedHeaders => {
                f.write_str("expected content-type;host or content-type;host;x-tc-action signed")
            }
            Self::UnknownSecretId => f.write_str("the SecretId is not found"),
            Self::Expired { timestamp, now } => {
                write!(f, "timestamp {timestamp} is over 5 minutes from the service's {now}")
            }
            Self::Signature => f.write_str("the signature does not match the request and key"),
        }
    }
}

impl Error for Refusal {}
