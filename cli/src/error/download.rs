//! Errors of downloads and files. The hints depend on the origin of the URL and on the output.

use std::{
    error::Error as StdError,
    fs, io,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use tcss_export::{
    DownloadUrl, Endpoint, Target,
    core::{
        download,
        text::{brief, printable},
    },
    download::{ErrorKind as DownloadErrorKind, Fault, Report},
    driver::{
        AddressError,
        AddressPolicy::{self, PublicAnd},
        Network, TransportError, TransportErrorKind,
    },
    error::{BuildError, DownloadError, FileError, FileErrorKind, Reason},
    wait::Finished,
};

use super::{Error, ErrorKind, NextCommand, hints};
use crate::{
    signals::Signal,
    text::{amount, requests, with_sources},
};

/// Where a download comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DownloadContext<'a> {
    /// The wait for the job, which can renew the URL; `None` for a URL of the user.
    pub(crate) finished: Option<&'a Finished>,
    /// The file to write; `None` for stdout, which cannot be rewound.
    pub(crate) target: Option<&'a Path>,
}

impl DownloadContext<'_> {
    /// Converts the error of a URL that was not sent.
    pub(crate) fn unusable_url(self, url: &DownloadUrl, error: BuildError) -> Error {
        let converted = match self.finished {
            Some(finished) => {
                let hint = "give the request id to the service's support";
                let mut converted = unusable_url_of_job(error, hint);
                converted.facts.request_id = finished.report.request_id.clone();
                converted.facts.url = self.url();
                converted
            }
            None => error.into(),
        };
        match (error.reason(), address_of(url)) {
            (Reason::PrivateAddress, Some(address)) => converted.allowing_address(address),
            _ => converted,
        }
    }

    /// Creates the error of a download that a signal ended.
    pub(crate) fn stopped(self, signal: Signal) -> Error {
        let mut stopped = Error::stopped(signal, "stopped downloading");
        stopped.facts.starts_over = self.target.is_none();
        // For a job's file, the next command is hint enough.
        match (self.finished, self.target) {
            (Some(_), Some(_)) => stopped,
            _ => stopped.with_hint(self.again()),
        }
    }

    /// Converts the error that ended a download.
    pub(crate) fn error(self, failure: DownloadError) -> Error {
        match failure {
            DownloadError::Download { error, transport } => {
                let (report, transport) = (&*error.report, transport.as_deref());
                let failed = Failed { context: self, report, transport };
                let mut converted = failed.of_kind(&error.kind);
                converted.facts.code = error.code().map(str::to_owned);
                converted.facts.status = error.status().map(|status| status.as_u16());
                self.add_request_ids(&mut converted, &error);
                self.after(converted, report)
            }
            DownloadError::NewUrl { error, wait } => {
                // The error of the wait matters more than the need for a new URL.
                let mut converted = Error::from(*wait);
                converted.add_to_message(&format!("; a new URL was needed: {}", error.kind));
                converted.facts.file_request_id = error.request_id().map(str::to_owned);
                self.after(converted, &error.report)
            }
            DownloadError::File(error) => {
                let mut converted = Error::of_target(&error, self.target);
                converted.facts.starts_over = self.target.is_none();
                converted
            }
            failure => Error::new(ErrorKind::Transport, with_sources(&failure)),
        }
    }

    /// Returns the hint to download again.
    const fn again(self) -> &'static str {
        if self.target.is_none() { hints::AGAIN_TO_STDOUT } else { hints::AGAIN }
    }

    /// Returns the URL of a job's file, without its secret part. A new URL usually differs in that
    /// part only.
    fn url(self) -> Option<String> {
        self.finished.map(|finished| finished.download_url.to_string())
    }

    /// Adds the id of the most useful request: the file server's last one, or the one that returned
    /// the URL.
    fn add_request_ids(self, converted: &mut Error, error: &download::Error) {
        let id = error.request_id().map(str::to_owned);
        match (&error.kind, self.finished) {
            (DownloadErrorKind::Expired { refusal: None }, Some(finished)) => {
                converted.facts.request_id = finished.report.request_id.clone();
                converted.facts.file_request_id = id;
            }
            // It is a new URL, and the id of the request that returned it is unknown.
            (DownloadErrorKind::Url(_), _) => converted.facts.file_request_id = id,
            _ => converted.facts.request_id = id,
        }
    }

    /// Adds the effort of the download.
    fn after(self, mut converted: Error, report: &Report) -> Error {
        let Report { requests: count, elapsed, bytes, total, .. } = report;
        let (seconds, amount) = (elapsed.as_secs_f64(), amount(*bytes, *total));
        let effort = format!("{}, {seconds:.1} s, {amount}", requests(*count, 0));
        converted.facts.effort = Some(("download", effort));
        converted.facts.url = self.url();
        converted.facts.starts_over = self.target.is_none() && *bytes > 0;
        converted
    }
}

