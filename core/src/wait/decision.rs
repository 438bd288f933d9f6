//! How a waiter reacts to answers and faults.

use alloc::{boxed::Box, string::String};
use core::time::Duration;

use bytes::Bytes;
use http::Response;

use super::{
    outcome::{
        Error, ErrorKind, Event, EventKind, Exchange, Fault, Finished, Last, Remedy, Report,
    },
    waiter::{Phase, Step, Waiter},
};
use crate::{
    actions::{DescribeExportJobResultResponse, ExportStatus},
    download::DownloadUrl,
    error::TransportErrorKind,
    response_error::Advice,
    retry::Failures,
    session::Session,
    time::{Mono, Now},
};

impl Waiter {
    /// Takes the result of the request in flight and decides how to go on.
    ///
    /// The answer's `Date` corrects the clock of the session if the service reports an expired
    /// signature, or if both differ by more than
    /// [`ClockOffset::TOLERATED`](crate::ClockOffset::TOLERATED).
    pub fn answer(
        &mut self,
        now: Now,
        session: &mut Session,
        answer: Result<Response<Bytes>, TransportErrorKind>,
    ) -> Event {
        self.now = now.mono;
        match self.phase {
            Phase::InFlight { started } => {
                self.decide(Some(session), Exchange::new(started, now.mono, answer))
            }
            _ => self.event(EventKind::Ignored),
        }
    }

    /// Records that the due poll cannot be started, which counts as a fault of the exchange.
    pub fn cannot_start(&mut self, now: Mono, fault: TransportErrorKind) -> Event {
        if !matches!(self.step(now), Step::Poll { .. }) {
            return self.event(EventKind::Ignored);
        }
        let kind = self.fault(Fault::Transport(fault), false);
        let event = self.event(kind);
        #[cfg(feature = "serde")]
        if let Some(transcript) = &mut self.transcript {
            transcript.not_started(now, fault, &event);
        }
        event
    }

    /// Takes a row of the job list as an answer: the next poll is due as after a poll, though no
    /// later than `latest`, and at once if the job has ended. A retry keeps its moment.
    pub(super) fn listed(&mut self, now: Mono, row: Last, latest: Mono) {
        // A replay knows polls only.
        #[cfg(feature = "serde")]
        if self.transcript.is_some() {
            return;
        }
        if !matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        self.now = now;
        let elapsed = self.elapsed_at(now);
        let delay = match row.status {
            ExportStatus::Running => self.schedule.listed(elapsed, &self.policy) - elapsed,
            _ => Duration::ZERO,
        };
        self.seen.last = Some(row);
        if !self.seen.is_retry() {
            self.phase = Phase::Waiting { due: now.saturating_add(delay).min(latest) };
        }
    }

    /// Reacts to the result of an exchange; without a session, the clock is not corrected.
    pub(super) fn decide(&mut self, session: Option<&mut Session>, exchange: Exchange) -> Event {
        #[cfg(feature = "serde")]
        let recorded = self.transcript.is_some().then(|| exchange.clone());
        let event = self.react(session, exchange);
        #[cfg(feature = "serde")]
        if let (Some(transcript), Some(exchange)) = (&mut self.transcript, recorded) {
            transcript.polled(self.seen.clock_offset, self.now, &exchange, &event);
        }
        event
    }

    fn react(&mut self, session: Option<&mut Session>, exchange: Exchange) -> Event {
        let Exchange { started, result, measured_offset } = exchange;
        self.wants_fresh_credentials = false;
        let expired = matches!(&result, Err(fault) if fault.advice() == Advice::CorrectClock);
        let clock_offset = match expired && self.failures.clock_corrected {
            // A second one in a row: the correction did not help.
            true => None,
            false => measured_offset.and_then(|offset| session?.update_offset(offset, expired)),
        };
        let kind = match result {
            Ok(answer) => {
                self.remember_request_id(answer.request_id.as_deref());
                self.good_answer(started.mono, answer.response)
            }
            Err(fault) => {
                self.remember_request_id(fault.request_id());
                self.fault(fault, clock_offset.is_some())
            }
        };
        Event { clock_offset, ..self.event(kind) }
    }

    fn good_answer(&mut self, started: Mono, answer: DescribeExportJobResultResponse) -> EventKind {
        self.failures = Failures::default();
        self.seen.last_fault = None;
        let DescribeExportJobResultResponse { status, download_url, progress, failure_message } =
            answer;
        self.seen.last = Some(Last {
            status: status.clone(),
            progress,
            failure_message: failure_message.clone(),
        });
        match (&status, download_url) {
            (ExportStatus::Success, Some(url)) => return self.end(Ok(url)),
            (ExportStatus::Success, None) => {
                if self.polls_without_url >= self.policy.polls_without_url {
                    return self.end(Err(ErrorKind::WithoutUrl));
                }
                self.polls_without_url += 1;
            }
            (ExportStatus::Failure, _) => {
                return self.end(Err(ErrorKind::JobFailed { message: failure_message }));
            }
            (ExportStatus::Running | ExportStatus::Unknown(_), _) => {}
        }
        let (started, answered) = (self.elapsed_at(started), self.elapsed_at(self.now));
        let (due, reason) = self.schedule.next(started, answered, progress, &self.policy);
        let delay = due.saturating_sub(answered);
        self.phase = Phase::Waiting { due: self.now.saturating_add(delay) };
        EventKind::Waiting { status, progress, delay, reason }
    }

    fn fault(&mut self, fault: Fault, corrected: bool) -> EventKind {
        self.seen.last_fault = Some(Box::new(fault.clone()));
        let remedy = self.failures.remedy(&fault, corrected, &self.policy, &mut self.random);
        let Some((remedy, delay)) = remedy else {
            return self.end(Err(ErrorKind::Fault(fault)));
        };
        self.wants_fresh_credentials |= remedy == Remedy::FreshCredentials;
        self.phase = Phase::Waiting { due: self.now.saturating_add(delay) };
        EventKind::Retrying { fault, remedy, delay }
    }

    pub(super) fn end(&mut self, end: Result<DownloadUrl, ErrorKind>) -> EventKind {
        let report = self.report();
        self.phase = Phase::Done(Box::new(match end {
            Ok(download_url) => Ok(Finished { download_url, report }),
            Err(kind) => Err(Error { kind, report }),
        }));
        EventKind::Ended
    }

    pub(super) fn report(&self) -> Box<Report> {
        let seen = self.seen.clone();
        Box::new(Report {
            job: self.job().clone(),
            polls: seen.polls,
            retries: seen.retries,
            elapsed: self.elapsed_at(self.now),
            last: seen.last.map(Into::into),
            last_fault: seen.last_fault.map(|fault| *fault),
            request_id: seen.request_id.map(String::from),
            clock_offset: seen.clock_offset,
        })
    }

    fn remember_request_id(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.seen.request_id = Some(id.into());
        }
    }
}
