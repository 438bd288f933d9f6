//! What the service and the way to it can do to a request or a wait.

use std::error::Error;

use tcss_export::{
    BuildError, ErrorCode, ExportStatus, Fault, Field, ResponseError, SendError, SendFault,
    TransportError, WaitErrorKind, WaitFailure,
};

use super::{Again, Facts, Failure, Kind, hints, url::of_url};
use crate::wait::status::effort;

impl Failure {
    fn of_answer(error: &ResponseError) -> Self {
        let mut failure = match error.api_error() {
            Some(api) => Self::new(Kind::Api, &*api.message).with_hint(hints::of_code(&api.code)),
            None => Self::new(Kind::Answer, error.kind().to_string())
                .with_hint(hints::of_answer(error.kind())),
        };
        let code = error.code().map(ErrorCode::as_str);
        *failure.facts = Facts {
            code: code.filter(|code| !code.is_empty()).map(str::to_owned),
            status: Some(error.status().as_u16()),
            request_id: error.request_id().map(str::to_owned),
            ..Facts::default()
        };
        failure
    }

    fn of_transport(error: &TransportError) -> Self {
        let failure = Self::of_send(error.fault(), with_sources(error));
        match hints::of_proxy(error) {
            Some(hint) => Self { kind: kind_of(error), ..failure }.with_hint(hint),
            None => failure,
        }
    }

    fn of_send(fault: SendFault, message: String) -> Self {
        let kind = if fault == SendFault::TooLarge { Kind::Answer } else { Kind::Transport };
        Self::new(kind, message).with_hint(hints::of_fault(fault))
    }

    /// Tells of the exchange that ended a wait, or was the last before its deadline.
    fn of_fault(fault: &Fault, transport: Option<&TransportError>) -> Self {
        match (fault, transport) {
            (Fault::Answer(error), _) => Self::of_answer(error),
            (Fault::Send(_), Some(error)) => Self::of_transport(error),
            (Fault::Send(fault), None) => Self::of_send(*fault, fault.to_string()),
            (fault, _) => Self::new(Kind::Transport, fault.to_string()),
        }
    }

    /// Tells of the last exchange as well, if it was a fault that kept the wait from its end.
    fn timed_out(failure: &WaitFailure) -> Self {
        let mut timed_out = Self::new(Kind::TimedOut, failure.to_string());
        if let Some(fault) = &failure.report.last_fault {
            let last = Self::of_fault(fault, failure.transport());
            timed_out.message += &format!("; the last request failed: {}", last.headline());
            timed_out.facts = last.facts;
            if failure.report.last.is_none() {
                timed_out.hint = last.hint;
            }
        }
        let last = failure.report.last.as_ref().map(|last| &last.status);
        if last == Some(&ExportStatus::Running) {
            timed_out.hint = hints::STILL_RUNNING.into();
        }
        timed_out.with_again(Again::Without("--timeout"))
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        // Of what is given by an option, the message names the option.
        let option = match error.field() {
            Field::Endpoint | Field::Region => "--",
            _ => "",
        };
        let failure = Self::new(Kind::Usage, format!("{option}{error}"));
        match error.field() {
            Field::DownloadUrl => failure.with_hint(of_url(error)),
            _ => failure,
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match &error {
            SendError::Build(error) => (*error).into(),
            SendError::Answer(error) => Self::of_answer(error),
            SendError::Transport(error) | SendError::Credentials(error) => {
                Self::of_transport(error)
            }
            _ => Self::new(Kind::Transport, with_sources(&error)),
        }
    }
}

impl From<WaitFailure> for Failure {
    fn from(failure: WaitFailure) -> Self {
        let mut end = match &failure.kind {
            WaitErrorKind::TimedOut => Self::timed_out(&failure),
            WaitErrorKind::Build(error) => (*error).into(),
            WaitErrorKind::WithoutUrl => {
                Self::new(Kind::Answer, failure.to_string()).with_hint(hints::WITHOUT_URL)
            }
            WaitErrorKind::Fault(fault) => {
                let mut end = Self::of_fault(fault, failure.transport());
                end.facts.effort = Some(("wait", effort(&failure.report)));
                end
            }
            _ => Self::new(Kind::Transport, failure.to_string()),
        };
        let last_id = || failure.request_id().map(str::to_owned);
        end.facts.request_id = end.facts.request_id.or_else(last_id);
        end
    }
}

/// A variable that names no proxy is wrong usage; with any other error no whole answer came.
pub(super) fn kind_of(error: &TransportError) -> Kind {
    if error.proxy_error().is_some() { Kind::Usage } else { Kind::Transport }
}

/// Returns the text of an error and of what it comes from, each text once.
pub(crate) fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_code(fault: SendFault) -> u8 {
        Failure::from(SendError::Transport(TransportError::new(fault, "why"))).exit_code()
    }

    #[test]
    fn only_an_answer_that_is_too_large_has_come() {
        for fault in
            [SendFault::Connection, SendFault::Timeout, SendFault::Truncated, SendFault::Permanent]
        {
            assert_eq!(exit_code(fault), 5, "{fault:?}");
        }
        assert_eq!(exit_code(SendFault::TooLarge), 6);
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = TransportError::new(SendFault::Timeout, "why");
        assert_eq!(with_sources(&error), "no answer came within the time limit: why");
        let same = TransportError::new(SendFault::Connection, "the connection failed");
        assert_eq!(with_sources(&same), "the connection failed");
    }
}
