//! The loopback service: a thread that answers calls by script.

mod actions;
mod answer;
mod arrived;
mod body;
mod builder;
mod desk;
mod download;
mod fault;
mod jobs;
mod judge;
mod pieces;
mod seen;
mod server;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

#[cfg(doc)]
use crate::faults::DownloadFault;

pub use self::builder::{Builder, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY};
use self::desk::Desk;
pub use self::download::ServedFile;
pub use self::seen::{Seen, SeenAnswer, SeenDownload};
#[cfg(feature = "scripted")]
pub(crate) use self::{
    actions::{Call, named_job, unknown as unknown_action},
    answer::{Answer, Context, play, refuse},
    arrived::Arrived,
    fault::Fault,
    judge::Rules,
};

/// A running service on 127.0.0.1.
///
/// Dropping it stops it: its thread is joined, its connections are closed, its port is free.
///
/// Every refusal is an API error with HTTP status 200. The first of these checks that fails decides
/// its code:
///
/// | what is checked | code |
/// | --- | --- |
/// | body of at most 10 MB | `RequestSizeLimitExceeded` |
/// | method POST | `UnsupportedProtocol` |
/// | path `/` | `InvalidParameter` |
/// | Host, Content-Type, X-TC-Action, X-TC-Version, X-TC-Timestamp are there | `MissingParameter` |
/// | each of them only once | `InvalidParameter` |
/// | Authorization is there and of the documented form | `AuthFailure.InvalidAuthorization` |
/// | the timestamp is a number | `InvalidParameter` |
/// | the scope is `date/tcss/tc3_request` with the timestamp's UTC date | `AuthFailure.SignatureFailure` |
/// | signed headers: `content-type;host`, or these and `x-tc-action` | `AuthFailure.InvalidAuthorization` |
/// | the SecretId is known | `AuthFailure.SecretIdNotFound` |
/// | timestamp and clock are at most 300 s apart | `AuthFailure.SignatureExpire` |
/// | the signature, over the body or over `UNSIGNED-PAYLOAD` | `AuthFailure.SignatureFailure` |
/// | X-TC-Token, if a token is set | `AuthFailure.TokenFailure` |
/// | the version is `2020-11-01` | `NoSuchVersion` |
/// | the action is a known one | `InvalidAction` |
/// | the body is a JSON object | `InvalidParameter` |
/// | what the action requires is there, in the order of its documentation | `MissingParameter` |
/// | each parameter is of its documented type; texts that are required are not empty | `InvalidParameter` |
/// | nothing else is there | `UnknownParameter` |
///
/// What an accepted request is answered depends on its action:
///
/// | action | answer |
/// | --- | --- |
/// | DescribeExportJobResult | the next [`Step`](crate::Step) of its job |
/// | CreateExportComplianceStatusListJob | a new JobId: `00000000-7e57-4000-8000-000000000001`, then `..2` and so on |
/// | DescribeExportJobManageList | the jobs created here, newest first, each as far as it is |
/// | DescribeExportJobDownloadURL | the URL of a job that has ended well, else `InvalidParameter` |
///
/// Any JobId is a job with a place of its own in its script, created here or not. Only
/// DescribeExportJobResult moves it; a refused request does not, except past a
/// [`Step::Skew`](crate::Step::Skew). A job is as far as the last status in its script up to the
/// step that its next poll gets. See the [crate's example](crate#example).
///
/// With a [`Builder::file`], every other path than `/` is the storage's, which answers as COS does:
/// with an HTTP status of its own and XML. The first of these checks that fails decides:
///
/// | what is checked | answer |
/// | --- | --- |
/// | no Authorization and no X-TC-* header | 400 `InvalidRequest` |
/// | the path is the file's | 404 `NoSuchKey` |
/// | path and query are, to the byte, those of a URL that was handed out; method GET | 403 `SignatureDoesNotMatch` |
/// | the URL's window has not ended, and no [`EXPIRED`](DownloadFault::Expired) came | 403 `AccessDenied`, "Request has expired" |
///
/// An accepted GET takes the next [`DownloadFault`]; without one it is answered by 200, by 206 if it
/// has a range (and no If-Range, or the current ETag in it), or by 416 `InvalidRange`.
pub struct Service {
    addr: SocketAddr,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Returns a builder with the default script and an example key pair.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn start(addr: SocketAddr, listener: std::net::TcpListener, desk: Desk) -> io::Result<Self> {
        let desk = Arc::new(desk);
        let (stop, stopped) = oneshot::channel();
        let thread = server::spawn(listener, Arc::clone(&desk), stopped)?;
        Ok(Self { addr, desk, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves in the foreground, until the process ends.
    pub fn join(mut self) {
        self.wait();
    }

    /// Returns the address it listens on.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address as a URL, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns a URL of the file that nobody had before, if there is a file.
    #[must_use]
    pub fn file_url(&self) -> Option<String> {
        self.desk.file_url()
    }

    /// Sets what URLs of the file begin with from here on, instead of [`Service::url`]: for a proxy
    /// or a TLS front before this service. Without a file nothing happens.
    pub fn set_file_base(&self, base: impl Into<String>) {
        self.desk.set_file_base(base.into());
    }

    /// Returns the CRC-64/XZ of the file, if there is one.
    #[must_use]
    pub fn file_crc64(&self) -> Option<u64> {
        self.desk.file_crc64()
    }

    /// Returns every request so far, in the order of arrival, with what it was answered.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.desk.seen()
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed there; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.take();
        self.wait();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("addr", &self.addr).finish_non_exhaustive()
    }
}
