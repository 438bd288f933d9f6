//! What can become of a download.

use std::{error::Error, io};

use tcss_export::{
    BuildError, Reason, SendFault, TransportError, WaitErrorKind, WaitFailure,
    download::{DownloadError, ErrorKind, Fault, Refusal, Report},
    driver::{AddressError, DownloadFailure, FileError, FileErrorKind},
};

use super::{Facts, Failure, Kind, service::with_sources};
use crate::{hints, meter::amount, standing::requests};

const EXPIRED: &str = "the URL has expired";

impl From<DownloadFailure> for Failure {
    fn from(failure: DownloadFailure) -> Self {
        match failure {
            DownloadFailure::Download { error, transport } => {
                let failure = match error.kind {
                    // Nothing was sent: it is no other than a URL that cannot be used.
                    ErrorKind::Expired { refusal: None } if error.report.requests == 0 => {
                        Self::new(Kind::Usage, EXPIRED).with_hint(hints::EXPIRED)
                    }
                    _ => Self::of_download(&error.kind, transport.as_deref()),
                };
                failure.after(&error.report)
            }
            DownloadFailure::NewUrl { error, wait } => Self::without_new_url(&error, *wait),
            DownloadFailure::File(error) => error.into(),
            failure => Self::new(Kind::Transport, with_sources(&failure)),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let is_full = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        let is_full = is_full.is_some_and(|error| error.kind() == io::ErrorKind::StorageFull);
        let hint = match error.kind() {
            _ if error.path().is_none() => hints::of_kind(Kind::File),
            _ if is_full => hints::NO_ROOM,
            FileErrorKind::NoName | FileErrorKind::Directory | FileErrorKind::NotAFile => {
                hints::NO_FILE
            }
            FileErrorKind::Exists => hints::EXISTS,
            FileErrorKind::Busy => hints::BUSY,
            FileErrorKind::Open => hints::NO_FOLDER,
            _ => hints::of_kind(Kind::File),
        };
        Self::new(Kind::File, with_sources(&error)).with_hint(hint)
    }
}

impl Failure {
    fn of_download(kind: &ErrorKind, transport: Option<&TransportError>) -> Self {
        let answer = |hint| Self::new(Kind::Answer, kind.to_string()).with_hint(hint);
        match kind {
            ErrorKind::Url(error) => (*error).into(),
            ErrorKind::Expired { refusal: None } => {
                Self::new(Kind::Api, EXPIRED).with_hint(hints::EXPIRED)
            }
            ErrorKind::Expired { refusal: Some(refusal) } => {
                Self::of_refusal(refusal).with_hint(hints::EXPIRED)
            }
            ErrorKind::Refused(refusal) => Self::of_refusal(refusal),
            ErrorKind::Fault(fault) => Self::of_download_fault(fault, transport),
            ErrorKind::TooLarge { .. } => answer(hints::TOO_LARGE),
            ErrorKind::Mismatch { .. } => answer(hints::MISMATCH),
            ErrorKind::Changed => answer(hints::CHANGED),
            ErrorKind::Redirect { .. } | ErrorKind::Status(_) | ErrorKind::Coding(_) => {
                answer(hints::NOT_THE_FILE)
            }
            ErrorKind::NoLength => answer(hints::NOT_THE_FILE),
            _ => Self::new(Kind::Transport, kind.to_string()).with_hint(hints::AGAIN),
        }
    }

    /// Tells of the exchange that ended a download.
    fn of_download_fault(fault: &Fault, transport: Option<&TransportError>) -> Self {
        let message = transport.map_or_else(|| fault.to_string(), |error| with_sources(error));
        match fault {
            Fault::Refused(refusal) => Self::of_refusal(refusal),
            Fault::Send(_) if transport.is_some_and(is_private) => {
                Self::new(Kind::Usage, message).with_hint(hints::ALLOW_PRIVATE)
            }
            Fault::Send(SendFault::Permanent) => Self::of_send(SendFault::Permanent, message)
                .with_hint(hints::FILE_SERVER_UNREACHABLE),
            Fault::WrongRange | Fault::Changed | Fault::Mismatch => {
                Self::new(Kind::Answer, message).with_hint(hints::MISMATCH)
            }
            _ => Self::new(Kind::Transport, message).with_hint(hints::AGAIN),
        }
    }

