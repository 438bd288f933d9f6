//! Errors of requests to the service and of waits.

use std::error::Error as _;

use tcss_export::{
    actions::ExportStatus,
    credentials::{ChainError, SourceErrorKind},
    driver::{TransportError, TransportErrorKind},
    error::{BuildError, ErrorCode, Field, ResponseError, SendError, WaitError},
    wait::{self, Fault},
};

use super::{Error, ErrorKind, Facts, NextCommand, hints};
use crate::text::{effort, percent, with_sources};

impl Error {
    fn of_answer(error: &ResponseError) -> Self {
        let mut converted = match error.api_error() {
            Some(api) => {
                Self::new(ErrorKind::Api, api.message.clone()).with_hint(hints::of_code(&api.code))
            }
            None => Self::new(ErrorKind::Answer, error.kind().to_string())
                .with_hint(hints::of_answer(error.kind())),
        };
        let code = error.code().map(ErrorCode::as_str).filter(|code| !code.is_empty());
        converted.facts.code = code.map(str::to_owned);
        converted.facts.status = Some(error.status().as_u16());
        converted.facts.request_id = error.request_id().map(str::to_owned);
        converted
    }

    /// Converts the error of a transport. `address` names the option or URL to check; `hint` is for
    /// an error without a known cause.
    pub(super) fn of_transport(error: &TransportError, address: &str, hint: &'static str) -> Self {
        let message = with_sources(error);
        if let Some(error) = error.address_error() {
            return Self::new(ErrorKind::Usage, message).allowing_addresses_of(error);
        }
        let kind = match error.kind() {
            // A proxy variable that cannot be used is wrong usage.
            _ if error.proxy_error().is_some() => ErrorKind::Usage,
            TransportErrorKind::TooLarge => ErrorKind::Answer,
            _ => ErrorKind::Transport,
        };
        let hint = hints::of_cause(error, address).unwrap_or_else(|| hint.into());
        Self::new(kind, message).with_hint(hint).or_limit(error)
    }

    /// Converts the error of a transport to the service, or of the keys.
    fn of_send(error: &TransportError) -> Self {
        let chain = error.source().and_then(|source| source.downcast_ref::<ChainError>());
        if let Some(chain) = chain {
            return chain.clone().into();
        }
        Self::of_transport(error, "--endpoint", hints::of_fault(error.kind()))
    }

    /// Converts the error of a request to STS, whose address no option names.
    pub(crate) fn of_sts(error: SendError) -> Self {
        match error {
            SendError::Transport(error) => {
                Self::of_transport(&error, "STS", "check the network and the firewall")
            }
            error => error.into(),
        }
    }

    /// Describes the exchange that ended a wait, or was the last one before its deadline.
    fn of_fault(fault: &Fault, transport: Option<&TransportError>) -> Self {
        match (fault, transport) {
            (Fault::Answer(error), _) => Self::of_answer(error),
            (Fault::Transport(_), Some(error)) => Self::of_send(error),
            (Fault::Transport(kind), None) => {
                Self::new(ErrorKind::Transport, fault.to_string()).with_hint(hints::of_fault(*kind))
            }
            (fault, _) => Self::new(ErrorKind::Transport, fault.to_string()),
        }
    }

