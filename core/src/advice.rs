//! What the service's error codes mean.

/// What an error code means for a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// It will not pass by itself.
    Stop,
    /// It may pass: try again, a bounded number of times.
    Retry,
    /// Too many requests: wait longer, and do not count it as a failure.
    BackOff,
    /// The signed time was off: correct the clock by the answer's `Date`, once.
    CorrectClock,
    /// The token was not accepted: ask for credentials again, once.
    RefreshCredentials,
}

impl Advice {
    /// Returns what to do about an error code.
    ///
    /// The code's own row decides, else that of its family, the text before the dot; a family
    /// that nobody knows stops. Sources: the service's
    /// [error codes](https://www.tencentcloud.com/document/product/1163/52901) and those of its
    /// own clients.
    pub(crate) fn of(code: &str, family: &str) -> Self {
        match code {
            "AuthFailure.SignatureExpire" => Self::CorrectClock,
            "AuthFailure.TokenFailure" => Self::RefreshCredentials,
            // The back end is still at work, and asks to be asked again.
            "InvalidParameter.RequestTimeout" => Self::Retry,
            // The account has not granted the service its role.
            "InternalError.ErrRoleNotExist" => Self::Stop,
            // Other details of this family are quotas.
            "LimitExceeded.RateLimitExceeded" => Self::BackOff,
            _ => match family {
                "RequestLimitExceeded" => Self::BackOff,
                "InternalError"
                | "ResourceInUse"
                | "ResourceUnavailable"
                | "ServiceUnavailable" => Self::Retry,
                _ => Self::Stop,
            },
        }
    }
}

/// Tells whether the service may have acted on a request that it answers with this code.
pub(crate) fn may_have_acted(code: &str, family: &str) -> bool {
    match code {
        // The account has not granted the service its role.
        "InternalError.ErrRoleNotExist" => false,
        // The back end is still at work.
        "InvalidParameter.RequestTimeout" => true,
        _ => !REFUSALS.contains(&family),
    }
}

/// The families of codes by which the service refuses before it acts.
const REFUSALS: [&str; 23] = [
    "ActionOffline",
    "AuthFailure",
    "DryRunOperation",
    "InvalidAction",
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidRequest",
    "IpInBlacklist",
    "IpNotInWhitelist",
    "LimitExceeded",
    "MissingParameter",
    "NoSuchProduct",
    "NoSuchVersion",
    "OperationDenied",
    "RequestLimitExceeded",
    "RequestSizeLimitExceeded",
    "ResourceInsufficient",
    "ResourceNotFound",
    "UnauthorizedOperation",
    "UnknownParameter",
    "UnsupportedOperation",
    "UnsupportedProtocol",
    "UnsupportedRegion",
];
