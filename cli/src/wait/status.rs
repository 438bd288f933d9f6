//! How a job stands and what a wait took, for programs and for people.

use std::time::Duration;

use serde::Serialize;
use tcss_export::{DescribeExportJobResultResponse, DownloadUrl, Finished, JobId, Report};

use crate::terminal::{masking::masked, rows};

/// What one good answer said; a message of the service is masked, status and URL are as they came.
#[derive(Serialize)]
pub(crate) struct Standing<'a> {
    status: Option<&'a str>,
    progress: Option<f64>,
    download_url: Option<&'a str>,
    failure_message: Option<String>,
    request_id: Option<&'a str>,
}

/// How a wait ended: the last good answer and what it took to get there.
#[derive(Serialize)]
pub(crate) struct Ended<'a> {
    #[serde(flatten)]
    standing: Standing<'a>,
    outcome: &'static str,
    polls: u32,
    retries: u32,
    elapsed_seconds: f64,
    #[serde(skip)]
    effort: String,
}

impl<'a> Standing<'a> {
    pub(crate) fn new(
        response: &'a DescribeExportJobResultResponse,
        request_id: Option<&'a str>,
    ) -> Self {
        let status = response.status.as_str();
        Self {
            status: (!status.is_empty()).then_some(status),
            progress: response.progress,
            download_url: response.download_url.as_ref().map(DownloadUrl::as_str),
            failure_message: response.failure_message.as_deref().map(masked),
            request_id,
        }
    }

    pub(crate) fn text(&self) -> String {
        rows("", &self.rows())
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let rows = [
            ("status", Some(masked(self.status.unwrap_or("none")))),
            ("progress", self.progress.map(percent)),
            ("download url", self.download_url.map(str::to_owned)),
            ("message", self.failure_message.clone()),
            ("request id", self.request_id.map(str::to_owned)),
        ];
        rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
    }
}

impl<'a> Ended<'a> {
    pub(crate) fn succeeded(finished: &'a Finished) -> Option<Self> {
        let mut ended = Self::new("success", &finished.report)?;
        ended.standing.download_url = Some(finished.download_url.as_str());
        Some(ended)
    }

    /// Returns `None` if there was no good answer. There is no URL: only a success has one.
    pub(crate) fn new(outcome: &'static str, report: &'a Report) -> Option<Self> {
        let standing = Standing::new(report.last.as_ref()?, report.request_id.as_deref());
        Some(Self {
            standing: Standing { download_url: None, ..standing },
            outcome,
            polls: report.polls,
            retries: report.retries,
            elapsed_seconds: seconds(report.elapsed),
            effort: effort(report),
        })
    }

    pub(crate) fn text(&self) -> String {
        rows("", &self.rows())
    }

    /// Names the job, too, for someone who has not done so, and what else there is to say of it.
    pub(crate) fn text_of(&self, job: &JobId, more: &[(&'static str, String)]) -> String {
        rows("", &[&[("job id", job.as_str().to_owned())], &*self.rows(), more].concat())
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut all = self.standing.rows();
        all.push(("wait", self.effort.clone()));
        all
    }
}

/// Says what a wait took: `3 requests, 1 retry, 2.1 s`.
pub(crate) fn effort(report: &Report) -> String {
    let Report { polls, retries, elapsed, .. } = report;
    format!("{}, {:.1} s", requests(*polls, *retries), elapsed.as_secs_f64())
}

/// Words a number of requests: `3 requests, 1 retry`.
pub(crate) fn requests(polls: u32, retries: u32) -> String {
    let requests = if polls == 1 { "request" } else { "requests" };
    match retries {
        0 => format!("{polls} {requests}"),
        1 => format!("{polls} {requests}, 1 retry"),
        _ => format!("{polls} {requests}, {retries} retries"),
    }
}

/// Returns seconds to the millisecond.
pub(crate) fn seconds(elapsed: Duration) -> f64 {
    Duration::from_millis(elapsed.as_millis().try_into().unwrap_or(u64::MAX)).as_secs_f64()
}

/// Words a progress with one digit after the point, if it needs any.
pub(crate) fn percent(progress: f64) -> String {
    match progress.abs() {
        0.0..1e6 => format!("{} %", (progress * 10.0).round() / 10.0),
        _ => format!("{progress:e} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_short_whatever_the_number() {
        assert_eq!(percent(55.0), "55 %");
        assert_eq!(percent(33.333), "33.3 %");
        assert_eq!(percent(-1e300), "-1e300 %");
    }
}
