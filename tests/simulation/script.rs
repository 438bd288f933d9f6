//! The answers to the polls of one job, chosen by a seed, and how its wait must end.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use tcss_export::{core::wait::Outcome, driver::TransportErrorKind, wait};

use crate::random::Random;

/// The result of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Running,
    InternalError,
    Throttled,
    BadToken,
    Page,
    Cut,
    Broken,
    /// No answer ever arrives.
    Silence,
    Success,
    Failure,
    Forbidden,
}

impl Reply {
    /// Returns the answer for a job, or nothing for [`Reply::Silence`].
    pub(crate) fn answer(self, job: usize) -> Option<Result<Response<Bytes>, TransportErrorKind>> {
        Some(Ok(match self {
            Self::Running => members(r#""ExportStatus":"RUNNING","ExportProgress":42.5"#),
            Self::InternalError => api("InternalError"),
            Self::Throttled => api("RequestLimitExceeded.UinLimitExceeded"),
            Self::BadToken => api("AuthFailure.TokenFailure"),
            Self::Page => {
                let mut page = Response::new(Bytes::from_static(b"<html>502</html>"));
                *page.status_mut() = StatusCode::BAD_GATEWAY;
                page
            }
            Self::Cut => return Some(Err(TransportErrorKind::Truncated)),
            Self::Broken => return Some(Err(TransportErrorKind::Connection)),
            Self::Silence => return None,
            Self::Success => {
                members(&format!(r#""ExportStatus":"SUCCESS","DownloadURL":"{}""#, url(job)))
            }
            Self::Failure => members(r#""ExportStatus":"FAILURE","FailureMsg":"m""#),
            Self::Forbidden => api(FORBIDDEN),
        }))
    }

    /// Chooses the next reply, and returns the new number of failures in a row.
    fn choose(random: &mut Random, failures: u32) -> (Self, u32) {
        let transient = [Self::InternalError, Self::Page, Self::Cut, Self::Broken, Self::Silence];
        match random.below(10) {
            0 | 1 if failures < MAX_FAILURES => (random.pick(&transient), failures + 1),
            2 | 3 => (Self::Throttled, failures),
            4 => (Self::BadToken, failures),
            _ => (Self::Running, 0),
        }
    }
}

/// The default of the policy.
const MAX_FAILURES: u32 = 8;
const FORBIDDEN: &str = "UnauthorizedOperation";

fn members(members: &str) -> Response<Bytes> {
    Response::new(format!(r#"{{"Response":{{{members},"RequestId":"r-1"}}}}"#).into())
}

fn api(code: &str) -> Response<Bytes> {
    members(&format!(r#""Error":{{"Code":"{code}","Message":"m"}}"#))
}

fn url(job: usize) -> String {
    format!("https://h.example/{job}.csv?q-signature=EXAMPLE")
}

/// The replies for one job; the last one ends its wait.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    job: usize,
    replies: Vec<Reply>,
}

impl Script {
    pub(crate) fn random(job: usize, random: &mut Random) -> Self {
        let (mut replies, mut failures) = (Vec::new(), 0);
        for _ in 0..random.below(6) {
            let (next, failures_now) = Reply::choose(random, failures);
            // A second one in a row would end the wait.
            if next == Reply::BadToken && replies.contains(&Reply::BadToken) {
                continue;
            }
            replies.push(next);
            failures = failures_now;
        }
        replies.push(match random.below(10) {
            0 => Reply::Failure,
            1 => Reply::Forbidden,
            _ => Reply::Success,
        });
        Self { job, replies }
    }

    /// Returns the reply to a poll, numbered from 0. Panics if the job was polled after its end.
    pub(crate) fn at(&self, poll: usize) -> Reply {
        *self
            .replies
            .get(poll)
            .unwrap_or_else(|| panic!("job {} was polled after its end", self.job))
    }

    pub(crate) fn polls(&self) -> usize {
        self.replies.len()
    }

    /// Whether a wait over the whole script must end with this outcome.
    pub(crate) fn fits(&self, outcome: &Outcome) -> bool {
        match (self.replies.last(), outcome) {
            (Some(Reply::Success), Ok(finished)) => finished.download_url.as_str() == url(self.job),
            (Some(Reply::Failure), Err(error)) => {
                matches!(error.kind, wait::ErrorKind::JobFailed { .. })
            }
            (Some(Reply::Forbidden), Err(error)) => {
                error.code().is_some_and(|code| code.as_str() == FORBIDDEN)
            }
            _ => false,
        }
    }
}

/// Chooses the time between a request and its answer.
pub(crate) fn latency(random: &mut Random) -> Duration {
    // One answer in fifty is slow.
    let longest = if random.below(50) == 0 { 20_000 } else { 400 };
    Duration::from_millis(20 + random.below(longest))
}
