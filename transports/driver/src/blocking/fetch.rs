use std::io::Read;

use http::{Request, Response};

use super::Platform;
use crate::error::TransportError;

/// What a blocking download runs on, besides what a wait for a new URL needs.
pub trait Fetch: Platform {
    /// The body of an answer, read as it comes.
    type Body: Read;

    /// Sends one request, once, and gives status, headers and the body of its answer, whatever the
    /// status. No redirect is followed and nothing is decoded.
    ///
    /// It must keep to the [`Limits`](tcss_export_core::download::Limits) of the request, here and
    /// in each read of the body: a download cannot end while it blocks.
    ///
    /// # Errors
    ///
    /// The transport's own error, with the fault that core goes by.
    fn fetch(&mut self, request: Request<()>) -> Result<Response<Self::Body>, TransportError>;
}

/// It can be lent, as a platform can.
impl<P: Fetch> Fetch for &mut P {
    type Body = P::Body;

    fn fetch(&mut self, request: Request<()>) -> Result<Response<Self::Body>, TransportError> {
        (**self).fetch(request)
    }
}
