use std::time::Duration;

use tcss_export::{
    Backoff, Credentials, DownloadUrl, Endpoint, JobId, Session,
    download::{Downloaded, ErrorKind, Policy},
    driver::{DownloadFailure, Order},
};
use tcss_export_testkit::{
    Service,
    wire::{TlsFront, WireAnswer, WireServer},
};

use crate::{client::Client, folder::Folder};

pub(crate) const SECRET_ID: &str = "AKIDEXAMPLEOFTHEDOWNLOADS";
pub(crate) const SECRET_KEY: &str = "EXAMPLEKEYOFTHEDOWNLOADS";
pub(crate) const JOB: &str = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    #[cfg(feature = "ureq")]
    Ureq,
    #[cfg(feature = "hyper")]
    Hyper,
}

pub(crate) const LIBRARIES: &[Library] = &[
    #[cfg(feature = "ureq")]
    Library::Ureq,
    #[cfg(feature = "hyper")]
    Library::Hyper,
];

/// Whose HTTP client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    Own,
    Given,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

/// One way to set up a client and its server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) library: Library,
    pub(crate) http: Http,
    pub(crate) wire: Wire,
}

pub(crate) type Ended = Result<Downloaded, DownloadFailure>;

impl Setup {
    /// A client made by `new`, and a server without TLS.
    pub(crate) const fn own(library: Library) -> Self {
        Self { library, http: Http::Own, wire: Wire::Plain }
    }

    pub(crate) fn server(&self, answers: impl IntoIterator<Item = WireAnswer>) -> WireServer {
        let server = match self.wire {
            Wire::Plain => WireServer::plain(answers),
            Wire::Tls => WireServer::tls(answers),
        };
        server.expect("a loopback port is to be had")
    }

    /// Makes a client of the API at this URL that trusts these authorities.
    pub(crate) fn client(&self, url: &str, authorities: &[&[u8]]) -> Client {
        let session = Session::new(url.parse::<Endpoint>().expect("a loopback URL"));
        let authorities: Vec<_> = authorities.iter().copied().filter(|ca| !ca.is_empty()).collect();
        match self.library {
            #[cfg(feature = "ureq")]
            Library::Ureq => Client::ureq(session, self.http, &authorities),
            #[cfg(feature = "hyper")]
            Library::Hyper => Client::hyper(session, self.http, &authorities),
        }
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
        let order = order(&format!("{}{TARGET}", server.url())).with_policy(policy);
        let end = self.client_of(&server).download(order, folder.target());
        Trial { server, folder, end }
    }

    /// Starts a service whose files are served as the set-up says.
    pub(crate) fn service(&self, builder: tcss_export_testkit::Builder) -> Served {
        let service = builder.key(SECRET_ID, SECRET_KEY).start().unwrap();
        let front = (self.wire == Wire::Tls).then(|| TlsFront::to(service.addr()).unwrap());
        let url = front.as_ref().map_or_else(|| service.url(), TlsFront::url);
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
    front: Option<TlsFront>,
    pub(crate) service: Service,
    url: String,
}

impl Served {
    pub(crate) fn client(&self, setup: &Setup) -> Client {
        let authority = self.front.as_ref().map_or(&[][..], TlsFront::ca_der);
        setup.client(&self.url, &[authority])
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(SECRET_ID, SECRET_KEY).unwrap()
}

pub(crate) fn job() -> JobId {
    JobId::new(JOB).unwrap()
}

pub(crate) fn order(url: &str) -> Order {
    Order::new(DownloadUrl::new(url).unwrap()).with_policy(hasty())
}

/// Pauses so short that a test may make them.
pub(crate) fn hasty() -> Policy {
    let soon = Duration::from_millis(1);
    let backoff = Backoff::new(soon, soon, soon);
    Policy::default().with_retry(backoff).with_throttle(backoff)
}
