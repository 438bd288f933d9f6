use std::{
    fmt,
    io::{self, Read, Write},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{BuildError, Credentials, Mono, download::Policy};
use tcss_export_driver::{
    Order, Target, TransportError,
    blocking::{self, Fetch, Platform},
    clock,
};
use ureq::BodyReader;

use crate::{Client, read_limit::ReadLimit};

/// Downloads.
impl Client {
    /// Downloads a file: an iterator over events, whose `outcome` says how it ended.
    ///
    /// A client that was made by [`new`](Self::new) goes through the proxy of the environment here,
    /// too, and checks each address that it connects to itself; on an agent of yours, only the
    /// URL's text is checked, and the stall limit counts anew for each piece that comes, be it the
    /// framing of a chunk only. The total limit holds in any case.
    ///
    /// ```no_run
    /// # use tcss_export_core::{Credentials, Endpoint, JobId, Session};
    /// # use tcss_export_ureq::Client;
    /// # let session = Session::new(Endpoint::international());
    /// # let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
    /// use tcss_export_driver::Order;
    ///
    /// let job = JobId::new("4711")?;
    /// let finished = client.wait(job.clone())?;
    /// let order = Order::new(finished.download_url).of_job(job);
    /// let downloaded = client.download(order, "report.csv")?.outcome()?;
    /// println!("{} bytes", downloaded.bytes);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl): a URL that cannot be
    /// used. Nothing was sent.
    pub fn download(
        &self,
        order: impl Into<Order>,
        target: impl Into<Target>,
    ) -> Result<blocking::Download<Fetcher<'_>>, BuildError> {
        let order = order.into();
        let fetcher = Fetcher::new(self, order.policy().clone());
        blocking::download(&self.shared, order, target, fetcher)
    }

    /// Downloads into a writer, which has no way back: see
    /// [`download_into`](blocking::download_into).
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: Write>(
        &self,
        order: impl Into<Order>,
        writer: W,
    ) -> Result<blocking::Download<Fetcher<'_>, W>, BuildError> {
        let order = order.into();
        let fetcher = Fetcher::new(self, order.policy().clone());
        blocking::download_into(&self.shared, order, writer, fetcher)
    }
}

/// What a download over ureq runs on: the client, for a new URL, and agents of its own if the
/// client was made by [`Client::new`].
pub struct Fetcher<'c> {
    client: &'c Client,
    policy: Policy,
    deadline: Option<Mono>,
}

impl<'c> Fetcher<'c> {
    pub(crate) fn new(client: &'c Client, policy: Policy) -> Self {
        let after = |limit| clock::now().mono.saturating_add(limit);
        let deadline = policy.total_limit().map(after);
        Self { client, policy, deadline }
    }

    /// Returns what the whole download has left, if it has a limit.
    fn rest(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_since(clock::now().mono))
    }
}

impl Platform for Fetcher<'_> {
    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        self.client.credentials.credentials(fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let limit = self.client.shared.policy().exchange_limit();
        self.client.exchange(request, self.rest().map_or(limit, |rest| rest.min(limit)))
    }
}

impl Fetch for Fetcher<'_> {
    type Body = Body;

    fn fetch(&mut self, request: Request<()>) -> Result<Response<Self::Body>, TransportError> {
        let (rest, stall_limit) = (self.rest(), self.policy.stall_limit());
        let limit = ReadLimit::new(rest.map_or(stall_limit, |rest| rest.min(stall_limit)));
        let answer = self.client.agent.fetch(request, &self.policy, &limit, rest)?;
        Ok(answer.map(|body| Body { reader: body.into_reader(), limit }))
    }
}

impl fmt::Debug for Fetcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The body of an answer, read as it comes.
pub struct Body {
    reader: BodyReader<'static>,
    limit: ReadLimit,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.limit.begin();
        let read = self.reader.read(buffer);
        read.map_err(|error| match error.get_ref().and_then(|e| e.downcast_ref()) {
            // Else it would be an error of no known kind.
            Some(ureq::Error::Timeout(_)) => io::Error::new(io::ErrorKind::TimedOut, error),
            _ => error,
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}
