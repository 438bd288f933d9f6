use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, io::AsyncWrite};
use http::{Request, Response};
use http_body_util::{BodyDataStream, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::Connect;
use tcss_export_core::{BuildError, SendFault, download::Limits};
use tcss_export_driver::{
    Source, Target, TransportError,
    asynchronous::{self, Fetch},
};

use crate::{
    Client,
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
    /// # Errors
    ///
    /// For [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl): a URL that cannot be
    /// used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<asynchronous::Download<&Self>, BuildError> {
        asynchronous::download(&self.shared, source, target, self)
    }

    /// Downloads into a writer, which has no way back: see
    /// [`download_into`](asynchronous::download_into).
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: AsyncWrite + Unpin>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<asynchronous::Download<&Self, W>, BuildError> {
        asynchronous::download_into(&self.shared, source, writer, self)
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Fetch for &Client<C> {
    type Body = Body;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Body>, TransportError> {
        let http = match &self.downloads {
            Some(connections) => connections.client(request.uri(), Limits::of(&request).reach)?,
            None => self.http.clone(),
        };
        let answer =
            http.request(request.map(|()| Full::default())).await.map_err(request_error)?;
        Ok(answer.map(|body| Body(BodyDataStream::new(body))))
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
