//! A decision of a wait: as text for people, as JSON for programs.

use serde::Serialize;
use tcss_export::{
    actions::ExportStatus,
    core::{ClockOffset, text::brief},
    driver::TransportError,
    error::{ErrorCode, ResponseErrorKind, WaitError},
    wait::{self, DelayReason, Event, EventKind, Fault, Finished, Remedy, Report},
};

use crate::{
    secrets::masked,
    text::{delay, percent, seconds, with_sources},
};

/// A decision as a line of JSON. Every member is always present.
#[derive(Default, Serialize)]
pub(crate) struct Decision {
    event: &'static str,
    /// The number of the request before the decision.
    pub(crate) poll: u32,
    status: Option<String>,
    progress: Option<f64>,
    code: Option<String>,
    http_status: Option<u16>,
    request_id: Option<String>,
    reason: Option<String>,
    remedy: Option<&'static str>,
    delay_seconds: Option<f64>,
    clock_offset_seconds: Option<f64>,
}

/// The reason for a delay that depends on the progress.
const EXPECTED_END: &str = "the job is expected to end then";

impl Decision {
    /// Converts an event, the request id of the answer before it and the transport's error.
    pub(crate) fn new(
        event: &Event,
        request_id: Option<&str>,
        cause: Option<&TransportError>,
    ) -> Self {
        let clock_offset_seconds = event.clock_offset.map(offset_seconds);
        let request_id = request_id.map(masked);
        let base = Self { poll: event.poll, request_id, clock_offset_seconds, ..Self::default() };
        match &event.kind {
            EventKind::Waiting { status, progress, delay, reason } => Self {
                event: "waiting",
                status: status_text(status),
                progress: *progress,
                reason: (*reason == DelayReason::Progress).then(|| EXPECTED_END.to_owned()),
                delay_seconds: Some(seconds(*delay)),
                ..base
            },
            EventKind::Retrying { fault, remedy, delay } => Self {
                event: "retrying",
                remedy: Some(remedy_name(*remedy)),
                delay_seconds: Some(seconds(*delay)),
                ..base.with_fault(fault, cause)
            },
            _ => Self { event: "ended", ..base },
        }
    }

    /// Describes the end of a wait; `last` is its last event.
    pub(crate) fn end(outcome: Result<&Finished, &WaitError>, last: Option<&Event>) -> Self {
        let report = outcome.map_or_else(|failure| &failure.report, |finished| &finished.report);
        let base = Self::ended(report, last);
        let Err(failure) = outcome else { return base };
        match &failure.kind {
            wait::ErrorKind::Fault(fault) => base.with_fault(fault, failure.transport()),
            kind => Self { reason: Some(masked(&kind.to_string())), ..base },
        }
    }

    /// Describes the end of a wait after a signal.
    pub(crate) fn cancelled(report: &Report) -> Self {
        let reason = wait::ErrorKind::Cancelled.to_string();
        Self { reason: Some(reason), ..Self::ended(report, None) }
    }

    /// Describes the end of a wait from a recording, which has fewer details.
    pub(crate) fn recorded_end(poll: u32, reason: Option<String>) -> Self {
        Self { event: "ended", poll, reason, ..Self::default() }
    }

    fn ended(report: &Report, last: Option<&Event>) -> Self {
        Self {
            event: "ended",
            poll: report.polls,
            status: report.last.as_ref().and_then(|last| status_text(&last.status)),
            progress: report.last.as_ref().and_then(|last| last.progress),
            request_id: report.request_id.as_deref().map(masked),
            clock_offset_seconds: last.and_then(|event| event.clock_offset).map(offset_seconds),
            ..Self::default()
        }
    }