/// What a hint about a connection to the file server names.
const URL: &str = "the URL";

/// A failed download.
#[derive(Clone, Copy)]
struct Failed<'a> {
    context: DownloadContext<'a>,
    report: &'a Report,
    /// The error of the last exchange, if the transport failed.
    transport: Option<&'a TransportError>,
}

impl Failed<'_> {
    fn of_kind(self, kind: &DownloadErrorKind) -> Error {
        let answer = |hint| Error::new(ErrorKind::Answer, kind.to_string()).with_hint(hint);
        let final_answer = |hint| answer(hint).with_next_command(NextCommand::None);
        match kind {
            DownloadErrorKind::Url(error) => {
                unusable_url_of_job(*error, "give the job id to the service's support")
            }
            DownloadErrorKind::Expired { refusal: None } => self.expired(),
            DownloadErrorKind::Expired { refusal: Some(refusal) }
            | DownloadErrorKind::Refused(refusal) => self.refused(refusal),
            DownloadErrorKind::Fault(fault) => self.fault(fault),
            DownloadErrorKind::TooLarge { .. } => final_answer(hints::TOO_LARGE),
            DownloadErrorKind::NoChecksum => final_answer(hints::NO_CHECKSUM),
            DownloadErrorKind::Mismatch { .. } => match self.context.target {
                Some(_) => answer(hints::MISMATCH),
                None => answer(hints::MISMATCH_TO_STDOUT),
            },
            DownloadErrorKind::Changed => answer("download again, from the first byte"),
            DownloadErrorKind::Redirect { .. }
            | DownloadErrorKind::Status(_)
            | DownloadErrorKind::Coding(_)
            | DownloadErrorKind::NoLength => answer(hints::NOT_THE_FILE),
            DownloadErrorKind::TimedOut => self.timed_out(kind),
            _ => self.incomplete(kind.to_string()),
        }
    }

    /// Converts the fault of the last exchange.
    fn fault(self, fault: &Fault) -> Error {
        let answer = |hint| Error::new(ErrorKind::Answer, fault.to_string()).with_hint(hint);
        match fault {
            Fault::Refused(refusal) => self.refused(refusal),
            Fault::Transport(fault) => self.not_sent(*fault),
            Fault::WrongRange
            | Fault::Changed
            | Fault::OtherLength
            | Fault::Mismatch
            | Fault::BadLength
            | Fault::BadChecksum
            | Fault::ShortRanges => answer(hints::DAMAGED),
            Fault::Page => answer(hints::NOT_THE_FILE),
            Fault::Stalled => self
                .incomplete(fault.to_string())
                .with_next_command(NextCommand::Without("--stall")),
            _ => self.incomplete(fault.to_string()),
        }
    }

    fn incomplete(self, message: String) -> Error {
        Error::new(ErrorKind::Transport, message).with_hint(self.context.again())
    }

    /// Describes a request without an answer, in the transport's words.
    fn not_sent(self, fault: TransportErrorKind) -> Error {
        let hint = match fault {
            TransportErrorKind::Permanent => {
                "check the proxy settings and which certificates this machine trusts"
            }
            _ if self.report.bytes == 0 => hints::FILE_SERVER_UNREACHABLE,
            _ => self.context.again(),
        };
        match self.transport {
            Some(error) => Error::of_transport(error, URL, hint),
            None => Error::new(ErrorKind::Transport, fault.to_string()).with_hint(hint),
        }
    }

    /// Describes the last exchange as well, if it failed.
    fn timed_out(self, kind: &DownloadErrorKind) -> Error {
        let (report, last_fault) = (self.report, self.report.last_fault.as_ref());
        let hint = match (self.transport, self.context.target) {
            (Some(error), _) if report.bytes == 0 => {
                hints::of_cause(error, URL).unwrap_or_else(|| hints::FILE_SERVER_UNREACHABLE.into())
            }
            (_, None) if report.bytes > 0 => hints::MORE_TIME_TO_STDOUT.into(),
            _ => "download again with a longer --download-timeout or none".into(),
        };
        let last = self.transport.map(|error| with_sources(error));
        let last = last.or_else(|| last_fault.map(ToString::to_string));
        let last = last.map(|last| format!("; the last request failed: {last}"));
        Error::new(ErrorKind::TimedOut, format!("{kind}{}", last.unwrap_or_default()))
            .with_hint(hint)
            .with_next_command(NextCommand::Without("--download-timeout"))
    }

    /// Describes a URL whose time is over by the clock of this machine.
    fn expired(self) -> Error {
        let (kind, hint) = match self.context.finished {
            Some(_) => (ErrorKind::Api, hints::SAME_URL_EXPIRED),
            // A user's URL that was not sent is wrong usage.
            None if self.report.requests == 0 => (ErrorKind::Usage, hints::EXPIRED),
            None => (ErrorKind::Api, hints::EXPIRED),
        };
        Error::new(kind, "the URL has expired").with_hint(hint)
    }

    fn refused(self, refusal: &download::Refusal) -> Error {
        let message = match (&refusal.code, &refusal.message, &refusal.snippet) {
            (Some(_), message, _) => message.clone().unwrap_or_default(),
            (None, _, Some(snippet)) => format!("the file server answered \"{}\"", brief(snippet)),
            (None, ..) => "the file server answered nothing more than its status".to_owned(),
        };
        let hint = self.refusal_hint(refusal.code.as_deref(), refusal.status.as_u16());
        let next_command = if hint == hints::GONE { NextCommand::None } else { NextCommand::Same };
        let mut refused = Error::new(ErrorKind::Api, message).with_hint(hint);
        refused.facts.server = Some("the file server");
        refused.with_next_command(next_command)
    }

    fn refusal_hint(self, code: Option<&str>, status: u16) -> &'static str {
        match (code, status) {
            (Some("NoSuchKey") | None, 404) => hints::NOT_FOUND,
            (Some("NoSuchKey" | "NoSuchBucket"), _) => hints::GONE,
            (Some("InvalidObjectState"), _) => "restore the file from the archive",
            (_, 404) => hints::GONE,
            (_, 429 | 500..) => self.context.again(),
            (Some("RequestTimeTooSkewed"), _) => "set the clock of this machine",
            (Some("SignatureDoesNotMatch"), _) if self.context.finished.is_none() => hints::NO_URL,
            _ if self.context.finished.is_none() => hints::REFUSED_URL,
            (_, 401 | 403) if self.report.new_urls > 0 => hints::NEW_URL_REFUSED,
            (_, 401 | 403) => hints::SAME_URL_REFUSED,
            _ => hints::SUPPORT,
        }
    }
}