    fn of_refusal(refusal: &Refusal) -> Self {
        let said = refusal.message.as_ref().or(refusal.snippet.as_ref());
        let message = match &refusal.code {
            Some(_) => said.cloned().unwrap_or_default(),
            None => refusal.to_string(),
        };
        let hint = hints::of_refusal(refusal.code.as_deref(), refusal.status.as_u16());
        let mut failure = Self::new(Kind::Api, message).with_hint(hint);
        *failure.facts = Facts {
            by: Some("the file server"),
            code: refusal.code.clone(),
            status: Some(refusal.status.as_u16()),
            request_id: refusal.request_id.clone(),
            ..Facts::default()
        };
        failure
    }

    /// The URL could not be used any more: what counts is why there is no new one.
    fn without_new_url(error: &DownloadError, wait: WaitFailure) -> Self {
        let mut failure = match &wait.kind {
            WaitErrorKind::JobFailed { .. } => {
                Self::new(Kind::Api, wait.to_string()).with_hint(hints::WITHOUT_URL)
            }
            _ => Self::from(wait),
        };
        failure.message += &format!("; a new URL was needed: {}", error.kind);
        failure.after(&error.report)
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

/// Returns the hint for a URL that is refused before anything is sent.
pub(super) const fn of_url(error: BuildError) -> &'static str {
    match error.reason() {
        Reason::PlainHttp => hints::ALLOW_HTTP,
        Reason::PrivateAddress => hints::ALLOW_PRIVATE,
        _ => hints::NO_URL,
    }
}

/// Whether an address was not connected to; what wraps it is passed through.
fn is_private(error: &TransportError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<AddressError>() {
            return true;
        }
        next = match error.downcast_ref::<io::Error>() {
            // Its source would pass over what it wraps.
            Some(error) => error.get_ref().map(|error| error as _),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tcss_export::{DownloadUrl, Mono, download};

    use super::*;

    fn exit_code(kind: ErrorKind) -> u8 {
        Failure::of_download(&kind, None).exit_code()
    }

    /// Returns an error whose chain has the refusal of an address behind what wraps it.
    fn not_permitted() -> TransportError {
        let address: IpAddr = [10, 0, 0, 1].into();
        let error = AddressError::filter("h.example", download::Reach::Public, [address], |ip| *ip);
        let error = io::Error::new(io::ErrorKind::PermissionDenied, error.unwrap_err());
        TransportError::new(SendFault::Permanent, error)
    }

    #[test]
    fn no_whole_answer_ends_with_5() {
        for fault in [Fault::Stalled, Fault::Incomplete, Fault::Send(SendFault::Connection)] {
            assert_eq!(exit_code(ErrorKind::Fault(fault.clone())), 5, "{fault}");
        }
        assert_eq!(exit_code(ErrorKind::TimedOut), 5);
    }

    #[test]
    fn an_answer_that_cannot_be_used_ends_with_6() {
        for kind in [
            ErrorKind::NoLength,
            ErrorKind::Changed,
            ErrorKind::Coding("gzip".to_owned()),
            ErrorKind::TooLarge { limit: 1 },
            ErrorKind::Mismatch { expected: 1, computed: 2 },
            ErrorKind::Fault(Fault::WrongRange),
            ErrorKind::Fault(Fault::Changed),
            ErrorKind::Fault(Fault::Mismatch),
        ] {
            assert_eq!(exit_code(kind.clone()), 6, "{kind}");
        }
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
        let failure = Failure::of_download(&kind, Some(&not_permitted()));
        assert_eq!((failure.exit_code(), &*failure.hint), (2, hints::ALLOW_PRIVATE));
        let message = "h.example leads to a private address, which must be allowed";
        assert!(failure.message.ends_with(message), "{}", failure.message);
    }
}
