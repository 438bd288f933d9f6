use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, io::AsyncWrite};
use http::{
    Request, Response, Uri,
    uri::{Authority, Scheme},
};
use http_body_util::{BodyDataStream, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::Connect;
use tcss_export_core::{BuildError, Credentials, SendFault, download::Policy};
use tcss_export_driver::{
    Order, Target, TransportError,
    asynchronous::{self, Fetch, Platform},
};

use crate::{
    Client, HttpClient,
    connector::Connector,
    errors::{request_error, transport_error},
};

/// Downloads.
impl<C: Connect + Clone + Send + Sync + 'static> Client<C> {
    /// Downloads a file, whose events come one by one; `outcome` says how it ended.
    ///
    /// A client that was made by [`new`](Client::new) goes through the proxy of the environment
    /// here, too, and checks each address that it connects to itself; on a connector or a client of
    /// yours, only the URL's text is checked.
    ///
    /// ```no_run
    /// # use tcss_export_core::{Credentials, Endpoint, JobId, Session};
    /// # use tcss_export_hyper::Client;
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Session::new(Endpoint::international());
    /// # let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
    /// use tcss_export_driver::Order;
    ///
    /// let job = JobId::new("4711")?;
    /// let finished = client.wait(job.clone()).await?;
    /// let order = Order::new(finished.download_url).of_job(job);
    /// let downloaded = client.download(order, "report.csv")?.outcome().await?;
    /// println!("{} bytes", downloaded.bytes);
    /// # Ok(())
    /// # }
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
    ) -> Result<asynchronous::Download<Fetcher<'_, C>>, BuildError> {
        let order = order.into();
        let fetcher = Fetcher::new(self, order.policy().clone());
        asynchronous::download(&self.shared, order, target, fetcher)
    }

    /// Downloads into a writer, which has no way back: see
    /// [`download_into`](asynchronous::download_into).
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: AsyncWrite + Unpin>(
        &self,
        order: impl Into<Order>,
        writer: W,
    ) -> Result<asynchronous::Download<Fetcher<'_, C>, W>, BuildError> {
        let order = order.into();
        let fetcher = Fetcher::new(self, order.policy().clone());
        asynchronous::download_into(&self.shared, order, writer, fetcher)
    }
}

/// What a download over hyper runs on: the client, for a new URL, and connections of its own if the
/// client was made by [`Client::new`].
pub struct Fetcher<'c, C = Connector> {
    client: &'c Client<C>,
    policy: Policy,
    /// The connections, and what they were made for.
    http: Mutex<Option<(Origin, HttpClient<C>)>>,
}

impl<'c, C: Clone> Fetcher<'c, C> {
    pub(crate) const fn new(client: &'c Client<C>, policy: Policy) -> Self {
        Self { client, policy, http: Mutex::new(None) }
    }

    fn http(&self, url: &Uri) -> Result<HttpClient<C>, TransportError> {
        let Some(connections) = &self.client.connections else {
            return Ok(self.client.http.clone());
        };
        let origin = Origin::of(url);
        // Nothing panics while it holds the lock; were it so, what is kept would still be whole.
        let mut kept = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, http)) if *known == origin => Ok(http.clone()),
            _ => {
                let http = connections(url, &self.policy)?;
                *kept = Some((origin, http.clone()));
                Ok(http)
            }
        }
    }
}

/// What decides on the proxy: without a port in the URL, the scheme stands for one.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
}

impl Origin {
    fn of(url: &Uri) -> Self {
        Self { scheme: url.scheme().cloned(), authority: url.authority().cloned() }
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Platform for Fetcher<'_, C> {
    async fn sleep(&self, duration: Duration) {
        Platform::sleep(&self.client, duration).await;
    }

    async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        Platform::credentials(&self.client, fresh).await
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Platform::send(&self.client, request).await
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Fetch for Fetcher<'_, C> {
    type Body = Body;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Body>, TransportError> {
        let request = request.map(|()| Full::default());
        let answer = self.http(request.uri())?.request(request).await.map_err(request_error)?;
        Ok(answer.map(|body| Body(BodyDataStream::new(body))))
    }
}

impl<C> fmt::Debug for Fetcher<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub struct Body(BodyDataStream<Incoming>);

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = Pin::new(&mut self.0).poll_next(context);
        piece.map_err(|error| transport_error(error, SendFault::Truncated))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tcss_export_core::{Endpoint, Session};
    use tcss_export_driver::Proxies;

    use super::*;
    use crate::connections;

    /// Returns how often connections are made while these URLs are asked for in turn.
    fn made_for(urls: [&'static str; 2]) -> usize {
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
        let client = Client::new(Session::new(Endpoint::international()), credentials);
        let count = Arc::new(AtomicUsize::new(0));
        let (counter, make) = (Arc::clone(&count), connections(Proxies::default()));
        let counted = move |url: &Uri, policy: &Policy| {
            counter.fetch_add(1, Ordering::Relaxed);
            make(url, policy)
        };
        let client = Client { connections: Some(Arc::new(counted)), ..client };
        let fetcher = Fetcher::new(&client, Policy::default());
        for url in urls {
            fetcher.http(&Uri::from_static(url)).unwrap();
        }
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn the_way_is_decided_anew_for_another_scheme_host_or_port() {
        assert_eq!(made_for(["https://h.example/a", "https://h.example/b"]), 1);
        assert_eq!(made_for(["https://h.example/a", "http://h.example/a"]), 2);
        assert_eq!(made_for(["https://h.example/a", "https://g.example/a"]), 2);
        assert_eq!(made_for(["https://h.example/a", "https://h.example:8443/a"]), 2);
    }
}