/// Returns the IP address in a URL.
fn address_of(url: &DownloadUrl) -> Option<IpAddr> {
    let (_, rest) = url.as_str().split_once("://")?;
    let endpoint: Endpoint = rest.split(['/', '?']).next()?.parse().ok()?;
    match endpoint.uri().host()? {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        host => host.trim_matches(['[', ']']).parse().ok(),
    }
}

/// Converts the error of a job's URL. The user did not choose it, so the hint differs.
fn unusable_url_of_job(error: BuildError, hint: &'static str) -> Error {
    let message = format!("the job gave a URL that cannot be used: it {}", error.reason());
    Error::new(ErrorKind::Usage, message).allowing_url(error, hint)
}

impl Error {
    /// Adds what can help against a URL that was not sent: an option that allows it, or the hint.
    pub(super) fn allowing_url(self, error: BuildError, hint: &'static str) -> Self {
        let option = ("--allow-http", Some(String::new()));
        match error.reason() {
            Reason::PlainHttp => {
                self.with_hint(hints::ALLOW_HTTP).with_next_command(NextCommand::With(option))
            }
            Reason::PrivateAddress => {
                self.with_hint(hints::ALLOW_NETWORK).with_next_command(NextCommand::None)
            }
            _ => self.with_hint(hint).with_next_command(NextCommand::None),
        }
    }

    /// Adds the hint for forbidden addresses of a host.
    pub(crate) fn allowing_addresses_of(self, error: &AddressError) -> Self {
        match error.addresses().first() {
            Some(address) if !error.must_be_loopback() => self.allowing_address(*address),
            _ => self.with_hint(hints::LOOPBACK).with_next_command(NextCommand::None),
        }
    }

    /// Adds the hint and the option that allow an address, if an option does.
    fn allowing_address(self, address: IpAddr) -> Self {
        let permits = |networks: &[Network]| PublicAnd(networks.into()).permits(address);
        let option = |name, value: &str| NextCommand::With((name, Some(value.to_owned())));
        let (hint, next_command) = if permits(&AddressPolicy::TENCENT_NETWORKS) {
            (hints::ALLOW_PRIVATE, option("--allow-private", ""))
        } else if hints::is_fake(address) {
            (hints::ALLOW_FAKE, option("--allow-network", hints::FAKE_NETWORK))
        } else if permits(&[address..=address]) {
            let hint = format!("use --allow-network {address}, or its network, if you trust it");
            let option = option("--allow-network", &address.to_string());
            return self.with_hint(hint).with_next_command(option);
        } else {
            (hints::METADATA, NextCommand::None)
        };
        self.with_hint(hint).with_next_command(next_command)
    }

