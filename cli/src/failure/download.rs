//! What can become of a download.

use std::path::Path;

use tcss_export::{
    BuildError, Reason, SendFault, TransportError, WaitFailure,
    download::{DownloadError, ErrorKind, Fault, Refusal, Report},
    driver::DownloadFailure,
};

use super::{Again, Failure, Kind, service::with_sources};
use crate::{
    hints::{self, Hint},
    meter::amount,
    standing::requests,
};

const EXPIRED: &str = "the URL has expired";

/// A download as it was asked for: what can be done next goes by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand<'a> {
    /// There is a job that gives new URLs.
    pub(crate) has_job: bool,
    /// The file to write. If there is none it is stdout, where nothing can be taken back.
    pub(crate) target: Option<&'a Path>,
}

impl Failure {
    /// Tells why there is no whole file.
    pub(crate) fn of_download(failure: DownloadFailure, errand: Errand<'_>) -> Self {
        match failure {
            DownloadFailure::Download { error, transport } => {
                let mut failure = errand.failure(&error.kind, &error.report, transport.as_deref());
                failure.facts.code = error.code().map(str::to_owned);
                failure.facts.status = error.status().map(|status| status.as_u16());
                failure.facts.request_id = error.request_id().map(str::to_owned);
                failure.after(&error.report)
            }
            DownloadFailure::NewUrl { error, wait } => Self::without_new_url(&error, *wait),
            DownloadFailure::File(error) => Self::of_target(&error, errand.target),
            failure => Self::new(Kind::Transport, with_sources(&failure)),
        }
    }

    /// The URL could not be used any more: what counts is why there is no new one.
    fn without_new_url(error: &DownloadError, wait: WaitFailure) -> Self {
        let mut failure = Self::from(wait);
        failure.message += &format!("; a new URL was needed: {}", error.kind);
        failure.facts.file_request_id = error.request_id().map(str::to_owned);
        failure.after(&error.report)
    }

    /// Tells of the last exchange as well, if it was of no use.
    fn timed_out_downloading(
        kind: &ErrorKind,
        report: &Report,
        transport: Option<&TransportError>,
    ) -> Self {
        let mut failure = Self::new(Kind::TimedOut, kind.to_string()).with_hint(hints::MORE_TIME);
        if let Some(error) = transport {
            failure.message += &format!("; the last request failed: {}", with_sources(error));
            if report.bytes == 0 {
                failure = failure.with_hint(hints::FILE_SERVER_UNREACHABLE);
            }
        } else if let Some(fault) = &report.last_fault {
            failure.message += &format!("; the last request failed: {fault}");
        }
        failure.with_again(Again::Without("--download-timeout"))
    }

    fn of_refusal(refusal: &Refusal, hint: Hint) -> Self {
        let said = refusal.message.as_ref().or(refusal.snippet.as_ref());
        let message = match &refusal.code {
            Some(_) => said.cloned().unwrap_or_default(),
            None => refusal.to_string(),
        };
        let again = if matches!(hint, Hint::Gone) { Again::Never } else { Again::AsItWas };
        let mut failure = Self::new(Kind::Api, message).with_hint(hint).with_again(again);
        failure.facts.by = Some("the file server");
        failure
    }

    fn after(mut self, report: &Report) -> Self {
        let Report { requests: count, elapsed, bytes, total, .. } = report;
        let effort = format!(
            "{}, {:.1} s, {}",
            requests(*count, 0),
            elapsed.as_secs_f64(),
            amount(*bytes, *total)
        );
        self.facts.effort = Some(("download", effort));
        self
    }
}

