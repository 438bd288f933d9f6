use std::future::Future;

use bytes::Bytes;
use futures_util::stream::Stream;
use http::{Request, Response};

use super::Platform;
use crate::error::TransportError;

/// What an async download runs on, besides what a wait for a new URL needs.
pub trait Fetch: Platform {
    /// The body of an answer, piece by piece as it comes.
    type Body: Stream<Item = Result<Bytes, TransportError>> + Unpin;

    /// Sends one request, once, and gives status, headers and the body of its answer, whatever the
    /// status. No redirect is followed and nothing is decoded.
    ///
    /// Of the [`Limits`](tcss_export_core::download::Limits) of the request it must keep to the
    /// [`reach`](tcss_export_core::download::Limits::reach); those of time are kept here.
    ///
    /// # Errors
    ///
    /// The transport's own error, with the fault that core goes by.
    fn fetch(
        &self,
        request: Request<()>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>>;
}

/// It can be lent, as a platform can.
impl<P: Fetch> Fetch for &P {
    type Body = P::Body;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Self::Body>, TransportError> {
        (**self).fetch(request).await
    }
}
