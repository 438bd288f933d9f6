//! The loopback service: its settings, its start and its end.

pub(crate) mod actions;
pub(crate) mod answer;
mod body;
mod handler;
pub(crate) mod jobs;
mod key_service;
pub(crate) mod parameters;
mod query;
pub(crate) mod request;
mod seen;
mod starts;
mod storage;

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use self::answer::Answer;
use self::handler::{Handler, State, Watcher};
use self::jobs::{Jobs, Positions};
use self::request::{Received, Rules};
use self::storage::Storage;
use crate::clock::Clock;
use crate::create_faults::CreateFaults;
use crate::download_faults::DownloadFaults;
use crate::listener::{Listener, bind};
use crate::script::Script;
#[cfg(doc)]
use crate::{CreateFault, DownloadFault};

pub use self::key_service::{KeyFault, KeyService};
pub use self::seen::{Seen, SeenAnswer, SeenDownload};
pub use self::starts::Starts;
pub use self::storage::ServedFile;

/// The SecretId that a service knows if its builder names no key.
pub const EXAMPLE_SECRET_ID: &str = "AKIDEXAMPLE-OF-THE-TESTKIT";
/// The SecretKey of [`EXAMPLE_SECRET_ID`].
pub const EXAMPLE_SECRET_KEY: &str = "EXAMPLEKEY-OF-THE-TESTKIT";

/// A running service on a loopback address.
///
/// Dropping it joins its thread, closes its connections and frees its port.
///
/// Every refusal is an API error with HTTP status 200. The first failed check determines its code:
///
/// | check | code |
/// | --- | --- |
/// | body of at most 10 MiB | `RequestSizeLimitExceeded` |
/// | method POST, or GET with the parameters in its query | `UnsupportedProtocol` |
/// | path `/` | `InvalidParameter` |
/// | has Host, Content-Type, X-TC-Action, X-TC-Version, X-TC-Timestamp | `MissingParameter` |
/// | each of them only once | `InvalidParameter` |
/// | has an Authorization of the documented form | `AuthFailure.InvalidAuthorization` |
/// | the timestamp is a number | `InvalidParameter` |
/// | the scope is `date/tcss/tc3_request`, or with `sts` for the version of STS, with the timestamp's UTC date | `AuthFailure.SignatureFailure` |
/// | signed headers: content-type, host and any others, sorted, each once in the request | `AuthFailure.InvalidAuthorization` |
/// | the SecretId is known | `AuthFailure.SecretIdNotFound` |
/// | timestamp and clock are at most 300 s apart | `AuthFailure.SignatureExpire` |
/// | the signature, with or without the port of the host, over the body or over `UNSIGNED-PAYLOAD` | `AuthFailure.SignatureFailure` |
/// | X-TC-Token, if a token is set | `AuthFailure.TokenFailure` |
/// | the version is `2020-11-01`, or `2018-08-13` of STS | `NoSuchVersion` |
/// | the action is a known one, or one of [`Builder::action`] | `InvalidAction` |
/// | the body is a JSON object | `InvalidParameter` |
/// | has the required parameters, in the order of the documentation | `MissingParameter` |
/// | each parameter has its documented type; required texts are not empty | `InvalidParameter` |
/// | no other parameter | `UnknownParameter` |
/// | within [`Builder::limit`], if it is set | `RequestLimitExceeded` |
///
/// The answer to an accepted request depends on its action:
///
/// | action | answer |
/// | --- | --- |
/// | DescribeExportJobResult | the next [`Step`](crate::Step) of its job |
/// | CreateExportComplianceStatusListJob | a new JobId: `00000000-7e57-4000-8000-000000000001`, then `..2` and so on; or the next [`CreateFault`] |
/// | DescribeExportJobManageList | the jobs created here with their statuses, newest first |
/// | DescribeExportJobDownloadURL | the URL of a job that has succeeded, else `InvalidParameter` |
/// | one of [`Builder::action`] | the answer of its function |
/// | GetCallerIdentity of STS | a made-up owner, the same for each key |
///
/// Any JobId is a job with its own position in its script, created here or not.
/// DescribeExportJobResult moves it, and so does a list that shows it as running; a refused request
/// moves it only past a [`Step::Skew`](crate::Step::Skew). The status of a job is the last one in
/// its script up to the step of its next poll. See the [crate's example](crate#example).
///
/// With a [`Builder::file`], every path but `/` belongs to the storage, which answers as COS does:
/// with an HTTP error status and XML. The first failed check determines the answer:
///
/// | check | answer |
/// | --- | --- |
/// | no Authorization and no X-TC-* header | 400 `InvalidRequest` |
/// | the path is the file's | 404 `NoSuchKey` |
/// | path and query are exactly those of a URL of this service; method GET | 403 `SignatureDoesNotMatch` |
/// | the URL is still valid, without an [`EXPIRED`](DownloadFault::Expired) before | 403 `AccessDenied`, "Request has expired" |
///
/// An accepted GET takes the next [`DownloadFault`]. Without a fault the answer is 206 to a range
/// without If-Range or with the current ETag in it, 416 `InvalidRange` to one after the end, else 200.
pub struct Service {
    listener: Listener,
    handler: Arc<Handler>,
}