    /// Describes the last exchange as well, if it failed.
    fn timed_out(failure: &WaitError) -> Self {
        let mut message = format!("{} ({}", failure.kind, effort(&failure.report));
        if let Some(last) = &failure.report.last {
            message += &format!(", last status {}", last.status);
            message += &last.progress.map(|at| format!(" at {}", percent(at))).unwrap_or_default();
        }
        message.push(')');
        let mut timed_out = Self::new(ErrorKind::TimedOut, message);
        if let Some(fault) = &failure.report.last_fault {
            let last = Self::of_fault(fault, failure.transport());
            let headline = last.facts.headline();
            timed_out.add_to_message(&format!("; the last request failed: {headline}"));
            let Facts { code, status, request_id, hint, .. } = *last.facts;
            let hint = if failure.report.last.is_none() { hint } else { timed_out.facts.hint };
            *timed_out.facts = Facts { code, status, request_id, hint, ..*timed_out.facts };
        }
        if failure.last_status() == Some(&ExportStatus::Running) {
            timed_out = timed_out.with_hint(hints::STILL_RUNNING);
        }
        timed_out.with_next_command(NextCommand::Without("--timeout"))
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        // The message names the option that sets the value.
        let option = match error.field() {
            Field::Endpoint | Field::Region => "--",
            _ => "",
        };
        let failure = Self::new(ErrorKind::Usage, format!("{option}{error}"));
        match error.field() {
            Field::DownloadUrl => failure.allowing_url(error, hints::NO_URL),
            _ => failure,
        }
    }
}

/// Lists what was tried. A source that cannot be used is named alone.
impl From<ChainError> for Error {
    fn from(error: ChainError) -> Self {
        let (kind, hint) = match error.kind() {
            SourceErrorKind::Absent => (ErrorKind::Usage, hints::NO_KEYS),
            SourceErrorKind::Refused => (ErrorKind::Api, hints::KEYS_REFUSED),
            SourceErrorKind::Fault(_) => (ErrorKind::Transport, hints::KEYS_FAULT),
            _ => (ErrorKind::Usage, hints::KEYS_BROKEN),
        };
        let tried: Vec<_> = error.tried().iter().map(ToString::to_string).collect();
        let (message, tried) = match (error.kind(), tried.last()) {
            (SourceErrorKind::Absent, _) | (_, None) => ("no key was found".to_owned(), tried),
            (_, Some(last)) => (last.clone(), Vec::new()),
        };
        let cause = error.source().map(with_sources).unwrap_or_default();
        let colon = if cause.is_empty() { "" } else { ": " };
        let mut end = Self::new(kind, format!("{message}{colon}{cause}")).with_hint(hint);
        end.facts.tried = Some(tried).filter(|tried| !tried.is_empty());
        end.or_limit(&error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match &error {
            SendError::Build(error) => (*error).into(),
            SendError::Answer(error) => Self::of_answer(error),
            SendError::Transport(error) | SendError::Credentials(error) => Self::of_send(error),
            _ => Self::new(ErrorKind::Transport, with_sources(&error)),
        }
    }
}

impl From<WaitError> for Error {
    fn from(failure: WaitError) -> Self {
        let mut end = match &failure.kind {
            wait::ErrorKind::TimedOut => Self::timed_out(&failure),
            wait::ErrorKind::Build(error) => (*error).into(),
            wait::ErrorKind::WithoutUrl => {
                Self::new(ErrorKind::Answer, failure.to_string()).with_hint(hints::WITHOUT_URL)
            }
            wait::ErrorKind::Fault(fault) => {
                let mut end = Self::of_fault(fault, failure.transport());
                end.facts.effort = Some(("wait", effort(&failure.report)));
                end
            }
            _ => Self::new(ErrorKind::Transport, failure.to_string()),
        };
        let last_id = || failure.request_id().map(str::to_owned);
        end.facts.request_id = end.facts.request_id.or_else(last_id);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_code(fault: TransportErrorKind) -> u8 {
        Error::from(SendError::Transport(TransportError::new(fault, "why"))).exit_code()
    }

    #[test]
    fn only_an_answer_that_is_too_large_counts_as_an_answer() {
        for fault in [
            TransportErrorKind::Connection,
            TransportErrorKind::Timeout,
            TransportErrorKind::Truncated,
            TransportErrorKind::Permanent,
        ] {
            assert_eq!(exit_code(fault), 5, "{fault:?}");
        }
        assert_eq!(exit_code(TransportErrorKind::TooLarge), 6);
    }
}
