//! Downloads by any of the set-ups, and what is left of them.

use std::time::Duration;

use tcss_export::{
    Credentials, DownloadUrl, Source,
    download::{Downloaded, ErrorKind, Policy},
    error::DownloadError,
    wait::Backoff,
};
use tcss_export_testkit::{
    Service,
    wire::{TlsProxy, WireAnswer, WireServer},
};

use crate::{
    clients::{Client, Setup, Wire},
    folder::Folder,
    with::with,
};

pub(crate) const SECRET_ID: &str = "AKIDEXAMPLEOFTHEDOWNLOADS";
pub(crate) const SECRET_KEY: &str = "EXAMPLEKEYOFTHEDOWNLOADS";
pub(crate) type Ended = Result<Downloaded, DownloadError>;

impl Setup {
    /// Makes a client of the API at this URL that trusts these authorities.
    pub(crate) fn client(&self, url: &str, authorities: &[&[u8]]) -> Client {
        self.client_by(credentials(), url, authorities)
    }

    /// Makes a client for downloads from this server.
    pub(crate) fn client_of(&self, server: &WireServer) -> Client {
        self.client(&server.url(), &[server.ca_der()])
    }

    /// Downloads a file from a server that plays these answers, by a hasty policy.
    pub(crate) fn trial(&self, answers: impl IntoIterator<Item = WireAnswer>) -> Trial {
        self.trial_by(hasty(), answers)
    }

    pub(crate) fn trial_by(
        &self,
        policy: Policy,
        answers: impl IntoIterator<Item = WireAnswer>,
    ) -> Trial {
        let (server, folder) = (self.server(answers), Folder::new());
        let source = source(&format!("{}{TARGET}", server.url())).with_policy(policy);
        let end = self.client_of(&server).download(source, folder.target());
        Trial { server, folder, end }
    }

    /// Starts a service whose files are served as the set-up says.
    pub(crate) fn service(&self, builder: tcss_export_testkit::Builder) -> Served {
        let service = builder.key(SECRET_ID, SECRET_KEY).start().unwrap();
        let front = (self.wire == Wire::Tls).then(|| TlsProxy::to(service.addr()).unwrap());
        let url = front.as_ref().map_or_else(|| service.url(), TlsProxy::url);
        service.set_file_base(&*url);
        Served { front, service, url }
    }
}

/// What is asked for in a [`Trial`].
pub(crate) const TARGET: &str = "/report.csv?q-signature=EXAMPLE";

/// One download that has ended, with all that it leaves to be looked at.
pub(crate) struct Trial {
    pub(crate) server: WireServer,
    pub(crate) folder: Folder,
    pub(crate) end: Ended,
}

impl Trial {
    #[track_caller]
    pub(crate) fn downloaded(&self) -> &Downloaded {
        self.end.as_ref().expect("a whole file")
    }

    #[track_caller]
    pub(crate) fn kind(&self) -> &ErrorKind {
        kind(&self.end)
    }
}

/// Returns why a download has ended without a file.
#[track_caller]
pub(crate) fn kind(end: &Ended) -> &ErrorKind {
    let failure = end.as_ref().expect_err("an error");
    let error = failure.download_error();
    &error.unwrap_or_else(|| panic!("expected an error of the download, got {failure:?}")).kind
}

/// A service and what is in front of it.
pub(crate) struct Served {
    /// Dropped first: it leads to the service.
    front: Option<TlsProxy>,
    pub(crate) service: Service,
    url: String,
}

impl Served {
    pub(crate) fn client(&self, setup: &Setup) -> Client {
        let authority = self.front.as_ref().map_or(&[][..], TlsProxy::ca_der);
        setup.client(&self.url, &[authority])
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(SECRET_ID, SECRET_KEY).unwrap()
}

pub(crate) fn source(url: &str) -> Source {
    Source::new(DownloadUrl::new(url).unwrap()).with_policy(hasty())
}

/// Pauses so short that a test may make them.
pub(crate) fn hasty() -> Policy {
    let soon = Duration::from_millis(1);
    let backoff = Backoff::new(soon, soon, soon);
    with(Policy::default(), |p| {
        p.retry = backoff;
        p.throttle = backoff;
    })
}

/// A policy by which the first fault is the end.
pub(crate) fn strict() -> Policy {
    with(hasty(), |p| p.max_failures = 0)
}
