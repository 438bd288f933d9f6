//! A decision of a wait: in words for people, as one object for programs.

use std::time::Duration;

use serde::Serialize;
use tcss_export::{
    ClockOffset, ErrorCode, Event, EventKind, ExportStatus, Fault, Finished, Remedy, Report,
    ResponseErrorKind, WaitErrorKind, WaitFailure, text::brief as shortened,
};

use super::status::{percent, seconds};
use crate::terminal::masking::masked;

/// A decision as a line of JSON, where every member is always there.
#[derive(Default, Serialize)]
pub(crate) struct Decision {
    event: &'static str,
    poll: u32,
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

impl Decision {
    /// The request id is that of the answer, which an event of a good one does not name.
    pub(crate) fn new(event: &Event, request_id: Option<&str>) -> Self {
        let clock_offset_seconds = event.clock_offset.map(offset_seconds);
        let base = Self { poll: event.poll, clock_offset_seconds, ..Self::default() };
        let base = Self { request_id: request_id.map(masked), ..base };
        match &event.kind {
            EventKind::Waiting { status, progress, delay } => Self {
                event: "waiting",
                status: status_text(status),
                progress: *progress,
                delay_seconds: Some(seconds(*delay)),
                ..base
            },
            EventKind::Retrying { fault, remedy, delay } => Self {
                event: "retrying",
                remedy: Some(remedy_name(*remedy)),
                delay_seconds: Some(seconds(*delay)),
                ..base.with_fault(fault)
            },
            _ => Self { event: "ended", ..base },
        }
    }

    /// Returns the end of a wait; `last` is its last event, if an answer has ended it.
    pub(crate) fn end(outcome: Result<&Finished, &WaitFailure>, last: Option<&Event>) -> Self {
        let report = outcome.map_or_else(|failure| &failure.report, |finished| &finished.report);
        let base = Self::ended(report, last);
        match outcome.map_err(|failure| &failure.kind) {
            Ok(_) => base,
            Err(WaitErrorKind::Fault(fault)) => base.with_fault(fault),
            Err(kind) => Self { reason: Some(masked(&kind.to_string())), ..base },
        }
    }

    /// Returns the end of a wait that was given up.
    pub(crate) fn given_up(report: &Report) -> Self {
        let reason = WaitErrorKind::Cancelled.to_string();
        Self { reason: Some(reason), ..Self::ended(report, None) }
    }

    /// Returns the end as a transcript tells it, which is less.
    pub(crate) fn recorded_end(poll: u32, reason: Option<String>) -> Self {
        Self { event: "ended", poll, reason, ..Self::default() }
    }

    /// Returns the number of the request that it follows.
    pub(crate) const fn poll(&self) -> u32 {
        self.poll
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

    fn with_fault(self, fault: &Fault) -> Self {
        let (http_status, reason) = match fault {
            // Its status and its request id stand beside it.
            Fault::Answer(error) => (Some(error.status().as_u16()), error.kind().to_string()),
            fault => (None, fault.to_string()),
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

/// Words an event in one line; the end of a wait is told by its result.
pub(crate) fn worded(event: &Event) -> Option<String> {
    match event.kind {
        // Of a job that runs, the next request is no news.
        EventKind::Waiting { .. } if event.clock_offset.is_none() => Some(reason(event)),
        EventKind::Waiting { .. } | EventKind::Retrying { .. } => {
            Some(format!("{}; {}", reason(event), what(event)))
        }
        _ => None,
    }
}

/// Words what an event goes by: how the job stands, or what went wrong.
pub(crate) fn reason(event: &Event) -> String {
    let text = match &event.kind {
        EventKind::Waiting { status, progress, .. } => standing(status, *progress),
        EventKind::Retrying { fault, .. } => brief(fault),
        _ => String::new(),
    };
    shortened(&masked(&text)).to_string()
}

/// Words what is done.
pub(crate) fn what(event: &Event) -> String {
    let (remedy, next) = match &event.kind {
        EventKind::Waiting { delay, .. } => (None, format!("next request {}", when(*delay))),
        EventKind::Retrying { remedy, delay, .. } => {
            (Some(*remedy), format!("retrying {}", when(*delay)))
        }
        _ => return "end".to_owned(),
    };
    match (remedy, event.clock_offset) {
        (_, Some(offset)) => format!("clock corrected by {offset}; {next}"),
        (Some(Remedy::BackOff), _) => format!("throttled: backing off; {next}"),
        (Some(Remedy::FreshCredentials), _) => format!("credentials requested again; {next}"),
        _ => next,
    }
}

/// Words that a request is sent once more because only its time was wrong.
pub(crate) fn corrected(offset: ClockOffset) -> String {
    format!("AuthFailure.SignatureExpire; clock corrected by {offset}; retrying at once")
}

pub(crate) fn when(delay: Duration) -> String {
    match delay.as_millis() {
        0 => "at once".to_owned(),
        millis if millis < 50 => "in 0.1 s".to_owned(),
        _ => format!("in {} s", (delay.as_secs_f64() * 10.0).round() / 10.0),
    }
}

fn standing(status: &ExportStatus, progress: Option<f64>) -> String {
    // Were there a URL, the wait would have ended.
    if *status == ExportStatus::Success {
        return format!("{status}, but no URL yet");
    }
    let status = if status.as_str().is_empty() { "no status" } else { status.as_str() };
    let percent = progress.map(|progress| format!(" {}", percent(progress))).unwrap_or_default();
    format!("{status}{percent}")
}

/// Names a fault by its code, if it has one; what a page says is left out.
fn brief(fault: &Fault) -> String {
    match (fault.code(), fault) {
        (Some(code), _) => code.to_string(),
        (None, Fault::Answer(error)) => {
            let status = error.status().as_u16();
            match error.kind() {
                ResponseErrorKind::Page { .. } => format!("got a page, HTTP status {status}"),
                kind => format!("{kind}, HTTP status {status}"),
            }
        }
        (None, fault) => fault.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_told_to_the_tenth_of_a_second_and_never_as_none() {
        let told = |millis| when(Duration::from_millis(millis));
        assert_eq!(told(0), "at once");
        assert_eq!(told(1), "in 0.1 s");
        assert_eq!(told(1_249), "in 1.2 s");
        assert_eq!(told(15_000), "in 15 s");
    }
}
