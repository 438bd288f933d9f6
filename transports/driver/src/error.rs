use std::{error::Error, fmt, io, ops::Deref};

use tcss_export_core::{BuildError, ErrorCode, ResponseError, SendFault, WaitError, WaitErrorKind};

use crate::{
    address_error::AddressError,
    proxies::{ProxyError, TunnelError},
};

/// A boxed error of another crate, shown only as a source.
type Source = Box<dyn Error + Send + Sync>;

/// No answer came: the fault as core sees it, and the transport's own error as its source.
#[derive(Debug)]
pub struct TransportError {
    fault: SendFault,
    /// No connection was there that anything could have gone out by.
    is_before_sending: bool,
    source: Source,
}

impl TransportError {
    /// Creates an error from what it means and where it comes from.
    pub fn new(fault: SendFault, source: impl Into<Source>) -> Self {
        Self { fault, is_before_sending: false, source: source.into() }
    }

    /// Creates an error whose meaning is that of the first error in its chain that has one: an
    /// [`io::Error`] of a time-out, a [`ProxyError`], an [`AddressError`] or a refusal by a proxy.
    /// `broken` is what a broken connection, or no such error at all, means at this stage.
    ///
    /// A time-out is [`SendFault::Timeout`]. What is wrong with a proxy until someone changes it,
    /// such as its status 407, is [`SendFault::Permanent`].
    pub fn of_chain(source: impl Into<Source>, broken: SendFault) -> Self {
        Self::of_chain_with(source, broken, |_| false)
    }

    /// Creates an error as [`of_chain`](Self::of_chain) does, but [`SendFault::Permanent`] if
    /// `is_permanent` says so of any error in the chain: that a certificate is not trusted, say.
    pub fn of_chain_with(
        source: impl Into<Source>,
        broken: SendFault,
        is_permanent: impl Fn(&(dyn Error + 'static)) -> bool,
    ) -> Self {
        let source = source.into();
        let fault = match has(&*source, &is_permanent) {
            true => SendFault::Permanent,
            false => fault_of(&*source, broken),
        };
        Self { fault, is_before_sending: has(&*source, &is_before_sending), source }
    }

    /// Marks that no connection was made, so that nothing can have been sent.
    #[must_use]
    pub fn before_sending(self) -> Self {
        Self { is_before_sending: true, ..self }
    }

    /// Whether the request may have been received all the same. It is not if the fault is
    /// permanent, or if no connection was made.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        !self.is_before_sending && self.fault != SendFault::Permanent
    }

    /// Returns what it means to a wait.
    #[must_use]
    pub const fn fault(&self) -> SendFault {
        self.fault
    }
}

fn fault_of(error: &(dyn Error + 'static), broken: SendFault) -> SendFault {
    if error.is::<ProxyError>() || error.is::<AddressError>() {
        return SendFault::Permanent;
    }
    if let Some(fault) = error.downcast_ref().and_then(TunnelError::fault) {
        return fault;
    }
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => SendFault::Timeout,
        // What it wraps may say more.
        _ => next(error).map_or(broken, |error| fault_of(error, broken)),
    }
}

/// Of a connection that was there, no such error can come.
fn is_before_sending(error: &(dyn Error + 'static)) -> bool {
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    error.is::<ProxyError>()
        || error.is::<AddressError>()
        || error.downcast_ref().is_some_and(is_refused)
}

fn has(
    error: &(dyn Error + 'static),
    is_permanent: &impl Fn(&(dyn Error + 'static)) -> bool,
) -> bool {
    is_permanent(error) || next(error).is_some_and(|error| has(error, is_permanent))
}

/// Goes one step down a chain; the `source` of an `io::Error` would pass over what it wraps.
fn next<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|error| error as _),
        None => error.source(),
    }
}

/// As by [`TransportError::of_chain`], a broken connection being [`SendFault::Connection`].
impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        Self::of_chain(error, SendFault::Connection)
    }
}

/// Credentials that are refused when they are built will not pass: [`SendFault::Permanent`].
impl From<BuildError> for TransportError {
    fn from(error: BuildError) -> Self {
        Self::new(SendFault::Permanent, error)
    }
}

