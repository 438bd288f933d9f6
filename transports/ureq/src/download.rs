use std::{
    fmt,
    io::{self, Read, Write},
};

use http::{Request, Response};
use tcss_export_core::{BuildError, download::Limits};
use tcss_export_driver::{
    Source, Target, TransportError,
    blocking::{self, Fetch},
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
    /// framing of a chunk only. The total limit
    /// holds, unless a proxy of that agent sends its answer piece by piece.
    ///
    /// # Errors
    ///
    /// For [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl): a URL that cannot be
    /// used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<blocking::Download<&Self>, BuildError> {
        blocking::download(&self.shared, source, target, self)
    }

    /// Downloads into a writer, which has no way back: see
    /// [`download_into`](blocking::download_into).
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: Write>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<blocking::Download<&Self, W>, BuildError> {
        blocking::download_into(&self.shared, source, writer, self)
    }
}

impl Fetch for &Client {
    type Body = Body;

    fn fetch(&mut self, request: Request<()>) -> Result<Response<Self::Body>, TransportError> {
        let limits = Limits::of(&request);
        let read_limit = ReadLimit::new(limits.read_limit());
        let answer = self.agents.fetch(request, limits, &read_limit)?;
        Ok(answer.map(|body| Body { reader: body.into_reader(), read_limit }))
    }
}

/// The body of an answer, read as it comes.
pub struct Body {
    reader: BodyReader<'static>,
    read_limit: ReadLimit,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_limit.begin();
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
