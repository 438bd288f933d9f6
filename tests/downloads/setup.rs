//! Runs downloads with each set-up, and checks their results and what they leave on the disk.

use std::{fs, path::PathBuf, time::Duration};

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
pub(crate) type DownloadResult = Result<Downloaded, DownloadError>;

impl Setup {
    /// Creates a client for the API at this URL that trusts these authorities.
    pub(crate) fn client(&self, url: &str, authorities: &[&[u8]]) -> Client {
        self.client_with(credentials(), url, authorities)
    }

    /// Creates a client for downloads from this server.
    pub(crate) fn client_for(&self, server: &WireServer) -> Client {
        self.client(&server.url(), &[server.ca_der()])
    }

    /// Downloads a file from a server with these answers.
    pub(crate) fn run(&self, answers: impl IntoIterator<Item = WireAnswer>) -> Run {
        self.run_with(short_delays(), answers)
    }

    pub(crate) fn run_with(
        &self,
        policy: Policy,
        answers: impl IntoIterator<Item = WireAnswer>,
    ) -> Run {
        let (server, folder) = (self.server(answers), Folder::new());
        let source = source(&format!("{}{TARGET}", server.url())).with_policy(policy);
        let result = self.client_for(&server).download(source, folder.target());
        Run { server, folder, result }
    }

    /// Starts a service, behind a TLS proxy if the set-up uses TLS.
    pub(crate) fn service(&self, builder: tcss_export_testkit::Builder) -> TestService {
        let service = builder.key(SECRET_ID, SECRET_KEY).start().unwrap();
        let tls_proxy = (self.wire == Wire::Tls).then(|| TlsProxy::to(service.addr()).unwrap());
        let url = tls_proxy.as_ref().map_or_else(|| service.url(), TlsProxy::url);
        service.set_file_base(&*url);
        TestService { tls_proxy, service, url }
    }
}

/// The request target of a [`Run`].
pub(crate) const TARGET: &str = "/report.csv?q-signature=EXAMPLE";

/// A finished download: its server, its folder and its result.
pub(crate) struct Run {
    pub(crate) server: WireServer,
    pub(crate) folder: Folder,
    pub(crate) result: DownloadResult,
}

impl Run {
    #[track_caller]
    pub(crate) fn downloaded(&self) -> &Downloaded {
        self.result.as_ref().expect("a whole file")
    }

    #[track_caller]
    pub(crate) fn kind(&self) -> &ErrorKind {
        kind(&self.result)
    }
}

/// Returns the kind of the error that ended a download.
#[track_caller]
pub(crate) fn kind(result: &DownloadResult) -> &ErrorKind {
    let failure = result.as_ref().expect_err("no file");
    let error = failure.download_error();
    &error.unwrap_or_else(|| panic!("expected an error of the download, got {failure:?}")).kind
}

/// A service with its TLS proxy, if any.
pub(crate) struct TestService {
    /// Dropped before the service that it connects to.
    tls_proxy: Option<TlsProxy>,
    pub(crate) service: Service,
    url: String,
}

impl TestService {
    /// Returns the authority of the TLS proxy.
    pub(crate) fn ca_pem(&self) -> &str {
        self.tls_proxy.as_ref().map_or("", TlsProxy::ca_pem)
    }

    pub(crate) fn client(&self, setup: &Setup) -> Client {
        let authority = self.tls_proxy.as_ref().map_or(&[][..], TlsProxy::ca_der);
        setup.client(&self.url, &[authority])
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(SECRET_ID, SECRET_KEY).unwrap()
}

pub(crate) fn source(url: &str) -> Source {
    Source::new(DownloadUrl::new(url).unwrap()).with_policy(short_delays())
}

/// Returns a policy whose delays are short enough for a test.
pub(crate) fn short_delays() -> Policy {
    let soon = Duration::from_millis(1);
    let backoff = Backoff::new(soon, soon, soon);
    with(Policy::default(), |p| {
        p.retry = backoff;
        p.throttle = backoff;
    })
}

/// Returns a policy that ends a download at the first fault.
pub(crate) fn no_retries() -> Policy {
    with(short_delays(), |p| (p.max_failures, p.max_not_found) = (0, 0))
}

/// The file of most tests.
pub(crate) const FILE: &[u8] = b"123456789";
/// Its checksum: the check value of CRC-64/XZ, from its catalogue entry.
pub(crate) const FILE_CRC: &str = "11051210869376104954";
pub(crate) const CRC: &str = "x-cos-hash-crc64ecma";
pub(crate) const ETAG: &str = "\"EXAMPLE-1\"";

/// Answers with a whole file.
pub(crate) fn file(headers: &[(&str, &str)], body: &[u8]) -> WireAnswer {
    WireAnswer::response(200, headers, body)
}

/// Answers with this declared length, and closes the connection after these bytes.
pub(crate) fn cut(length: &str, etag: &str, body: &[u8]) -> WireAnswer {
    file(&[("Content-Length", length), ("ETag", etag)], body).then_close()
}

/// Answers with a range.
pub(crate) fn range(range: &str, etag: &str, body: &[u8]) -> WireAnswer {
    WireAnswer::response(206, &[("Content-Range", range), ("ETag", etag)], body)
}

const NAME: &str = "report.csv";
const PART: &str = ".report.csv.part";
const METADATA: &str = ".report.csv.part.json";

impl Folder {
    pub(crate) fn target(&self) -> PathBuf {
        self.at(NAME)
    }

    /// Checks that the folder holds this file under its final name and nothing else.
    #[track_caller]
    pub(crate) fn assert_holds(&self, bytes: &[u8]) {
        assert_eq!(self.names(), [NAME]);
        // Without assert_eq, which would print both.
        assert!(fs::read(self.target()).unwrap() == bytes, "other bytes than expected");
    }

    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        assert!(self.names().is_empty(), "{:?}", self.names());
    }

    /// Checks that the folder holds only a part file and its metadata; returns the part.
    #[track_caller]
    pub(crate) fn part(&self) -> Vec<u8> {
        assert_eq!(self.names(), [PART, METADATA]);
        fs::read(self.at(PART)).unwrap()
    }
}
