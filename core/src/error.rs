use core::fmt;

/// Why a value was refused before anything was sent.
///
/// It names the field and the reason and never holds the value, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BuildError {
    field: Field,
    reason: Reason,
}

impl BuildError {
    pub(crate) const fn new(field: Field, reason: Reason) -> Self {
        Self { field, reason }
    }

    /// Returns which value was refused.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Returns why it was refused.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
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
    /// A value that is given in.
    Field {
        /// The public half of a key pair.
        SecretId = "secret id",
        /// The secret half of a key pair.
        SecretKey = "secret key",
        /// The token of temporary credentials.
        Token = "token",
        /// The id of an export job.
        JobId = "job id",
        /// The kind of assets that an export is about.
        AssetType = "asset type",
        /// The ids of what is to be exported.
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
        /// Nothing is there.
        Empty = "is empty",
        /// Something that must be there is not.
        Missing = "lacks content-type or host",
        /// The same name stands there twice.
        Repeated = "names a header twice",
        /// White space or a control character is in it, often a line end from a file or a paste.
        WhiteSpace = "contains white space or a control character",
        /// A character that cannot stand there is in it.
        InvalidCharacter = "contains a character that is not allowed",
        /// The number is too small or too large.
        OutOfRange = "is out of range",
        /// An address must be `https`, or `http` for a loopback host.
        Scheme = "must begin with https:// (http:// only for a loopback host)",
        /// A URL must be `https`, or `http` where that is allowed.
        UrlScheme = "must begin with https://",
        /// Plain `http` leads to another machine.
        PlainHttp = "is plain http, which must be allowed explicitly",
        /// It leads to an address that is private, link-local or set apart for something else.
        PrivateAddress = "leads to a private address, which must be allowed explicitly",
        /// It has too many characters.
        TooLong = "is too long",
        /// An address names a path.
        Path = "must not have a path",
        /// An address has a query.
        Query = "must not have a query",
        /// An address has a fragment.
        Fragment = "must not have a fragment",
        /// An address carries a user or a password.
        UserInfo = "must not have a user part",
        /// The host of an address is no host name and no IP address.
        Host = "has no valid host name",
        /// The port of an address is no number between 1 and 65535.
        Port = "has no valid port (1 to 65535)",
        /// No such choice is known.
        Unknown = "is not one of the known choices",
        /// It could not be written as JSON.
        NotJson = "could not be written as JSON",
        /// It belongs to a session with another endpoint.
        OtherEndpoint = "belongs to another endpoint",
    }
}

/// What a transport tells about an exchange that gave no answer, besides its own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SendFault {
    /// No connection was made, or it broke before the answer's head was there.
    Connection,
    /// A time limit passed.
    Timeout,
    /// The answer's body ended before its declared length.
    Truncated,
    /// The answer is larger than [`ANSWER_LIMIT`](crate::ANSWER_LIMIT).
    TooLarge,
    /// It will not pass by itself: a certificate that is not trusted, say.
    Permanent,
}

impl fmt::Display for SendFault {
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

impl core::error::Error for SendFault {}

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