    /// Creates the error of a file that the user named.
    pub(crate) fn of_file(path: &Path, what: &str) -> Self {
        let path = printable(&path.display().to_string()).to_string();
        Self::new(ErrorKind::File, format!("{path} {what}")).with_path(path)
    }

    /// Converts the error of a download's file, or of stdout without a target.
    pub(crate) fn of_target(error: &FileError, target: Option<&Path>) -> Self {
        let next_command = if is_lasting(error) { NextCommand::None } else { NextCommand::Same };
        let mut converted =
            Self::new(ErrorKind::File, with_sources(error)).with_next_command(next_command);
        let files = error.path().zip(target);
        let hint = hint(error, files);
        let Some((path, target)) = files else { return converted.with_hint(hint).or_limit(error) };
        // The user knows the target, but not a part file that is absent or in use.
        let is_part_unknown = match error.kind() {
            FileErrorKind::Open => fs::symlink_metadata(path).is_err(),
            kind => kind == FileErrorKind::Busy,
        };
        let named = format!("{:?}", if is_part_unknown { target } else { path });
        let message = converted.facts.message.replacen(&format!("{path:?}"), &named, 1);
        converted.facts.message = message.into();
        converted.with_hint(hint).with_path(named).or_limit(error)
    }
}

/// Returns the kind of the system's error.
fn io_kind(error: &FileError) -> Option<io::ErrorKind> {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.map(io::Error::kind)
}

/// Returns whether the same command would fail again, so that only another target helps.
fn is_lasting(error: &FileError) -> bool {
    use FileErrorKind::{Directory, Exists, Lock, NoName, NotAFile, Replace};

    matches!(error.kind(), NoName | Directory | NotAFile | Exists | Replace | Lock)
        || io_kind(error).is_some_and(hints::is_lasting)
        || error.kind() == FileErrorKind::Rename
            && io_kind(error) == Some(io::ErrorKind::PermissionDenied)
}

