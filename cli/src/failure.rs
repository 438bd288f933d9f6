//! Every way to end without a result: its kind, exit code, wording and hint.

use std::{borrow::Cow, error::Error, fmt};

use serde::{Serialize, Serializer};
use tcss_export::{
    BuildError, ErrorCode, Fault, Field, ResponseError, SendError, SendFault, TransportError,
    WaitErrorKind, WaitFailure, text::printable,
};

use crate::{hints, masking::masked, output::rows, signals::Signal, standing::effort};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Usage,
    TimedOut,
    Api,
    Transport,
    Answer,
    File,
    Interrupted,
    Terminated,
}

impl Kind {
    const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::TimedOut => 3,
            Self::Api => 4,
            Self::Transport => 5,
            Self::Answer => 6,
            Self::File => 7,
            Self::Interrupted => Signal::Interrupt.exit_code(),
            Self::Terminated => Signal::Terminate.exit_code(),
        }
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    hint: Cow<'static, str>,
    facts: Box<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    code: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    /// What a wait took, for people.
    effort: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let hint = hints::of_kind(kind).into();
        Self { kind, message: message.into(), hint, facts: Box::default() }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Tells that a signal has ended a wait, and which command goes on with it.
    pub(crate) fn stopped(signal: Signal, command: &str) -> Self {
        let kind = match signal {
            Signal::Interrupt => Kind::Interrupted,
            Signal::Terminate => Kind::Terminated,
        };
        Self::new(kind, "stopped waiting").with_hint(format!("go on with: {command}"))
    }

    /// Takes what clap says: the error in the first paragraph, its advice in the others.
    pub(crate) fn arguments(text: &str) -> Self {
        let mut paragraphs = text.split("\n\n").map(one_line);
        let error = paragraphs.next().unwrap_or_default();
        let advice = paragraphs.filter(|advice| !advice.starts_with("For more information"));
        let advice = advice.collect::<Vec<_>>().join("; ");
        let failure = Self::new(Kind::Usage, error.strip_prefix("error: ").unwrap_or(&error));
        if advice.is_empty() { failure } else { failure.with_hint(advice) }
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

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
            effort: None,
        };
        failure
    }

    fn of_send(fault: SendFault, message: String) -> Self {
        let kind = if fault == SendFault::TooLarge { Kind::Answer } else { Kind::Transport };
        Self::new(kind, message).with_hint(hints::of_fault(fault))
    }

    /// Tells of the exchange that ended a wait, or was the last before its deadline.
    fn of_fault(fault: &Fault, transport: Option<&TransportError>) -> Self {
        match (fault, transport) {
            (Fault::Answer(error), _) => Self::of_answer(error),
            (Fault::Send(fault), Some(error)) => Self::of_send(*fault, with_sources(error)),
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
        timed_out
    }

    /// The command to go on with is what the user has typed: it must stay as it is.
    fn hint(&self) -> String {
        if self.is_stopped() { self.hint.to_string() } else { masked(&self.hint) }
    }

    const fn is_stopped(&self) -> bool {
        matches!(self.kind, Kind::Interrupted | Kind::Terminated)
    }

    fn headline(&self) -> String {
        match (self.kind, &self.facts.code) {
            (Kind::Api, Some(code)) => format!("the service refused with {code}: {}", self.message),
            _ => self.message.clone(),
        }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        // Of what is given by an option, the message names the option.
        let option = match error.field() {
            Field::Endpoint | Field::Region => "--",
            _ => "",
        };
        Self::new(Kind::Usage, format!("{option}{error}"))
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match &error {
            SendError::Build(error) => (*error).into(),
            SendError::Answer(error) => Self::of_answer(error),
            SendError::Transport(error) | SendError::Credentials(error) => {
                Self::of_send(error.fault(), with_sources(error))
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
                end.facts.effort = Some(effort(&failure.report));
                end
            }
            _ => Self::new(Kind::Transport, failure.to_string()),
        };
        let last_id = || failure.request_id().map(str::to_owned);
        end.facts.request_id = end.facts.request_id.or_else(last_id);
        end
    }
}

/// For people: what happened, then the facts one a line. Who has stopped it gets one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_stopped() {
            return writeln!(f, "{}; {}", self.message, printable(&self.hint));
        }
        let Facts { status, request_id, effort, .. } = &*self.facts;
        let facts = [
            ("HTTP status", status.map(|status| status.to_string())),
            ("request id", request_id.clone()),
            ("wait", effort.clone()),
            ("hint", Some(self.hint.to_string())),
        ];
        let facts = facts.into_iter().filter_map(|(label, fact)| Some((label, masked(&fact?))));
        writeln!(f, "error: {}", printable(&masked(&self.headline())))?;
        f.write_str(&rows("  ", &facts.collect::<Vec<_>>()))
    }
}

/// For programs: `{"error":{..}}`, where every member is always there.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members {
            kind: Kind,
            code: Option<String>,
            message: String,
            status: Option<u16>,
            request_id: Option<String>,
            hint: String,
        }
        #[derive(Serialize)]
        struct Object {
            error: Members,
        }
        let Facts { code, status, request_id, .. } = &*self.facts;
        let error = Members {
            kind: self.kind,
            code: code.as_deref().map(masked),
            message: masked(&self.message),
            status: *status,
            request_id: request_id.as_deref().map(masked),
            hint: self.hint(),
        };
        Object { error }.serialize(serializer)
    }
}

/// Returns the text of an error and of what it comes from, each text once.
fn with_sources(error: &(dyn Error + 'static)) -> String {
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

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
