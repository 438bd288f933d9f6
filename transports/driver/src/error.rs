//! The errors of single exchanges and of waits.

use std::{error::Error, fmt, ops::Deref};

use tcss_export_core::{BuildError, ResponseError, wait};

use crate::transport_error::TransportError;

/// Why a single exchange failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The request could not be built or signed.
    Build(BuildError),
    /// The credential source failed.
    Credentials(TransportError),
    /// No complete answer arrived.
    Transport(TransportError),
    /// The service returned an error or an unusable answer.
    Answer(ResponseError),
}

impl SendError {
    /// Returns whether the service may have acted on the request, although there is no result.
    ///
    /// This matters for an action that [creates] a job: sent again, it may create a second one.
    /// Look for the job in the list of jobs, [newest first], and continue with its id; create again
    /// only if it is not listed. An action that only reads can always be sent again.
    ///
    /// It is `false` only if the request definitely had no effect: it could not be built or sent,
    /// no connection was made, or the service refused it with a code that says so. It is `true`
    /// after a broken connection, an unreadable answer, a fault inside the service and an unknown
    /// code, because the action may have succeeded.
    ///
    /// [creates]: tcss_export_core::actions::CreateExportComplianceStatusListJob
    /// [newest first]: tcss_export_core::actions::DescribeExportJobManageList::newest_first
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Build(_) | Self::Credentials(_) => false,
            Self::Transport(error) => error.may_have_arrived(),
            Self::Answer(error) => error.may_have_acted(),
        }
    }

    /// Returns whether the same request may succeed later. Before it repeats an action that creates
    /// something, a program must check [`may_have_arrived`](Self::may_have_arrived).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Build(error) => error.is_transient(),
            Self::Credentials(error) | Self::Transport(error) => error.is_transient(),
            Self::Answer(error) => error.is_transient(),
        }
    }

    /// Returns the fault of the exchange, unless the request could not be built.
    pub(crate) fn fault(&self) -> Option<wait::Fault> {
        match self {
            Self::Build(_) => None,
            Self::Credentials(error) | Self::Transport(error) => {
                Some(wait::Fault::Transport(error.kind()))
            }
            Self::Answer(error) => Some(wait::Fault::Answer(error.clone())),
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Credentials(_) => f.write_str("the credential source failed"),
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
            // Already part of this error's message.
            Self::Build(_) | Self::Answer(_) => None,
        }
    }
}

/// A wait ended without a file. It dereferences to the error of the state machine.
#[derive(Debug)]
pub struct WaitError {
    error: wait::Error,
    transport: Option<Box<TransportError>>,
}

impl WaitError {
    /// Keeps the transport's last error only if the wait ended because of it.
    pub(crate) fn new(error: wait::Error, transport: Option<TransportError>) -> Self {
        let counts = matches!(error.kind, wait::ErrorKind::Fault(_) | wait::ErrorKind::TimedOut);
        let transport = transport.filter(|_| counts);
        Self { error, transport: transport.map(Box::new) }
    }

    /// Returns the transport's error, if the last exchange ended with one.
    pub fn transport(&self) -> Option<&TransportError> {
        self.transport.as_deref()
    }
}

impl Deref for WaitError {
    type Target = wait::Error;

    fn deref(&self) -> &wait::Error {
        &self.error
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for WaitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.transport {
            Some(transport) => Some(&**transport),
            None => self.error.source(),
        }
    }
}

/// Returns the texts of an error and its causes.
#[cfg(any(feature = "serde", feature = "tracing"))]
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use http::Response;
    use tcss_export_core::{
        Credentials, JobId, TransportErrorKind, actions::CreateExportComplianceStatusListJob,
        read_answer,
    };

    use super::*;

    /// Returns whether the service may have acted after this answer to a create.
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
    fn a_request_that_was_not_sent_has_not_arrived() {
        let build = JobId::new("").unwrap_err();
        assert!(!SendError::Build(build).may_have_arrived());
        let credentials = Credentials::new("", "EXAMPLEKEY").unwrap_err();
        assert!(!SendError::Credentials(credentials.into()).may_have_arrived());
        let permanent = TransportError::new(TransportErrorKind::Permanent, "not trusted");
        assert!(!SendError::Transport(permanent).may_have_arrived());
    }

    #[test]
    fn without_a_connection_nothing_has_arrived() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        let marked =
            TransportError::new(TransportErrorKind::Timeout, "no such name").before_sending();
        for error in [refused.into(), wrapped.into(), marked] {
            assert!(!SendError::Transport(error).may_have_arrived());
        }
        // The connection may have broken after the request.
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(SendError::Transport(reset.into()).may_have_arrived());
    }

    #[test]
    fn every_other_fault_of_a_transport_may_come_after_the_request() {
        let faults = [
            TransportErrorKind::Connection,
            TransportErrorKind::Timeout,
            TransportErrorKind::Truncated,
            TransportErrorKind::TooLarge,
        ];
        for fault in faults {
            let error = SendError::Transport(TransportError::new(fault, "broken"));
            assert!(error.may_have_arrived(), "{fault:?}");
        }
    }

    #[test]
    fn a_request_may_succeed_later_after_a_fault_that_passes() {
        let of = |kind| TransportError::new(kind, "why");
        for (kind, expected) in
            [(TransportErrorKind::Timeout, true), (TransportErrorKind::Permanent, false)]
        {
            assert_eq!(SendError::Transport(of(kind)).is_transient(), expected);
            assert_eq!(SendError::Credentials(of(kind)).is_transient(), expected);
        }
        assert!(!SendError::Build(JobId::new("").unwrap_err()).is_transient());
        for (body, expected) in [("<html>", true), (r#"{"Response":{}}"#, false)] {
            let answer = Response::new(body);
            let answer = read_answer::<CreateExportComplianceStatusListJob>(&answer);
            assert_eq!(SendError::Answer(answer.unwrap_err()).is_transient(), expected, "{body}");
        }
    }

    #[test]
    fn an_unreadable_answer_may_follow_a_success() {
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