impl Errand<'_> {
    /// Returns how to have the rest of a file.
    pub(crate) const fn again(self) -> &'static str {
        if self.target.is_none() { hints::AGAIN_TO_STDOUT } else { hints::AGAIN }
    }

    fn failure(
        self,
        kind: &ErrorKind,
        report: &Report,
        transport: Option<&TransportError>,
    ) -> Failure {
        let answer = |hint| Failure::new(Kind::Answer, kind.to_string()).with_hint(hint);
        let mismatch = match self.target {
            Some(_) => hints::MISMATCH,
            None => hints::MISMATCH_TO_STDOUT,
        };
        match kind {
            ErrorKind::Url(error) => (*error).into(),
            ErrorKind::Expired { refusal: None } => {
                // Nothing was sent: it is no other than a URL that cannot be used.
                let is_usage = !self.has_job && report.requests == 0;
                let kind = if is_usage { Kind::Usage } else { Kind::Api };
                Failure::new(kind, EXPIRED).with_hint(self.expired(report))
            }
            ErrorKind::Expired { refusal: Some(refusal) } => {
                Failure::of_refusal(refusal, self.expired(report).into())
            }
            ErrorKind::Refused(refusal) => {
                Failure::of_refusal(refusal, self.refused(refusal, report))
            }
            ErrorKind::Fault(fault) => self.fault(fault, report, transport),
            ErrorKind::TooLarge { .. } => {
                answer(hints::TOO_LARGE).with_again(Again::Without("--max-size"))
            }
            ErrorKind::NoChecksum => {
                answer(hints::NO_CHECKSUM).with_again(Again::Without("--require-crc"))
            }
            ErrorKind::Mismatch { .. } => answer(mismatch),
            ErrorKind::Changed => answer(hints::CHANGED),
            ErrorKind::Redirect { .. }
            | ErrorKind::Status(_)
            | ErrorKind::Coding(_)
            | ErrorKind::NoLength => answer(hints::NOT_THE_FILE),
            ErrorKind::TimedOut => Failure::timed_out_downloading(kind, report, transport),
            _ => Failure::new(Kind::Transport, kind.to_string()).with_hint(self.again()),
        }
    }

    /// Tells of the exchange that ended a download.
    fn fault(self, fault: &Fault, report: &Report, transport: Option<&TransportError>) -> Failure {
        let message = transport.map_or_else(|| fault.to_string(), |error| with_sources(error));
        let no_answer = |hint| Failure::new(Kind::Transport, message.clone()).with_hint(hint);
        let answer = |hint| Failure::new(Kind::Answer, message.clone()).with_hint(hint);
        match fault {
            Fault::Refused(refusal) => Failure::of_refusal(refusal, self.refused(refusal, report)),
            Fault::Send(_) if transport.is_some_and(|error| error.address_error().is_some()) => {
                Failure::new(Kind::Usage, message).with_hint(hints::ALLOW_PRIVATE)
            }
            Fault::Send(SendFault::Permanent) => no_answer(hints::FILE_SERVER_NOT_TAKEN),
            Fault::Send(_) if report.bytes == 0 => no_answer(hints::FILE_SERVER_UNREACHABLE),
            Fault::WrongRange
            | Fault::Changed
            | Fault::OtherLength
            | Fault::Mismatch
            | Fault::BadLength
            | Fault::Less => answer(hints::DAMAGED),
            Fault::Page => answer(hints::NOT_THE_FILE),
            Fault::Stalled => no_answer(self.again()).with_again(Again::Without("--stall")),
            _ => no_answer(self.again()),
        }
    }

    const fn expired(self, report: &Report) -> &'static str {
        match (self.has_job, report.new_urls) {
            (false, _) => hints::EXPIRED,
            (true, 0) => hints::SAME_URL,
            (true, _) => hints::NEW_URL_REFUSED,
        }
    }

    fn refused(self, refusal: &Refusal, report: &Report) -> Hint {
        let (code, status) = (refusal.code.as_deref(), refusal.status.as_u16());
        let known = hints::of_refusal(code, status);
        known.unwrap_or_else(|| self.refused_url(code, status, report).into())
    }

    /// Returns what to do about a refusal that the URL may be to blame for.
    fn refused_url(self, code: Option<&str>, status: u16, report: &Report) -> &'static str {
        match status {
            429 | 500.. => self.again(),
            _ if !self.has_job => hints::of_refused_url(code),
            _ if report.new_urls > 0 => hints::NEW_URL_REFUSED,
            401 | 403 => hints::SAME_URL,
            _ => hints::SUPPORT,
        }
    }
}

