use std::io::Write;

use futures_util::io::AllowStdIo;
use tcss_export_core::{Action, Answer, BuildError, ClockOffset, Finished, JobId, Policy, Session};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait};

use super::{Download, Wait, WaitAll, here::run};
use crate::{
    asynchronous,
    budget::Budget,
    client::Client as Async,
    credential_source::CredentialSource,
    download::{Output, Source, Target},
    error::{SendError, WaitFailure},
    shared::Shared,
    transport::Transport,
};

/// A blocking client of the service over a transport whose futures are ready when they are polled
/// first. Clones share session, budget and connections.
#[derive(Debug)]
pub struct Client<T>(Async<T>);

impl<T: Transport + Default> Client<T> {
    /// Creates a client that works at once, over the transport as it is by default.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        Self(Async::new(session, credentials))
    }
}

impl<T: Transport> Client<T> {
    /// Creates a client over a transport that was set up.
    pub fn with_transport(
        session: impl Into<Shared>,
        credentials: impl Into<CredentialSource>,
        transport: T,
    ) -> Self {
        Self(Async::with_transport(session, credentials, transport))
    }

    /// Sets the policy of waits; its exchange limit holds for single exchanges, too.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self(self.0.with_policy(policy))
    }

    /// Sets the budget, to share one with other clients.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self(self.0.with_budget(budget))
    }

    /// Returns the budget, to be shared.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        self.0.budget()
    }

    /// Returns what is added to local wall time before it is signed, as the answers so far have
    /// corrected it.
    #[must_use]
    pub fn clock_offset(&self) -> ClockOffset {
        self.0.clock_offset()
    }

    /// Makes exactly one exchange, when the budget grants it, and returns the typed answer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says where it arose.
    pub fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        run(self.0.send(action))
    }

    /// Follows a job to its end; the deadline of the policy counts from now.
    ///
    /// # Errors
    ///
    /// A [`WaitFailure`] whose `kind` says why there is no file.
    pub fn wait(&self, job: JobId) -> Result<Finished, WaitFailure> {
        run(self.0.wait(job))
    }

    /// Follows a job event by event: an iterator over [`Event`](tcss_export_core::Event)s, whose
    /// `outcome` is what [`wait`](Self::wait) returns.
    pub fn follow(&self, job: JobId) -> Wait<T> {
        Wait(self.0.follow(job))
    }

    /// Goes on with a wait that was saved; the time away counts against its deadline.
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] for a wait of another endpoint, kind or version.
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<Wait<T>, ResumeError> {
        self.0.resume(saved).map(Wait)
    }

    /// Follows many jobs, one exchange at a time: an iterator over their outcomes as they come.
    ///
    /// To have more exchanges under way, split the jobs over threads: clones share the budget.
    pub fn wait_all(&self, jobs: impl IntoIterator<Item = JobId>) -> WaitAll<T> {
        WaitAll::new(&self.0, jobs)
    }

    /// Downloads a file: an iterator over events, whose `outcome` says how it ended.
    ///
    /// # Errors
    ///
    /// For [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl): a URL that cannot be
    /// used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<Download<T>, BuildError> {
        self.begin(source.into(), Output::Target(target.into()))
    }

    /// Downloads into a writer, which has no way back: see
    /// `download_into`.
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: Write>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<Download<T, W>, BuildError> {
        self.begin(source.into(), Output::Writer(AllowStdIo::new(writer)))
    }

    fn begin<W>(
        &self,
        source: Source,
        output: Output<AllowStdIo<W>>,
    ) -> Result<Download<T, W>, BuildError> {
        asynchronous::begin(&self.0, source, output, true).map(Download)
    }
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A transport of one blocking closure.
#[derive(Clone, Copy, Debug)]
pub struct Closure<X>(pub(crate) X);

/// Makes a transport of a closure that blocks until an answer is there; its body is anything that
/// can be read, be it a `Cursor` of bytes.
pub const fn blocking_fn<X, R>(send: X) -> Closure<X>
where
    X: Fn(http::Request<bytes::Bytes>) -> Result<http::Response<R>, crate::TransportError>,
    R: std::io::Read,
{
    Closure(send)
}