/// Returns the hint for a file and its target, or for stdout without them.
fn hint(error: &FileError, files: Option<(&Path, &Path)>) -> &'static str {
    let source = io_kind(error);
    let Some((path, target)) = files else {
        return source.map_or(ErrorKind::File.hint(), hints::of_stdout);
    };
    match (error.kind(), source) {
        // Something else than a file has the name of the part file or of its metadata.
        _ if path != target && fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) => {
            "it has the name of a part: remove or rename it, or name another file"
        }
        (FileErrorKind::Exists, _) if Target::new(target).has_part() => hints::EXISTS_BESIDE_PART,
        (FileErrorKind::Lock, _) => hints::NO_LOCKS,
        (FileErrorKind::Replace, _) => hints::NOT_REPLACEABLE,
        (_, Some(io::ErrorKind::StorageFull)) => hints::NO_ROOM,
        (_, Some(io::ErrorKind::QuotaExceeded)) => hints::NO_QUOTA,
        // Not an error of the system: another file has the name of the part file now.
        (FileErrorKind::Write | FileErrorKind::Rename, Some(io::ErrorKind::Other)) => {
            hints::PART_REMOVED
        }
        (_, Some(kind)) => hints::of_io(kind),
        (FileErrorKind::NoName | FileErrorKind::Directory, None) => hints::NO_FILE,
        (FileErrorKind::NotAFile, None) => hints::NOT_A_FILE,
        (FileErrorKind::Exists, None) => hints::EXISTS,
        (FileErrorKind::Busy, None) => hints::BUSY,
        (_, None) => ErrorKind::File.hint(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tcss_export::{
        DownloadUrl, JobId,
        core::Mono,
        driver::{AddressError, AddressPolicy},
    };

    use super::*;

    fn failed<'a>(report: &'a Report, transport: Option<&'a TransportError>) -> Failed<'a> {
        let context = DownloadContext { finished: None, target: Some(Path::new("f")) };
        Failed { context, report, transport }
    }

    fn error(kind: &DownloadErrorKind, transport: Option<&TransportError>) -> Error {
        let mut report = Report::default();
        report.requests = 1;
        failed(&report, transport).of_kind(kind)
    }

    fn exit_code(kind: DownloadErrorKind) -> u8 {
        error(&kind, None).exit_code()
    }

    /// Returns an error with the refusal of an address in its chain.
    fn not_permitted() -> TransportError {
        let address = SocketAddr::from(([10, 0, 0, 1], 443));
        let error = AddressError::filter("h.example", &AddressPolicy::Public, [address]);
        let error = io::Error::new(io::ErrorKind::PermissionDenied, error.unwrap_err());
        TransportError::new(TransportErrorKind::Permanent, error)
    }

    #[test]
    fn a_stall_is_reported_as_a_stall_for_any_error_of_the_transport() {
        let cause = TransportError::new(TransportErrorKind::Timeout, "timeout: per read");
        let error = error(&DownloadErrorKind::Fault(Fault::Stalled), Some(&cause));
        assert_eq!(error.facts.message, "no byte came within the stall limit");
    }

    #[test]
    fn the_next_command_allows_the_address_that_was_refused() {
        let kind = DownloadErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent));
        let error = error(&kind, Some(&not_permitted()));
        let job = JobId::new("J").unwrap();
        let error =
            error.continue_with("download", Some(&job), &[("--force", Some(String::new()))]);
        let command = "tcss-export download J --force --allow-private";
        assert_eq!(error.facts.purpose_of_command, "continue with");
        assert_eq!(error.facts.command.as_deref(), Some(command));
    }

    #[test]
    fn a_clock_that_is_wrong_for_the_file_server_has_a_hint() {
        let report = Report::default();
        let hint = |code| failed(&report, None).refusal_hint(Some(code), 403);
        assert_eq!(hint("RequestTimeTooSkewed"), "set the clock of this machine");
        assert_eq!(hint("SignatureDoesNotMatch"), hints::NO_URL);
    }

    #[test]
    fn an_incomplete_answer_ends_with_5() {
        for fault in
            [Fault::Stalled, Fault::Incomplete, Fault::Transport(TransportErrorKind::Connection)]
        {
            assert_eq!(exit_code(DownloadErrorKind::Fault(fault.clone())), 5, "{fault}");
        }
    }

    #[test]
    fn the_limit_of_the_download_ends_with_3() {
        assert_eq!(exit_code(DownloadErrorKind::TimedOut), 3);
    }

    #[test]
    fn an_answer_that_cannot_be_used_ends_with_6() {
        for kind in [
            DownloadErrorKind::NoLength,
            DownloadErrorKind::NoChecksum,
            DownloadErrorKind::Changed,
            DownloadErrorKind::Coding("gzip".to_owned()),
            DownloadErrorKind::TooLarge { limit: 1 },
            DownloadErrorKind::Mismatch { expected: 1, computed: 2 },
            DownloadErrorKind::Fault(Fault::WrongRange),
            DownloadErrorKind::Fault(Fault::Changed),
            DownloadErrorKind::Fault(Fault::OtherLength),
            DownloadErrorKind::Fault(Fault::Mismatch),
            DownloadErrorKind::Fault(Fault::BadLength),
            DownloadErrorKind::Fault(Fault::BadChecksum),
            DownloadErrorKind::Fault(Fault::ShortRanges),
            DownloadErrorKind::Fault(Fault::Page),
        ] {
            assert_eq!(exit_code(kind.clone()), 6, "{kind}");
        }
    }

    #[test]
    fn without_any_byte_the_hint_is_to_check_network_and_host() {
        let fault = DownloadErrorKind::Fault(Fault::Transport(TransportErrorKind::Connection));
        assert_eq!(error(&fault, None).facts.hint.as_deref(), Some(hints::FILE_SERVER_UNREACHABLE));
        let mut report = Report::default();
        report.bytes = 1;
        assert_eq!(failed(&report, None).of_kind(&fault).facts.hint.as_deref(), Some(hints::AGAIN));
    }

    #[test]
    fn an_expired_url_ends_with_4_and_one_that_cannot_be_used_with_2() {
        assert_eq!(exit_code(DownloadErrorKind::Expired { refusal: None }), 4);
        let url = DownloadUrl::new("http://h.example/f").unwrap();
        let policy = download::Policy::default();
        let error = download::Download::new(url, &policy, 0, Mono::default()).unwrap_err();
        assert_eq!(exit_code(DownloadErrorKind::Url(error)), 2);
    }

    #[test]
    fn an_address_that_is_not_permitted_ends_with_2_and_names_the_option() {
        let kind = DownloadErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent));
        let error = error(&kind, Some(&not_permitted()));
        assert_eq!(
            (error.exit_code(), error.facts.hint.as_deref()),
            (2, Some(hints::ALLOW_PRIVATE))
        );
        let message = "h.example resolves to the private address 10.0.0.1, which must be allowed";
        assert!(error.facts.message.ends_with(message), "{}", error.facts.message);
    }
}