/// No request can be sent as long as the environment says so: [`SendFault::Permanent`].
impl From<ProxyError> for TransportError {
    fn from(error: ProxyError) -> Self {
        Self::new(SendFault::Permanent, error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// Why a single exchange gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The request could not be built or signed.
    Build(BuildError),
    /// No credentials could be had.
    Credentials(TransportError),
    /// No whole answer came.
    Transport(TransportError),
    /// An answer came that gave no result.
    Answer(ResponseError),
}

impl SendError {
    /// Whether the service may have acted on the request, although there is no result.
    ///
    /// It matters to an action that [creates]: sent again, it may start a second job. First look
    /// for the job that may be there in the list of jobs, [newest first], and go on with its id;
    /// create once more only if it is not listed. An action that only reads can be sent again in
    /// any case.
    ///
    /// It is `false` only where the request certainly had no effect: it could not be built or
    /// sent, no connection was made, or the service refused it by a code that says so. A connection
    /// that broke may have done so after the request, and an answer that cannot be read may be that
    /// of a success; so these are `true`, as are codes of a fault inside the service and codes that
    /// nobody knows.
    ///
    /// [creates]: tcss_export_core::CreateExportComplianceStatusListJob
    /// [newest first]: tcss_export_core::DescribeExportJobManageList::newest_first
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Build(_) | Self::Credentials(_) => false,
            Self::Transport(error) => error.may_have_arrived(),
            Self::Answer(error) => !error.code().is_some_and(refuses),
        }
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

fn refuses(code: &ErrorCode) -> bool {
    match code.as_str() {
        // The account has not granted the service its role.
        "InternalError.ErrRoleNotExist" => true,
        // The back end is still at work.
        "InvalidParameter.RequestTimeout" => false,
        _ => REFUSALS.contains(&code.family()),
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Credentials(_) => f.write_str("no credentials could be had"),
            Self::Transport(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Credentials(error) => Some(error),
            Self::Transport(error) => error.source(),
            // Their texts stand in this one's already.
            Self::Build(_) | Self::Answer(_) => None,
        }
    }
}

/// A wait ended without a file: core's error, and the transport's own if that was the last fault.
#[derive(Debug)]
pub struct WaitFailure {
    error: WaitError,
    transport: Option<Box<TransportError>>,
}

impl WaitFailure {
    /// Takes the transport's last error, which counts only if it is what the wait ended by.
    pub(crate) fn new(error: WaitError, transport: Option<TransportError>) -> Self {
        let counts = matches!(error.kind, WaitErrorKind::Fault(_) | WaitErrorKind::TimedOut);
        let transport = transport.filter(|_| counts);
        Self { error, transport: transport.map(Box::new) }
    }

    /// Returns what the transport said, if the last exchange gave no answer.
    #[must_use]
    pub fn transport(&self) -> Option<&TransportError> {
        self.transport.as_deref()
    }
}

impl Deref for WaitFailure {
    type Target = WaitError;

    fn deref(&self) -> &WaitError {
        &self.error
    }
}

impl fmt::Display for WaitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for WaitFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.transport {
            Some(transport) => Some(&**transport),
            None => self.error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Response;
    use tcss_export_core::{
        CreateExportComplianceStatusListJob, Credentials, JobId, download::Reach, read_answer,
    };

    use super::*;

    /// Says of an answer to a create whether the service may have acted.
    #[track_caller]
    fn answered(body: &str) -> bool {
        let answer = read_answer::<CreateExportComplianceStatusListJob>(&Response::new(body));
        SendError::Answer(answer.unwrap_err()).may_have_arrived()
    }

    #[track_caller]
    fn answered_by_code(code: &str) -> bool {
        answered(&format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"m"}}}}}}"#))
    }

    #[test]
    fn an_address_that_is_not_permitted_is_permanent_whatever_wraps_it() {
        let private = "10.0.0.1".parse().unwrap();
        let found = AddressError::filter("h.example", Reach::Public, [private], |ip| *ip);
        let error = found.unwrap_err();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::Other] {
            let wrapped = io::Error::new(kind, error.clone());
            assert_eq!(TransportError::from(wrapped).fault(), SendFault::Permanent);
        }
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(TransportError::from(denied).fault(), SendFault::Connection);
    }

    #[test]
    fn what_was_not_sent_has_not_arrived() {
        let build = JobId::new("").unwrap_err();
        assert!(!SendError::Build(build).may_have_arrived());
        let credentials = Credentials::new("", "EXAMPLEKEY").unwrap_err();
        assert!(!SendError::Credentials(credentials.into()).may_have_arrived());
        let permanent = TransportError::new(SendFault::Permanent, "not trusted");
        assert!(!SendError::Transport(permanent).may_have_arrived());
    }

    #[test]
    fn without_a_connection_nothing_has_arrived() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        let marked = TransportError::new(SendFault::Timeout, "no such name").before_sending();
        for error in [refused.into(), wrapped.into(), marked] {
            assert!(!SendError::Transport(error).may_have_arrived());
        }
        // It may have broken when the request was out.
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(SendError::Transport(reset.into()).may_have_arrived());
    }

    #[test]
    fn every_other_fault_of_a_transport_may_come_after_the_request() {
        let faults =
            [SendFault::Connection, SendFault::Timeout, SendFault::Truncated, SendFault::TooLarge];
        for fault in faults {
            let error = SendError::Transport(TransportError::new(fault, "broken"));
            assert!(error.may_have_arrived(), "{fault:?}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_may_be_that_of_a_success() {
        for body in ["", "<html>", r#"{"Response":{"JobId":"47"#, r#"{"Response":{"JobId":""}}"#] {
            assert!(answered(body), "{body}");
        }
    }

    #[test]
    fn a_refusal_had_no_effect() {
        for code in [
            "AuthFailure.SignatureExpire",
            "InternalError.ErrRoleNotExist",
            "InvalidParameterValue.DataNotFound",
            "LimitExceeded",
            "OperationDenied",
            "RequestLimitExceeded.UinLimitExceeded",
        ] {
            assert!(!answered_by_code(code), "{code}");
        }
    }

    #[test]
    fn a_fault_inside_the_service_may_come_after_it_acted() {
        for code in [
            "InternalError",
            "InternalError.MainDBFail",
            "FailedOperation",
            "InvalidParameter.RequestTimeout",
            "ServiceUnavailable",
            "NeverSeen.Before",
            "",
        ] {
            assert!(answered_by_code(code), "{code}");
        }
    }
}
