//! How a single exchange and a wait fail.

use std::{error::Error, fmt, ops::Deref};

use tcss_export_core::{BuildError, ResponseError, WaitError, WaitErrorKind};

use crate::transport_error::TransportError;

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
            Self::Answer(error) => error.may_have_acted(),
        }
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
    use std::io;

    use http::Response;
    use tcss_export_core::{
        CreateExportComplianceStatusListJob, Credentials, JobId, SendFault, read_answer,
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
