use core::fmt;

/// Why a value was refused before anything was sent.
///
/// It names the field and the reason, but not the value, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BuildError {
    field: Field,
    reason: Reason,
}

impl BuildError {
    pub(crate) const fn new(field: Field, reason: Reason) -> Self {
        Self { field, reason }
    }

    /// Returns which value was refused.
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Returns why it was refused.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns false: the value must change.
    pub const fn is_transient(&self) -> bool {
        false
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.reason)
    }
}

impl core::error::Error for BuildError {}

macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

texts! {
    /// A value from the caller.
    Field {
        /// The public half of a key pair.
        SecretId = "secret id",
        /// The secret half of a key pair.
        SecretKey = "secret key",
        /// The token of temporary credentials.
        Token = "token",
        /// The id of an export job.
        JobId = "job id",
        /// The kind of assets to export.
        AssetType = "asset type",
        /// The ids of the items to export.
        IdList = "list of ids",
        /// The address of the service.
        Endpoint = "endpoint",
        /// The region of a request.
        Region = "region",
        /// The language of messages.
        Language = "language",
        /// The seconds that are signed.
        Timestamp = "timestamp",
        /// The list of signed headers.
        SignedHeaders = "signed headers",
        /// The name of an action.
        Action = "action name",
        /// The version of an action.
        Version = "action version",
        /// The service of an action.
        Service = "service name",
        /// The body of an action.
        Body = "request body",
        /// The URL of an exported file.
        DownloadUrl = "download URL",
        /// A request that was prepared earlier.
        Prepared = "prepared request",
    }
}

texts! {
    /// What is wrong with a value.
    Reason {
        /// The value is empty.
        Empty = "is empty",
        /// A required header is missing.
        Missing = "lacks content-type or host",
        /// A header occurs twice.
        Repeated = "names a header twice",
        /// The value has white space or a control character, such as a line end from a file.
        WhiteSpace = "contains white space or a control character",
        /// The value has a forbidden character.
        InvalidCharacter = "contains a character that is not allowed",
        /// The number is too small or too large.
        OutOfRange = "is out of range",
        /// The scheme of an endpoint must be `https`, or `http` for a loopback host.
        Scheme = "must begin with https:// (http:// only for a loopback host)",
        /// The scheme of a URL must be `https`, or `http` if allowed.
        UrlScheme = "must begin with https://",
        /// The URL is plain `http` to another machine.
        PlainHttp = "is plain http, which must be allowed explicitly",
        /// The host is an address that is private, link-local or otherwise reserved.
        PrivateAddress = "has a private address, which must be allowed explicitly",
        /// The value is too long.
        TooLong = "is too long",
        /// An endpoint has a path.
        Path = "must not have a path",
        /// An endpoint has a query.
        Query = "must not have a query",
        /// The value has a fragment.
        Fragment = "must not have a fragment",
        /// The value has a user or a password.
        UserInfo = "must not have a user part",
        /// The host is neither a host name nor an IP address.
        Host = "has no valid host name",
        /// The port is not a number from 1 to 65535.
        Port = "has no valid port (1 to 65535)",
        /// The value is not a known choice.
        Unknown = "is not one of the known choices",
        /// The action does not serialize to JSON.
        NotJson = "could not be written as JSON",
        /// The request belongs to a session with another endpoint.
        OtherEndpoint = "belongs to another endpoint",
    }
}

/// Why an exchange failed without a complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// Connecting failed, or the connection broke before the answer's head arrived.
    Connection,
    /// A time limit passed.
    Timeout,
    /// The answer's body ended before its declared length.
    Truncated,
    /// The answer is larger than [`ANSWER_LIMIT`](crate::ANSWER_LIMIT).
    TooLarge,
    /// A permanent fault, such as an untrusted certificate.
    Permanent,
}

impl TransportErrorKind {
    /// Returns whether the same request may succeed later.
    pub const fn is_transient(self) -> bool {
        !matches!(self, Self::TooLarge | Self::Permanent)
    }
}

impl fmt::Display for TransportErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "the connection failed",
            Self::Timeout => "no answer came within the time limit",
            Self::Truncated => "the answer ended before its declared length",
            Self::TooLarge => {
                return write!(f, "answer is larger than {} bytes", crate::ANSWER_LIMIT);
            }
            Self::Permanent => "the request cannot be sent",
        })
    }
}

impl core::error::Error for TransportErrorKind {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn text_names_field_and_reason() {
        let error = BuildError::new(Field::SecretKey, Reason::WhiteSpace);
        assert_eq!(error.to_string(), "secret key contains white space or a control character");
    }

    #[test]
    fn error_is_small_and_crosses_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<BuildError>();
        assert!(size_of::<BuildError>() <= 2);
    }
}