impl Service {
    /// Returns a builder with the default script and an example key pair.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Serves in the foreground, until the process ends.
    pub fn join(mut self) {
        self.listener.join();
    }

    /// Returns the address of the service.
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Returns the address as a URL, such as `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Returns a new URL of the file, if the service has a file.
    pub fn file_url(&self) -> Option<String> {
        self.handler.with_storage(|storage, now| storage.urls.create(now))
    }

    /// Sets the start of later URLs of the file, instead of [`Service::url`]: for a proxy or TLS
    /// before this service. Without a file it does nothing.
    pub fn set_file_base(&self, base: impl Into<String>) {
        self.handler.with_storage(|storage, _| storage.urls.base = base.into());
    }

    /// Returns the CRC-64/XZ of the file, if the service has a file.
    pub fn file_crc64(&self) -> Option<u64> {
        self.handler.with_storage(|storage, _| storage.object.crc64)
    }

    /// Returns all requests so far with their answers, in the order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.handler.seen()
    }

    /// Returns the number of all requests to the API so far, for each action and key.
    pub fn starts(&self) -> Vec<Starts> {
        self.handler.starts()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

/// The settings of a [`Service`].
#[derive(Default)]
#[must_use]
pub struct Builder {
    rules: Rules,
    script: Script,
    jobs: BTreeMap<String, Script>,
    create_faults: CreateFaults,
    file: Option<ServedFile>,
    download_faults: DownloadFaults,
    clock: Clock,
    watcher: Option<Watcher>,
    limit: Option<u64>,
    port: u16,
    is_ipv6: bool,
}

impl Builder {
    /// Adds a known key; the default is [`EXAMPLE_SECRET_ID`] with [`EXAMPLE_SECRET_KEY`].
    pub fn key(mut self, secret_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.rules.keys.insert(secret_id.into(), secret_key.into());
        self
    }

    /// Requires this X-TC-Token in every request; by default the service ignores the header.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.rules.token = Some(token.into());
        self
    }

    /// Answers another action of the service with the JSON object that `answer` returns, the
    /// members of `Response`; the service adds a `RequestId`. An object with the member `Error` is
    /// a refusal.
    ///
    /// The checks come first, so that `answer` gets only requests with a valid signature and an
    /// object as their body. It may replace the answer of a known action. It must not call this
    /// service.
    ///
    /// ```
    /// use serde_json::json;
    /// use tcss_export_testkit::Service;
    ///
    /// let service = Service::builder()
    ///     .action("CreateVulExportJob", |request| match request.body().len() {
    ///         2 => json!({ "Error": { "Code": "MissingParameter", "Message": "no ImageID" } }),
    ///         _ => json!({ "JobId": "4711" }),
    ///     })
    ///     .start()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn action(
        mut self,
        name: impl Into<String>,
        answer: impl Fn(&Request<Bytes>) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.rules.actions.insert(name.into(), Box::new(answer));
        self
    }

    /// Sets the script of every job without its own.
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Sets the script of one job.
    pub fn job(mut self, job_id: impl Into<String>, script: Script) -> Self {
        self.jobs.insert(job_id.into(), script);
        self
    }

    /// Sets the faults of creates.
    pub fn create_faults(mut self, faults: CreateFaults) -> Self {
        self.create_faults = faults;
        self
    }

    /// Sets the file of all jobs: each success without its own URL then has a new URL of this file.
    pub fn file(mut self, file: ServedFile) -> Self {
        self.file = Some(file);
        self
    }

    /// Sets the faults of the file's downloads.
    pub fn download_faults(mut self, faults: DownloadFaults) -> Self {
        self.download_faults = faults;
        self
    }

    /// Accepts at most this many calls of one action with one key in any second; by default there
    /// is no limit. Each key counts as an account.
    ///
    /// The second is a sliding one: it ends with the call. Refused calls do not count.
    pub const fn limit(mut self, calls: u64) -> Self {
        self.limit = Some(calls);
        self
    }

    /// Sets the port; with 0, the default, the system chooses a free one.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Listens on ::1 in place of 127.0.0.1.
    pub const fn ipv6(mut self) -> Self {
        self.is_ipv6 = true;
        self
    }

    /// Sets the service's source of time.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Calls `watcher` with every request, just before the answer.
    pub fn watch(mut self, watcher: impl Fn(&Seen) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Starts the service on a background thread.
    ///
    /// # Errors
    ///
    /// The system's error if the port is not available, the machine has no IPv6 although
    /// [`ipv6`](Self::ipv6) was called, the thread cannot start or the file is not readable;
    /// [`io::ErrorKind::InvalidInput`] if the file is not a regular one or has no name, or if its
    /// ETag or disposition is not valid in a header.
    pub fn start(mut self) -> io::Result<Service> {
        if self.rules.keys.is_empty() {
            self = self.key(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY);
        }
        let socket = bind(self.port, self.is_ipv6)?;
        let base = format!("http://{}", socket.local_addr()?);
        let storage = self.file.map(|file| Storage::new(file, self.download_faults, base));
        let scripts = self.jobs.into_iter().map(|(job, script)| (job, script.steps));
        let positions = Positions::new(self.script.steps, scripts.collect());
        let (jobs, storage) = (Jobs::new(positions), storage.transpose()?);
        let create_faults = self.create_faults.faults.into_iter();
        let state = State { jobs, create_faults, storage, skew: 0, seen: Vec::new() };
        let state = Mutex::new(state);
        let (rules, clock, watcher, limit) = (self.rules, self.clock, self.watcher, self.limit);
        let handler = Handler { rules, clock, watcher, started: Instant::now(), limit, state };
        let handler = Arc::new(handler);
        let shared = Arc::clone(&handler);
        let listener = Listener::start(socket, move |stream| {
            let handler = Arc::clone(&shared);
            serve(stream, move |received| handler.answer(received))
        })?;
        Ok(Service { listener, handler })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("script", &self.script)
            .field("jobs", &self.jobs)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Serves the requests of one connection.
async fn serve(
    stream: TcpStream,
    answer: impl Fn(&Received) -> Answer + Clone,
) -> hyper::Result<()> {
    let service = service_fn(move |request| respond(answer.clone(), request));
    let mut server = http1::Builder::new();
    server.auto_date_header(false).serve_connection(TokioIo::new(stream), service).await
}

/// Answers one request; an error makes hyper close the connection without an answer.
async fn respond(
    answer: impl Fn(&Received) -> Answer,
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, io::Error>>, io::Error> {
    let received = Received::read(request).await.map_err(io::Error::other)?;
    match answer(&received) {
        Answer::Respond(response) => Ok(response.map(|body| body.boxed())),
        Answer::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Answer::Hang => pending().await,
    }
}
