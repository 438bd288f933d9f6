//! What happens to a job, made up from a seed, and how its wait must end.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use tcss_export::{core::wait::Outcome, driver::TransportErrorKind, wait};

use crate::random::Random;

/// What comes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Running,
    InternalError,
    Throttled,
    BadToken,
    Page,
    Cut,
    Broken,
    /// Nothing ever comes.
    Silence,
    Success,
    Failure,
    Forbidden,
}

impl Said {
    /// Returns what arrives for a job; nothing for [`Said::Silence`].
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

    /// Returns what follows in a script, and how many failures in a row there are then.
    fn choose(random: &mut Random, failures: u32) -> (Self, u32) {
        let passing = [Self::InternalError, Self::Page, Self::Cut, Self::Broken, Self::Silence];
        match random.below(10) {
            0 | 1 if failures < MAX_FAILURES => (random.pick(&passing), failures + 1),
            2 | 3 => (Self::Throttled, failures),
            4 => (Self::BadToken, failures),
            _ => (Self::Running, 0),
        }
    }
}

/// The policy's default.
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

/// The answers of one job; the last one ends the wait.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    job: usize,
    said: Vec<Said>,
}

impl Script {
    pub(crate) fn random(job: usize, random: &mut Random) -> Self {
        let (mut said, mut failures) = (Vec::new(), 0);
        for _ in 0..random.below(6) {
            let (next, now) = Said::choose(random, failures);
            // A second one in a row would be final.
            if next == Said::BadToken && said.contains(&Said::BadToken) {
                continue;
            }
            said.push(next);
            failures = now;
        }
        said.push(match random.below(10) {
            0 => Said::Failure,
            1 => Said::Forbidden,
            _ => Said::Success,
        });
        Self { job, said }
    }

    /// Returns what comes of the poll with this number, counted from 0.
    ///
    /// # Panics
    ///
    /// If the script is over: the job was polled after its end.
    pub(crate) fn at(&self, poll: usize) -> Said {
        *self.said.get(poll).unwrap_or_else(|| panic!("job {} is polled after its end", self.job))
    }

    pub(crate) fn polls(&self) -> usize {
        self.said.len()
    }

    /// Whether a wait that has heard the whole script must end like this.
    pub(crate) fn fits(&self, outcome: &Outcome) -> bool {
        match (self.said.last(), outcome) {
            (Some(Said::Success), Ok(finished)) => finished.download_url.as_str() == url(self.job),
            (Some(Said::Failure), Err(error)) => {
                matches!(error.kind, wait::ErrorKind::JobFailed { .. })
            }
            (Some(Said::Forbidden), Err(error)) => {
                error.code().is_some_and(|code| code.as_str() == FORBIDDEN)
            }
            _ => false,
        }
    }
}

/// How long the answer to a request is on its way.
pub(crate) fn travel(random: &mut Random) -> Duration {
    // One in fifty is slow.
    let longest = if random.below(50) == 0 { 20_000 } else { 400 };
    Duration::from_millis(20 + random.below(longest))
}
