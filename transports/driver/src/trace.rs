//! Spans and events for subscribers of the crate `tracing`. Without the feature of that name,
//! nothing is emitted.
//!
//! Logs are often stored elsewhere, and a server may echo the token and the signature that it
//! received. So words that may be secrets are removed from all texts.

#![cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only events use them"))]

use std::error::Error;

use tcss_export_core::{
    Answer, DownloadUrl, JobId,
    actions::Action,
    download::{self, Downloaded},
    wait::{self, Finished, Waiter},
};
#[cfg(feature = "tracing")]
use {
    crate::error::with_causes,
    std::fmt::Display,
    tcss_export_core::{
        download::{EventKind as DownloadEvent, Fault as DownloadFault, Refusal},
        text::{brief, printable, snippet},
        wait::{EventKind as WaitEvent, Fault},
    },
    tracing::{Span, debug, field::display, info, info_span, warn},
};

use crate::{
    download::DownloadError,
    error::{SendError, WaitError},
};

/// The span of a wait, an exchange or a download.
///
/// It is never entered, because futures move between threads: each event names it as its parent.
/// Events repeat the job, because a subscriber may drop spans of this level.
#[derive(Debug)]
pub(crate) struct Trace(#[cfg(feature = "tracing")] Span);

macro_rules! span {
    ($($arguments:tt)*) => {
        Self(#[cfg(feature = "tracing")] info_span!($($arguments)*))
    };
}

impl Trace {
    pub(crate) fn wait(job: &JobId) -> Self {
        span!("wait", %job)
    }

    pub(crate) fn wait_all() -> Self {
        span!("wait_all")
    }

    pub(crate) fn exchange(action: &str) -> Self {
        span!("exchange", action)
    }

    pub(crate) fn download(url: &DownloadUrl, job: Option<&JobId>) -> Self {
        span!("download", %url, job = job.map(display))
    }

    /// Emits an event of a wait or, without a waiter, of a single exchange.
    pub(crate) fn polled<E: Error + 'static>(
        &self,
        waiter: Option<&Waiter>,
        event: &wait::Event,
        error: Option<&E>,
    ) {
        #[cfg(feature = "tracing")]
        {
            let (span, poll) = (&self.0, event.poll);
            let job = waiter.map(|waiter| display(waiter.job()));
            if let Some(offset) = event.clock_offset {
                warn!(parent: span, job, poll, clock_offset = %offset, "clock corrected");
            }
            match &event.kind {
                WaitEvent::Waiting { status, progress, delay, reason } => debug!(
                    parent: span, job, poll, status = id(status.as_str()), progress,
                    delay = delay.as_secs_f64(), ?reason,
                    request_id = waiter.and_then(Waiter::request_id).map(id), "polled"
                ),
                WaitEvent::Retrying { fault, remedy, delay } => warn!(
                    parent: span, job, poll, ?remedy, delay = delay.as_secs_f64(),
                    code = fault.code().map(masked), http_status = http_status(fault),
                    request_id = fault.request_id().map(id), error = cause(error, fault),
                    "retrying"
                ),
                // The end has an event of its own, with the outcome.
                _ => {}
            }
        }
    }

    /// Emits the end of a wait.
    pub(crate) fn waited(
        &self,
        outcome: Result<Finished, WaitError>,
    ) -> Result<Finished, WaitError> {
        #[cfg(feature = "tracing")]
        match &outcome {
            Ok(Finished { report, .. }) => info!(
                parent: &self.0, job = %report.job, polls = report.polls, retries = report.retries,
                elapsed = report.elapsed.as_secs_f64(),
                request_id = report.request_id.as_deref().map(id), "finished"
            ),
            Err(error) => warn!(
                parent: &self.0, job = %error.report.job, polls = error.report.polls,
                retries = error.report.retries, elapsed = error.report.elapsed.as_secs_f64(),
                code = error.code().map(masked),
                http_status = error.report.last_fault.as_ref().and_then(http_status),
                request_id = error.request_id().map(id), error = masked(with_causes(error)),
                "failed"
            ),
        }
        outcome
    }

    /// Emits the end of a single exchange.
    pub(crate) fn sent<A: Action>(
        &self,
        result: Result<Answer<A::Response>, SendError>,
    ) -> Result<Answer<A::Response>, SendError> {
        #[cfg(feature = "tracing")]
        match &result {
            Ok(answer) => info!(
                parent: &self.0, action = A::NAME,
                request_id = answer.request_id.as_deref().map(id), "answered"
            ),
            Err(error) => {
                let fault = error.fault();
                let fault = fault.as_ref();
                warn!(
                    parent: &self.0, action = A::NAME,
                    code = fault.and_then(Fault::code).map(masked),
                    http_status = fault.and_then(http_status),
                    request_id = fault.and_then(Fault::request_id).map(id),
                    error = masked(with_causes(error)), "failed"
                );
            }
        }
        result
    }

    /// Emits an event of a download, except those of its pieces and of its end.
    pub(crate) fn downloading<E: Error + 'static>(
        &self,
        job: Option<&JobId>,
        event: &download::Event,
        error: Option<&E>,
    ) {
        #[cfg(feature = "tracing")]
        {
            let download::Event { bytes, total, kind, .. } = event;
            let (span, job, refusal) = (&self.0, job.map(display), refusal(kind));
            let code = refusal.and_then(|refusal| Some(id(refusal.code.as_ref()?)));
            let http_status = refusal.map(|refusal| refusal.status.as_u16());
            let request_id =
                refusal.and_then(|refusal| Some(file_id(refusal.request_id.as_ref()?)));
            match kind {
                DownloadEvent::Continuing => debug!(parent: span, job, bytes, total, "continuing"),
                DownloadEvent::NewUrl => debug!(parent: span, job, bytes, total, "new URL"),
                DownloadEvent::Retrying { fault, delay } => warn!(
                    parent: span, job, bytes, total, delay = delay.as_secs_f64(), code,
                    http_status, request_id, error = cause(error, fault), "retrying"
                ),
                DownloadEvent::NeedsUrl { .. } => warn!(
                    parent: span, job, bytes, total, code, http_status, request_id,
                    error = refusal.map(masked), "URL expired"
                ),
                _ => {}
            }
        }
    }

    /// Emits the end of a download.
    pub(crate) fn downloaded(
        &self,
        job: Option<&JobId>,
        outcome: Result<Downloaded, DownloadError>,
    ) -> Result<Downloaded, DownloadError> {
        #[cfg(feature = "tracing")]
        {
            let (span, job) = (&self.0, job.map(display));
            match &outcome {
                Ok(Downloaded { bytes, verified, report, .. }) => info!(
                    parent: span, job, bytes, total = report.total, verified,
                    requests = report.requests, elapsed = report.elapsed.as_secs_f64(),
                    request_id = report.request_id.as_deref().map(file_id),
                    "finished"
                ),
                Err(error) => {
                    let end = error.download_error();
                    warn!(
                        parent: span, job, bytes = end.map(|end| end.report.bytes),
                        total = end.and_then(|end| end.report.total),
                        code = end.and_then(|end| end.code()).map(id),
                        http_status = end.and_then(|end| end.status()).map(|s| s.as_u16()),
                        request_id = end.and_then(|end| end.request_id()).map(file_id),
                        error = masked(with_causes(error)), "failed"
                    );
                }
            }
        }
        outcome
    }
}

