//! What can be done next about a download: that goes by how it was asked for.

use std::path::Path;

use tcss_export::{
    BuildError, Finished, SendFault, TransportError,
    download::{ErrorKind, Fault, Refusal, Report},
};

use super::{
    Again, Failure, Kind,
    hints::{self, Hint},
    service::{kind_of, with_sources},
};
use crate::terminal::signals::Signal;

const EXPIRED: &str = "the URL has expired";

/// A download as it was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand<'a> {
    /// What the job has given, which can give new URLs; `None` if the URL was given by itself.
    pub(crate) finished: Option<&'a Finished>,
    /// The file to write. If there is none it is stdout, where nothing can be taken back.
    pub(crate) target: Option<&'a Path>,
}

impl Errand<'_> {
    /// Tells of a URL that was refused before anything was sent to it.
    pub(crate) fn unusable(self, error: BuildError) -> Failure {
        let Some(finished) = self.finished else { return error.into() };
        let mut failure = Failure::of_given_url(error, hints::UNUSABLE_URL);
        failure.facts.request_id = finished.report.request_id.clone();
        failure.facts.url = self.url();
        failure
    }

    /// Tells that a signal has ended the download.
    pub(crate) fn stopped(self, signal: Signal) -> Failure {
        let mut stopped = Failure::stopped(signal, "stopped downloading");
        stopped.facts.starts_over = self.target.is_none();
        // Of a job's file that goes on, the command says it.
        match (self.finished, self.target) {
            (Some(_), Some(_)) => stopped,
            _ => stopped.with_hint(self.again()),
        }
    }

    /// Returns where the file of a job is, without what is secret of its URL. A new URL differs in
    /// that alone, most often.
    pub(super) fn url(self) -> Option<String> {
        self.finished.map(|finished| finished.download_url.to_string())
    }

    /// Returns how to have the rest of a file.
    const fn again(self) -> &'static str {
        if self.target.is_none() { hints::AGAIN_TO_STDOUT } else { hints::AGAIN }
    }

    pub(super) fn failure(
        self,
        kind: &ErrorKind,
        report: &Report,
        transport: Option<&TransportError>,
    ) -> Failure {
        let answer = |hint| Failure::new(Kind::Answer, kind.to_string()).with_hint(hint);
        match kind {
            ErrorKind::Url(error) => Failure::of_given_url(*error, hints::UNUSABLE_NEW_URL),
            ErrorKind::Expired { refusal: None } => self.expired(report),
            ErrorKind::Expired { refusal: Some(refusal) } | ErrorKind::Refused(refusal) => {
                Failure::of_refusal(refusal, self.refused(refusal, report))
            }
            ErrorKind::Fault(fault) => self.fault(fault, report, transport),
            ErrorKind::TooLarge { .. } => answer(hints::TOO_LARGE).with_again(Again::Never),
            ErrorKind::NoChecksum => answer(hints::NO_CHECKSUM).with_again(Again::Never),
            ErrorKind::Mismatch { .. } => answer(self.mismatch()),
            ErrorKind::Changed => answer(hints::CHANGED),
            ErrorKind::Redirect { .. }
            | ErrorKind::Status(_)
            | ErrorKind::Coding(_)
            | ErrorKind::NoLength => answer(hints::NOT_THE_FILE),
            ErrorKind::TimedOut => {
                Failure::timed_out_downloading(kind, report, transport, self.more_time(report))
            }
            _ => Failure::new(Kind::Transport, kind.to_string()).with_hint(self.again()),
        }
    }

    /// Tells of the exchange that ended a download.
    fn fault(self, fault: &Fault, report: &Report, transport: Option<&TransportError>) -> Failure {
        let no_answer = |hint| Failure::new(Kind::Transport, fault.to_string()).with_hint(hint);
        let answer = |hint| Failure::new(Kind::Answer, fault.to_string()).with_hint(hint);
        match fault {
            Fault::Refused(refusal) => Failure::of_refusal(refusal, self.refused(refusal, report)),
            Fault::Send(fault) => self.not_sent(*fault, report, transport),
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

    /// Tells that no answer came, and what the transport says of it.
    fn not_sent(
        self,
        fault: SendFault,
        report: &Report,
        transport: Option<&TransportError>,
    ) -> Failure {
        let message = transport.map_or_else(|| fault.to_string(), |error| with_sources(error));
        if transport.is_some_and(|error| error.address_error().is_some()) {
            let refused = Failure::new(Kind::Usage, message).with_hint(hints::ALLOW_PRIVATE);
            return refused.with_again(Again::With("--allow-private"));
        }
        let hint = match transport.and_then(hints::of_proxy) {
            Some(hint) => hint,
            None if fault == SendFault::Permanent => hints::FILE_SERVER_NOT_TAKEN,
            None if report.bytes == 0 => hints::FILE_SERVER_UNREACHABLE,
            None => self.again(),
        };
        Failure::new(transport.map_or(Kind::Transport, kind_of), message).with_hint(hint)
    }

    /// Tells that the URL's own time is over, by the clock of this machine.
    fn expired(self, report: &Report) -> Failure {
        // Without a job nothing was sent: it is no other than a URL that cannot be used.
        let is_usage = self.finished.is_none() && report.requests == 0;
        let kind = if is_usage { Kind::Usage } else { Kind::Api };
        let hint = if self.finished.is_none() { hints::EXPIRED } else { hints::SAME_URL_EXPIRED };
        Failure::new(kind, EXPIRED).with_hint(hint)
    }

    fn refused(self, refusal: &Refusal, report: &Report) -> Hint {
        let (code, status) = (refusal.code.as_deref(), refusal.status.as_u16());
        let known = hints::of_refusal(code, status);
        known.unwrap_or_else(|| self.refused_url(code, status, report).into())
    }

    /// Returns what to do about a refusal that the URL may be to blame for. The file server goes
    /// by its own clock.
    fn refused_url(self, code: Option<&str>, status: u16, report: &Report) -> &'static str {
        match status {
            429 | 500.. => self.again(),
            _ if code == Some("RequestTimeTooSkewed") => hints::SET_CLOCK,
            _ if self.finished.is_none() => hints::of_refused_url(code),
            401 | 403 if report.new_urls > 0 => hints::NEW_URL_REFUSED,
            401 | 403 => hints::SAME_URL_REFUSED,
            _ => hints::SUPPORT,
        }
    }

    const fn mismatch(self) -> &'static str {
        if self.target.is_none() { hints::MISMATCH_TO_STDOUT } else { hints::MISMATCH }
    }

    const fn more_time(self, report: &Report) -> &'static str {
        match self.target {
            None if report.bytes > 0 => hints::MORE_TIME_TO_STDOUT,
            _ => hints::MORE_TIME,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, net::SocketAddr};

    use tcss_export::{DownloadUrl, JobId, Mono, download, driver::AddressError};

    use super::*;
    use crate::terminal::shell::Setting;

    fn to_file() -> Errand<'static> {
        Errand { finished: None, target: Some(Path::new("f")) }
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
    fn a_stall_is_told_as_a_stall_whatever_the_transport_says() {
        let error = TransportError::new(SendFault::Timeout, "timeout: per read");
        let failure = failure(&ErrorKind::Fault(Fault::Stalled), Some(&error));
        assert_eq!(failure.message, "no byte came within the stall limit");
    }

    #[test]
    fn an_address_that_is_not_permitted_goes_on_with_the_option() {
        let kind = ErrorKind::Fault(Fault::Send(SendFault::Permanent));
        let failure = failure(&kind, Some(&not_permitted()));
        let job = JobId::new("J").unwrap();
        let failure = failure.continue_with("download", &job, &[Setting::flag("--force")]);
        let command = "tcss-export download J --force --allow-private";
        assert_eq!(failure.facts.command, Some(("continue with", command.to_owned())));
    }

    #[test]
    fn a_clock_that_the_file_server_finds_off_is_to_be_set() {
        let hint = |code| to_file().refused_url(Some(code), 403, &Report::default());
        assert_eq!(hint("RequestTimeTooSkewed"), hints::SET_CLOCK);
        assert_eq!(hint("SignatureDoesNotMatch"), hints::NO_URL);
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