/// Returns the hint for a URL that is refused before anything is sent.
pub(super) const fn of_url(error: BuildError) -> &'static str {
    match error.reason() {
        Reason::PlainHttp => hints::ALLOW_HTTP,
        Reason::PrivateAddress => hints::ALLOW_PRIVATE,
        _ => hints::NO_URL,
    }
}

#[cfg(test)]
mod tests {
    use std::{io, net::SocketAddr};

    use tcss_export::{DownloadUrl, Mono, download, driver::AddressError};

    use super::*;

    fn to_file() -> Errand<'static> {
        Errand { has_job: false, target: Some(Path::new("f")) }
    }

    fn failure(kind: &ErrorKind, transport: Option<&TransportError>) -> Failure {
        let mut report = Report::default();
        report.requests = 1;
        to_file().failure(kind, &report, transport)
    }

    fn exit_code(kind: ErrorKind) -> u8 {
        failure(&kind, None).exit_code()
    }

    /// Returns an error whose chain has the refusal of an address behind what wraps it.
    fn not_permitted() -> TransportError {
        let address = SocketAddr::from(([10, 0, 0, 1], 443));
        let error = AddressError::filter("h.example", download::Reach::Public, [address]);
        let error = io::Error::new(io::ErrorKind::PermissionDenied, error.unwrap_err());
        TransportError::new(SendFault::Permanent, error)
    }

    #[test]
    fn no_whole_answer_ends_with_5() {
        for fault in [Fault::Stalled, Fault::Incomplete, Fault::Send(SendFault::Connection)] {
            assert_eq!(exit_code(ErrorKind::Fault(fault.clone())), 5, "{fault}");
        }
    }

    #[test]
    fn the_limit_of_the_download_ends_with_3() {
        assert_eq!(exit_code(ErrorKind::TimedOut), 3);
    }

    #[test]
    fn an_answer_that_cannot_be_used_ends_with_6() {
        for kind in [
            ErrorKind::NoLength,
            ErrorKind::NoChecksum,
            ErrorKind::Changed,
            ErrorKind::Coding("gzip".to_owned()),
            ErrorKind::TooLarge { limit: 1 },
            ErrorKind::Mismatch { expected: 1, computed: 2 },
            ErrorKind::Fault(Fault::WrongRange),
            ErrorKind::Fault(Fault::Changed),
            ErrorKind::Fault(Fault::OtherLength),
            ErrorKind::Fault(Fault::Mismatch),
            ErrorKind::Fault(Fault::BadLength),
            ErrorKind::Fault(Fault::Less),
            ErrorKind::Fault(Fault::Page),
        ] {
            assert_eq!(exit_code(kind.clone()), 6, "{kind}");
        }
    }

    #[test]
    fn where_no_byte_came_the_network_and_the_host_are_to_be_checked() {
        let fault = ErrorKind::Fault(Fault::Send(SendFault::Connection));
        assert_eq!(failure(&fault, None).hint.text(), hints::FILE_SERVER_UNREACHABLE);
        let mut report = Report::default();
        report.bytes = 1;
        assert_eq!(to_file().failure(&fault, &report, None).hint.text(), hints::AGAIN);
    }

    #[test]
    fn an_expired_url_ends_with_4_and_one_that_cannot_be_used_with_2() {
        assert_eq!(exit_code(ErrorKind::Expired { refusal: None }), 4);
        let url = DownloadUrl::new("http://h.example/f").unwrap();
        let policy = download::Policy::default();
        let error = download::Download::new(url, &policy, 0, Mono::default()).unwrap_err();
        assert_eq!(exit_code(ErrorKind::Url(error)), 2);
    }

    #[test]
    fn an_address_that_is_not_permitted_ends_with_2_and_names_the_option() {
        let kind = ErrorKind::Fault(Fault::Send(SendFault::Permanent));
        let failure = failure(&kind, Some(&not_permitted()));
        assert_eq!((failure.exit_code(), failure.hint.text()), (2, hints::ALLOW_PRIVATE));
        let message = "h.example leads to a private address, which must be allowed";
        assert!(failure.message.ends_with(message), "{}", failure.message);
    }
}