    fn with_fault(self, fault: &Fault, cause: Option<&TransportError>) -> Self {
        let (http_status, reason) = match fault {
            // Its status and its request id are separate members.
            Fault::Answer(error) => (Some(error.status().as_u16()), error.kind().to_string()),
            fault => (None, fault_text(fault, cause)),
        };
        let code = fault.code().map(ErrorCode::as_str).filter(|code| !code.is_empty());
        Self { code: code.map(masked), http_status, reason: Some(masked(&reason)), ..self }
    }
}

const fn remedy_name(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::BackOff => "back_off",
        Remedy::ClockCorrected => "clock_corrected",
        Remedy::FreshCredentials => "fresh_credentials",
        _ => "retry",
    }
}

fn status_text(status: &ExportStatus) -> Option<String> {
    let text = status.as_str();
    (!text.is_empty()).then(|| masked(text))
}

fn offset_seconds(offset: ClockOffset) -> f64 {
    offset.as_millis() as f64 / 1_000.0
}

/// Describes an event in one line, except for the end: the result describes it. `cause` is the
/// transport's error.
pub(crate) fn describe(event: &Event, cause: Option<&TransportError>) -> Option<String> {
    match event.kind {
        // The next request of a running job is not worth a mention.
        EventKind::Waiting { .. } if event.clock_offset.is_none() => Some(reason(event, cause)),
        EventKind::Waiting { .. } | EventKind::Retrying { .. } => {
            Some(format!("{}; {}", reason(event, cause), action(event)))
        }
        _ => None,
    }
}

/// Describes the reason for a decision: the status of the job, or the fault.
pub(crate) fn reason(event: &Event, cause: Option<&TransportError>) -> String {
    let text = match &event.kind {
        EventKind::Waiting { status, progress, .. } => job_status(status, *progress),
        EventKind::Retrying { fault, .. } => masked(&short_fault(fault, cause)),
        _ => String::new(),
    };
    brief(&text).to_string()
}

/// Describes the action that a decision leads to.
pub(crate) fn action(event: &Event) -> String {
    let (remedy, next, pause) = match event.kind {
        EventKind::Waiting { delay, reason: DelayReason::Progress, .. } => {
            (None, "next request at the expected end", delay)
        }
        EventKind::Waiting { delay, .. } => (None, "next request", delay),
        EventKind::Retrying { remedy, delay, .. } => (Some(remedy), "retrying", delay),
        _ => return "end".to_owned(),
    };
    let next = format!("{next} {}", delay(pause));
    match (remedy, event.clock_offset) {
        (_, Some(offset)) => format!("clock corrected by {offset}; {next}"),
        (Some(Remedy::BackOff), _) => format!("throttled: backing off; {next}"),
        (Some(Remedy::FreshCredentials), _) => format!("credentials requested again; {next}"),
        _ => next,
    }
}

fn job_status(status: &ExportStatus, progress: Option<f64>) -> String {
    // A URL would have ended the wait.
    if *status == ExportStatus::Success {
        return format!("{status}, but no URL yet");
    }
    let status = status_text(status).unwrap_or_else(|| "no status".to_owned());
    let percent = progress.map(|progress| format!(" {}", percent(progress))).unwrap_or_default();
    format!("{status}{percent}")
}

/// Describes a fault by its code, if any, and leaves out the text of a page.
fn short_fault(fault: &Fault, cause: Option<&TransportError>) -> String {
    match (fault.code(), fault) {
        (Some(code), _) => code.to_string(),
        (None, Fault::Answer(error)) => {
            let status = error.status().as_u16();
            match error.kind() {
                ResponseErrorKind::Page { .. } => format!("got a page, HTTP status {status}"),
                kind => format!("{kind}, HTTP status {status}"),
            }
        }
        (None, fault) => fault_text(fault, cause),
    }
}

/// Returns the text of a fault. That of the transport's error names the server.
fn fault_text(fault: &Fault, cause: Option<&TransportError>) -> String {
    match (fault, cause) {
        (Fault::Transport(_), Some(cause)) => with_sources(cause),
        _ => fault.to_string(),
    }
}