#[cfg(feature = "tracing")]
fn http_status(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::Answer(error) => Some(error.status().as_u16()),
        _ => None,
    }
}

#[cfg(feature = "tracing")]
fn refusal(kind: &DownloadEvent) -> Option<&Refusal> {
    match kind {
        DownloadEvent::Retrying { fault: DownloadFault::Refused(refusal), .. } => Some(refusal),
        DownloadEvent::NeedsUrl { refusal } => refusal.as_deref(),
        _ => None,
    }
}

/// Returns the text of the client's error, or else that of the fault.
#[cfg(feature = "tracing")]
fn cause<E: Error + 'static>(error: Option<&E>, fault: &dyn Display) -> String {
    error.map_or_else(|| masked(fault), |error| masked(with_causes(error)))
}

/// Returns a code, a status or a request id of the service.
#[cfg(feature = "tracing")]
fn id(text: &str) -> String {
    masked(brief(text))
}

/// Returns a request id of the file server, which looks like a token. That server receives no
/// secret but the query of the URL, whose values are masked already.
#[cfg(feature = "tracing")]
fn file_id(id: &str) -> String {
    brief(id).to_string()
}

/// Returns a text without the words that may be secrets.
#[cfg(feature = "tracing")]
fn masked(text: impl Display) -> String {
    let text = printable(&text.to_string()).to_string();
    text.split_whitespace().map(snippet).collect::<Vec<_>>().join(" ")
}
