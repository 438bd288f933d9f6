//! What can become of a download.

use tcss_export::{
    TransportError, WaitFailure,
    download::{DownloadError, ErrorKind, Refusal, Report},
    driver::DownloadFailure,
    text::brief,
};

use super::{
    Again, Errand, Failure, Kind,
    hints::{self, Hint},
    service::with_sources,
};
use crate::{terminal::amount, wait::status::requests};

impl Failure {
    /// Tells why there is no whole file.
    pub(crate) fn of_download(failure: DownloadFailure, errand: Errand<'_>) -> Self {
        match failure {
            DownloadFailure::Download { error, transport } => {
                let mut failure = errand.failure(&error.kind, &error.report, transport.as_deref());
                failure.facts.code = error.code().map(str::to_owned);
                failure.facts.status = error.status().map(|status| status.as_u16());
                failure.with_request_ids(&error, errand).after(&error.report, errand)
            }
            DownloadFailure::NewUrl { error, wait } => {
                Self::without_new_url(&error, *wait).after(&error.report, errand)
            }
            DownloadFailure::File(error) => {
                let mut failure = Self::of_target(&error, errand.target);
                failure.facts.starts_over = errand.target.is_none();
                failure
            }
            failure => Self::new(Kind::Transport, with_sources(&failure)),
        }
    }

    /// The URL could not be used any more: what counts is why there is no new one.
    fn without_new_url(error: &DownloadError, wait: WaitFailure) -> Self {
        let mut failure = Self::from(wait);
        failure.message += &format!("; a new URL was needed: {}", error.kind);
        failure.facts.file_request_id = error.request_id().map(str::to_owned);
        failure
    }

    /// Tells of the last exchange as well, if it was of no use.
    pub(super) fn timed_out_downloading(
        kind: &ErrorKind,
        report: &Report,
        transport: Option<&TransportError>,
        more_time: &'static str,
    ) -> Self {
        let mut failure = Self::new(Kind::TimedOut, kind.to_string()).with_hint(more_time);
        if let Some(error) = transport {
            failure.message += &format!("; the last request failed: {}", with_sources(error));
            if report.bytes == 0 {
                let of_proxy = hints::of_proxy(error);
                failure = failure.with_hint(of_proxy.unwrap_or(hints::FILE_SERVER_UNREACHABLE));
            }
        } else if let Some(fault) = &report.last_fault {
            failure.message += &format!("; the last request failed: {fault}");
        }
        failure.with_again(Again::Without("--download-timeout"))
    }

    pub(super) fn of_refusal(refusal: &Refusal, hint: Hint) -> Self {
        let message = match (&refusal.code, &refusal.message, &refusal.snippet) {
            (Some(_), message, _) => message.clone().unwrap_or_default(),
            (None, _, Some(snippet)) => format!("the file server answered \"{}\"", brief(snippet)),
            (None, ..) => "the file server answered nothing more than its status".to_owned(),
        };
        let again = if matches!(hint, Hint::Gone) { Again::Never } else { Again::AsItWas };
        let mut failure = Self::new(Kind::Api, message).with_hint(hint).with_again(again);
        failure.facts.by = Some("the file server");
        failure
    }

    /// Names the request that says most: where no answer of the file server has ended the download
    /// that is the one that gave the URL, as far as it is known.
    fn with_request_ids(mut self, error: &DownloadError, errand: Errand<'_>) -> Self {
        let id = error.request_id().map(str::to_owned);
        match (&error.kind, errand.finished) {
            (ErrorKind::Expired { refusal: None }, Some(finished)) => {
                self.facts.request_id = finished.report.request_id.clone();
                self.facts.file_request_id = id;
            }
            // It is a renewed URL, and the request that gave it is not known any more.
            (ErrorKind::Url(_), _) => self.facts.file_request_id = id,
            _ => self.facts.request_id = id,
        }
        self
    }

    fn after(mut self, report: &Report, errand: Errand<'_>) -> Self {
        let Report { requests: count, elapsed, bytes, total, .. } = report;
        let effort = format!(
            "{}, {:.1} s, {}",
            requests(*count, 0),
            elapsed.as_secs_f64(),
            amount(*bytes, *total)
        );
        self.facts.effort = Some(("download", effort));
        self.facts.url = errand.url();
        self.facts.starts_over = errand.target.is_none() && *bytes > 0;
        self
    }
}
